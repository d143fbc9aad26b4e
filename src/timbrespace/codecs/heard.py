"""How far apart two points of a space sound: the metric that a decoder gives it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.codecs.sound import SoundCodec
from timbrespace.core.seeds import torch_generator

STRETCHES, STEPS = 48, 24
"""Moments of the training sounds on which the metric is measured, and their latent steps (1.1 s at 22 a second)."""
LEAST_SPREAD = 1e-3
"""Share of the widest latent's deviation below which a latent counts as unheard."""
SETTLED = STEPS // 2
"""Steps before it are left out: a decoder that begins in the middle of a sound lacks the past it reads."""


@torch.no_grad()
def heard_metric(codec: SoundCodec, *, seed: int = 0) -> Float[Tensor, "latent latent"]:
    """The mean metric G of a codec's decoder over its training sounds.

    ``dzᵀ G dz`` is the mean squared change, over the cells of the decoded frames and over stretches of the training
    sounds, when every step of a stretch is moved by a small dz: what a slider does. With the decoder g,
    ``G_ij = mean(d_i g d_j g)``, by central differences of half a standard deviation. Frames are normalised, so the
    unit is the deviation of all cells of the training sounds. It is the pull-back metric JᵀJ of Shao, Kumar and
    Fletcher (2017), averaged. Latents that hardly vary count as unheard; where nothing is heard at all, G is the
    identity. Needs ``codec.latent["vectors"]`` and ``["source"]``.
    """
    stretches = _stretches(codec, torch_generator(seed, "heard metric"))
    deviations = codec.latent["vectors"].std(0)
    # A change by rounding alone, divided by next to nothing, would be heard most: such latents are left out.
    varying = (deviations > LEAST_SPREAD * deviations.max()).nonzero().flatten()
    metric = torch.zeros(codec.latent_dim, codec.latent_dim)
    if len(varying):
        changes = [_change(codec, stretches, int(i), float(deviations[i])) for i in varying]
        jacobian = torch.stack(changes).double()
        metric[varying[:, None], varying] = (jacobian @ jacobian.T / jacobian.shape[1]).float()
    heard = bool(torch.isfinite(metric).all()) and float(metric.diagonal().max()) > 0
    return metric if heard else torch.eye(codec.latent_dim)


def _change(codec: SoundCodec, stretches: Tensor, latent: int, deviation: float) -> Float[Tensor, " cell"]:
    """How the frames of stretches change per unit of one latent."""
    shift = torch.zeros(codec.latent_dim, 1)
    shift[latent] = 0.5 * deviation
    there, back = (codec.transform.heard(codec.decode_frames(stretches + s)) for s in (shift, -shift))
    change = there - back
    return change[..., SETTLED * codec.model.ratio :].flatten() / deviation


def _stretches(codec: SoundCodec, generator: torch.Generator) -> Float[Tensor, "stretch latent step"]:
    """Runs of latents from within one sound each, drawn with ``generator``; short sounds go round."""
    vectors, source = codec.latent["vectors"], codec.latent["source"].long()
    starts = torch.randint(len(vectors), (STRETCHES,), generator=generator)
    first = torch.searchsorted(source, source[starts])
    length = torch.searchsorted(source, source[starts], right=True) - first
    steps = (starts - first)[:, None] + torch.arange(STEPS)
    return vectors[first[:, None] + steps % length[:, None]].mT.contiguous()
