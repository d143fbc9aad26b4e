"""Small panels as SVG, made to stand in a grid: all panels of a grid share their axes."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WIDTH, HEIGHT = 200.0, 120.0
LEFT, RIGHT, TOP, BOTTOM = 34.0, 6.0, 6.0, 18.0
SIDE = 160.0
"""Both sides of a class map."""
HUES = ("#2f7fb5", "#d1495b", "#c98a12", "#6b8f2f", "#8f5d9f", "#00937f", "#a0694b", "#7d8590", "#d0679d", "#4a58b0")
"""Ten kinds; those that are close in hue differ in mark."""
SHAPES = ("h0", "m-1.4 0h2.8m-1.4-1.4v2.8", "m-1.1-1.1l2.2 2.2m0-2.2l-2.2 2.2")
"""A dot, a plus, a cross."""


@dataclass(frozen=True)
class Axis:
    """The range that panels share, and whether it is logarithmic."""

    low: float
    high: float
    logarithmic: bool = False

    def share(self, values: np.ndarray) -> np.ndarray:
        """Where values lie between low (0) and high (1)."""
        if self.logarithmic:
            values = np.log(np.maximum(values, 1e-12) / self.low) / max(np.log(self.high / self.low), 1e-12)
            return np.asarray(values)
        return np.asarray((values - self.low) / max(self.high - self.low, 1e-12))


def axis_over(values: np.ndarray, *, cut: float = 0.0, room: float = 0.04, logarithmic: bool = False) -> Axis:
    """The range of the finite values but the share ``cut`` at the top, with some room at both ends."""
    known = values[np.isfinite(values) & ((values > 0) | (not logarithmic))]
    if not known.size:
        return Axis(1.0, 10.0, logarithmic)
    low, high = float(known.min()), float(np.quantile(known, 1 - cut))
    if logarithmic:
        spread = max((high / low) ** room, 1.05)
        return Axis(low / spread, high * spread, True)
    spread = room * (high - low) if high > low else 0.01 * abs(high) + 1e-9
    return Axis(low - spread, high + spread)


def paths_of(lines: Sequence[tuple[np.ndarray, np.ndarray]], x: Axis, y: Axis) -> str:
    """SVG path data of lines ``(x, y)``; unknown points break a line, those out of range run along the border."""
    return "".join(_line(x.share(np.asarray(a, float)), y.share(np.asarray(b, float))) for a, b in lines)


def curve_panel(
    lines: Sequence[tuple[np.ndarray, np.ndarray]], *, x: Axis, y: Axis, behind: str, x_title: str, alt: str
) -> str:
    """Lines of one variant, in front of the lines of all that the page defines once under the id ``behind``."""
    ends = "".join(
        f'<text x="{LEFT - 3:g}" y="{at:g}" text-anchor="end">{short(value)}</text>'
        for at, value in ((TOP + 8, y.high), (HEIGHT - BOTTOM, y.low))
    )
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{html.escape(alt)}">{_frame()}'
        f'<use href="#{html.escape(behind)}" class="others"/><path d="{paths_of(lines, x, y)}" class="seeds"/>{ends}'
        f'<text x="{LEFT:g}" y="{HEIGHT - 5:g}">{short(x.low)}</text>'
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:g}" y="{HEIGHT - 5:g}" text-anchor="middle">'
        f"{html.escape(x_title)}</text>"
        f'<text x="{WIDTH - RIGHT:g}" y="{HEIGHT - 5:g}" text-anchor="end">{short(x.high)}</text></svg>'
    )


def bar_panel(values: np.ndarray, *, high: float, alt: str) -> str:
    """One bar per value, from zero to ``high``."""
    step = (WIDTH - LEFT - RIGHT) / max(len(values), 1)
    tall = (HEIGHT - TOP - BOTTOM) * np.clip(values / max(high, 1e-12), 0, 1)
    bars = "".join(
        f"M{LEFT + i * step + 0.1 * step:.1f} {HEIGHT - BOTTOM:g}h{0.8 * step:.1f}v{-t:.1f}h{-0.8 * step:.1f}z"
        for i, t in enumerate(tall)
    )
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{html.escape(alt)}">{_frame()}'
        f'<path d="{bars}" class="fill"/><text x="{LEFT - 3:g}" y="{TOP + 8:g}" text-anchor="end">{short(high)}</text>'
        f'<text x="{LEFT - 3:g}" y="{HEIGHT - BOTTOM:g}" text-anchor="end">0</text>'
        f'<text x="{LEFT:g}" y="{HEIGHT - 5:g}">1</text>'
        f'<text x="{WIDTH - RIGHT:g}" y="{HEIGHT - 5:g}" text-anchor="end">{len(values)}</text></svg>'
    )


def class_map(points: np.ndarray, kinds: np.ndarray, *, horizontal: Axis, vertical: Axis, alt: str) -> str:
    """Points (point, 2) in the colour and shape of their kind (point,), inside the given ranges."""
    place = np.clip(np.stack([horizontal.share(points[:, 0]), vertical.share(points[:, 1])], axis=1), 0, 1)
    place = np.round(np.array([1.0, -1.0]) * place * (SIDE - 6) + np.array([3.0, SIDE - 3]), 1)
    marks = []
    for kind in np.unique(kinds).tolist():
        mark = shape(kind)
        path = "".join(f"M{a:g} {b:g}{mark}" for a, b in place[kinds == kind].tolist())
        marks.append(f'<path d="{path}" stroke="{hue(kind)}" stroke-width="{thickness(kind)}"/>')
    return (
        f'<svg viewBox="0 0 {SIDE:g} {SIDE:g}" role="img" aria-label="{html.escape(alt)}" class="points">'
        f'<rect x=".5" y=".5" width="{SIDE - 1:g}" height="{SIDE - 1:g}" class="frame"/>{"".join(marks)}</svg>'
    )


@dataclass(frozen=True)
class Point:
    """A label in a chart with the low end, middle and high end of both its intervals; ``kind`` is a class of CSS."""

    label: str
    title: str
    x: tuple[float, float, float]
    y: tuple[float, float, float]
    kind: str = ""


def point_chart(points: Sequence[Point], *, x_title: str, y_title: str, alt: str) -> str:
    """Labels at their place on two logarithmic axes, each with a cross of its intervals, cut at the frame."""
    width, height, left, right, bottom = 460.0, 330.0, 46.0, 16.0, 34.0
    x = axis_over(np.array([p.x[1] for p in points]), room=0.08, logarithmic=True)
    y = axis_over(np.array([p.y[1] for p in points]), room=0.08, logarithmic=True)

    def across(values: Sequence[float]) -> np.ndarray:
        return np.asarray(left + np.clip(x.share(np.array(values)), 0, 1) * (width - left - right))

    def down(values: Sequence[float]) -> np.ndarray:
        return np.asarray(height - bottom - np.clip(y.share(np.array(values)), 0, 1) * (height - bottom - 8))

    marks = []
    for p in points:
        (a, b, c), (d, e, f) = across(p.x), down(p.y)
        marks.append(
            f'<g class="{html.escape(p.kind)}"><title>{html.escape(p.title)}</title>'
            f'<path d="M{a:.1f} {e:.1f}H{c:.1f}M{b:.1f} {d:.1f}V{f:.1f}" class="cross"/>'
            f'<circle cx="{b:.1f}" cy="{e:.1f}" r="2.2" class="dot"/>'
            f'<text x="{b + 3.5:.1f}" y="{e - 3:.1f}" class="label">{html.escape(p.label)}</text></g>'
        )
    ticks = "".join(
        f'<path d="M{a:.1f} {height - bottom:g}v4" class="cross"/>'
        f'<text x="{a:.1f}" y="{height - bottom + 13:g}" text-anchor="middle">{short(v)}</text>'
        for v in log_ticks(x)
        for a in across([v])
    ) + "".join(
        f'<path d="M{left - 4:g} {d:.1f}h4" class="cross"/>'
        f'<text x="{left - 6:g}" y="{d + 3:.1f}" text-anchor="end">{short(v)}</text>'
        for v in log_ticks(y)
        for d in down([v])
    )
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{html.escape(alt)}">'
        f'<rect x="{left:g}" y="8" width="{width - left - right:g}" height="{height - bottom - 8:g}" class="frame"/>'
        f'{ticks}{"".join(marks)}<text x="{(left + width) / 2:g}" y="{height - 4:g}" text-anchor="middle">'
        f'{html.escape(x_title)}</text><text transform="translate(10 {(height - bottom) / 2:g}) rotate(-90)"'
        f' text-anchor="middle">{html.escape(y_title)}</text></svg>'
    )


def log_ticks(axis: Axis) -> list[float]:
    """Round numbers within a logarithmic axis: at least three where that can be, at most about nine.

    >>> log_ticks(Axis(0.8, 30, True)), log_ticks(Axis(2.1, 5.2, True))
    ([1.0, 2.0, 5.0, 10.0, 20.0], [3.0, 4.0, 5.0])
    """
    powers = range(int(np.floor(np.log10(axis.low))), int(np.ceil(np.log10(axis.high))) + 1)
    for mantissas in ((1,), (1, 2, 5), (1, 2, 3, 4, 5, 6, 7, 8, 9), tuple(np.arange(1, 10, 0.2).round(1))):
        ticks = [t for p in powers for m in mantissas if axis.low <= (t := float(f"{m}e{p}")) <= axis.high]
        if len(ticks) >= 3:
            break
    return ticks


def legend(names: Sequence[str]) -> str:
    """The marks of kinds 0, 1, ... with their names."""
    keys = "".join(
        f'<span class="key"><svg viewBox="-3 -3 6 6" aria-hidden="true" class="points"><path d="M0 0{shape(kind)}"'
        f' stroke="{hue(kind)}" stroke-width="{thickness(kind)}"/></svg>{html.escape(name)}</span>'
        for kind, name in enumerate(names)
    )
    return f'<p class="keys">{keys}</p>'


def hue(kind: int) -> str:
    """The colour of a kind."""
    return HUES[kind % len(HUES)]


def shape(kind: int) -> str:
    """The mark of a kind, as SVG path data."""
    return SHAPES[kind % len(SHAPES)]


def thickness(kind: int) -> float:
    """The width of a kind's line: a dot is nothing but width."""
    return 2.2 if shape(kind) == "h0" else 0.8


