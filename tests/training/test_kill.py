"""Killed at random moments, a training's folder stays whole, and the training ends as if nothing had happened."""

from __future__ import annotations

import functools
import json
import os
import random
import signal
import time
from pathlib import Path

import pytest
from benchmarks.kills import Trial, finish, kill_once, start, train_tokens, weights_hash

from tests.bundles import scratch, sounds
from timbrespace.codecs.loading import load

KILLS = int(os.environ.get("TIMBRESPACE_KILLS", "4"))
"""A release runs 20 or more."""
SETTINGS = ("training.steps=20", "training.checkpoint_minutes=0")


@functools.cache
def uninterrupted() -> tuple[str, float]:
    """The hash of the weights of a training nobody disturbed, and its seconds."""
    for name in ("warm-up", "whole"):
        begin = time.monotonic()
        assert finish(start(train_tokens(sounds(), scratch() / name, *SETTINGS), scratch() / "whole.log")) == 0
        seconds = time.monotonic() - begin
    return weights_hash(scratch() / "whole"), seconds


@pytest.mark.parametrize("number", range(KILLS))
def test_killed_and_resumed(tmp_path: Path, number: int) -> None:
    expected, seconds = uninterrupted()
    share = (number + random.Random(number).random()) / KILLS  # spread over the training, at random within
    trial = kill_once(tmp_path / "model", sounds(), *SETTINGS, moment=share * seconds, expected=expected)
    assert trial.passed, f"{trial}\n{(tmp_path / 'model.log').read_text()}"
    load(tmp_path / "model")


def test_a_trial_notices_other_weights(tmp_path: Path) -> None:
    assert not Trial(0.0, "step 1", True, True, False, 0).passed
    assert not Trial(0.0, "step 1", True, True, True, 1).passed


def test_ctrl_c_saves_says_how_to_resume_and_changes_nothing(tmp_path: Path) -> None:
    expected, _ = uninterrupted()
    log, model = tmp_path / "log", tmp_path / "model"
    process = start(train_tokens(sounds(), model, *SETTINGS), log)
    manifest = model / "run" / "checkpoints" / "manifest.json"
    deadline = time.monotonic() + 60
    while not (manifest.is_file() and json.loads(manifest.read_text())["checkpoints"][-1]["step"] >= 2):
        assert process.is_alive(), log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    assert finish(process) == 130, log.read_text()
    said = log.read_text()
    assert "Stopped and saved at step" in said
    assert f"go on with: timbrespace resume {model}" in said
    assert "Traceback" not in said
    assert finish(start(["resume", str(model)], log)) == 0, log.read_text()
    assert weights_hash(model) == expected
