"""The pictures a report shows of every variant: copies, samples, traversals, ways between, manifold, latents."""

from __future__ import annotations

import torch
from torch import Tensor

from timbrespace.codecs.frames import FrameCodec
from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import torch_generator
from timbrespace.core.shapes import Frames, Latents
from timbrespace.datasets.base import Split
from timbrespace.latent.paths import line, slerp

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
    flat = latents.flatten(1)
    way = slerp if spherical else line
    ways = [way(flat[2 * i], flat[2 * i + 1], seconds=STEPS, rate_hz=1.0).points for i in range(PAIRS)]
    return _decoded(codec, torch.stack(ways).unflatten(2, latents.shape[1:]))


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
