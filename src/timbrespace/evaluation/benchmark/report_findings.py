"""The report's reasoning: expectations beside what happened, and effects that intervals support."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from timbrespace.evaluation.benchmark.columns import COLUMNS
from timbrespace.evaluation.benchmark.expectations import Dated
from timbrespace.evaluation.benchmark.findings import Effect, Judgement
from timbrespace.evaluation.benchmark.report_content import Content
from timbrespace.evaluation.benchmark.report_layout import count, fold, missing
from timbrespace.evaluation.benchmark.report_words import data_title
from timbrespace.evaluation.benchmark.statistics import LEVEL, Interval
from timbrespace.evaluation.benchmark.variants import Variant
from timbrespace.evaluation.page import escape
from timbrespace.pictures.panels import short

VERDICTS = {
    "held": ("held", "✓ held"),
    "did not hold": ("not", "✗ did not hold"),
    "not decided": ("open", "? not decided"),
}
SHOWN = 8
"""Findings of a kind before the rest is folded away; the surest come first."""


def expectations(content: Content) -> str:
    """What was expected of each model, in words and as claims, beside what happened."""
    if not content.judgements and not content.texts:
        return missing("Nothing was written down before the run.")
    claimed = {j.expectation.claim.variant for j in content.judgements}
    known = {v.name for v in content.variants}
    gone = [Variant(name, name, {}) for name in sorted({*content.texts, *claimed} - known)]
    rows = "".join(
        _expected(content, i, v)
        for i, v in enumerate([*content.variants, *gone])
        if v.name in content.texts or v.name in claimed
    )
    kinds = [sum(j.verdict == kind for j in content.judgements) for kind in VERDICTS]
    counted = f"<p><b>Of {sum(kinds)} claims, {kinds[0]} held, {kinds[1]} did not, {kinds[2]} are not decided</b>"
    return (
        f"{counted} (each on each data set).</p>"
        '<div class="wide text" tabindex="0" role="region" aria-label="expectations"><table><thead><tr>'
        '<th scope="col">model</th><th scope="col">expected</th><th scope="col">what happened</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _expected(content: Content, at: int, variant: Variant) -> str:
    """All rows of one model: its expectation in words, then its claims."""
    texts = "<br>".join(
        f"{escape(text)} <small>written {escape(written[:10])}</small>"
        for written, text in content.texts.get(variant.name, ())
    )
    claims = dict.fromkeys(j.expectation for j in content.judgements if j.expectation.claim.variant == variant.name)
    cells = [(texts, "<small>in words; see the table and the pictures</small>")] if texts else []
    cells += [(_claimed(content, dated), _happened(content, dated)) for dated in claims]
    known = at < len(content.variants)
    number = f"<b>{at + 1}</b> " if known else ""
    title = escape(variant.title) if known else f"{escape(variant.title)} <small>no longer in the grid</small>"
    head = f'<th scope="row" rowspan="{len(cells)}">{number}{title}</th>'
    row = f' class="v{at}"' if known else ""
    return "".join(
        f"<tr{row}>{head if i == 0 else ''}<td>{left}</td><td>{right}</td></tr>\n"
        for i, (left, right) in enumerate(cells)
    )


def _claimed(content: Content, dated: Dated) -> str:
    claim = dated.claim
    about, against = escape(COLUMNS[claim.about].title), escape(content.title_of(claim.against))
    times = f"{claim.factor:g} times " if claim.factor != 1 else ""
    than = (
        f"within a factor of {claim.factor:g} of that of {against}"
        if claim.direction == "same"
        else f"{claim.direction} than {times}that of {against}"
    )
    when = f"written {escape(dated.written[:10])}, " + (
        "before the run" if dated.before_the_run else f"when {count(dated.finished_cells, 'training')} had finished"
    )
    withdrawn = ", withdrawn since" if dated.withdrawn else ""
    return f"{about} {than}. {escape(claim.reason)} <small>{when}{withdrawn}</small>"


def _happened(content: Content, dated: Dated) -> str:
    told = []
    for judgement in content.judgements:
        if judgement.expectation == dated:
            kind, words = VERDICTS[judgement.verdict]
            told.append(
                f'<p><span class="verdict {kind}">{words}</span> on {escape(data_title(judgement.data))}.'
                f" <small>{_figures(judgement)}</small></p>"
            )
    return "".join(told)


def _figures(judgement: Judgement) -> str:
    if not judgement.difference.n:
        return "No pair of trainings yet."
    a, b, d = judgement.variant, judgement.against, judgement.difference
    factor = judgement.expectation.claim.factor if judgement.expectation.claim.direction != "same" else 1
    times = f"{factor:g} × " if factor != 1 else ""
    p = short(judgement.adjusted_p)
    return f"{short(a.mean)} against {times}{short(b.mean)}; difference {spread(d)}, adjusted p {p}"


def spread(interval: Interval) -> str:
    """A mean with the ends of its interval.

    >>> spread(Interval(-1.25, -1.5, -1.0, 0.001, 3))
    '−1.25 (−1.5 … −1)'
    """
    mean, low, high = (short(x) for x in (interval.mean, interval.low, interval.high))
    return f"{mean} ({low} … {high})" if interval.n > 1 else f"{mean} (one seed: no range)"


def findings(content: Content) -> str:
    """Effects that intervals support, by the kind of model they hold for, each with its figures."""
    found = supported(content)
    if not found:
        return missing("No difference has an interval that supports a sentence yet.")
    groups: dict[str, list[Effect]] = {}
    for effect in found:
        groups.setdefault(scope(effect), []).append(effect)
    return "".join(f"<h3>{escape(name)}</h3>{_group(groups[name])}" for name in sorted(groups, key=_rank))


def _group(found: Sequence[Effect]) -> str:
    rest = found[SHOWN:]
    return _effects(found[:SHOWN]) + (fold(count(len(rest), "more finding"), _effects(rest)) if rest else "")


def supported(content: Content) -> list[Effect]:
    """The effects of which something is decided, the surest first."""
    found = [e for e in content.effects if decided(e) != (0, 0)]
    return sorted(found, key=lambda e: min(e.adjusted_p))


def decided(effect: Effect) -> tuple[int, int]:
    """The signs of an effect in its two families, 0 where it is not decided."""
    first, second = (
        i.sign if p < 1 - LEVEL else 0
        for i, p in zip((effect.first, effect.second), effect.adjusted_p[:2], strict=True)
    )
    return first, second


def scope(effect: Effect) -> str:
    """For which kind of model an effect holds, in words."""
    first, _ = decided(effect)
    a, b = effect.families
    named = {
        "both": f"in {a} and {b} alike",
        "opposite": f"opposite in {a} and {b}",
        "stronger": f"more in {a if first else b} than in {b if first else a}, where none is decided",
    }
    return named.get(effect.where, f"in {a if first else b}; in {b if first else a} it is not decided")


def _rank(name: str) -> int:
    return next((i for i, start in enumerate(("more", "opposite")) if name.startswith(start)), 2 + ("not" in name))


def _effects(found: Sequence[Effect]) -> str:
    rows = "".join(
        f'<tr><td>{escape(sentence(e))}</td><td class="short">{escape(data_title(e.data))}</td>'
        f'<td class="n">{spread(e.first)}</td><td class="n">{spread(e.second)}</td>'
        f'<td class="n">{spread(e.difference)}</td><td class="n">{e.pairs}</td></tr>\n'
        for e in found
    )
    a, b = found[0].families
    heads = ("finding", "data", f"in {a}", f"in {b}", "difference", "pairs of models")
    columns = "".join(f'<th scope="col"{"" if i < 2 else " class=n"}>{escape(h)}</th>' for i, h in enumerate(heads))
    return (
        '<div class="wide text" tabindex="0" role="region" aria-label="findings"><table><thead><tr>'
        f"{columns}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def sentence(effect: Effect) -> str:
    """An effect in words, with the measure's title."""
    said = replace(effect, measure=COLUMNS[effect.measure].title, axis=effect.axis.replace("_", " ")).sentence()
    return said[0].upper() + said[1:] + "."


def figures(effect: Effect) -> str:
    """An effect's intervals in both families, in words."""
    (a, b), data = effect.families, data_title(effect.data)
    return f"{data}: {a} {spread(effect.first)}, {b} {spread(effect.second)}"
