"""The numbers of an exploration, for programs: what the report shows, as one table."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from torch import Tensor

from timbrespace.audio.descriptors import DESCRIPTORS, NAMES
from timbrespace.core.version import __version__
from timbrespace.evaluation.exploration import Exploration
from timbrespace.evaluation.explore_listening import Journey
from timbrespace.evaluation.explore_map import Cluster
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
    "trustworthiness": "1 - 2 / (n k (2 n - 3 k - 1)) sum over places i, and over those j among the k = 15 nearest on"
    " the map but not in the space, of (rank of j from i in the space - k); continuity: the same with map and space"
    " exchanged (Venna and Kaski 2001)",
    "groups": "Gaussian mixture with the least ICL = -2 log likelihood + parameters log n + 2 entropy of the"
    " responsibilities, 1 to 12 components on the principal axes; deviations: (median - median of all) / standard"
    " deviation of all; medoid: least summed distance to its group",
    "agreement_with_labels": "adjusted Rand index (chance 0); mutual information / mean entropy, beside its mean over"
    " shuffled labels",
    "carried": "map of the model, on sounds held out of it: map_error = rms distance from the place of UMAP / rms"
    " distance of places from their centre; explained = 1 - |z - from_map(to_map(z))|^2 / |z - mean|^2; change_db: mean"
    " difference of decoded log-mel spectra after the way over the map and back, apart_db: between two moments",
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
        "map": _map(e),
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


def _map(e: Exploration) -> dict[str, Any]:
    m = e.map
    carried = None
    if m.carried is not None:
        errors = {} if m.carried.errors is None else asdict(m.carried.errors)
        sound = {"change_db": m.carried.change_db, "apart_db": m.carried.apart_db}
        carried = {name: _number(value) for name, value in (errors | sound).items()}
    return {
        "places": len(m.umap),
        "umap": {name: _number(value) for name, value in m.umap_faith._asdict().items()},
        "pca": {name: _number(value) for name, value in m.pca_faith._asdict().items()},
        "groups": [_group(e, c) for c in m.described],
        "evidence": {str(count): _number(value) for count, value in m.clusters.evidence.items()},
        "label": m.told,
        "agreement_with_labels": {
            label: {name: _number(value) for name, value in asdict(agreed).items()}
            for label, agreed in m.agreements.items()
        },
        "carried": carried,
    }


def _group(e: Exploration, cluster: Cluster) -> dict[str, Any]:
    places, number = e.map.places, cluster.medoid
    seconds = int(places.step[number]) * e.codec.ratio / e.codec.sample_rate
    return {
        "places": cluster.size,
        "labels": [
            {"label": label, "share": _number(here), "share_of_all": _number(everywhere)}
            for label, here, everywhere in cluster.labels
        ],
        "deviations": dict(zip(NAMES, _plain(cluster.deviations), strict=True)),
        "medoid": {"sound": e.found.names[int(places.source[number])], "seconds": round(seconds, 3)},
    }


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
