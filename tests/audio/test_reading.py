from __future__ import annotations

import contextlib
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from timbrespace.audio.reading import blocks, describe, map_channels, read
from timbrespace.audio.resampling import resample, resampled_length
from timbrespace.core.errors import AudioError

RATE = 44_100


@pytest.fixture
def noise(tmp_path: Path) -> Callable[..., tuple[Path, np.ndarray]]:
    """Makes a file of noise; returns its path and its samples (time, channel)."""

    def make(name: str = "a.wav", *, seconds: float = 2.5, rate: int = RATE, channels: int = 1, subtype: str = "FLOAT"):
        samples = np.random.default_rng(0).uniform(-0.5, 0.5, (round(seconds * rate), channels)).astype(np.float32)
        soundfile.write(tmp_path / name, samples, rate, subtype=subtype)
        return tmp_path / name, samples

    return make


def declare_frames(path: Path, frames: int) -> None:
    """Overwrite the 36-bit sample count in a FLAC's STREAMINFO block."""
    data = bytearray(path.read_bytes())
    data[21] = (data[21] & 0xF0) | (frames >> 32)
    data[22:26] = (frames & 0xFFFFFFFF).to_bytes(4, "big")
    path.write_bytes(data)


def test_samples_come_back_exactly(noise):
    path, samples = noise(channels=2)
    recording = read(path)
    assert recording.sample_rate == RATE
    assert recording.wave.dtype == torch.float32
    assert recording.repairs == ()
    np.testing.assert_array_equal(recording.wave.numpy(), samples.T)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "aiff", "caf", "w64"])
def test_every_format_is_read_to_its_end(tmp_path, suffix):
    soundfile.write(tmp_path / f"a.{suffix}", np.zeros(50_001), RATE)
    assert read(tmp_path / f"a.{suffix}").wave.shape == (1, 50_001)


@pytest.mark.parametrize("rate", [4_000, 8_000, 22_050, 44_101, 96_000, 384_000])
def test_resampling_by_blocks_equals_resampling_at_once(noise, rate):
    path, samples = noise(rate=rate, seconds=2.3)
    expected = resample(torch.from_numpy(samples.T.copy()), rate, RATE)
    got = read(path, sample_rate=RATE)
    assert got.wave.shape[1] == resampled_length(len(samples), rate, RATE)
    torch.testing.assert_close(got.wave, expected, rtol=0, atol=1e-6)


def test_blocks_are_short_and_join_to_the_whole(noise):
    path, _ = noise(seconds=3.2, rate=48_000)
    parts = list(blocks(path, sample_rate=RATE))
    assert max(p.shape[1] for p in parts) < 2 * RATE
    torch.testing.assert_close(torch.cat(parts, 1), read(path, sample_rate=RATE).wave, rtol=0, atol=0)


def test_start_and_seconds_choose_a_part(noise):
    path, samples = noise()
    wave = read(path, start=0.5, seconds=1.25).wave
    np.testing.assert_array_equal(wave.numpy(), samples[22_050 : 22_050 + 55_125].T)
    assert read(path, start=2.0, seconds=99.0).wave.shape[1] == len(samples) - 2 * RATE
    with pytest.raises(AudioError, match=r"a.wav is 2.500 s long; nothing starts at 9 s"):
        read(path, start=9.0)
    with pytest.raises(AudioError, match="0 s or more"):
        read(path, seconds=-1.0)


def test_channels_are_averaged_or_repeated():
    block = np.arange(12, dtype=np.float32).reshape(2, 6)
    np.testing.assert_allclose(map_channels(block, 1), block.mean(axis=1, keepdims=True))
    np.testing.assert_array_equal(map_channels(block, 2), [[2, 3], [8, 9]])
    np.testing.assert_array_equal(map_channels(block[:, :1], 3), [[0, 0, 0], [6, 6, 6]])
    np.testing.assert_array_equal(map_channels(block[:, :2], 3), [[0, 1, 0], [6, 7, 6]])


