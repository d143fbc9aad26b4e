from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timbrespace.core.errors import DataError, StorageError
from timbrespace.datasets import shards
from timbrespace.datasets.shards import Shards, ShardWriter, prepared_once


def sound(n_samples: int, seed: int = 0, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n_samples, channels)).astype(np.float32)


def stored(folder: Path, *, shard_bytes: int = 800, lengths: tuple[int, ...] = (250, 1, 333)) -> list[np.ndarray]:
    """Three sounds over several shards of 100 frames."""
    writer, sounds = ShardWriter(folder, channels=2, shard_bytes=shard_bytes), []
    for number, n_samples in enumerate(lengths):
        sounds.append(sound(n_samples, number))
        writer.add(f"{number}.wav", np.array_split(sounds[-1], 3))
        writer.keep()
    writer.finish(rate=5)
    return sounds


def read(opened: Shards, offset: int, frames: int) -> np.ndarray:
    out = np.empty((opened.channels, frames), np.float32)
    opened.read(offset, out)
    return out.T


def test_sounds_come_back_across_shards(tmp_path):
    sounds = stored(tmp_path)
    opened = Shards(tmp_path)
    assert opened.facts == {"rate": 5}
    assert len(list(tmp_path.glob("*.f32"))) == 6
    assert max(p.stat().st_size for p in tmp_path.glob("*.f32")) == 800
    for entry, expected in zip(opened.sounds, sounds, strict=True):
        np.testing.assert_array_equal(read(opened, entry.offset, entry.frames), expected)
        assert entry.sha256 == hashlib.sha256(expected.tobytes()).hexdigest()


@given(st.integers(0, 583), st.integers(0, 400))
@settings(max_examples=50, deadline=None)
def test_any_stretch_of_the_timeline(tmp_path_factory, offset, frames):
    folder = tmp_path_factory.mktemp("shards")
    whole = np.concatenate(stored(folder))
    frames = min(frames, len(whole) - offset)
    np.testing.assert_array_equal(read(Shards(folder), offset, frames), whole[offset : offset + frames])


@pytest.mark.parametrize("n_samples", [0, 1, 50, 100, 150, 250, 1_000])
def test_a_dropped_sound_leaves_no_trace(tmp_path, n_samples):
    writer = ShardWriter(tmp_path, channels=2, shard_bytes=800)
    first, last = sound(150), sound(130, 1)
    writer.add("a", [first])
    writer.keep()
    writer.add("b", [sound(n_samples, 2)])
    writer.drop()

    def failing() -> Iterator[np.ndarray]:
        yield sound(n_samples, 3)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        writer.add("c", failing())
    writer.add("d", [last])
    writer.keep()
    writer.finish()
    opened = Shards(tmp_path)
    assert [s.name for s in opened.sounds] == ["a", "d"]
    np.testing.assert_array_equal(read(opened, 0, 280), np.concatenate([first, last]))


def damage_index(folder: Path) -> None:
    (folder / "index.json").write_text("{")


def shorten_a_shard(folder: Path) -> None:
    path = folder / "00001.f32"
    path.write_bytes(path.read_bytes()[:-4])


def lengthen_a_shard(folder: Path) -> None:
    path = folder / "00001.f32"
    path.write_bytes(path.read_bytes() + bytes(8))


def remove_a_shard(folder: Path) -> None:
    (folder / "00002.f32").unlink()


def lie_in_the_index(folder: Path) -> None:
    index = json.loads((folder / "index.json").read_text())
    index["sounds"][0]["frames"] = 10**9
    (folder / "index.json").write_text(json.dumps(index))


def another_format(folder: Path) -> None:
    index = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps({**index, "format": 99}))


def a_list_for_an_index(folder: Path) -> None:
    (folder / "index.json").write_text("[]")


DAMAGES = [
    damage_index,
    shorten_a_shard,
    lengthen_a_shard,
    remove_a_shard,
    lie_in_the_index,
    another_format,
    a_list_for_an_index,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_noticed_and_mended(tmp_path, monkeypatch, damage):
    monkeypatch.setenv("TIMBRESPACE_CACHE", str(tmp_path))
    made = []

    def fill(writer: ShardWriter) -> dict[str, int]:
        made.append(writer)
        writer.shard_frames = 100
        writer.add("a", [sound(250)])
        writer.keep()
        return {}

    prepared_once("key", channels=2, fill=fill)
    prepared_once("key", channels=2, fill=fill)
    assert len(made) == 1
    folder = tmp_path / "shards" / "key"
    damage(folder)
    with pytest.raises(DataError, match="is not a whole set of shards"):
        Shards(folder)
    mended = prepared_once("key", channels=2, fill=fill)
    assert len(made) == 2
    np.testing.assert_array_equal(read(mended, 0, 250), sound(250))
    assert [p.name for p in folder.parent.iterdir()] == ["key"]


def test_the_slower_of_two_processes_takes_the_others_work(tmp_path, monkeypatch):
    monkeypatch.setenv("TIMBRESPACE_CACHE", str(tmp_path))

    def fast(writer: ShardWriter) -> dict[str, str]:
        writer.add("a", [sound(10)])
        writer.keep()
        return {"by": "fast"}

    def slow(writer: ShardWriter) -> dict[str, str]:
        prepared_once("key", channels=2, fill=fast)
        return {"by": "slow"}

    assert prepared_once("key", channels=2, fill=slow).facts == {"by": "fast"}
    assert [p.name for p in (tmp_path / "shards").iterdir()] == ["key"]


def test_an_interrupted_preparation_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("TIMBRESPACE_CACHE", str(tmp_path))

    def full(writer: ShardWriter) -> dict[str, str]:
        writer.add("a", [sound(10)])
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="The disk is full"):
        prepared_once("key", channels=2, fill=full)
    assert list((tmp_path / "shards").iterdir()) == []


def test_old_strays_are_swept_and_young_ones_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("TIMBRESPACE_CACHE", str(tmp_path))
    stray = tmp_path / "shards" / ".a.partial-1"
    stray.mkdir(parents=True)
    prepared_once("one", channels=1, fill=lambda writer: {})
    assert stray.exists()
    later = stray.stat().st_mtime + 3 * 24 * 3600
    monkeypatch.setattr(shards.time, "time", lambda: later)
    prepared_once("two", channels=1, fill=lambda writer: {})
    assert not stray.exists()
