"""Instruments for the engine's process that need no model, some of them fatal."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import torch

from tests.instruments.fakes import SineCodec, make_voice
from timbrespace.core.errors import BundleError
from timbrespace.instruments.base import Instrument
from timbrespace.instruments.latent_voice import LatentVoice

DEADLY, ENDLESS, WRONG = 666.0, 667.0, 668.0
"""Seeds of walks that kill the process, make it hang, or end it by an exception."""


def sines(model: Path, seed: int) -> Instrument:
    """Sound that is known exactly."""
    return make_voice(seed=seed)


class Fatal(LatentVoice):
    """A voice for which some walks are the last."""

    def act(self, name: str, *values: float) -> None:
        super().act(name, *values)
        if name == "walk" and values[0] == DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "walk" and values[0] == ENDLESS:
            time.sleep(3600)
        if name == "walk" and values[0] == WRONG:
            raise RuntimeError("a bug")


def fatal(model: Path, seed: int) -> Instrument:
    """Sound until one of the fatal walks."""
    voice = make_voice(seed=seed)
    voice.__class__ = Fatal
    return voice


def refused(model: Path, seed: int) -> Instrument:
    """A model that says what is wrong with it."""
    raise BundleError("This model is a picture; choose another.")


def mistaken(model: Path, seed: int) -> Instrument:
    """A fault of ours."""
    raise FileNotFoundError("a bug")


def stillborn(model: Path, seed: int) -> Instrument:
    """A model that takes the process with it, and leaves a mark each time."""
    with (model / "starts").open("a") as file:
        file.write("x")
    os._exit(7)


def slow(model: Path, seed: int) -> Instrument:
    """Sound that takes longer to render than to hear."""

    class Slow(LatentVoice):
        def render(self, n_samples: int) -> torch.Tensor:
            if self.playing:
                time.sleep(0.2)
            return super().render(n_samples)

    voice = make_voice(seed=seed)
    voice.__class__ = Slow
    return voice


def several(model: Path, seed: int) -> Instrument:
    """Models by their names: "three" and "two" have so many axes, and the others something wrong with them."""
    if model.name == "refused":
        raise BundleError("This model is a picture; choose another.")
    if model.name == "stillborn":
        os._exit(7)
    codec = SineCodec(2 if model.name == "two" else 3, channels=2 if model.name == "stereo" else 1)
    voice = make_voice(codec, seed=seed)
    voice.__class__ = {"fading": Fading}.get(model.name, Fatal)
    return voice


class Fading(LatentVoice):
    """A voice that does not get as far as its first sound."""

    def render(self, n_samples: int) -> torch.Tensor:
        if self.playing:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().render(n_samples)
