"""What tests of whole trainings share: a few generated sounds and one tiny model trained on them, made once."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from benchmarks.kills import TINY, weights_hash, write_sounds

import timbrespace
from timbrespace.codecs.sound import SoundCodec

STEPS = "training.steps=6"


@functools.cache
def scratch() -> Path:
    """A folder for the whole test run, which also takes prepared sound."""
    folder = Path(tempfile.mkdtemp(prefix="timbrespace-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@pytest.fixture(autouse=True)
def own_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Prepared sound stays out of the user's cache, and commands do not tune the process of the tests."""
    monkeypatch.setenv("TIMBRESPACE_CACHE", str(scratch() / "cache"))
    yield
    torch.set_flush_denormal(False)
    torch.set_num_threads(1)


@functools.cache
def sounds() -> Path:
    """The folder of generated sounds."""
    return write_sounds(scratch() / "sounds")


def train(out: Path, *settings: str, data: Path | None = None, **options: Any) -> SoundCodec:
    """A tiny training of six steps, unless the settings say otherwise."""
    return timbrespace.train("temporal-vae", data or sounds(), out=out, settings=(*TINY, STEPS, *settings), **options)


@functools.cache
def bundle() -> Path:
    """The folder of the tiny model."""
    os.environ.setdefault("TIMBRESPACE_CACHE", str(scratch() / "cache"))
    train(scratch() / "model")
    return scratch() / "model"


def copy_of_bundle(to: Path) -> Path:
    """A copy to be damaged."""
    shutil.copytree(bundle(), to)
    return to


__all__ = ["bundle", "copy_of_bundle", "scratch", "sounds", "train", "weights_hash"]
