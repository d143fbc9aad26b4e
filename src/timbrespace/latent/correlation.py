"""How strongly each axis of a space goes with each descriptor, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

RESAMPLES = 200
LEAST_UNITS = 20
"""Independent pieces a bootstrap needs; fewer sounds than these are cut into runs of successive steps."""


@dataclass(frozen=True)
class Estimate:
    """Values with the ends of their 95 % intervals, each (axis, descriptor); NaN where there is too little."""

    value: Tensor
    low: Tensor
    high: Tensor

    def turned(self, signs: Tensor) -> Estimate:
        """The estimate after axes with sign -1 have been turned round."""
        s = signs[:, None]
        low, high = torch.where(s > 0, self.low, -self.high), torch.where(s > 0, self.high, -self.low)
        return Estimate(self.value * s, low, high)


@dataclass(frozen=True)
class Correlations:
    """Pearson's and Spearman's coefficients of every axis with every descriptor."""

    pearson: Estimate
    spearman: Estimate

    def turned(self, signs: Tensor) -> Correlations:
        """The correlations after axes with sign -1 have been turned round."""
        return Correlations(self.pearson.turned(signs), self.spearman.turned(signs))


def correlate(
    points: Tensor,
    descriptors: Tensor,
    source: Tensor | None = None,
    *,
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Correlations:
    """Correlations of the columns of ``points`` (n, axis) and ``descriptors`` (n, descriptor).

    Rows where a descriptor is NaN do not count for it. The intervals are percentiles of a bootstrap that draws
    whole sounds (``source`` (n,) says which sound a row is of), for neighbours in time are not independent;
    with fewer than 20 sounds, runs of successive rows are drawn instead. Spearman's is Pearson's of the ranks
    among all rows; resamples keep these ranks. (Efron and Tibshirani 1993, chapter 13; Field and Welsh 2007 on
    clusters.)
    """
    from scipy.stats import rankdata  # takes longer to import than everything else here

    x, y = points.double().numpy(), descriptors.double().numpy()
    units = independent_units(len(x), source)
    counts = _draws(int(units.max()) + 1, resamples, generator)
    pearson, spearman = [], []
    ranks: dict[bytes, np.ndarray] = {}
    for column in y.T:
        known = np.isfinite(column)
        key = known.tobytes()
        if key not in ranks:
            ranks[key] = rankdata(x[known], axis=0) if known.any() else x[known]
        pearson.append(_estimate(x[known], column[known], units[known], counts))
        spearman.append(_estimate(ranks[key], rankdata(column[known]), units[known], counts))
    return Correlations(_gathered(pearson), _gathered(spearman))


def independent_units(n: int, source: Tensor | None) -> np.ndarray:
    """The unit of the bootstrap that each of ``n`` rows belongs to: its sound, or a run of rows of one sound."""
    of = np.zeros(n, np.int64) if source is None else np.unique(source.numpy(), return_inverse=True)[1].ravel()
    sounds = int(of.max()) + 1 if n else 0
    if sounds >= LEAST_UNITS:
        return of
    run = max(1, n // LEAST_UNITS)
    return np.unique(np.stack([of, np.arange(n) // run]), axis=1, return_inverse=True)[1].ravel()


def _draws(units: int, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """How often each unit is drawn, (resample, unit); the first row is the data as they are."""
    drawn = generator.multinomial(units, np.full(units, 1 / units), size=resamples)
    return np.concatenate([np.ones((1, units)), drawn])


def _estimate(x: np.ndarray, y: np.ndarray, units: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Value, low and high, (3, axis), of Pearson's coefficient: sums per unit, weighted by each draw."""
    if len(y) < 3:
        return np.full((3, x.shape[1]), np.nan)
    x, y = x - x.mean(0), y - y.mean()
    terms = np.concatenate([np.ones((len(y), 1)), y[:, None], y[:, None] ** 2, x, x**2, x * y[:, None]], axis=1)
    sums = np.zeros((counts.shape[1], terms.shape[1]))
    order = np.argsort(units, kind="stable")
    starts = np.flatnonzero(np.diff(units[order], prepend=-1))
    sums[units[order][starts]] = np.add.reduceat(terms[order], starts, axis=0)
    total = counts @ sums
    n, sy, syy = np.split(total[:, :3], 3, axis=1)
    sx, sxx, sxy = np.split(total[:, 3:], 3, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.maximum(sxx - sx**2 / n, 0) * np.maximum(syy - sy**2 / n, 0)
        r = np.where(variance > 1e-20, (sxy - sx * sy / n) / np.sqrt(variance), np.nan)
    return np.stack([r[0], *_percentiles(r[1:])]).clip(-1, 1)


def _percentiles(r: np.ndarray) -> np.ndarray:
    """2.5 % and 97.5 % of the draws of each axis; NaN where more than a tenth of them are undefined."""
    known = np.isfinite(r).mean(axis=0) > 0.9
    ends = np.full((2, r.shape[1]), np.nan)
    if known.any():
        ends[:, known] = np.nanpercentile(r[:, known], [2.5, 97.5], axis=0)
    return ends


def _gathered(columns: list[np.ndarray]) -> Estimate:
    value, low, high = (torch.from_numpy(np.stack([c[i] for c in columns], axis=1)).float() for i in range(3))
    return Estimate(value, low, high)
