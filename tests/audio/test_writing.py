from __future__ import annotations

import errno
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from timbrespace.audio import writing
from timbrespace.audio.reading import blocks, describe, read
from timbrespace.audio.writing import SUFFIXES, write, write_blocks
from timbrespace.core.errors import AudioError, StorageError

RATE = 44_100


def tone(rate: int = RATE, seconds: float = 1.7, channels: int = 1) -> torch.Tensor:
    return 0.5 * torch.sin(2 * torch.pi * 440 * torch.arange(round(rate * seconds)) / rate).repeat(channels, 1)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_comes_back(tmp_path, suffix, channels):
    wave = tone(48_000, channels=channels)
    written = write(tmp_path / f"a{suffix}", wave, 48_000)
    recording = read(written.path)
    assert recording.sample_rate == written.sample_rate == 48_000
    assert recording.wave.shape == wave.shape
    assert written.frames == wave.shape[1]
    lossless = suffix not in (".ogg", ".opus", ".mp3")
    error = (recording.wave - wave)[:, 5_000:-5_000].abs().max()
    assert error <= (2**-22 if lossless else 0.05)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_the_encoding_can_be_chosen(tmp_path, subtype):
    write(tmp_path / "a.wav", tone(), RATE, subtype=subtype)
    assert describe(tmp_path / "a.wav").subtype == subtype


def test_shapes_and_arrays(tmp_path):
    write(tmp_path / "a.wav", tone()[0], RATE)
    write(tmp_path / "b.wav", tone().double().numpy(), RATE)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    for n_samples in (0, 1, 2):
        write(tmp_path / "c.wav", torch.zeros(2, n_samples), RATE)
        assert read(tmp_path / "c.wav").wave.shape == (2, n_samples)
    with pytest.raises(AudioError, match=r"\(time,\) or \(channel, time\), not of shape \(1, 2, 3\)"):
        write(tmp_path / "a.wav", torch.zeros(1, 2, 3), RATE)
    with pytest.raises(AudioError, match="floating-point samples"):
        write(tmp_path / "a.wav", np.zeros(10, np.int16), RATE)


def test_pcm_clips_and_never_wraps(tmp_path):
    write(tmp_path / "a.wav", torch.tensor([2.0, -2.0, 0.0]), RATE, subtype="PCM_16")
    got = read(tmp_path / "a.wav").wave[0]
    assert got[0] > 0.99
    assert got[1] < -0.99


@pytest.mark.parametrize(
    ("suffix", "rate", "held"),
    [(".opus", 44_100, 48_000), (".opus", 9_000, 12_000), (".mp3", 44_101, 48_000), (".mp3", 96_000, 48_000)],
)
def test_rates_a_format_cannot_hold_go_to_the_next_higher(tmp_path, suffix, rate, held):
    written = write(tmp_path / f"a{suffix}", tone(rate), rate)
    recording = read(tmp_path / f"a{suffix}")
    assert written.sample_rate == recording.sample_rate == held
    assert recording.wave.shape[1] == written.frames == round(1.7 * rate * held / rate)
    error = recording.wave - tone(held)[:, : written.frames]
    assert error[:, 5_000:-5_000].abs().max() < 0.05


def test_what_cannot_be_written_is_said(tmp_path):
    with pytest.raises(AudioError, match=r"a.xyz has the suffix '.xyz'; sound is written as .wav, .flac"):
        write(tmp_path / "a.xyz", tone(), RATE)
    with pytest.raises(AudioError, match=r"a has no suffix"):
        write(tmp_path / "a", tone(), RATE)
    with pytest.raises(AudioError, match=r".wav has no encoding 'PCM_25'. Did you mean 'PCM_2?4?"):
        write(tmp_path / "a.wav", tone(), RATE, subtype="PCM_25")
    with pytest.raises(AudioError, match=r"a.mp3 cannot hold 3 channels: .mp3 takes 1 to 2"):
        write(tmp_path / "a.mp3", tone(channels=3), RATE)
    with pytest.raises(AudioError, match=r"sample rate of 1 Hz"):
        write(tmp_path / "a.wav", tone(), 1)
    with pytest.raises(AudioError, match=r"a.ogg cannot hold 384,000 Hz: Vorbis goes to 192,000 Hz"):
        write(tmp_path / "a.ogg", tone(), 384_000)
    bad = tone()
    bad[0, 70_000:70_003] = float("nan")
    with pytest.raises(AudioError, match=r"a.wav was not written: 3 values of the sound are not numbers"):
        write(tmp_path / "a.wav", bad, RATE)
    with pytest.raises(AudioError, match="opened for 1 channels, but a block has 2"):
        write_blocks(tmp_path / "a.wav", [tone(), tone(channels=2)], RATE, channels=1)
    assert list(tmp_path.iterdir()) == []


