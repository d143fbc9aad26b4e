"""Generated sounds as a data set, and as company in training batches only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from timbrespace.datasets import Generated, SoundFolder
from timbrespace.datasets import folder as folder_module
from timbrespace.datasets.base import Prepared
from timbrespace.datasets.synthetic import hits

SMALL = {"loops": 1, "notes": 4, "hits": 4, "chunk_length": 8192}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRESPACE_CACHE", str(tmp_path / "cache"))


def test_sounds_are_those_of_the_generators() -> None:
    prepared = Generated(**SMALL, validation=0.0, test=0.0, seed=3).prepare()
    split = prepared.split("train")
    names = [s.name for s in split.sources]
    first = next(hits(1, seed=3))
    assert torch.equal(split.sound(names.index(f"hits/{first.name}")), first.wave)
    assert len(names) == 9


def test_rate_and_channels_are_converted() -> None:
    prepared = Generated(**SMALL, sample_rate=22_050, channels=2).prepare()
    wave = prepared.split("train").sound(0)
    assert wave.shape[0] == 2
    assert torch.equal(wave[0], wave[1])
    assert prepared.summary()["sample_rate"] == 22_050


def accompanied(folder: Path, monkeypatch: pytest.MonkeyPatch, share: float) -> Prepared:
    rng = np.random.default_rng(0)
    for i in range(6):
        soundfile.write(folder / f"{'abcdef'[i]}-tone.wav", 0.01 * rng.standard_normal(20_000), 44_100)
    guests = Generated(**SMALL, crop_length=4096, validation=0.0, test=0.0)
    monkeypatch.setattr(folder_module, "company_of", lambda *_, **__: guests.prepare())
    return SoundFolder(str(folder), chunk_length=8192, crop_length=4096, company=share).prepare()


def test_company_joins_varied_batches_of_training_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own").mkdir()
    prepared = accompanied(tmp_path / "own", monkeypatch, 0.25)
    train = prepared.split("train")
    assert train.own_examples(8) == 6
    indices = range(6)
    batch = train.batch(indices, generator=torch.Generator().manual_seed(0)).x
    own = train.own.batch(indices, generator=torch.Generator().manual_seed(0)).x  # type: ignore[attr-defined]  # has company
    assert torch.equal(batch[:6], own)
    assert len(batch) == 8
    assert float(batch[6:].abs().max()) > 0.1 > float(own.abs().max())
    assert float(train.batch(indices).x.abs().max()) < 0.1, "evaluations are the user's own"
    assert all("tone" in s.name for s in train.sources)
    assert float(prepared.split("test").batch([0], generator=torch.Generator()).x.abs().max()) < 0.1


def test_company_changes_the_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own").mkdir()
    shares = (0.0, 0.25, 0.5)
    prints = {accompanied(tmp_path / "own", monkeypatch, share).fingerprint for share in shares}
    assert len(prints) == 3
