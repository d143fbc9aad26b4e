"""Tables of variants by measures with intervals, as CSV for machines and as LaTeX for papers."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from timbrespace.core.files import atomic_file
from timbrespace.evaluation.benchmark.columns import COLUMNS, heading
from timbrespace.evaluation.benchmark.results import Results
from timbrespace.evaluation.benchmark.statistics import Interval

_ESCAPED = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "−": r"$-$", "²": r"\textsuperscript{2}",
    "₂": r"\textsubscript{2}", "–": "--",
}  # fmt: skip


def shown_measures(results: Results) -> list[str]:
    """The grid's measures of which there is a value."""
    return [
        m
        for m in results.grid.measures
        if any(results.interval(m, d, v.name).n for d in results.data for v in results.grid.variants)
    ]


def marks(results: Results, measure: str, data: str) -> dict[str, str]:
    """By variant: ``best`` where every paired difference to another says so, else ``tied`` for the undecided ones.

    Nothing is marked where no difference to the best mean is decided: then the column tells no winner.
    """
    better = COLUMNS[measure].better
    known = {v.name: results.interval(measure, data, v.name) for v in results.grid.variants}
    means = {name: interval.mean for name, interval in known.items() if interval.n}
    if better is None or len(means) < 2:
        return {}
    first = (min if better == "lower" else max)(means, key=lambda name: means[name])
    wanted = -1 if better == "lower" else 1
    tied = [n for n in means if n != first and results.difference(measure, data, first, n).sign != wanted]
    if not tied:
        return {first: "best"}
    return dict.fromkeys([first, *tied], "tied") if len(tied) < len(means) - 1 else {}


def best(results: Results, measure: str, data: str) -> str | None:
    """The variant that is better than every other with an interval that says so; nothing if none is."""
    return next((name for name, mark in marks(results, measure, data).items() if mark == "best"), None)


def rounded(interval: Interval) -> tuple[str, str]:
    """Mean and half width with as many digits as the interval's two leading ones; the second empty if it is unknown.

    >>> rounded(Interval(89.4731, 89.3512, 89.5950, 0.0, 3))
    ('89.47', '0.12')
    """
    if not interval.n:
        return "", ""
    if not math.isfinite(interval.half):
        return f"{interval.mean:.4g}", ""
    if interval.half == 0:
        return f"{interval.mean:.6g}", "0"
    digits = max(0, 1 - math.floor(math.log10(interval.half)))
    if digits > 5 or abs(interval.mean) >= 1e6:
        return f"{interval.mean:.4g}", f"{interval.half:.2g}"
    return f"{interval.mean:.{digits}f}", f"{interval.half:.{digits}f}"


def csv_text(results: Results, measures: Sequence[str] | None = None) -> str:
    """One row per data set and variant; per measure its mean, both ends of its interval and the number of seeds."""
    chosen = shown_measures(results) if measures is None else list(measures)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    ends = ("", "_low", "_high", "_seeds")
    rows.writerow(["data", "variant", "title", *(f"{m}{end}" for m in chosen for end in ends)])
    for data in results.data:
        for variant in results.grid.variants:
            row: list[object] = [data, variant.name, variant.title]
            for measure in chosen:
                interval = results.interval(measure, data, variant.name)
                numbers = (interval.mean, interval.low, interval.high)
                row += [*(f"{n:.9g}" if math.isfinite(n) else "" for n in numbers), interval.n]
            rows.writerow(row)
    return text.getvalue()


def latex_text(results: Results, data: str, measures: Sequence[str] | None = None) -> str:
    """A booktabs table of one data set: mean ± half of the 95 % interval, the best in bold where it is decided."""
    chosen = shown_measures(results) if measures is None else list(measures)
    bold = {m: best(results, m, data) for m in chosen}
    lines = [
        "% needs \\usepackage{booktabs}; mean and half of the 95 % interval over "
        f"{results.seeds} seeds; bold: better than every other, decided by the paired interval",
        f"\\begin{{tabular}}{{l{'r' * len(chosen)}}}",
        "\\toprule",
        " & ".join([escape(results.grid.title), *(escape(heading(m)) + _arrow(m) for m in chosen)]) + r" \\",
        "\\midrule",
    ]
    for variant in results.grid.variants:
        cells = [_cell(results.interval(m, data, variant.name), bold[m] == variant.name) for m in chosen]
        lines.append(" & ".join([escape(variant.title), *cells]) + r" \\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def escape(text: str) -> str:
    r"""Text as LaTeX prints it.

    >>> print(escape("50% of a_b"))
    50\% of a\_b
    """
    return "".join(_ESCAPED.get(character, character) for character in " ".join(text.split()))


def write_tables(results: Results, out: Path | None = None) -> list[Path]:
    """Write ``table.csv`` and, for each data set, ``table-<data>.tex`` into the benchmark's folder (or ``out``)."""
    folder = results.out if out is None else out
    texts = {folder / "table.csv": csv_text(results)}
    texts |= {folder / f"table-{data}.tex": latex_text(results, data) for data in results.data}
    for path, text in texts.items():
        with atomic_file(path) as partial:
            partial.write_text(text, encoding="utf-8")
    return list(texts)


def _arrow(measure: str) -> str:
    better = COLUMNS[measure].better
    return {"lower": r" $\downarrow$", "higher": r" $\uparrow$", None: ""}[better]


def _cell(interval: Interval, bold: bool) -> str:
    mean, half = rounded(interval)
    if not mean:
        return "--"
    number = _number(mean)
    number = rf"\mathbf{{{number}}}" if bold else number
    return f"${number}$" if not half else rf"${number} \pm {_number(half)}$"


def _number(text: str) -> str:
    mantissa, e, exponent = text.partition("e")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if e else text
