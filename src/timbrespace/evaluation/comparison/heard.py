"""What paths sound like beside real sound: distributions of descriptors, and the Fréchet distance of spectra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.audio.descriptors import F0, NAMES, describe_sound, on_scale, per_step
from timbrespace.core.shapes import Sound
from timbrespace.evaluation.explore_turning import mel_db
from timbrespace.metrics.quality import frechet_distance

BINS = 10
VISITED = 0.01
"""A bin, which a tenth of the real sound falls into, is visited if this share of the paths' sound does."""
BANDS, COMPONENTS = 32, 12
MOMENT_SECONDS = 0.5
STEP = 2048
COMPARED = tuple(i for i in range(len(NAMES)) if i != F0)
"""Descriptors that are defined for every sound."""


@dataclass(frozen=True)
class RealSound:
    """The real sound that paths are heard beside: ``descriptors`` (step, descriptor) on their scales, the ``edges``
    (descriptor, bin - 1) of their deciles, the ``shares`` (descriptor, bin) of the steps between these (a tenth each,
    but where many steps are alike), standard ``deviations``, and moments of spectra as ``features``.

    Features of a moment of half a second are the means and deviations over time of 32 mel bands in dB, each in standard
    deviations of the real sound, turned to its 12 principal components: few enough for a covariance of some hundred
    moments.
    """

    descriptors: Float[Tensor, "step descriptor"]
    edges: Float[np.ndarray, "descriptor edge"]
    shares: Float[np.ndarray, "descriptor bin"]
    deviations: Float[np.ndarray, " descriptor"]
    offset: Float[Tensor, " raw"]
    scale: Float[Tensor, " raw"]
    components: Float[Tensor, "component raw"]
    features: Float[Tensor, "moment component"]
    change: Float[np.ndarray, " descriptor"]

    @classmethod
    def of(cls, sounds: Sequence[Sound], sample_rate: int) -> RealSound:
        """From real sounds (channel, time)."""
        curves = [described(s, sample_rate) for s in sounds]
        scaled, source = torch.cat(curves), torch.cat([torch.full((len(c),), i) for i, c in enumerate(curves)])
        edges = np.stack([np.nanquantile(c, np.linspace(0, 1, BINS + 1)[1:-1]) for c in scaled.T.numpy()])
        raw = torch.cat([spectral_moments(s, sample_rate) for s in sounds]).double()
        offset, scale = raw.mean(0), raw.std(0).clamp_min(1e-6)
        standard = (raw - offset) / scale
        _, _, rows = torch.linalg.svd(standard, full_matrices=False)
        components = rows[:COMPONENTS]
        return cls(
            scaled,
            edges,
            np.stack([_shares(c, e) for c, e in zip(scaled.T.numpy(), edges, strict=True)]),
            np.nanstd(scaled.numpy(), axis=0),
            offset,
            scale,
            components,
            standard @ components.T,
            mean_change(scaled, source),
        )

    def features_of(self, sound: Sound, sample_rate: int) -> Float[Tensor, "moment component"]:
        """The features of a sound's moments."""
        return ((spectral_moments(sound, sample_rate).double() - self.offset) / self.scale) @ self.components.T


def described(sound: Sound, sample_rate: int) -> Float[Tensor, "step descriptor"]:
    """Descriptors of every 2048 samples of a sound, on their scales; without pitch, which is not defined everywhere."""
    steps = max(1, sound.shape[-1] // STEP)
    return on_scale(per_step(describe_sound(sound, sample_rate), ratio=STEP, steps=steps))[:, list(COMPARED)].double()


def spectral_moments(sound: Sound, sample_rate: int) -> Float[Tensor, "moment raw"]:
    """Means and deviations over time of 32 mel bands in dB, for every half second of a sound; at least one moment."""
    mel = mel_db(sound[None], sample_rate)[0]
    bands = mel.unflatten(0, (BANDS, -1)).mean(1)
    frames = max(2, round(MOMENT_SECONDS * mel.shape[1] * sample_rate / sound.shape[-1]))
    moments = bands.split(frames, dim=1)
    whole = [m for m in moments if m.shape[1] == frames] or [bands]
    return torch.stack([torch.cat([m.mean(1), m.std(1, correction=0)]) for m in whole])


def mean_change(curves: Float[Tensor, "step descriptor"], source: Tensor) -> Float[np.ndarray, " descriptor"]:
    """Mean absolute difference of successive steps within a sound: how much descriptors move."""
    same = source.diff() == 0
    return np.asarray(curves.double().diff(dim=0)[same].abs().nanmean(0).numpy())


@dataclass(frozen=True)
class HeardPaths:
    """What the paths of a group sound like, path by path: descriptors (step, descriptor) on their scales, and features
    (moment, component).
    """

    curves: list[Float[Tensor, "step descriptor"]]
    features: list[Float[Tensor, "moment component"]]

    @classmethod
    def of(cls, sounds: Sequence[Sound], real: RealSound, sample_rate: int) -> HeardPaths:
        """From the sounds of paths, at the real sound's rate."""
        return cls([described(s, sample_rate) for s in sounds], [real.features_of(s, sample_rate) for s in sounds])

    def scores(self, real: RealSound, drawn: np.ndarray | None = None) -> dict[str, float]:
        """The measures of all paths together, or of those ``drawn`` by number.

        - descriptor_coverage: the share of the real sound's deciles of each descriptor that hold at least 1 % of the
          paths' steps, averaged over descriptors.
        - descriptor_overlap: the area that the histograms over these deciles share, averaged over descriptors: 1 where
          the distributions agree.
        - frechet: Fréchet distance of the features' Gaussians to the real sound's.
        """
        of = range(len(self.curves)) if drawn is None else drawn
        curves = torch.cat([self.curves[i] for i in of]).numpy()
        shares = np.stack([_shares(c, e) for c, e in zip(curves.T, real.edges, strict=True)])
        features = torch.cat([self.features[i] for i in of])
        return {
            "descriptor_coverage": float((shares >= VISITED)[real.shares > 0].mean()),
            "descriptor_overlap": float(np.minimum(shares, real.shares).sum(1).mean()),
            "frechet": frechet_distance(real.features, features) if len(features) > 1 else float("nan"),
        }

    def against(self, real: RealSound) -> dict[str, dict[str, float]]:
        """For each descriptor how far its distribution is from the real sound's (Wasserstein distance of first order,
        in standard deviations of the real sound), and how much it moves from step to step beside it (1: as much).
        """
        from scipy.stats import wasserstein_distance

        curves = torch.cat(self.curves).numpy()
        source = torch.cat([torch.full((len(c),), i) for i, c in enumerate(self.curves)])
        change = mean_change(torch.from_numpy(curves), source)
        table = {}
        for place, index in enumerate(COMPARED):
            ours, theirs = (v[np.isfinite(v)] for v in (curves[:, place], real.descriptors[:, place].numpy()))
            deviation, usual = real.deviations[place], real.change[place]
            far = wasserstein_distance(ours, theirs) / deviation if len(ours) and deviation > 0 else float("nan")
            table[NAMES[index]] = {
                "distance": float(far),
                "change": float(change[place] / usual) if usual > 0 else float("nan"),
            }
        return table


def _shares(values: np.ndarray, edges: np.ndarray) -> Float[np.ndarray, " bin"]:
    known = values[np.isfinite(values)]
    counts = np.bincount(np.searchsorted(edges, known), minlength=BINS)
    return np.asarray(counts / max(1, len(known)))
