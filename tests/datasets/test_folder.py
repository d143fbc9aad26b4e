from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from timbrespace.core.component import build, catalogue
from timbrespace.core.errors import AudioError, DataError, ParameterError
from timbrespace.datasets import SoundFolder
from timbrespace.datasets.base import SPLITS, Dataset

RATE = 8_000
CHUNK = 4_096
WHOLE = {"validation": 0.0, "test": 0.0}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("TIMBRESPACE_CACHE", str(folder))
    return folder


def sound(seconds: float, seed: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (round(seconds * RATE), channels)).astype(np.float32)


def put(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two folders of five series with three takes each, from shorter than a chunk to several of them."""
    for number, kind in enumerate(["kick", "snare", "bass", "pad", "voice"]):
        for take in range(3):
            seconds = 0.1 + 0.4 * number + 0.03 * take
            place = tmp_path / ("drums" if number < 2 else "tones")
            put(place / f"{kind}{take}.wav", sound(seconds, 10 * number + take))
    return tmp_path


def prepared(path: Path, **options):
    options = {"sample_rate": RATE, "chunk_length": CHUNK, **options}
    return SoundFolder(path=str(path), **options).prepare()


def all_chunks(split) -> torch.Tensor:
    return split.batch(range(len(split))).x


# What it offers


def test_it_is_found_by_name_and_built_from_a_table(folder):
    assert "SoundFolder" in catalogue(Dataset)
    table = {"kind": "SoundFolder", "chunk_length": CHUNK, "sample_rate": RATE}
    part = build(Dataset, table, wired={"path": str(folder)})
    assert part.provides() == {"sample_rate": RATE, "channels": 1}
    assert build(Dataset, part.config()).config() == part.config()


def test_every_file_is_in_one_split_and_series_never_in_two(folder):
    data = prepared(folder)
    names = [s.name for name in SPLITS for s in data.split(name).sources]
    assert len(names) == len(set(names)) == 15
    series = [{s.series for s in data.split(name).sources} for name in SPLITS]
    assert all(series)
    assert not (series[0] & series[1]) | (series[0] & series[2]) | (series[1] & series[2])


@pytest.mark.parametrize("short", ["join", "pad"])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_sample_of_every_file_is_in_some_chunk(folder, short, channels):
    data = prepared(folder, short=short, channels=channels)
    for name in SPLITS:
        split = data.split(name)
        chunks = all_chunks(split)
        assert chunks.shape[1:] == (channels, CHUNK)
        have = set(chunks[:, 0].flatten().tolist())
        for index, source in enumerate(split.sources):
            wave = split.sound(index)
            assert wave.shape == (channels, source.frames)
            np.testing.assert_array_equal(wave[0].numpy(), soundfile.read(folder / source.name, dtype="float32")[0])
            assert set(wave[0].tolist()) <= have  # the noise has practically no value twice


def test_long_sounds_end_with_their_last_chunk(tmp_path):
    put(tmp_path / "a.wav", sound(3.0, 0))
    split = prepared(tmp_path, **WHOLE).split("train")
    wave = split.sound(0)
    chunks = all_chunks(split)
    assert len(split) == 6
    for chunk, start in zip(chunks, [*range(0, 5 * CHUNK, CHUNK), 3 * RATE - CHUNK], strict=True):
        assert torch.equal(chunk, wave[:, start : start + CHUNK])


def test_short_sounds_are_joined_in_name_order_or_padded(tmp_path):
    waves = [sound(0.4, i) for i in range(4)]
    for number, wave in enumerate(waves):
        put(tmp_path / f"{'abcd'[number]}x.wav", wave)
    joined = prepared(tmp_path, **WHOLE).split("train")
    whole = torch.from_numpy(np.concatenate(waves).T)
    assert len(joined) == 4  # 12,800 samples
    assert torch.equal(all_chunks(joined)[0], whole[:, :CHUNK])
    assert torch.equal(all_chunks(joined)[3], whole[:, -CHUNK:])
    padded = all_chunks(prepared(tmp_path, short="pad", **WHOLE).split("train"))
    assert len(padded) == 4
    assert torch.equal(padded[1, 0, :3_200], torch.from_numpy(waves[1][:, 0]))
    assert padded[:, :, 3_200:].abs().max() == 0


def test_crops_start_anywhere_and_follow_the_generator(tmp_path):
    put(tmp_path / "a.wav", np.arange(3 * RATE, dtype=np.float32)[:, None] / 10_000)
    split = prepared(tmp_path, crop_length=1_000, **WHOLE).split("train")
    indices = list(range(len(split))) * 50
    x = split.batch(indices, generator=torch.Generator().manual_seed(0)).x
    again = split.batch(indices, generator=torch.Generator().manual_seed(0)).x
    other = split.batch(indices, generator=torch.Generator().manual_seed(1)).x
    assert torch.equal(x, again)
    assert not torch.equal(x, other)
    assert x.shape == (300, 1, 1_000)
    starts = torch.round(x[:, 0, 0] * 10_000)
    assert torch.equal(torch.round(x[:, 0, -1] * 10_000), starts + 999)
    assert starts.min() < 500
    assert starts.max() > 3 * RATE - 1_500
    assert len(starts.unique()) > 250
    assert split.batch([0]).x.shape == (1, 1, CHUNK)  # without a generator: whole chunks


def test_crops_of_padded_sounds_hold_sound(tmp_path):
    for number in range(12):
        put(tmp_path / f"{'abcdefghijkl'[number]}x.wav", sound(0.1, number) + 1)
    split = prepared(tmp_path, short="pad", crop_length=500, **WHOLE).split("train")
    x = split.batch(list(range(12)) * 20, generator=torch.Generator().manual_seed(0)).x
    assert (x.abs().amax(dim=(1, 2)) > 0).all()


def test_labels_name_the_folder(folder):
    data = prepared(folder)
    assert data.folders == ("drums", "tones")
    for name in SPLITS:
        split = data.split(name)
        labels = split.batch(range(len(split))).labels["folder"]
        assert labels.dtype == torch.int64
        named = {data.folders[label] for label in labels.tolist()}
        assert named <= {s.labels["folder"] for s in split.sources}


def test_rates_and_channels_are_brought_to_one(tmp_path):
    times = np.arange(48_000) / 48_000
    put(tmp_path / "a.wav", np.stack([np.sin(2 * np.pi * 440 * times)] * 6, 1) * 0.5, 48_000)
    wave = prepared(tmp_path, channels=2, **WHOLE).split("train").sound(0)
    expected = 0.5 * torch.sin(2 * torch.pi * 440 * torch.arange(RATE) / RATE)
    assert wave.shape == (2, RATE)
    torch.testing.assert_close(wave[:, 200:-200], expected[200:-200].repeat(2, 1), rtol=0, atol=5e-4)


def test_one_sound_is_split_in_time(tmp_path):
    put(tmp_path / "a.wav", sound(5.0, 0))
    data = prepared(tmp_path)
    assert data.summary()["split_by"] == "time"
    parts = [data.split(name).sound(0) for name in SPLITS]
    np.testing.assert_array_equal(torch.cat(parts, 1).numpy(), sound(5.0, 0).T)
    assert [len(data.split(name)) for name in SPLITS] == [8, 1, 1]


def test_the_summary_counts(folder):
    (folder / "notes.txt").write_text("hello")
    (folder / "cover.PNG").write_bytes(b"x")
    (folder / "bad.wav").write_text("hello")
    summary = prepared(folder).summary()
    assert summary["files"] == 15
    assert summary["series"] == 5
    assert summary["split_by"] == "series"
    assert sum(s["files"] for s in summary["splits"].values()) == 15
    assert summary["seconds"] == pytest.approx(sum(s["seconds"] for s in summary["splits"].values()), abs=0.01)
    assert summary["not_sound"] == {".png": 1, ".txt": 1}
    assert [s.split(":")[0] for s in summary["skipped"]] == ["bad.wav"]


def test_progress_is_told(folder):
    told: list[tuple[int, int, str]] = []
    SoundFolder(path=str(folder), sample_rate=RATE).prepare(progress=lambda *now: told.append(now))
    assert told[0] == (0, 15, "drums/kick0.wav")
    assert told[-1] == (15, 15, "done")


# Prepared once


def test_the_second_time_nothing_is_decoded(folder, monkeypatch):
    first = prepared(folder)
    monkeypatch.setattr("timbrespace.datasets.intake.blocks", None)
    second = prepared(folder, chunk_length=2_048, split_seed=5)  # other cuts of the same sound
    assert first.fingerprint != second.fingerprint
    assert prepared(folder).fingerprint == first.fingerprint


def test_the_fingerprint_follows_content_and_settings(folder, tmp_path_factory):
    base = prepared(folder).fingerprint
    for other in ({"validation": 0.3}, {"short": "pad"}, {"channels": 2}, {"chunk_length": 2_048}):
        assert prepared(folder, **other).fingerprint != base
    copy = tmp_path_factory.mktemp("copy") / "set"
    shutil.copytree(folder, copy)
    assert prepared(copy).fingerprint == base  # the content decides, not the place
    samples, _ = soundfile.read(folder / "tones/pad1.wav", dtype="float32", always_2d=True)
    samples[100] += 1e-3
    put(folder / "tones/pad1.wav", samples)
    os.utime(folder / "tones/pad1.wav", ns=(1, 1))
    assert prepared(folder).fingerprint != base


def test_a_new_file_is_noticed(folder):
    assert prepared(folder).summary()["files"] == 15
    put(folder / "tones/new.wav", sound(0.5, 99))
    assert prepared(folder).summary()["files"] == 16


def test_a_damaged_store_is_made_again(folder, cache):
    base = prepared(folder).fingerprint
    (shard,) = cache.rglob("*.f32")
    shard.write_bytes(shard.read_bytes()[:-8])
    assert prepared(folder).fingerprint == base


def test_processes_at_once(folder, cache):
    code = (
        "import sys\nfrom timbrespace.datasets import SoundFolder\n"
        f"print(SoundFolder(path=sys.argv[1], sample_rate={RATE}, chunk_length={CHUNK}).prepare().fingerprint)\n"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    outputs = {child.communicate()[0].strip() for child in children}
    assert outputs == {prepared(folder).fingerprint}
    assert len(list((cache / "shards").iterdir())) == 1


# What is left out


def test_what_cannot_be_used_is_listed_with_its_reason(folder):
    put(folder / "silent.wav", np.full((RATE, 1), 1e-5))
    put(folder / "nothing.wav", np.zeros((0, 1)))
    put(folder / "nan.wav", np.where(np.arange(RATE) == 7, np.nan, 0.5)[:, None])
    put(folder / "huge.wav", np.full((RATE, 1), 1e30))
    put(folder / "long.wav", sound(3.1, 50))
    shutil.copy(folder / "tones/pad1.wav", folder / "twin.wav")
    (folder / "empty.flac").touch()
    (folder / "text.wav").write_text("hello")
    (folder / "song.m4a").write_bytes(b"x")
    (folder / "README").write_text("x")
    put(folder / ".hidden.wav", sound(1.0, 51))
    put(folder / ".git/a.wav", sound(1.0, 52))
    soundfile.write(folder / "cut.flac", sound(2.9, 53), RATE)
    (folder / "cut.flac").write_bytes((folder / "cut.flac").read_bytes()[:20_000])
    found = {s.name: s.reason for s in prepared(folder, max_minutes=0.05).skipped}
    assert found.pop("silent.wav") == "it is silent (peak below -90 dBFS)"
    assert found.pop("nothing.wav") == "it holds no samples"
    assert "not numbers" in found.pop("nan.wav")
    assert "its peak of 1e+30 is no sound" in found.pop("huge.wav")
    assert "longer than 0.05 minutes" in found.pop("long.wav")
    assert found.pop("twin.wav") == "the same sound as tones/pad1.wav"
    assert "is empty" in found.pop("empty.flac")
    assert "not a sound that can be read" in found.pop("text.wav")
    assert found.pop("song.m4a") == "its format (.m4a) cannot be read; convert it to WAV or FLAC"
    assert found.pop("README") == "not a sound file"
    assert "cut.flac" in found.pop("cut.flac")
    assert found == {}


def test_a_skipped_file_leaves_the_others_whole(folder):
    put(folder / "drums/bad.wav", np.where(np.arange(5 * RATE) == 4 * RATE, np.nan, 0.5)[:, None])
    data = prepared(folder)
    for name in SPLITS:
        for index, source in enumerate(data.split(name).sources):
            expected = soundfile.read(folder / source.name, dtype="float32")[0]
            np.testing.assert_array_equal(data.split(name).sound(index)[0].numpy(), expected)


def test_values_that_are_not_numbers_can_be_cleaned(tmp_path):
    put(tmp_path / "nan.wav", np.where(np.arange(2 * RATE) == 7, np.nan, 0.5)[:, None])
    data = prepared(tmp_path, non_finite="clean", **WHOLE)
    assert data.split("train").sources[0].repairs == ("1 values that were not numbers became zeros",)
    assert data.split("train").sound(0)[0, 7] == 0
    assert data.summary()["repaired"] == ["nan.wav: 1 values that were not numbers became zeros"]


def test_links_are_followed_once(folder):
    (folder / "drums/up").symlink_to(folder, target_is_directory=True)
    (folder / "zz-again").symlink_to(folder / "tones", target_is_directory=True)
    data = prepared(folder)
    assert data.summary()["files"] == 15
    assert data.skipped == []


# What is refused


def test_no_folder(tmp_path):
    with pytest.raises(DataError, match="none does not exist; check its name"):
        prepared(tmp_path / "none")
    path = put(tmp_path / "a.wav", sound(2.0, 0))
    with pytest.raises(DataError, match=r"a.wav is a file; give the folder"):
        prepared(path)


def test_an_empty_folder(tmp_path):
    with pytest.raises(DataError, match="is empty; put WAV, FLAC"):
        prepared(tmp_path)


def test_a_folder_of_text(tmp_path):
    for name in ("a.txt", "b.txt", "c.md"):
        (tmp_path / name).write_text("hello")
    with pytest.raises(DataError, match=r"holds 3 files \(.md, .txt\) but no sound; put WAV"):
        prepared(tmp_path)


def test_only_silence(tmp_path):
    put(tmp_path / "a.wav", np.zeros((RATE, 1)))
    put(tmp_path / "b.wav", np.zeros((2 * RATE, 1)))
    with pytest.raises(DataError, match=r"None of the 2 files .* for example a.wav: it is silent"):
        prepared(tmp_path)


def test_ten_milliseconds(tmp_path):
    put(tmp_path / "a.wav", sound(0.01, 0))
    with pytest.raises(DataError, match=r"holds 0.010 s of usable sound in 1 files; at least 1 s is needed"):
        prepared(tmp_path)


def test_wrong_arguments():
    with pytest.raises(ParameterError, match="a crop is no longer than a chunk"):
        SoundFolder(path="x", crop_length=70_000)
    with pytest.raises(ParameterError, match="'channels' is 9; 1 to 8"):
        SoundFolder(path="x", channels=9)
    with pytest.raises(ParameterError, match="'max_minutes' is 0"):
        SoundFolder(path="x", max_minutes=0.0)
    with pytest.raises(ParameterError, match="sum stays below 1"):
        SoundFolder(path="x", validation=0.6, test=0.4)
    with pytest.raises(ParameterError, match=r"no argument 'chunk_lenght'. Did you mean 'chunk_length'"):
        SoundFolder(path="x", chunk_lenght=3)
    with pytest.raises(AudioError, match="SoundFolder has a sample rate of 1 Hz"):
        SoundFolder(path="x", sample_rate=1)


# Real sounds


def test_real_loops(real_data: Path):
    data = SoundFolder(path=str(real_data / "loops")).prepare()
    summary = data.summary()
    assert summary["files"] > 300
    assert summary["skipped"] == []
    for name in ("validation", "test"):
        assert 0.08 < summary["splits"][name]["seconds"] / summary["seconds"] < 0.12
    x = data.split("train").batch(range(4)).x
    assert torch.isfinite(x).all()
    assert x.abs().max() <= 1
