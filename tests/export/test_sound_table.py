"""A table on disk is a loop that others can read, and can be made again from what stands beside it."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

import timbrespace
from tests.bundles import bundle, copy_of_bundle, own_process  # noqa: F401  # a fixture
from tests.instruments.fakes import SineCodec
from timbrespace.audio.writing import write
from timbrespace.codecs.looping import centred_line, looping_table
from timbrespace.core.errors import DataError, ParameterError, StorageError
from timbrespace.export.sound_table import FULL_SCALE, remake_table, write_table


def line(steps: int = 8, size: float = 1.0) -> np.ndarray:
    return centred_line(np.zeros(3), size * np.array([1.0, -2.0, 0.5]), steps=steps)


def chunks(file: Path) -> dict[bytes, bytes]:
    """The chunks of a RIFF file, read by hand."""
    content = file.read_bytes()
    assert content[:4] == b"RIFF"
    assert struct.unpack("<I", content[4:8])[0] == len(content) - 8
    found, at = {}, 12
    while at < len(content):
        size = struct.unpack("<I", content[at + 4 : at + 8])[0]
        found[content[at : at + 4]] = content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


@pytest.mark.parametrize("crossfade", [100, 101])
@pytest.mark.parametrize("channels", [1, 2])
def test_it_is_a_24_bit_loop(tmp_path: Path, crossfade: int, channels: int) -> None:
    codec = SineCodec(3, channels=channels)
    done = write_table(codec, line(), tmp_path / "a.wav", crossfade=crossfade, model=tmp_path)
    info = soundfile.info(done.sound)
    assert (info.samplerate, info.channels, info.subtype) == (8000, channels, "PCM_24")
    assert info.frames == done.frames == 8 * 256 - crossfade
    heard = soundfile.read(done.sound, dtype="float32", always_2d=True)[0].T
    np.testing.assert_allclose(heard, looping_table(codec, line(), crossfade=crossfade), atol=2**-23)
    fields = struct.unpack("<15I", chunks(done.sound)[b"smpl"])
    assert fields[2] == 125_000  # ns
    assert fields[3] == 60
    assert fields[7] == 1
    assert fields[9:] == (0, 0, 0, done.frames - 1, 0, 0)


def test_what_is_louder_than_full_scale_is_turned_down(tmp_path: Path) -> None:
    codec = SineCodec(3)
    done = write_table(codec, line(size=60.0), tmp_path / "a.wav", crossfade=0, model=tmp_path)
    table = looping_table(codec, line(size=60.0), crossfade=0)
    assert done.gain == pytest.approx(FULL_SCALE / np.abs(table).max())
    heard = soundfile.read(done.sound)[0]
    np.testing.assert_allclose(heard, done.gain * table[0], atol=2**-22)


def test_a_table_is_made_again_sample_by_sample(tmp_path: Path) -> None:
    codec = timbrespace.load(bundle())
    latents = centred_line(np.zeros(codec.latent_dim), np.full(codec.latent_dim, 0.7), steps=5)
    path = {"kind": "line through the middle", "end_point": [0.7] * codec.latent_dim}
    done = write_table(codec, latents, tmp_path / "t.wav", crossfade=200, model=bundle(), path=path, seed=3)
    made = json.loads(done.sidecar.read_text())
    assert made["path"] == path
    assert (made["seed"], made["crossfade"], made["model"]) == (3, 200, bundle().name)
    again = remake_table(done.sidecar, timbrespace.load(bundle()), model=bundle())
    write(tmp_path / "again.wav", again, codec.sample_rate)
    assert chunks(tmp_path / "again.wav")[b"data"] == chunks(done.sound)[b"data"]
    np.testing.assert_allclose(soundfile.read(done.sound)[0], again[0], atol=2**-22)
    other = copy_of_bundle(tmp_path / "other")
    config = other / "config.json"
    config.write_text(config.read_text() + "\n")
    with pytest.raises(ParameterError, match="made with another model, 'model'"):
        remake_table(done.sidecar, codec, model=other)


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    codec = SineCodec(3)
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(StorageError, match=r"a.json exists already"):
        write_table(codec, line(), tmp_path / "a.wav", crossfade=0, model=tmp_path)
    assert not (tmp_path / "a.wav").exists()
    write_table(codec, line(), tmp_path / "a.wav", crossfade=0, model=tmp_path, force=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json", "a.wav"]


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"is a .wav file, which holds loop points; a.flac is not"):
        write_table(SineCodec(3), line(), tmp_path / "a.flac", crossfade=0, model=tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        remake_table(tmp_path / "none.json", SineCodec(3), model=tmp_path)
    for text, sentence in (("[]", "is not of a sound table"), ('{"format": 9}', "a later version of timbrespace")):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(DataError, match=sentence):
            remake_table(tmp_path / "x.json", SineCodec(3), model=tmp_path)
