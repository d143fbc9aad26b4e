"""Checkpoints: the last two and the best, hashed, never silently wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from timbrespace.core.errors import TrainingError
from timbrespace.training.checkpoints import Checkpoints

SCORES = {10: 0.5, 20: 0.2, 30: 0.3, 40: None, 50: 0.4}


def filled(folder: Path) -> Checkpoints:
    checkpoints = Checkpoints(folder)
    for step, score in SCORES.items():
        checkpoints.save({"w": torch.full((4,), float(step))}, step=step, score=score, state={"step": step})
    return checkpoints


def test_last_two_and_best_are_kept(tmp_path: Path) -> None:
    checkpoints = filled(tmp_path)
    assert [e.step for e in checkpoints.entries()] == [20, 40, 50]
    assert sorted(p.name for p in tmp_path.glob("*.safetensors")) == sorted(e.file for e in checkpoints.entries())
    best = checkpoints.best()
    assert best is not None
    assert best.step == 20


def test_latest_is_read_back(tmp_path: Path) -> None:
    entry, tensors = filled(tmp_path).latest()
    assert entry.state == {"step": 50}
    assert tensors["w"].tolist() == [50.0] * 4


def test_a_flipped_byte_falls_back_with_a_warning(tmp_path: Path) -> None:
    checkpoints = filled(tmp_path)
    path = tmp_path / checkpoints.entries()[-1].file
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="damaged .*Trying the one before it"):
        entry, _ = checkpoints.latest()
    assert entry.step == 40


def test_nothing_whole_is_an_error(tmp_path: Path) -> None:
    checkpoints = filled(tmp_path)
    for path in tmp_path.glob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-7])
    with pytest.warns(UserWarning, match="damaged"), pytest.raises(TrainingError, match="no whole checkpoint"):
        checkpoints.latest()


def test_damaged_manifest_is_an_error(tmp_path: Path) -> None:
    checkpoints = filled(tmp_path)
    (tmp_path / "manifest.json").write_text('{"checkpoints": [{"fi')
    with pytest.raises(TrainingError, match="damaged"):
        checkpoints.entries()


def test_strays_of_a_crash_are_swept(tmp_path: Path) -> None:
    checkpoints = filled(tmp_path)
    stray = tmp_path / ".step-000000060.partial-abc.safetensors"
    stray.write_bytes(b"half")
    checkpoints.save({"w": torch.zeros(1)}, step=60, score=None, state={})
    assert not stray.exists()