def test_channels_hold_when_resampled_too(noise):
    path, _ = noise(channels=8, rate=48_000)
    mono = read(path, sample_rate=RATE, channels=1).wave
    stereo = read(path, sample_rate=RATE, channels=2).wave
    torch.testing.assert_close(stereo.mean(0, keepdim=True), mono, rtol=0, atol=1e-6)


def test_describe_reads_the_header_alone(noise):
    path, _ = noise(channels=2, subtype="PCM_24")
    facts = describe(path)
    assert (facts.sample_rate, facts.channels, facts.frames) == (RATE, 2, 110_250)
    assert (facts.format, facts.subtype, facts.seconds) == ("WAV", "PCM_24", 2.5)


@pytest.mark.parametrize("n_samples", [0, 1, 2, 511])
def test_tiny_sounds(tmp_path, n_samples):
    soundfile.write(tmp_path / "a.wav", np.full(n_samples, 0.25), RATE)
    assert read(tmp_path / "a.wav").wave.shape == (1, n_samples)
    assert read(tmp_path / "a.wav", channels=2).wave.shape == (2, n_samples)
    assert read(tmp_path / "a.wav", sample_rate=48_000).wave.shape == (1, resampled_length(n_samples, RATE, 48_000))


def test_no_sound_is_refused_by_a_sentence(tmp_path, noise):
    (tmp_path / "text.wav").write_text("hello " * 100)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "a.raw").write_bytes(bytes(1000))
    with pytest.raises(AudioError, match=r"text.wav is not a sound that can be read: .* convert it to WAV or FLAC"):
        read(tmp_path / "text.wav")
    with pytest.raises(AudioError, match=r"a.raw is not a sound"):
        read(tmp_path / "a.raw")
    with pytest.raises(AudioError, match=r"empty.wav is empty \(0 bytes\)"):
        read(tmp_path / "empty.wav")
    with pytest.raises(AudioError, match=r"none.wav does not exist; check its name"):
        read(tmp_path / "none.wav")
    with pytest.raises(AudioError, match="is a folder, not a sound file"):
        read(tmp_path)


def test_a_damaged_flac_is_refused(noise):
    path, _ = noise("a.flac", subtype="PCM_16")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2_000] = bytes(2_000)
    path.write_bytes(data)
    with pytest.raises(AudioError, match=r"a.flac is damaged after 1.0 s; take a fresh copy"):
        read(path)


def test_a_truncated_flac_is_refused(noise):
    path, _ = noise("a.flac", subtype="PCM_16")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError, match=r"a.flac (is damaged after|ends after)"):
        read(path)


@pytest.mark.parametrize("frames", [68_719_476_735, 0])
def test_a_header_that_lies_costs_nothing(noise, frames):
    path, _ = noise("a.flac", subtype="PCM_16")
    declare_frames(path, frames)
    tracemalloc.start()
    with pytest.raises(AudioError, match=r"a.flac declares [\d,]+ frames .* far more than its [\d,]+ bytes can hold"):
        read(path)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_a_small_lie_is_found_at_the_end(noise):
    path, samples = noise("a.flac", subtype="PCM_16")
    declare_frames(path, 2 * len(samples))
    with pytest.raises(AudioError, match=r"a.flac (ends after|is damaged after)"):
        read(path)


def test_an_hour_of_silence_in_little_space_is_plausible_but_too_long(tmp_path):
    with soundfile.SoundFile(tmp_path / "a.flac", "w", 8_000, 1) as file:
        for _ in range(60):
            file.write(np.zeros(60 * 8_000))
    assert describe(tmp_path / "a.flac").seconds == 3_600
    with pytest.raises(AudioError, match=r"a.flac is longer than 30 minutes; .* raise max_minutes"):
        read(tmp_path / "a.flac")
    assert read(tmp_path / "a.flac", start=3_000.0, seconds=2.0).wave.shape == (1, 16_000)
    assert sum(b.shape[1] for b in blocks(tmp_path / "a.flac", max_minutes=60.0)) == 3_600 * 8_000


