"""The pictures a report shows of every variant: copies, samples, traversals, ways between, manifold, latents."""

from __future__ import annotations

import torch
from torch import Tensor

from timbrespace.codecs.frames import FrameCodec
from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import torch_generator
from timbrespace.core.shapes import Frames, Latents
from timbrespace.datasets.base import Split

SHOWN, SAMPLES, STEPS, PAIRS, TRAVERSED = 16, 64, 9, 4, 8
MANIFOLD = 15
KEPT = 2000
REACH = 2.5
"""Standard deviations to either side that a traversal goes."""


@torch.no_grad()
def portraits(codec: FrameCodec, test: Split, *, seed: int) -> dict[str, Tensor]:
    """Tiles as bytes (..., height, width), latents (picture, latent) and labels, by name."""
    batch = test.batch(range(min(KEPT, len(test))))
    latents = codec.encode_frames(batch.x)
    found = {
        "originals": _bytes(batch.x[:SHOWN]),
        "reconstructions": _bytes(codec.decode_frames(latents[:SHOWN])),
        "latents_test": latents.flatten(1).contiguous(),
        "labels_test": batch.labels["class"],
        "latents_train": codec.latent["vectors"][:KEPT].flatten(1).contiguous(),
        "labels_train": codec.latent["labels.class"][:KEPT].contiguous(),
        "interpolations": _ways(codec, latents, spherical=False),
        "spherical_interpolations": _ways(codec, latents, spherical=True),
    }
    for name, source in (("prior_samples", "prior"), ("mixture_samples", "mixture")):
        generator = torch_generator(seed, "shown", source)
        try:
            drawn = codec.sample(SAMPLES, generator=generator, source="mixture" if source == "mixture" else "prior")
        except ParameterError:
            continue
        found[name] = _bytes(drawn)
    if latents.shape[2] == 1:
        found["traversals"] = _traversals(codec, latents)
        if latents.shape[1] == 2:
            found["manifold"] = _manifold(codec, latents)
    return found


def _bytes(frames: Frames) -> Tensor:
    """The first channel as grey values (picture, height, width)."""
    return (frames[:, 0].clamp(0, 1) * 255).round().to(torch.uint8)


def _decoded(codec: FrameCodec, grid: Tensor) -> Tensor:
    """Tiles (row, column, height, width) of latents (row, column, latent, step)."""
    return _bytes(codec.decode_frames(grid.flatten(0, 1))).unflatten(0, grid.shape[:2])


def _ways(codec: FrameCodec, latents: Latents, *, spherical: bool) -> Tensor:
    """From one test picture to another, along a straight line or along a great circle."""
    share = torch.linspace(0, 1, STEPS)[None, :, None]
    begin, end = (latents[first : 2 * PAIRS : 2].flatten(1)[:, None] for first in (0, 1))
    points = slerp(begin, end, share) if spherical else torch.lerp(begin, end, share)
    return _decoded(codec, points.unflatten(2, latents.shape[1:]))


def slerp(begin: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """``sin((1 - t) w) / sin(w) a + sin(t w) / sin(w) b`` with w the angle between a and b (last axis).

    (K. Shoemake, "Animating rotation with quaternion curves", 1985, https://doi.org/10.1145/325165.325242.) Where they
    point the same or opposite ways, the straight line.
    """
    cosine = torch.cosine_similarity(begin, end, dim=-1).clamp(-1, 1)[..., None]
    angle = torch.acos(cosine)
    sine = torch.sin(angle)
    curved = (torch.sin((1 - share) * angle) * begin + torch.sin(share * angle) * end) / sine.clamp_min(1e-6)
    return torch.where(sine < 1e-3, torch.lerp(begin, end, share), curved)


def _traversals(codec: FrameCodec, latents: Latents) -> Tensor:
    """The latents that vary most, one per row, moved through the first test picture's code."""
    mean, deviation = latents.mean(0), latents.std(0)
    widest = deviation[:, 0].argsort(descending=True)[:TRAVERSED]
    points = latents[:1, None].repeat(len(widest), STEPS, 1, 1)
    for row, latent in enumerate(widest):
        points[row, :, latent, 0] = mean[latent, 0] + deviation[latent, 0] * torch.linspace(-REACH, REACH, STEPS)
    return _decoded(codec, points)


def _manifold(codec: FrameCodec, latents: Latents) -> Tensor:
    """The plane of two latents at the quantiles of the test codes: every tile stands for as many pictures."""
    levels = torch.linspace(0.02, 0.98, MANIFOLD)
    across, up = (torch.quantile(latents[:, i, 0], levels) for i in (0, 1))
    rows, columns = torch.meshgrid(up.flip(0), across, indexing="ij")
    return _decoded(codec, torch.stack([columns, rows], dim=-1)[..., None])
