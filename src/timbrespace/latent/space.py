"""A latent space as people see it: its informative axes, signed, named, and what they go with."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.audio.descriptors import NAMES, on_scale
from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import numpy_generator
from timbrespace.latent.correlation import Correlations, correlate
from timbrespace.latent.naming import axis_names

FIDELITIES = (0.80, 0.90, 0.95, 0.99)
"""Shares of the variance for which the number of informative axes is reported."""
COLLAPSED = 0.01
"""A latent whose variance over the data is below this share of the widest one's has collapsed."""
LEAST_HEARD = 1e-4
"""A direction's share of the most heard one's squared change, below which it counts as this much."""


@dataclass(frozen=True)
class LatentSpace:
    """The principal axes of a space's points (all of them), in decreasing order of variance.

    Distances are those of a metric G, ``|dz|² = dzᵀ G dz``: the identity, as in RAVE, or what is heard
    (:func:`~timbrespace.codecs.heard.heard_metric`), so that the first axis is the one along which the sounds
    differ most to the ear and not in the code's own units. Axis coordinates are ``p = A G^(1/2) (z - mean)`` with
    A the orthonormal principal axes of ``G^(1/2) z``.

    ``mean`` (latent,); ``axes`` (axis, latent), the rows of ``A G^(1/2)``; ``directions`` (axis, latent), what one
    unit along each axis adds to the latents, ``A G^(-1/2)`` (for the identity both are A); ``metric`` (latent,
    latent); ``variances`` (axis,) of the data along them;
    ``low`` and ``high`` (axis,), 1 % and 99 % quantiles of the data in axis coordinates; ``spread`` (latent,), the
    variance of each latent itself. ``names`` has one entry per axis: a descriptor's title, or "axis 3" where none
    is supported. ``correlations`` are those of the axes with the descriptors, None where these are not known.
    """

    mean: Tensor
    axes: Tensor
    directions: Tensor
    metric: Tensor
    variances: Tensor
    low: Tensor
    high: Tensor
    spread: Tensor
    names: tuple[str, ...]
    correlations: Correlations | None

    @classmethod
    def fit(
        cls,
        vectors: Float[Tensor, "n latent"],
        *,
        descriptors: Tensor | None = None,
        source: Tensor | None = None,
        metric: Tensor | None = None,
        seed: int = 0,
    ) -> LatentSpace:
        """The space of ``vectors``, pooled posterior means of latent steps, seen with ``metric`` (identity if None).

        ``descriptors`` (n, descriptor) in the order of :data:`~timbrespace.audio.descriptors.NAMES`, NaN where
        undefined, and ``source`` (n,), the sound of each vector, serve signs, correlations and names. Each axis
        points to where Pearson's correlation with loudness is not negative; where there is none, with
        centroid; without descriptors its largest component is positive.
        """
        _check(vectors, descriptors, source, metric)
        data = vectors.double()
        mean = data.mean(0)
        centred = data - mean
        stretch, shrink = _roots(torch.eye(data.shape[1]) if metric is None else metric)
        covariance = stretch @ (centred.T @ centred / max(1, len(data) - 1)) @ stretch
        values, columns = torch.linalg.eigh(covariance)
        turn = _largest_positive(columns.flip(1).T)
        axes = turn @ stretch
        correlations = None
        if descriptors is not None:
            generator = numpy_generator(seed, "correlations")
            correlations = correlate(centred @ axes.T, on_scale(descriptors), source, generator=generator)
            signs = _signs(correlations)
            turn, axes = turn * signs[:, None], axes * signs[:, None]
            correlations = correlations.turned(signs.float())
        low, high = _quantiles(centred @ axes.T)
        return cls(
            mean=mean.float(),
            axes=axes.float(),
            directions=(turn @ shrink).float(),
            metric=(stretch @ stretch).float(),
            variances=values.flip(0).clamp_min(0).float(),
            low=low,
            high=high,
            spread=centred.square().mean(0).float(),
            names=axis_names(correlations, len(axes)),
            correlations=correlations,
        )

    def fidelity(self) -> Tensor:
        """``f_k``, the share of the variance on the first k axes, for k = 1 ... latent; zeros if nothing varies."""
        total = self.variances.double().cumsum(0)
        return total / total[-1] if float(total[-1]) > 0 else torch.zeros_like(total)

    def informative(self, fidelity: float) -> int:
        """The smallest k with ``f_k >= fidelity`` (RAVE, Caillon and Esling 2021); 0 if nothing varies."""
        if not 0 < fidelity <= 1:
            raise ParameterError(f"A fidelity is a share above 0 and up to 1, not {fidelity}; usual are .80 to .99.")
        reached = self.fidelity() >= fidelity - 1e-9  # rounding must not cost an axis
        return int(reached.int().argmax()) + 1 if bool(reached.any()) else 0

    @property
    def deviations(self) -> Tensor:
        """Standard deviation of the data along each axis."""
        return self.variances.sqrt()

    @property
    def collapsed(self) -> tuple[int, ...]:
        """The latents that hardly vary over the data: turning them changes next to nothing that was learned."""
        widest = float(self.spread.max())
        return tuple(i for i, v in enumerate(self.spread.tolist()) if v <= COLLAPSED * widest)

    def project(self, latents: Float[Tensor, "... latent"]) -> Float[Tensor, "... axis"]:
        """Axis coordinates of latents, zero at the mean of the data."""
        return (latents - self.mean) @ self.axes.T

    def unproject(self, coordinates: Float[Tensor, "... axis"]) -> Float[Tensor, "... latent"]:
        """The inverse of :meth:`project`."""
        return coordinates @ self.directions + self.mean


