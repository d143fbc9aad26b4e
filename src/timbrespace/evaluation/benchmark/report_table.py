"""The table of all variants and measures: means, intervals, and what is best where intervals tell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import get_args

from timbrespace.core.energy import Provenance
from timbrespace.evaluation.benchmark.columns import COLUMNS, COSTS, MEASURES
from timbrespace.evaluation.benchmark.report_content import Content, Trained
from timbrespace.evaluation.benchmark.report_layout import note
from timbrespace.evaluation.benchmark.report_words import COST, GROUPS, OTHER, Group, data_title
from timbrespace.evaluation.benchmark.statistics import Interval
from timbrespace.evaluation.page import escape

ARROWS = {"lower": "↓", "higher": "↑"}


def tables(content: Content) -> str:
    """All groups of measures, each with one table per data set, and the cost."""
    grouped = {name for group in GROUPS for name in group.measures}
    rest = Group(OTHER.title, OTHER.words, tuple(m for m in content.measures if m in MEASURES and m not in grouped))
    return "\n".join(_group(content, group) for group in (*GROUPS, rest)) + _cost(content)


def _group(content: Content, group: Group) -> str:
    measures = [name for name in group.measures if name in content.measures]
    if not measures:
        return ""
    bodies = [_measured(content, data, i, measures) for i, data in enumerate(content.data)]
    return f'<h3>{escape(group.title)}</h3>\n<p class="how">{escape(group.words)}</p>\n' + "\n".join(bodies)


def _measured(content: Content, data: str, index: int, measures: Sequence[str]) -> str:
    columns = [m for m in measures if any((data, v.name, m) in content.summary for v in content.variants)]
    absent = [COLUMNS[m].title for m in measures if m not in columns]
    rows = []
    marks = {m: content.marks.get((data, m), {}) for m in columns}
    places = {m: column_places(content, data, m) for m in columns}
    for at, variant in enumerate(content.variants):
        name = variant.name
        cells = [
            measured_cell(content.summary.get((data, name, m)), marks[m].get(name, ""), places[m]) for m in columns
        ]
        rows.append(_row(content, data, at, cells))
    left_out = note(f"Not measured for any model here: {', '.join(absent)}.") if absent else ""
    return _table(content, data, index, columns, rows) + left_out


def _cost(content: Content) -> str:
    bodies = []
    for index, data in enumerate(content.data):
        rows = []
        for at, variant in enumerate(content.variants):
            found = content.of(data, variant.name)
            rows.append(_row(content, data, at, [_cost_cell(found, name) for name in COSTS]))
        bodies.append(_table(content, data, index, list(COSTS), rows))
    return f'<h3>{escape(COST.title)}</h3>\n<p class="how">{escape(COST.words)}</p>\n' + "\n".join(bodies)


def _table(content: Content, data: str, index: int, columns: Sequence[str], rows: Sequence[str]) -> str:
    heads = "".join(
        f'<th scope="col" class="n">{escape(c.title)}<small>{escape(c.unit)} {ARROWS.get(c.better or "", "")}</small>'
        "</th>"
        for c in (COLUMNS[name] for name in columns)
    )
    return (
        f'<div class="wide d d{index}" tabindex="0" role="region" aria-label="table of {escape(data_title(data))}">'
        f'<table class="sortable"><caption>{escape(data_title(data))}</caption><thead><tr><th scope="col">model</th>'
        f"{heads}</tr></thead>\n<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _row(content: Content, data: str, at: int, cells: Sequence[str]) -> str:
    variant = content.variants[at]
    found = content.of(data, variant.name)
    planned = len(content.seeds)
    seeds = f"<small>{len(found)} of {planned} seeds</small>" if 0 < len(found) < planned else ""
    said = f'<td class="none" colspan="{len(cells)}">{escape(content.why_missing(data, variant.name))}</td>'
    return (
        f'<tr class="v{at}"><th scope="row" data-v="{at}"><b>{at + 1}</b> {escape(variant.title)}{seeds}</th>'
        f"{''.join(cells) if found else said}</tr>\n"
    )


def measured_cell(interval: Interval | None, mark: str, places: int) -> str:
    """A mean and half the width of its interval, or the words that there is none."""
    if interval is None:
        return '<td class="none">does not apply</td>'
    half = f"± {interval.half:.{places}f}" if interval.n > 1 else "one seed"
    return f'<td class="n {mark}" data-v="{interval.mean:.8g}">{interval.mean:.{places}f} <small>{half}</small></td>'


def mean_of(content: Content, data: str, variant: str, measure: str) -> str:
    """A mean as the table writes it; nothing where there is none."""
    interval = content.summary.get((data, variant, measure))
    return f"{interval.mean:.{column_places(content, data, measure)}f}" if interval else ""


def column_places(content: Content, data: str, measure: str) -> int:
    """How many decimals a column shows: what suits the middle one of its intervals."""
    found = [content.summary.get((data, v.name, measure)) for v in content.variants]
    return round(median([decimals(i) for i in found if i is not None] or [2]))


def decimals(interval: Interval) -> int:
    """So many that the interval's width shows two digits, and the mean at least two and at most five.

    >>> decimals(Interval(97.34, 97.1, 97.58, 0.0, 3)), decimals(Interval(0.0121, 0.0115, 0.0127, 0.0, 3))
    (2, 4)
    """
    size = _magnitude(interval.mean)
    wanted = 2 - _magnitude(interval.high - interval.low) if interval.n > 1 else 3 - size
    return max(0, min(max(wanted, 2 - size), 5 - size, 7))


def _cost_cell(cells: Sequence[Trained], name: str) -> str:
    values = [float(c.cost[name]) for c in cells if isinstance(c.cost.get(name), (int, float))]
    if not values:
        return '<td class="none">not recorded</td>'
    mean = sum(values) / len(values)
    label = ", ".join(sorted({energy_label(c) for c in cells})) if name == "joules" else ""
    shown = f"{mean:,.0f}".replace(",", "\u202f") if mean >= 100 else f"{mean:.3g}"
    return f'<td class="n" data-v="{mean:.8g}">{shown}{f"<small>{escape(label)}</small>" if label else ""}</td>'


def energy_label(cell: Trained) -> str:
    """Whether joules were measured, estimated or computed from an unvalidated power; unvalidated if nothing says."""
    told = str(cell.cost.get("energy") or "")
    return next((word for word in get_args(Provenance) if word in told), get_args(Provenance)[-1])


def _magnitude(value: float) -> int:
    """How many digits stand before the point; 0 for 0.5, -1 for 0.05."""
    return math.floor(math.log10(abs(value))) + 1 if value else 0
