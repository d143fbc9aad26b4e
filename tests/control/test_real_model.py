"""The engine with a trained model: what is heard is rendered again bit for bit, and what cannot play says why."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.bundles import bundle, copy_of_bundle, own_process  # noqa: F401  # a fixture
from tests.control.test_engine import drain
from timbrespace.codecs.bundle import LATENT
from timbrespace.codecs.tensor_files import read_tensors, write_tensors
from timbrespace.control.engine import Engine
from timbrespace.control.makers import latent_voice
from timbrespace.control.sidecar import render_take
from timbrespace.core.errors import BundleError, ParameterError
from timbrespace.core.files import write_json
from timbrespace.training.runtime import tune_process


@pytest.fixture
def as_the_engine() -> Iterator[None]:
    """Set up as the engine's process is."""
    tune_process(threads=1)
    yield
    torch.set_flush_denormal(False)


@pytest.mark.usefixtures("as_the_engine")
def test_takes_are_rendered_again_bit_for_bit(tmp_path: Path) -> None:
    with Engine(bundle(), takes=tmp_path, seed=1) as engine:
        second = engine.sample_rate
        engine.send("play")
        engine.send("walk", 4)
        drain(engine, engine.status().heard + second)
        engine.record(True)
        heard = [drain(engine, engine.status().heard + second // 2)]
        engine.send("place", 0, 1, 0.3, -0.2)
        engine.send("audition", 2)
        engine.set("bias_1", 1.0)
        heard.append(drain(engine, engine.status().heard + second))
        take = engine.record(False)
        assert take is not None
        assert engine.status().mended == 0
    sound = np.concatenate(heard)
    assert np.abs(sound).max() > 1e-3
    np.testing.assert_array_equal(render_take(take.sidecar, bundle()), sound)
    other = copy_of_bundle(tmp_path / "other")
    config = other / "config.json"
    config.write_text(config.read_text() + "\n")
    with pytest.raises(ParameterError, match="was played on another model, 'model'; give that one"):
        render_take(take.sidecar, other)


def edited(to: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of the tiny model with another configuration."""
    folder = copy_of_bundle(to)
    config = json.loads((folder / "config.json").read_text())
    change(config)
    write_json(folder / "config.json", config)
    return folder


def test_a_decoder_that_needs_the_whole_cannot_play(tmp_path: Path) -> None:
    folder = edited(tmp_path / "model", lambda c: c["model"]["network"].update(lookahead=None))
    with pytest.raises(ParameterError, match="cannot play live; train one with --set model.network.lookahead=1"):
        latent_voice(folder, 0)


def test_a_model_without_its_sounds_cannot_play(tmp_path: Path) -> None:
    kept = {k: v for k, v in read_tensors(bundle() / LATENT).items() if k != "vectors"}
    digest = write_tensors(tmp_path / LATENT, kept)
    folder = edited(tmp_path / "model", lambda c: c["files"].update({LATENT: digest}))
    (tmp_path / LATENT).replace(folder / LATENT)
    with pytest.raises(BundleError, match="does not hold the latents of its training sounds"):
        latent_voice(folder, 0)
