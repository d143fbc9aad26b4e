"""The tables of the report: what each axis does, what lies at its ends, what it goes with."""

from __future__ import annotations

import math

from timbrespace.audio.descriptors import DESCRIPTORS
from timbrespace.evaluation.exploration import Exploration
from timbrespace.evaluation.explore_words import coefficient, effect_words, goes_with, named, r_in_words, where
from timbrespace.evaluation.page import compact_player, escape, paragraph, section, table

MOST_AXES = 16
"""Axes with a row of their own; a space of a hundred would hide what matters."""


def what_axes_do(e: Exploration) -> str:
    """Share, how much is heard, what a step does, and what lies to the right, for each axis."""
    share = e.space.variances / e.space.variances.sum()
    most = float(e.turning.heard_db.max())
    rows = []
    for i in range(min(MOST_AXES, len(e.space.axes))):
        heard = float(e.turning.heard_db[i])
        rows.append(
            [
                f"<b>axis {i + 1}</b>",
                _name(e, i),
                f"{100 * float(share[i]):.1f} %",
                f'<span class="meter" style="--part:{heard / max(most, 1e-9):.3f}"></span>{heard:.1f} dB',
                effect_words(e, i) or "<i>nothing we measure: listen</i>",
                "<br>".join(goes_with(e, i)),
            ]
        )
    head = ["axis", "name", "share", "heard, per step", "one step right makes a sound", "sounds on the right are"]
    return section(
        "What each axis does",
        paragraph(
            "For every axis, a few moments of sound were moved one step to the right and one to the left, and the"
            " results compared: this is what you hear when you turn its slider. The last column says what the sounds"
            " that lie further right are like. The two can differ, since sounds differ in many ways at once. An axis"
            " has a name only where its bond with something heard is strong and sure."
        ),
        f'<div class="wide">{table(head, rows)}</div>',
    )


def sounds_at_the_ends(e: Exploration) -> str:
    """The recordings furthest to either side of each axis."""
    rows = []
    for i, pair in enumerate(e.ends[:MOST_AXES]):
        cells = [f"<b>axis {i + 1}</b><br>{_name(e, i)}"]
        for moment in pair:
            sound = e.found.excerpt(e.moments, moment, ratio=e.codec.ratio)
            label = where(e, moment)
            cells.append(compact_player(sound, e.codec.sample_rate, label) + f"<small>{escape(label)}</small>")
        rows.append(cells)
    return section(
        "The sounds at the ends",
        paragraph("The recordings that lie furthest to the left and to the right of each axis, as they are."),
        f'<div class="wide">{table(["", "furthest left", "furthest right"], rows)}</div>',
    )


def correlations(e: Exploration) -> str:
    """Every axis beside every descriptor, as a table of colours."""
    c = e.space.correlations
    if c is None:
        return ""
    rows = []
    for i in range(min(MOST_AXES, len(e.space.axes))):
        cells = (
            _cell(*([float(v[i, k]) for v in (x.value, x.low, x.high)] for x in (c.spearman, c.pearson)))
            for k in range(len(DESCRIPTORS))
        )
        rows.append(f"<tr><th>axis {i + 1}</th>{''.join(cells)}</tr>")
    known = (f"<td>{_share(value)}</td>" for value in e.directions.explained.tolist())
    rows.append(f'<tr class="all"><th>all axes<br>together</th>{"".join(known)}</tr>')
    head = "".join(f"<th>{escape(d.title)}<small>{escape(d.name)}</small></th>" for d in DESCRIPTORS)
    return section(
        "Every axis beside everything heard",
        paragraph(
            "Orange: sounds further right have more of it. Blue: they have less. The figure is r (Spearman's rank"
            " correlation), the small ones below it the range in which r lies with 95 % confidence. Pearson's r appears"
            " when you point at a cell, and stands in the JSON file. The last line says which part of each can be told"
            " from all axes together, for sounds that were left out of the calculation."
        ),
        f'<div class="wide"><table class="heat"><thead><tr><th></th>{head}</tr></thead><tbody>{"".join(rows)}'
        "</tbody></table></div>",
    )


def _name(e: Exploration, axis: int) -> str:
    """The name of an axis alone, nothing if it has none."""
    return escape(e.space.names[axis]) if named(e, axis) else ""


def _cell(spearman: list[float], pearson: list[float]) -> str:
    value, low, high = spearman
    if not math.isfinite(value):
        return "<td>–</td>"
    colour = "226,132,40" if value > 0 else "56,124,196"
    faint = "" if low * high > 0 else ' class="faint"'
    return (
        f'<td{faint} style="background:rgba({colour},{min(0.85, 1.3 * abs(value)):.2f})"'
        f' title="Pearson&#39;s {r_in_words(*pearson)}">{coefficient(value)}'
        f"<small>{coefficient(low)} to {coefficient(high)}</small></td>"
    )


def _share(value: float) -> str:
    return f"{100 * max(value, 0.0):.0f} %" if math.isfinite(value) else "–"
