"""The report's other sentences: what is there and what is missing, the choice, how it was made."""

from __future__ import annotations

from timbrespace.evaluation.benchmark.columns import COLUMNS
from timbrespace.evaluation.benchmark.report_choice import RULE, Candidate, chosen
from timbrespace.evaluation.benchmark.report_content import Content
from timbrespace.evaluation.benchmark.report_findings import figures, sentence, supported
from timbrespace.evaluation.benchmark.report_layout import count, fold, missing, note
from timbrespace.evaluation.benchmark.report_table import energy_label
from timbrespace.evaluation.benchmark.report_words import data_title
from timbrespace.evaluation.page import commands, escape

FIRST_FINDINGS = 3


def in_short(content: Content) -> str:
    """How much is done, what was found, what goes on."""
    planned = len(content.variants) * len(content.data) * len(content.seeds)
    done = sum(1 for c in content.cells if c.data in content.data)
    names = ", ".join(data_title(d) for d in content.data)
    points = [
        f"<b>{done} of {planned} trainings are finished</b>: {count(len(content.variants), 'model')},"
        f" {count(len(content.seeds), 'seed')}, {escape(names)}."
        + ("" if done >= planned else " What is missing is said where it would stand."),
    ]
    found = supported(content)
    points += [f"{escape(sentence(e))} <small>{escape(figures(e))}</small>" for e in found[:FIRST_FINDINGS]]
    if len(found) > FIRST_FINDINGS:
        points.append(f'<a href="#findings">{count(len(found) - FIRST_FINDINGS, "more finding")}</a>.')
    first = chosen(content.candidates)
    if first:
        names = " and ".join(escape(content.title_of(c.variant)) for c in first)
        points.append(f'To sound go <b>{names}</b> (<a href="#choice">why</a>).')
    if content.failures:
        points.append(f'<a href="#setting">{count(len(content.failures), "training")} failed</a>.')
    return f"<ul>{''.join(f'<li>{p}</li>' for p in points)}</ul>"


def choice(content: Content) -> str:
    """The rule, and the models it chooses."""
    rule = f"<p>The rule: {escape(RULE)}</p>"
    first = chosen(content.candidates)
    if not first:
        return rule + missing("No model is chosen yet: the rule needs more finished trainings.")
    keys = list(content.candidates[0].places)
    heads = ["sum of places", *(f"{COLUMNS[m].title}, {data_title(d)}" for d, m in keys), "processor time, s"]
    columns = "".join(f'<th scope="col" class="n">{escape(h)}</th>' for h in heads)
    rows = "".join(_candidate(content, c, c in first) for c in content.candidates)
    return (
        f'{rule}<div class="wide" tabindex="0" role="region" aria-label="candidates"><table><thead><tr>'
        f'<th scope="col">model</th>{columns}</tr></thead><tbody>{rows}</tbody></table></div>'
        + note(f"Places; the {len(first)} starred models go on.")
    )


def _candidate(content: Content, candidate: Candidate, goes_on: bool) -> str:
    at = next(i for i, v in enumerate(content.variants) if v.name == candidate.variant)
    numbers = [candidate.total, *candidate.places.values(), round(candidate.cpu_seconds)]
    cells = "".join(
        f'<td class="n{" best" if goes_on and i == 0 else ""}">{number}</td>' for i, number in enumerate(numbers)
    )
    title = escape(content.variants[at].title)
    return f'<tr class="v{at}"><th scope="row"><b>{at + 1}</b> {title}</th>{cells}</tr>\n'


def setting(content: Content) -> str:
    """The command, the versions, threads, precision and where joules come from; what failed."""
    told = {
        **content.setting,
        "threads": _distinct(content, "threads"),
        "precision": _distinct(content, "precision"),
        "energy": ", ".join(sorted({energy_label(c) for c in content.cells})) or "nothing recorded yet",
        "whole cost": _whole_cost(content),
    }
    listed = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in told.items())
    failed = "".join(
        f"<li><code>{escape(f'{f.data}/{f.variant}/seed-{f.seed}')}</code>: {escape(f.reason)}</li>"
        for f in content.failures
    )
    rest = fold(f"{count(len(content.failures), 'training')} failed", f"<ul>{failed}</ul>", opened=True)
    run = commands(content.command) if content.command else ""
    return f"{run}<dl>{listed}</dl>{rest if failed else ''}"


def _distinct(content: Content, key: str) -> str:
    values = sorted({str(c.cost[key]) for c in content.cells if c.cost.get(key) is not None})
    return ", ".join(values) if values else "nothing recorded yet"


def _whole_cost(content: Content) -> str:
    seconds, joules = (
        sum(float(c.cost[k]) for c in content.cells if isinstance(c.cost.get(k), int | float))
        for k in ("seconds", "joules")
    )
    return f"{seconds / 3600:.1f} hours and {joules / 1000:,.0f} kJ for {count(len(content.cells), 'training')}"
