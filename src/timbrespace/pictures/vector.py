"""Pictures as SVG, whose colours follow the page: light on dark, or dark on light."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RAMP = ("#4a58b0", "#4d7fc4", "#4ea3c0", "#6cc0a6", "#a8d184", "#e3c84f")
"""Low to high: rising lightness, so that it also reads without colour."""
KINDS = ("#2f7fb5", "#d1495b", "#e0a030", "#7a9e3f", "#8f5d9f", "#00a08a", "#a0694b", "#7d8590")
MARKS = ("h0", "m-2 0h4m-2-2v4", "m-1.6-1.6l3.2 3.2m0-3.2l-3.2 3.2", "m-2 0h4")
"""A dot, a plus, a cross, a dash: kinds differ in shape as well as in colour."""
WIDTH, HEIGHT, MARGIN = 440.0, 360.0, 34.0


@dataclass(frozen=True)
class Layer:
    """Points (point, 2) of one kind, with the words of its legend, its colour and the mark's path."""

    label: str
    points: np.ndarray
    colour: str
    mark: str = "h0"


def ramp_layers(points: np.ndarray, values: np.ndarray, labels: Sequence[str]) -> list[Layer]:
    """Points (point, 2) in as many layers as the ramp has colours, by the rank of their values; NaN come first."""
    known = np.isfinite(values)
    edges = np.quantile(values[known], np.linspace(0, 1, len(RAMP) + 1)[1:-1]) if known.any() else np.zeros(0)
    bins = np.searchsorted(edges, values)
    unknown = [Layer("none", points[~known], "#8888")] if not known.all() else []
    return unknown + [
        Layer(label, points[known & (bins == i)], colour)
        for i, (label, colour) in enumerate(zip(labels, RAMP, strict=True))
    ]


