"""A folder of sounds with a layout: its labels, its counts, and its own folds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.datasets.collections import COLLECTIONS, describe, freesound_loops, nsynth, sol
from timbrespace.core.component import build
from timbrespace.core.errors import DataError, ParameterError
from timbrespace.datasets import SoundFolder
from timbrespace.datasets.base import SPLITS, Dataset
from timbrespace.datasets.layouts import Labels
from timbrespace.datasets.shards import StoredSound
from timbrespace.datasets.splitting import split_by_folds

RATE = 8_000


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("TIMBRESPACE_CACHE", str(folder))
    return folder


def fill(root: Path, names: list[str]) -> Path:
    for number, name in enumerate(names):
        wave = np.random.default_rng(number).uniform(-0.5, 0.5, RATE + 800).astype(np.float32)
        soundfile.write(root / name, wave, RATE)
    return root


def folder(path: Path, **options: Any) -> SoundFolder:
    return SoundFolder(path=str(path), sample_rate=RATE, chunk_length=2_048, **options)


def labels_of(dataset: SoundFolder) -> dict[str, dict[str, str]]:
    prepared = dataset.prepare()
    return {s.name: s.labels for split in SPLITS for s in prepared.split(split).sources}


@pytest.mark.parametrize("kind", sorted(COLLECTIONS))
def test_sources_carry_what_the_layout_tells(kind: str, tmp_path: Path) -> None:
    root, names = COLLECTIONS[kind](tmp_path)
    found = labels_of(folder(fill(root, names), validation=0.0, test=0.0))
    assert set(found) == set(names)
    assert all("folder" in words for words in found.values())
    assert all(len(words) > 4 or kind == "SubFolders" for words in found.values())
    bare = labels_of(folder(root, layout="none", validation=0.0, test=0.0))
    assert all(set(words) == {"folder"} for words in bare.values())


def test_stretches_of_a_sound_carry_its_labels(tmp_path: Path) -> None:
    root, names = freesound_loops(tmp_path)
    for name in names[1:]:
        (root / name).unlink()
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, 4 * RATE).astype(np.float32)
    soundfile.write(root / names[0], wave, RATE)
    prepared = folder(root).prepare()
    assert prepared.summary()["split_by"] == "time"
    for split in SPLITS:
        (source,) = prepared.split(split).sources
        assert source.name == f"{names[0]} ({split} part)"
        assert (source.labels["folder"], source.labels["bpm"]) == ("wav", "120")
    assert prepared.summary()["layout"]["counts"]["rows without files"] == 2


def test_the_summary_tells_the_layout_and_what_did_not_fit(tmp_path: Path) -> None:
    root, names = freesound_loops(tmp_path)
    describe(root / "metadata.json", "a wrong type")
    told = folder(fill(root, names)).prepare().summary()["layout"]
    assert told["kind"] == "FreesoundLoops"
    assert told["labels"]["bpm"] == 3
    assert told["counts"] == {"unreadable files": 1}, "fs_analysis stands in"
    assert told["missing"] == told["folds"] == []


def test_labels_and_layout_change_neither_examples_nor_what_is_stored(tmp_path: Path, cache: Path) -> None:
    root, names = sol(tmp_path)
    fill(root, names)
    before = folder(root, layout="none").prepare()
    stored = sorted(cache.rglob("*"))
    (root / "TinySOL_metadata.csv").write_text("Path,Pitch\n")
    after = folder(root).prepare()
    assert after.fingerprint == before.fingerprint
    assert sorted(cache.rglob("*")) == stored, "nothing is decoded again"


def test_configurations_from_before_there_were_layouts(tmp_path: Path) -> None:
    root, names = sol(tmp_path)
    fill(root, names)
    table = folder(root).config()
    old = {name: value for name, value in table.items() if name not in ("layout", "split", "fold")}
    rebuilt = build(Dataset, old)
    assert rebuilt.config() == table
    assert rebuilt.prepare().summary()["split_by"] == "series"


# Folds


def splits_of(dataset: SoundFolder) -> dict[str, str]:
    prepared = dataset.prepare()
    assert prepared.summary()["split_by"] == "folds"
    return {s.labels["fold"]: name for name in SPLITS for s in prepared.split(name).sources}


@pytest.mark.parametrize("test", range(5))
def test_five_folds_in_turn(test: int, tmp_path: Path) -> None:
    root, names = sol(tmp_path)
    found = splits_of(folder(fill(root, names), split="folds", fold=test))
    expected = {str(k): "train" for k in range(5)} | {str(test): "test", str((test + 1) % 5): "validation"}
    assert found == expected


def test_parts_are_what_they_are_called(tmp_path: Path) -> None:
    root, names = nsynth(tmp_path)
    prepared = folder(fill(root, names), split="folds").prepare()
    parts = {name: {s.name.split("/")[0] for s in prepared.split(name).sources} for name in SPLITS}
    assert parts == {"train": {"nsynth-train"}, "validation": {"nsynth-valid"}, "test": {"nsynth-test"}}
    assert prepared.summary()["layout"]["folds"] == ["test", "train", "validation"]


def test_folds_change_the_fingerprint(tmp_path: Path) -> None:
    root, names = sol(tmp_path)
    fill(root, names)
    prints = {folder(root, split="folds", fold=k).prepare().fingerprint for k in range(5)}
    assert len(prints | {folder(root).prepare().fingerprint}) == 6


def test_folds_that_are_not_there(tmp_path: Path) -> None:
    root, names = freesound_loops(tmp_path / "loops")
    with pytest.raises(
        DataError, match=r"The folder .*loops \(layout FreesoundLoops\) tells no folds to split by; add"
    ):
        folder(fill(root, names), split="folds").prepare()
    root, names = nsynth(tmp_path / "notes")
    fill(root, names)
    with pytest.raises(DataError, match=r"holds nothing to train on besides its test part; add the others, or split"):
        SoundFolder(path=str(root / "nsynth-test"), sample_rate=4_000, split="folds").prepare()
    root, names = sol(tmp_path / "sol")
    with pytest.raises(ParameterError, match="There is no fold 5 to test on; choose from 0, 1, 2, 3, 4."):
        folder(fill(root, names), split="folds", fold=5).prepare()


def test_sounds_without_a_fold_train() -> None:
    sounds = [StoredSound(name, 0, 10, "") for name in "abcd"]
    pieces = split_by_folds(sounds, {"a": "1", "b": "2", "c": "10"}, 2, what="It")
    assert [p.split for p in pieces] == ["train", "test", "validation", "train"]


def test_wrong_words_get_one_sentence() -> None:
    with pytest.raises(ParameterError, match="There is no layout 'sol'. Did you mean 'Sol'?"):
        SoundFolder(path="x", layout="sol")
    with pytest.raises(ParameterError, match="split"):
        SoundFolder(path="x", split="fold")  # type: ignore[arg-type]


def test_the_same_summary_without_a_layout() -> None:
    assert Labels("none").summary(["a"]) == {"kind": "none", "labels": {}, "folds": [], "counts": {}, "missing": []}


def test_real_collections_are_prepared(real_data: Path) -> None:
    loops = folder(real_data / "lookalikes" / "FSL10K").prepare()
    assert loops.summary()["layout"]["labels"]["genres"] == 8
    with pytest.raises(DataError, match="nothing to train on besides its test and validation part"):
        folder(real_data / "lookalikes" / "TinySOL", split="folds", fold=4).prepare()
    notes = folder(real_data / "nsynth-mini").prepare()
    assert notes.summary()["layout"]["kind"] == "NSynth"
    with pytest.raises(DataError, match="tells no folds"):
        folder(real_data / "nsynth-mini", split="folds").prepare()
