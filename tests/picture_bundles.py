"""What tests of whole trainings on pictures share: tiny trainings on the digits, one of each sort of auto-encoder."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path
from typing import Any

import timbrespace
from tests.bundles import scratch
from timbrespace.codecs.frames import FrameCodec

TINY = (
    'model.network={kind="Mlp",hidden=[24,16]}',
    "model.bottleneck.latent_dim=3",
    "training.batch_size=32",
    "training.precision=32-true",
    "training.evaluations=2",
    "training.steps=6",
    "training.checkpoint_minutes=0",
)
"""Settings of the image-vae recipe that train in a second."""

CONSTANT = '{kind="Constant"}'
SORTS = {
    "vae": (),
    "wae": (
        'model.bottleneck={kind="Mmd",latent_dim=3}',
        f"training.weights={{reconstruction={CONSTANT},mmd={CONSTANT}}}",
    ),
    "gan": (
        'model.bottleneck={kind="Adversarial",latent_dim=3,width=16,depth=1}',
        f"training.weights={{reconstruction={CONSTANT},adversarial={CONSTANT},critic={CONSTANT}}}",
    ),
    "vq": (
        'model.network={kind="Conv2d",channels=[4,8]}',
        "model.network.dense=none",
        'model.bottleneck={kind="VectorQuantized",latent_dim=4,codebook_size=16,decay=0.9}',
        "model.prior=none",
        f"training.weights={{reconstruction={CONSTANT},commitment={CONSTANT}}}",
    ),
    "ae": (
        'model.bottleneck={kind="Deterministic",latent_dim=3}',
        "model.prior=none",
        f"training.weights={{reconstruction={CONSTANT}}}",
    ),
}
"""Settings that make each sort of auto-encoder of the recipe."""


def train(out: Path, sort: str = "vae", *settings: str, data: str | Path = "digits", **options: Any) -> FrameCodec:
    """A tiny training of six steps, unless the settings say otherwise."""
    codec = timbrespace.train("image-vae", data, out=out, settings=(*TINY, *SORTS[sort], *settings), **options)
    assert isinstance(codec, FrameCodec)
    return codec


def bundle(sort: str = "vae") -> Path:
    """The folder of the tiny model of that sort."""
    return _bundle(sort)


@functools.cache
def _bundle(sort: str) -> Path:
    train(scratch() / "pictures" / sort, sort)
    return scratch() / "pictures" / sort


def copy_of_bundle(to: Path, sort: str = "vae") -> Path:
    """A copy to be damaged."""
    shutil.copytree(bundle(sort), to)
    return to
