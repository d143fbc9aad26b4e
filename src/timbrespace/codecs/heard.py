"""How far apart two points of a space sound: the metric that a decoder gives it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.codecs.sound import SoundCodec
from timbrespace.core.seeds import torch_generator

STRETCHES, STEPS = 48, 24
"""Moments of the training sounds on which the metric is measured, and their latent steps (1.1 s at 22 a second)."""
SETTLED = STEPS // 2
"""Steps before it are left out: a decoder that begins in the middle of a sound lacks the past it reads."""


@torch.no_grad()
def heard_metric(codec: SoundCodec, *, seed: int = 0) -> Float[Tensor, "latent latent"]:
    """The mean metric G of a codec's decoder over its training sounds.

    ``dzᵀ G dz`` is the mean squared change, over the cells of the decoded frames and over stretches of the training
    sounds, when every step of a stretch is moved by a small dz: what a slider does. With the decoder g,
    ``G_ij = mean(d_i g d_j g)``, by central differences of half a standard deviation. Frames are normalised, so the
    unit is the deviation of all cells of the training sounds. It is the pull-back metric JᵀJ of Shao, Kumar and
    Fletcher (2017), averaged. Needs ``codec.latent["vectors"]`` and ``["source"]``.
    """
    stretches = _stretches(codec, torch_generator(seed, "heard metric"))
    deviations = codec.latent["vectors"].std(0).clamp_min(1e-6)
    changes = []
    for i, deviation in enumerate(deviations.tolist()):
        shift = torch.zeros(codec.latent_dim, 1)
        shift[i] = 0.5 * deviation
        change = codec.decode_frames(stretches + shift) - codec.decode_frames(stretches - shift)
        changes.append(change[..., SETTLED * codec.model.ratio :].flatten() / deviation)
    jacobian = torch.stack(changes).double()
    return (jacobian @ jacobian.T / jacobian.shape[1]).float()


def _stretches(codec: SoundCodec, generator: torch.Generator) -> Float[Tensor, "stretch latent step"]:
    """Runs of latents from within one sound each, drawn with ``generator``; short sounds go round."""
    vectors, source = codec.latent["vectors"], codec.latent["source"].long()
    starts = torch.randint(len(vectors), (STRETCHES,), generator=generator)
    first = torch.searchsorted(source, source[starts])
    length = torch.searchsorted(source, source[starts], right=True) - first
    steps = (starts - first)[:, None] + torch.arange(STEPS)
    return vectors[first[:, None] + steps % length[:, None]].mT.contiguous()
