"""The numbers of an exploration, for programs: what the report shows, as one table."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from timbrespace.audio.descriptors import DESCRIPTORS, NAMES
from timbrespace.core.version import __version__
from timbrespace.evaluation.exploration import Exploration
from timbrespace.evaluation.explore_listening import Journey
from timbrespace.evaluation.explore_survey import sizes
from timbrespace.latent.correlation import Estimate
from timbrespace.latent.space import FIDELITIES

FORMULAS = {
    "informative": "smallest k with (variance of axes 1..k) / (variance of all) >= fidelity; full principal component"
    " analysis of pooled posterior means, in the metric of what is heard where the model has one",
    "informative_latents": "the same with the latents' own distances, as in RAVE",
    "collapsed": "latents whose variance over the data is at most 1 % of the widest one's",
    "correlations": "[r, low, high]: Pearson on each descriptor's scale (logarithm of Hz and of flatness), Spearman of"
    " ranks; 95 % percentile intervals of 200 bootstrap draws of whole sounds",
    "heard_db": "mean |L(+1 sd) - L(-1 sd)| / 2 over moments, frames and 128 mel bands; L: decoded log-mel in dB, 60 dB"
    " range",
    "effect": "mean (d(+1 sd) - d(-1 sd)) / 2 over 8 moments, on the descriptor's scale (natural logarithm of Hz and of"
    " flatness)",
    "agreement": "share of these moments that change in the direction of the mean",
    "smoothness": "1 - mean |p[t-1] - 2 p[t] + p[t+1]|^2 / (6 mean |p - mean p|^2), p: descriptors of 25 places in"
    " standard deviations of the data; shuffled: same places in random order; noise: 25 random places of the data's"
    " normal distribution",
    "explained": "R^2 of descriptors by linear regression on all axes, for sounds left out of the fit (5 folds)",
}


def numbers(e: Exploration) -> dict[str, Any]:
    """The table; what is undefined is null."""
    space = e.space
    share = space.variances / space.variances.sum()
    return {
        "timbrespace": __version__,
        "model": e.name,
        "sample_rate": e.codec.sample_rate,
        "ratio": e.codec.ratio,
        "rate_hz": e.codec.sample_rate / e.codec.ratio,
        "latent_dim": e.codec.latent_dim,
        "data": sizes(e.found),
        "axes_of": "training sounds" if e.trained else "these sounds",
        "informative": {f"{f:g}": space.informative(f) for f in FIDELITIES},
        "informative_latents": {f"{f:g}": e.plain.informative(f) for f in FIDELITIES},
        "fidelity": _plain(space.fidelity()),
        "collapsed": list(space.collapsed),
        "axes": [_axis(e, i, float(share[i])) for i in range(len(space.axes))],
        "explained": dict(zip(NAMES, _plain(e.directions.explained), strict=True)),
        "listening": {
            **{f"axis {i + 1}": _journey(e, j) for i, j in enumerate(e.axes)},
            **{d: _journey(e, j) for d, j in e.along.items()},
        },
        "descriptors": [{"name": d.name, "unit": d.unit, "scale": d.scale} for d in DESCRIPTORS],
        "formulas": FORMULAS,
    }


def _axis(e: Exploration, i: int, share: float) -> dict[str, Any]:
    space = e.space
    row: dict[str, Any] = {
        "axis": i + 1,
        "name": space.names[i],
        "variance": float(space.variances[i]),
        "share": share,
        "low": float(space.low[i]),
        "high": float(space.high[i]),
        "heard_db": float(e.turning.heard_db[i]),
        "effect": dict(zip(NAMES, _plain(e.turning.effect[i]), strict=True)),
        "agreement": dict(zip(NAMES, _plain(e.turning.agreement[i]), strict=True)),
    }
    if space.correlations is not None:
        row["pearson"] = _interval(space.correlations.pearson, i)
        row["spearman"] = _interval(space.correlations.spearman, i)
    if i < len(e.ends):
        row["ends"] = {side: _place(e, m) for side, m in zip(("low", "high"), e.ends[i], strict=True)}
    return row


def _interval(estimate: Estimate, axis: int) -> dict[str, list[float | None]]:
    parts = (estimate.value, estimate.low, estimate.high)
    return {name: [_number(float(p[axis, d])) for p in parts] for d, name in enumerate(NAMES)}


def _journey(e: Exploration, journey: Journey) -> dict[str, Any]:
    smooth = journey.smooth
    return {
        "moment": _place(e, journey.moment),
        "at": _plain(journey.at),
        "curves": {name: _plain(journey.curves[0, :, d]) for d, name in enumerate(NAMES)},
        "smoothness": _number(smooth.axis),
        "smoothness_shuffled": _number(smooth.shuffled),
        "smoothness_noise": _number(smooth.noise),
    }


def _place(e: Exploration, moment: int) -> dict[str, Any]:
    seconds = int(e.moments.step[moment]) * e.codec.ratio / e.codec.sample_rate
    return {"sound": e.found.names[int(e.moments.source[moment])], "seconds": round(seconds, 3)}


def _plain(values: Tensor) -> list[float | None]:
    return [_number(v) for v in values.tolist()]


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