def kind_layers(points: np.ndarray, kinds: Sequence[str]) -> list[Layer]:
    """Points (point, 2) in one layer per kind, the most numerous first, in order of size."""
    names, of, counts = np.unique(np.asarray(kinds), return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [
        Layer(str(names[k]), points[of == k], KINDS[i % len(KINDS)], MARKS[i % len(MARKS)]) for i, k in enumerate(order)
    ]


def scatter(layers: Sequence[Layer], *, horizontal: str, vertical: str, legend: str, alt: str) -> str:
    """A scatter plot with a legend beneath; the outermost half per cent of points is drawn at the border."""
    everything = np.concatenate([layer.points for layer in layers])
    low, high = np.quantile(everything, 0.005, axis=0), np.quantile(everything, 0.995, axis=0)
    room = np.maximum(high - low, 1e-12)
    parts = []
    for layer in layers:
        inside = np.clip((layer.points - low) / room, -0.02, 1.02)
        x = MARGIN + inside[:, 0] * (WIDTH - 2 * MARGIN)
        y = HEIGHT - MARGIN - inside[:, 1] * (HEIGHT - 2 * MARGIN)
        path = "".join(f"M{a:.1f} {b:.1f}{layer.mark}" for a, b in zip(x, y, strict=True))
        width = 3.2 if layer.mark == "h0" else 1.2
        parts.append(f'<path d="{path}" stroke="{layer.colour}" stroke-width="{width}" class="points"/>')
    return (
        f'<figure class="map"><svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{html.escape(alt)}">'
        f'<rect x="{MARGIN / 2:g}" y="{MARGIN / 2:g}" width="{WIDTH - MARGIN:g}" height="{HEIGHT - MARGIN:g}"'
        f' class="frame"/>{"".join(parts)}'
        f'<text x="{WIDTH / 2:g}" y="{HEIGHT - 3:g}" text-anchor="middle">{html.escape(horizontal)}</text>'
        f'<text transform="translate(11 {HEIGHT / 2:g}) rotate(-90)" text-anchor="middle">{html.escape(vertical)}'
        f"</text></svg><figcaption>{html.escape(legend)} {_keys(layers)}</figcaption></figure>"
    )


def small_curve(
    x: np.ndarray,
    curves: np.ndarray,
    *,
    low: float,
    high: float,
    title: str,
    ends: tuple[str, str],
    logarithmic: bool = False,
    axis_ends: tuple[str, str] = ("", ""),
) -> str:
    """A small panel of curves (curve, point) over ``x``, the first one thick; ``ends`` are written at low and high."""
    scale = np.log if logarithmic else np.asarray
    bottom, top = float(scale(low)), float(scale(high))
    y = 70.0 - 58.0 * (scale(np.maximum(curves, 1e-12) if logarithmic else curves) - bottom) / max(top - bottom, 1e-12)
    at = 4.0 + 112.0 * (x - x[0]) / max(float(x[-1] - x[0]), 1e-12)
    lines = [
        f'<path d="{_line(at, row)}" class="{"main" if i == 0 else "other"}"/>'
        for i, row in reversed(list(enumerate(y)))
    ]
    nothing = "" if np.isfinite(curves).any() else '<text x="60" y="44" text-anchor="middle">no pitch</text>'
    return (
        f'<svg viewBox="0 0 120 96" role="img" aria-label="{html.escape(title)} along the way">'
        f'<rect x="2" y="10" width="116" height="62" class="frame"/>{"".join(lines)}{nothing}'
        f'<text x="2" y="7" class="title">{html.escape(title)}</text>'
        f'<text x="117" y="7" text-anchor="end">{html.escape(ends[1])}</text>'
        f'<text x="117" y="81" text-anchor="end">{html.escape(ends[0])}</text>'
        f'<text x="3" y="92">{html.escape(axis_ends[0])}</text>'
        f'<text x="117" y="92" text-anchor="end">{html.escape(axis_ends[1])}</text></svg>'
    )


def staircase(shares: Sequence[float], marks: Sequence[tuple[float, int]], *, alt: str) -> str:
    """Cumulative shares as bars, with a dotted line at each mark ``(share, count)`` and the count written at it."""
    n = len(shares)
    step = 400.0 / n
    bars = "".join(
        f'<rect x="{40 + i * step:.1f}" y="{150 - 130 * s:.1f}" width="{max(step - 2, step * 0.7):.1f}"'
        f' height="{130 * s:.1f}" class="bar"/>'
        for i, s in enumerate(shares)
    )
    lines = "".join(
        f'<path d="M40 {150 - 130 * f:.1f}H440" class="mark"/>'
        f'<text x="36" y="{153 - 130 * f + shift:.1f}" text-anchor="end">{100 * f:g} %</text>'
        f'<text x="444" y="{153 - 130 * f + shift:.1f}">{count}</text>'
        for (f, count), shift in zip(marks, _apart([150 - 130 * f for f, _ in marks]), strict=True)
    )
    return (
        f'<figure class="stairs"><svg viewBox="0 0 470 176" role="img" aria-label="{html.escape(alt)}">{bars}{lines}'
        f'<text x="40" y="168">1</text><text x="438" y="168" text-anchor="end">{n} dimensions</text></svg></figure>'
    )


def _apart(heights: Sequence[float], least: float = 10.0) -> list[float]:
    """Shifts (upwards negative) that keep labels at falling ``heights`` from touching."""
    shifts, above = [], float("inf")
    for height in heights:
        place = min(height, above - least)
        shifts.append(place - height)
        above = place
    return shifts


def _line(x: np.ndarray, y: np.ndarray) -> str:
    path, pen = [], "M"
    for a, b in zip(x, np.clip(y, 8.0, 74.0), strict=True):
        if np.isfinite(b):
            path.append(f"{pen}{a:.1f} {b:.1f}")
        pen = "L" if np.isfinite(b) else "M"
    return "".join(path)


def _keys(layers: Sequence[Layer]) -> str:
    return " ".join(
        f'<span class="key"><svg viewBox="-5 -5 10 10" aria-hidden="true"><path d="M0 0{layer.mark}"'
        f' stroke="{layer.colour}" stroke-width="{6 if layer.mark == "h0" else 2}" class="points"/></svg>'
        f"{html.escape(layer.label)}</span>"
        for layer in layers
        if len(layer.points)
    )