@pytest.mark.parametrize("suffix", ["mp3", "ogg", "opus", "flac"])
@pytest.mark.parametrize("start", [0.0, 1.3])
def test_blocks_and_parts_of_compressed_files_do_not_click(tmp_path, suffix, start):
    """MP3 decoders need a run-up after any jump, and soundfile jumps after every block it reads."""
    sweep = 0.5 * np.sin(2 * np.pi * (200 + 300 * np.arange(4 * 48_000) / 48_000) * np.arange(4 * 48_000) / 48_000)
    path = tmp_path / f"a.{suffix}"
    codec = {"opus": {"format": "OGG", "subtype": "OPUS"}}.get(suffix, {})
    with soundfile.SoundFile(path, "w", 48_000, 1, **codec) as file:
        for block in np.split(sweep, 4):
            file.write(block)
    got = read(path, start=start).wave[0].numpy()
    error = got - sweep[round(start * 48_000) :]
    assert np.abs(error[200:-1_000]).max() < 0.05  # encoders blur the very ends


def test_a_cut_lossy_file_is_kept_and_reported(noise):
    path, _ = noise("a.mp3", subtype="MPEG_LAYER_III")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    recording = read(path)
    assert 0 < recording.wave.shape[1] < 2 * RATE
    assert recording.repairs[0].startswith("ends after")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_numbers(tmp_path, value):
    samples = np.full((3 * RATE, 2), 0.5, np.float32)
    samples[2 * RATE + 7, 1] = samples[5, 0] = value
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"a.wav holds values that are not numbers .* non_finite='clean'"):
        read(tmp_path / "a.wav")
    recording = read(tmp_path / "a.wav", non_finite="clean")
    assert recording.repairs == ("2 values that were not numbers became zeros",)
    expected = np.nan_to_num(samples, nan=0, posinf=0, neginf=0)
    np.testing.assert_array_equal(recording.wave.numpy(), expected.T)


def test_headers_out_of_range(tmp_path):
    soundfile.write(tmp_path / "slow.wav", np.zeros(100), 1)
    soundfile.write(tmp_path / "wide.wav", np.zeros((10, 1024)), RATE)
    with pytest.raises(AudioError, match=r"slow.wav has a sample rate of 1 Hz; rates from 4,000 to 384,000 Hz"):
        read(tmp_path / "slow.wav")
    with pytest.raises(AudioError, match=r"wide.wav has 1,024 channels; up to 8 are accepted"):
        describe(tmp_path / "wide.wav")


def test_wanted_rate_and_channels_are_checked(noise):
    path, _ = noise()
    with pytest.raises(AudioError, match="sample rate of 12 Hz"):
        read(path, sample_rate=12)
    with pytest.raises(AudioError, match="9 channels were asked for; 1 to 8"):
        read(path, channels=9)


def test_mutated_files_are_sound_or_a_sentence(tmp_path):
    """Random damage anywhere gives finite sound or our own error, nothing else."""
    generator = np.random.default_rng(1)
    for suffix in ("wav", "flac", "ogg", "aiff", "caf", "w64"):
        original = tmp_path / f"original.{suffix}"
        soundfile.write(original, generator.uniform(-0.5, 0.5, 4_000), 8_000)
        data = original.read_bytes()
        for _ in range(40):
            mutant = bytearray(data)
            for place in generator.integers(0, min(len(data), 300), 4):
                mutant[place] = generator.integers(0, 256)
            path = tmp_path / f"mutant.{suffix}"
            path.write_bytes(mutant)
            with contextlib.suppress(AudioError):
                assert torch.isfinite(read(path, sample_rate=8_000, channels=1).wave).all()
