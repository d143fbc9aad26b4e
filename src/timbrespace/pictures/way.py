"""A path on a map, as SVG: faint places of the data, and a line over them whose colour tells the time."""

from __future__ import annotations

import html

import numpy as np

from timbrespace.pictures.vector import HEIGHT, MARGIN, RAMP, WIDTH

MOST_POINTS = 4000
"""Points of a line in a picture; more are thinned evenly."""


def way(
    places: np.ndarray, path: np.ndarray, *, horizontal: str, vertical: str, ends: tuple[str, str], alt: str
) -> str:
    """``places`` (place, 2) as faint dots and ``path`` (point, 2) as a line from its first point, a ring, to its last,
    a square; ``ends`` are what the legend calls the two ends of the time.

    The frame holds the path and all but the outermost half per cent of the places, which are drawn at the border.
    """
    path = path[:: -(-len(path) // MOST_POINTS)] if len(path) > MOST_POINTS else path
    low = np.minimum(np.quantile(places, 0.005, axis=0), path.min(0))
    high = np.maximum(np.quantile(places, 0.995, axis=0), path.max(0))
    dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in _on_paper(places, low, high))
    line = _on_paper(path, low, high)
    cuts = np.linspace(0, len(line) - 1, len(RAMP) + 1).round().astype(int)
    parts = [
        f'<path d="{_polyline(line[a : b + 1])}" stroke="{colour}" class="way"/>'
        for a, b, colour in zip(cuts[:-1], cuts[1:], RAMP, strict=True)
    ]
    (x0, y0), (x1, y1) = line[0], line[-1]
    keys = "".join(f'<i style="background:{colour}"></i>' for colour in RAMP)
    return (
        f'<figure class="map"><svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{html.escape(alt)}">'
        f'<rect x="{MARGIN / 2:g}" y="{MARGIN / 2:g}" width="{WIDTH - MARGIN:g}" height="{HEIGHT - MARGIN:g}"'
        f' class="frame"/><path d="{dots}" class="points faint"/>{"".join(parts)}'
        f'<circle cx="{x0:.1f}" cy="{y0:.1f}" r="4.5" class="first"/>'
        f'<rect x="{x1 - 4:.1f}" y="{y1 - 4:.1f}" width="8" height="8" class="last"/>'
        f'<text x="{WIDTH / 2:g}" y="{HEIGHT - 3:g}" text-anchor="middle">{html.escape(horizontal)}</text>'
        f'<text transform="translate(11 {HEIGHT / 2:g}) rotate(-90)" text-anchor="middle">{html.escape(vertical)}'
        f'</text></svg><figcaption>○ {html.escape(ends[0])} <span class="ramp">{keys}</span> {html.escape(ends[1])} ■'
        "</figcaption></figure>"
    )


def _on_paper(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    inside = np.clip((points - low) / np.maximum(high - low, 1e-12), -0.02, 1.02)
    room = np.array([WIDTH - 2 * MARGIN, -(HEIGHT - 2 * MARGIN)])  # a page counts downwards
    return np.asarray(np.array([MARGIN, HEIGHT - MARGIN]) + inside * room)


def _polyline(points: np.ndarray) -> str:
    return "".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(points))