def test_existing_files_and_missing_folders(tmp_path):
    write(tmp_path / "a.wav", tone(), RATE)
    with pytest.raises(StorageError, match="exists already"):
        write(tmp_path / "a.wav", tone(), RATE, force=False)
    with pytest.raises(StorageError, match="does not exist; make it first"):
        write(tmp_path / "none" / "a.wav", tone(), RATE)
    (tmp_path / "b.wav").mkdir()
    with pytest.raises(StorageError, match="is a folder; give the name of a file"):
        write(tmp_path / "b.wav", tone(), RATE)


def test_an_interrupted_writing_keeps_the_old_file(tmp_path):
    write(tmp_path / "a.wav", tone(), RATE)
    before = (tmp_path / "a.wav").read_bytes()

    def broken() -> Iterator[torch.Tensor]:
        yield tone()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_blocks(tmp_path / "a.wav", broken(), RATE, channels=1)
    assert (tmp_path / "a.wav").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("room", [0, 10, 30_000])
def test_a_full_disk(tmp_path, monkeypatch, suffix, room):
    """After ``room`` bytes the disk refuses, wherever that falls: one sentence, and nothing is left."""

    class Full(writing._Guarded):
        def __init__(self, file: io.RawIOBase) -> None:
            super().__init__(_FullFile(file, room))

    monkeypatch.setattr(writing, "_Guarded", Full)
    wave = 0.5 * torch.randn(1, 10 * RATE, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    with pytest.raises(StorageError, match=f"The disk is full: .*a{suffix} could not be written and nothing"):
        write(tmp_path / f"a{suffix}", wave, 48_000)
    assert list(tmp_path.iterdir()) == []


class _FullFile(io.RawIOBase):
    """The same file on a disk that has ``room`` more bytes."""

    def __init__(self, file: io.RawIOBase, room: int) -> None:
        self._file, self._room = file, room

    def write(self, data: memoryview) -> int | None:
        part = data[: self._room]
        if not len(part):
            raise OSError(errno.ENOSPC, "No space left on device")
        self._room -= len(part)
        return self._file.write(part)

    def read(self, size: int = -1) -> bytes | None:
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are POSIX")
def test_a_real_refusal_of_the_system(tmp_path):
    code = (
        "import resource, signal, sys, numpy as np\n"
        "from timbrespace.audio.writing import write\n"
        "from timbrespace.core.errors import StorageError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, -1))\n"
        "try:\n"
        "    write(sys.argv[1], np.zeros(100_000), 44_100)\n"
        "except StorageError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.wav")], capture_output=True, text=True)
    assert "could not be written: File too large" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_beyond_four_gib_a_wav_becomes_rf64(tmp_path, monkeypatch):
    monkeypatch.setitem(writing._FORMATS, ".wav", writing._Format("WAV", "PCM_24", size=100_000))
    monkeypatch.setitem(writing._FORMATS, ".aiff", writing._Format("AIFF", "PCM_24", size=100_000))
    wave = tone()
    assert write(tmp_path / "a.wav", wave, RATE).format == "RF64"
    assert (tmp_path / "a.wav").read_bytes()[:4] == b"RF64"
    torch.testing.assert_close(read(tmp_path / "a.wav").wave, wave, rtol=0, atol=2**-22)
    assert write(tmp_path / "b.wav", wave[:, :20_000], RATE).format == "WAV"
    with pytest.raises(AudioError, match=r"c.aiff would outgrow the 4 GiB of .aiff; write to .w64"):
        write(tmp_path / "c.aiff", wave, RATE)
    with pytest.raises(AudioError, match="outgrew 4 GiB"):
        write_blocks(tmp_path / "d.wav", [wave], RATE, channels=1)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_hour_in_every_format(tmp_path: Path, suffix: str):
    rate = 8_000
    minute = np.zeros(60 * rate, np.float32)  # clicks: encoders are slow on anything else
    minute[0] = 0.5
    written = write_blocks(tmp_path / f"a{suffix}", (minute for _ in range(60)), rate, channels=1)
    assert written.frames == 3_600 * rate
    assert describe(tmp_path / f"a{suffix}").frames == 3_600 * rate
    assert sum(b.shape[1] for b in blocks(tmp_path / f"a{suffix}", max_minutes=61.0)) == 3_600 * rate


def test_a_minute_of_vorbis_in_one_piece(tmp_path):
    """In one call to libsndfile this overflows the stack; in a child, so that a crash is seen."""
    code = (
        "import sys, numpy as np\nfrom timbrespace.audio.writing import write\n"
        "write(sys.argv[1], np.random.default_rng(0).uniform(-1, 1, 60 * 44_100), 44_100)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.ogg")]).returncode == 0
    assert soundfile.info(tmp_path / "a.ogg").frames == 60 * RATE
