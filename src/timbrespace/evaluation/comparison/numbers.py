"""The numbers of a comparison, for programs: what the report shows, as one table."""

from __future__ import annotations

import math
from typing import Any

from timbrespace.core.version import __version__
from timbrespace.evaluation.comparison.contestant import Contestant
from timbrespace.evaluation.comparison.rebuilding import ERRORS, Rebuilt
from timbrespace.evaluation.comparison.result import Comparison, GroupResult
from timbrespace.evaluation.comparison.scores import MEASURES


def numbers(c: Comparison) -> dict[str, Any]:
    """The table; what is undefined is null."""
    return {
        "timbrespace": __version__,
        "seed": c.seed,
        "paths_per_group": len(next(iter(c.results.values())).paths),
        "seconds_per_path": c.seconds,
        "mapping": c.mapping,
        "judged_at_hz": c.rate,
        "models": {m.name: _facts(m) for m in c.models},
        "hands": {h.name: [t.label for t in h.tracks] for h in c.hands},
        "rebuilding": {name: _rebuilt(r, seed=c.seed) for name, r in c.rebuilt.items()},
        "rebuilt_sounds": {"count": len(next(iter(c.rebuilt.values())).errors["log_mel_db"]), "unseen": c.unseen},
        "coverage": {m.name: {g: _group(c.results[m.name, g]) for g in c.groups} for m in c.models},
        "differences": [
            {
                "measure": d.measure,
                "of": list(d.what),
                "against": list(d.against),
                "difference": [_number(v) for v in (d.value, d.low, d.high)],
                "p": _number(d.p_value),
                "decided": d.decided,
            }
            for d in c.differences
        ],
        "formulas": {m.name: m.formula for m in MEASURES},
    }


def _facts(m: Contestant) -> dict[str, Any]:
    return {
        "kind": type(m.codec).__name__,
        "sample_rate": m.codec.sample_rate,
        "ratio": m.codec.ratio,
        "rate_hz": _number(m.rate_hz),
        "latent_dim": m.codec.latent_dim,
        "numbers_per_second": _number(m.rate_hz * m.codec.latent_dim),
        "informative": {f"{f:g}": m.known.space.informative(f) for f in (0.80, 0.95)},
        "collapsed": len(m.known.space.collapsed),
        "sounds": {"known": _sounds(m.known.source), "reference": _sounds(m.reference.source)},
    }


def _sounds(source: Any) -> int:
    return len(source.unique())


def _rebuilt(r: Rebuilt, *, seed: int) -> dict[str, Any]:
    table: dict[str, Any] = {name: [_number(v) for v in r.interval(name, seed=seed)] for name in ERRORS}
    return table | {
        "encode_seconds_per_second": _number(r.encode_cost),
        "decode_seconds_per_second": _number(r.decode_cost),
    }


def _group(g: GroupResult) -> dict[str, Any]:
    return {
        **{name: [_number(v) for v in (s.value, s.low, s.high)] for name, s in g.scores.items()},
        "range_per_axis": [_number(v) for v in g.ranges],
        "descriptors": {name: {k: _number(v) for k, v in row.items()} for name, row in g.descriptors.items()},
    }


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