def _roots(metric: Tensor) -> tuple[Tensor, Tensor]:
    """``G^(1/2)`` and ``G^(-1/2)`` of a symmetric G; what is not heard at all keeps a little, so that both exist."""
    values, vectors = torch.linalg.eigh(metric.double())
    roots = values.clamp_min(LEAST_HEARD * float(values.max())).sqrt()
    return (vectors * roots) @ vectors.T, (vectors / roots) @ vectors.T


def _check(vectors: Tensor, descriptors: Tensor | None, source: Tensor | None, metric: Tensor | None) -> None:
    if len(vectors) < 2 or vectors.shape[1] < 1:
        raise ParameterError(f"A space is fitted to two vectors or more, not to shape {tuple(vectors.shape)}.")
    if not bool(torch.isfinite(vectors).all()):
        raise ParameterError("A space is fitted to finite vectors; these hold NaN or infinite values.")
    if descriptors is not None and descriptors.shape != (len(vectors), len(NAMES)):
        raise ParameterError(
            f"{len(vectors)} vectors need descriptors of shape {(len(vectors), len(NAMES))},"
            f" not {tuple(descriptors.shape)}."
        )
    size = vectors.shape[1]
    if metric is not None and not (metric.shape == (size, size) and float(metric.diagonal().max()) > 0):
        raise ParameterError(
            f"A metric of {size} latents is a positive matrix of shape {(size, size)}, not {tuple(metric.shape)}"
            f" with a greatest diagonal element of {float(metric.diagonal().max()) if metric.ndim == 2 else 0:g}."
        )
    if source is not None and source.shape != (len(vectors),):
        raise ParameterError(f"{len(vectors)} vectors need as many sources, not shape {tuple(source.shape)}.")


def _largest_positive(axes: Tensor) -> Tensor:
    peak = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    return axes * torch.where(peak < 0, -1.0, 1.0)


def _signs(correlations: Correlations) -> Tensor:
    """-1 for every axis that has to be turned round, else 1."""
    loudness, centroid = (
        correlations.pearson.value[:, NAMES.index(n)].nan_to_num(0.0) for n in ("loudness", "centroid")
    )
    decisive = torch.where(loudness.abs() > 1e-6, loudness, centroid)
    return torch.where(decisive < 0, -1.0, 1.0).double()


def _quantiles(points: Tensor) -> tuple[Tensor, Tensor]:
    # Not torch.quantile, which refuses more than sixteen million values.
    ordered = points.sort(dim=0).values
    last = len(points) - 1
    return ordered[round(0.01 * last)].float(), ordered[round(0.99 * last)].float()