def short(value: float) -> str:
    """A number in few characters.

    >>> [short(v) for v in (0, 0.0000213, 0.00213, -0.5, 97.34, 1234.5, 60000)]
    ['0', '2.1e−05', '0.00213', '−0.5', '97.3', '1234', '60k']
    """
    size = abs(value)
    if size >= 10_000:
        text = f"{value / 1000:.3g}k"
    elif size >= 100 or size == 0:
        text = f"{value:.0f}"
    else:
        text = f"{value:.3g}" if size >= 0.001 else f"{value:.2g}"
    return text.replace("-", "−")


def _line(x: np.ndarray, y: np.ndarray) -> str:
    path, pen = [], "M"
    across = LEFT + np.clip(x, 0, 1) * (WIDTH - LEFT - RIGHT)
    down = HEIGHT - BOTTOM - np.clip(y, 0, 1) * (HEIGHT - TOP - BOTTOM)
    for a, b in zip(across, down, strict=True):
        known = bool(np.isfinite(a) and np.isfinite(b))
        if known:
            path.append(f"{pen}{a:.1f} {b:.1f}")
        pen = "L" if known else "M"
    return "".join(path)


def _frame() -> str:
    return (
        f'<rect x="{LEFT:g}" y="{TOP:g}" width="{WIDTH - LEFT - RIGHT:g}" height="{HEIGHT - TOP - BOTTOM:g}"'
        ' class="frame"/>'
    )
