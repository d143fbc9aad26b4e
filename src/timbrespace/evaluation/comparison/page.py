"""The page of a comparison: models side by side, to read, to see and to hear."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from timbrespace.audio.descriptors import DESCRIPTORS
from timbrespace.evaluation.comparison.contestant import Contestant
from timbrespace.evaluation.comparison.rebuilding import ERRORS
from timbrespace.evaluation.comparison.result import Comparison, GroupResult
from timbrespace.evaluation.comparison.scores import MEASURES, TITLES, Difference, Measure, Scored
from timbrespace.evaluation.explore_style import SCRIPT, STYLE
from timbrespace.evaluation.page import compact_player, escape, page, paragraph, section, table
from timbrespace.pictures.vector import KINDS, Layer, scatter

MOST_DOTS = 1500
TOLD = 12
"""Pairs of groups that are told at once; the others are folded away."""
HEADLINES = ("precision", "coverage", "outside", "range", "descriptor_coverage", "frechet")
"""Measures that are told in words; the others are in the tables and the numbers."""
OWN_STYLE = """
dl.terms { grid-template-columns: max-content 1fr; max-width: none; }
td audio { width: 12rem; } .half { max-width: 44rem; }
.dense td, .dense th { padding-right: .6rem; font-size: .86rem; }
"""
GROUP_WORDS = {
    "recordings": "recordings of the other half, rebuilt: what the data score themselves",
    "corpus": "moments of the sounds, in an order in which neighbours are alike",
    "line": "straight ways between two sounds",
    "walk": "smooth random walks with the mean and covariance of the data",
    "noise": "points of the data in random order",
}


def write_page(c: Comparison) -> str:
    """The whole report as HTML."""
    names = ", ".join(m.name for m in c.models)
    lead = (
        f"{names}, seen through the same sounds. Half of these were used to lead paths, the other half to judge them;"
        f" every group has {len(next(iter(c.results.values())).paths)} paths of {c.seconds:g} s."
    )
    sections = [
        _findings(c),
        _models(c),
        _rebuilding(c),
        _paths(c),
        *(_coverage(c, m) for m in c.models),
        _descriptors(c),
        _listen(c),
        _formulas(),
        SCRIPT,
    ]
    return page("Models side by side", lead, sections, style=STYLE + OWN_STYLE)


def _findings(c: Comparison) -> str:
    pairs = dict.fromkeys((d.what, d.against) for d in c.differences)
    told = [line for pair in pairs if (line := _told(c, [d for d in c.differences if (d.what, d.against) == pair]))]
    if not told:
        told = ["<li>No difference is told apart from chance with this many paths.</li>"]
    return section(
        "What the paths decide",
        f"<ul>{''.join(told[:TOLD])}</ul>",
        _folded("further pairs", f"<ul>{''.join(told[TOLD:])}</ul>") if len(told) > TOLD else "",
        paragraph(
            f"Told are differences whose 95 % interval leaves out zero, all {len(c.differences)} differences of this"
            " report considered (Holm's correction); the others are not decided."
        ),
    )


def _told(c: Comparison, found: list[Difference]) -> str:
    """One pair of groups, by the measures that tell them apart; nothing if none does."""
    decided = [_in_words(c, d) for d in found if d.decided and d.measure in HEADLINES]
    if not decided:
        return ""
    first = found[0]
    who, beside = (escape(" / ".join(key)) for key in (first.what, first.against))
    return f"<li><b>{who}</b> beside {beside}: {'; '.join(decided)}.</li>"


def _in_words(c: Comparison, d: Difference) -> str:
    measure = TITLES[d.measure]
    form = f"{{:.{measure.digits}f}}"
    signed = f"{{:+.{measure.digits}f}}"
    ours, theirs = (form.format(c.results[key].scores[d.measure].value) for key in (d.what, d.against))
    low, high = signed.format(d.low), signed.format(d.high)
    return f"{escape(measure.title)} {ours} beside {theirs} <small>[{low}, {high}]</small>"


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def _models(c: Comparison) -> str:
    head = ["model", "kind", "rate", "latents", "vectors/s", "numbers/s", "informative (80 %, 95 %)", "collapsed"]
    rows = [
        [
            escape(m.name),
            type(m.codec).__name__,
            f"{m.codec.sample_rate:,} Hz",
            str(m.codec.latent_dim),
            f"{m.rate_hz:.1f}",
            f"{m.rate_hz * m.codec.latent_dim:.0f}",
            f"{m.known.space.informative(0.80)}, {m.known.space.informative(0.95)}",
            str(len(m.known.space.collapsed)),
        ]
        for m in c.models
    ]
    return section("The models", table(head, rows))


def _rebuilding(c: Comparison) -> str:
    count = len(next(iter(c.rebuilt.values())).errors["log_mel_db"])
    rows = []
    for name, r in c.rebuilt.items():
        cells = []
        for error in ERRORS:
            mean, low, high = r.interval(error, seed=c.seed)
            cells.append(f"{mean:.2f} <small>[{low:.2f}, {high:.2f}]</small>")
        speed = [f"{1 / cost:.0f} ×" if cost > 0 else "" for cost in (r.encode_cost, r.decode_cost)]
        rows.append([escape(name), *cells, *speed])
    head = ["model", *ERRORS.values(), "encodes", "decodes"]
    players = [
        [escape(sound_name), compact_player(sound, c.rate, f"{sound_name}, recorded")]
        + [
            compact_player(c.rebuilt[m.name].sounds[i], m.codec.sample_rate, f"{sound_name}, {m.name}")
            for m in c.models
        ]
        for i, (sound_name, sound) in enumerate(c.originals)
    ]
    return section(
        "What they rebuild",
        paragraph(
            f"Means over {count} sounds, with 95 % intervals; lower is better. {c.unseen} of these sounds are in no"
            " model's training, as far as the models tell. Speed is in times real time, as it went here."
        ),
        f'<div class="wide">{table(head, rows)}</div>',
        table(["sound", "recorded", *(m.name for m in c.models)], players),
    )


def _coverage(c: Comparison, m: Contestant) -> str:
    head = ["paths", *(f"{x.title} ({x.better})" for x in MEASURES)]
    rows = [[escape(g), *(_cell(c.results[m.name, g].scores[x.name], x) for x in MEASURES)] for g in c.groups]
    return section(
        f"Where paths lead: {m.name}",
        f'<div class="half">{_map(c, m)}</div>',
        f'<div class="wide dense">{table(head, rows)}</div>',
        _folded("range used along each axis", _ranges(c, m)),
    )


def _paths(c: Comparison) -> str:
    told = "".join(f"<dt>{escape(g)}</dt><dd>{escape(_what(c, g))}</dd>" for g in c.groups)
    return section("The paths", f'<dl class="terms">{told}</dl>')


def _what(c: Comparison, group: str) -> str:
    of = {h.name: f"hands, {len(h.tracks)} gestures, mapped by {c.mapping}" for h in c.hands}
    return of.get(group) or GROUP_WORDS[group]


def _cell(s: Scored, measure: Measure) -> str:
    if not math.isfinite(s.value):
        return "–"
    form = f"{{:.{measure.digits}f}}"
    low, high = (form.format(v) for v in (s.low, s.high))
    return f"{form.format(s.value)}<br><small>[{low}, {high}]</small>"


def _map(c: Comparison, m: Contestant) -> str:
    """The reference sounds and the paths of a few groups on the first two axes."""
    space = m.known.space
    shown = [h.name for h in c.hands] + ["walk"]
    layers = [Layer("sounds", _plane(m.ground.points.float(), MOST_DOTS), "#8886")]
    for group, colour in zip(shown, KINDS[1:], strict=False):
        points = torch.cat([space.project(p.points) for p in c.results[m.name, group].paths])
        layers.append(Layer(group, _plane(points, MOST_DOTS), colour))
    names = [_axis(space.names[i], i) if i < len(space.names) else "" for i in range(2)]
    return scatter(
        layers,
        horizontal=names[0],
        vertical=names[1],
        legend="Each dot is one step.",
        alt=f"the sounds and the paths of {', '.join(shown)} in the space of {m.name}",
    )


def _axis(name: str, index: int) -> str:
    usual = f"axis {index + 1}"
    return name if name == usual else f"{usual}: {name}"


def _plane(points: Tensor, most: int) -> np.ndarray:
    some = points[:: max(1, -(-len(points) // most))]
    first = some[:, :2] if some.shape[1] > 1 else torch.cat([some, torch.zeros_like(some)], dim=1)
    return first.double().numpy()


def _ranges(c: Comparison, m: Contestant) -> str:
    count = max(len(c.results[m.name, g].ranges) for g in c.groups)
    rows = [[escape(g), *(f"{v:.2f}" for v in c.results[m.name, g].ranges)] for g in c.groups]
    return f'<div class="wide">{table(["paths", *(str(i + 1) for i in range(count))], rows)}</div>'


def _descriptors(c: Comparison) -> str:
    titles = {d.name: d.title for d in DESCRIPTORS}
    first: GroupResult = next(iter(c.results.values()))
    head = ["model", "paths", *(titles[name] for name in first.descriptors)]
    rows = [
        [
            escape(m.name),
            escape(g),
            *(
                f"{_decimal(row['distance'])} <small>× {_decimal(row['change'])}</small>"
                for row in c.results[m.name, g].descriptors.values()
            ),
        ]
        for m in c.models
        for g in c.groups
    ]
    return section(
        "What they sound like beside real sound",
        paragraph(
            "For each descriptor how far its distribution is from the real sounds', in their standard deviations (0:"
            " the same), and small how much it moves from step to step beside them (1: as much)."
        ),
        f'<div class="wide dense">{table(head, rows)}</div>',
    )


def _decimal(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "–"


def _listen(c: Comparison) -> str:
    rows = []
    for group in c.groups:
        for index in range(len(c.results[c.models[0].name, group].sounds)):
            players = [
                compact_player(
                    c.results[m.name, group].sounds[index], m.codec.sample_rate, f"{group} {index + 1}, {m.name}"
                )
                for m in c.models
            ]
            rows.append([escape(f"{_label(c, group, index)}"), *players])
    return section("Listen: the same paths in every model", table(["path", *(m.name for m in c.models)], rows))


def _label(c: Comparison, group: str, index: int) -> str:
    for hands in c.hands:
        if hands.name == group:
            return hands.tracks[index].label or f"{group} {index + 1}"
    return f"{group} {index + 1}"


def _formulas() -> str:
    told = "".join(f"<dt>{escape(m.title)}</dt><dd>{escape(m.formula)}</dd>" for m in MEASURES)
    return section(
        "Definitions",
        f'<dl class="terms">{told}</dl>',
        paragraph(
            "Distances are those of the space, by what is heard where the model has such a metric. A ball reaches to"
            " the fifth nearest point of another sound (or path). Intervals: percentiles of a bootstrap that draws"
            " whole paths, shifted where drawing one twice lowers a measure."
        ),
    )
