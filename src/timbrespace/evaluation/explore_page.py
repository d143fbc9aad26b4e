"""The page of an exploration, for musicians."""

from __future__ import annotations

from typing import Any

import torch

from timbrespace.audio.descriptors import DESCRIPTORS, NAMES
from timbrespace.evaluation.exploration import KNOWN, Exploration
from timbrespace.evaluation.explore_journeys import along_axis, along_descriptor
from timbrespace.evaluation.explore_map_page import the_map
from timbrespace.evaluation.explore_numbers import FORMULAS
from timbrespace.evaluation.explore_style import SCRIPT, STYLE
from timbrespace.evaluation.explore_survey import groups_of
from timbrespace.evaluation.explore_tables import correlations, sounds_at_the_ends, what_axes_do
from timbrespace.evaluation.explore_words import count, minutes, towards
from timbrespace.evaluation.page import escape, page, paragraph, section, table
from timbrespace.latent.space import FIDELITIES
from timbrespace.pictures.vector import kind_layers, ramp_layers, scatter, staircase

DOT_SECONDS = 0.37
"""What one mark of the map stands for."""
MOST_DOTS = 5000
COLOURED_BY = ("centroid", "loudness", "flatness")
WORDS = """<details open><summary>Words used on this page</summary><dl>
<dt>axis</dt><dd>A direction through the space; a slider of the instrument. Axis 1 is the one along which the sounds
differ most, axis 2 the next, and so on. There are as many axes as dimensions.</dd>
<dt>step</dt><dd>One standard deviation: how far a sound typically lies from the middle of an axis. Two steps to either
side hold nearly all sounds.</dd>
<dt>r</dt><dd>How closely an axis goes with something heard, from −1 to 1: 0 is not at all, .3 a little, .5 clearly, .8
nearly always; below 0, one falls as the other rises. In brackets the range in which r lies with 95 % confidence.</dd>
</dl></details>"""


def write_page(e: Exploration, numbers: dict[str, Any]) -> str:
    """The whole report as HTML."""
    lead = (
        f"The space “{e.name}”, seen through {count(len(e.found.names), 'sound')} ({minutes(e.found.seconds)}). A"
        f" point of it is {1000 * e.codec.ratio / e.codec.sample_rate:.0f} milliseconds of sound, written as"
        f" {count(e.codec.latent_dim, 'number')}; moving the point changes the sound. This page shows, and plays, what"
        " each direction does."
    )
    sections = [
        _short(e, numbers),
        the_map(e),
        _first_axes(e),
        what_axes_do(e),
        *(along_axis(e, i) for i in range(len(e.axes))),
        *(along_descriptor(e, name) for name in e.along),
        sounds_at_the_ends(e),
        correlations(e),
        _notes(e),
        SCRIPT,
    ]
    return page("What this space holds", lead, [s for s in sections if s], style=STYLE)


def _short(e: Exploration, numbers: dict[str, Any]) -> str:
    counts = numbers["informative"]
    points = [_size(e, counts), _collapsed(e), _loudest(e), _known(e), _whose_axes(e)]
    stairs = staircase(
        e.space.fidelity().tolist(),
        [(f, counts[f"{f:g}"]) for f in FIDELITIES],
        alt="share of the differences between sounds held by the first dimensions together",
    )
    told = "".join(f"<li>{p}</li>" for p in points if p)
    return section("In short", f'<div class="split"><ul>{told}</ul>{stairs}</div>', WORDS)


def _size(e: Exploration, counts: dict[str, int]) -> str:
    dims = e.codec.latent_dim
    even = counts["0.8"] > 0.6 * dims
    advice = (
        "The differences are spread over nearly all of them: no few axes rule this space, so try every slider."
        if even
        else "A few axes rule this space: start with the first ones."
    )
    return (
        f"<b>{counts['0.8']} of the {dims} dimensions hold 80 %</b> of what makes these sounds differ;"
        f" {counts['0.9']} hold 90 %, {counts['0.95']} hold 95 %, {counts['0.99']} hold 99 %. {advice}"
    )


def _collapsed(e: Exploration) -> str:
    if not e.space.collapsed:
        return "<b>No dimension has collapsed</b>: the sounds use every one of them."
    which = ", ".join(str(i + 1) for i in e.space.collapsed)
    return (
        f"<b>Collapsed: {count(len(e.space.collapsed), 'latent')} ({which})</b>. They are silent: the sounds do not use"
        " them, and turning them changes next to nothing."
    )


def _loudest(e: Exploration) -> str:
    heard = e.turning.heard_db
    most, least = int(heard.argmax()), int(heard.argmin())
    if most == least:
        return ""
    return (
        f"<b>Axis {most + 1} is heard most</b> ({float(heard[most]):.1f} dB of change over the whole spectrum per"
        f" step), axis {least + 1} least ({float(heard[least]):.1f} dB)."
    )


def _known(e: Exploration) -> str:
    shares = zip(e.directions.explained.tolist(), (d.title for d in DESCRIPTORS), strict=True)
    known = sorted(((share, title) for share, title in shares if share >= KNOWN), reverse=True)
    if not known:
        return ""
    told = ", ".join(f"{title} {100 * share:.0f} %" for share, title in known)
    return (
        f"<b>What the place of a point tells</b>, all axes together: {escape(told)}. 100 % would mean that it can be"
        " told exactly from where a sound lies."
    )


def _whose_axes(e: Exploration) -> str:
    if e.trained:
        return "The axes are those of the sounds the model was trained on, the same as in the instrument."
    return "The axes are fitted to these sounds; an instrument's own axes follow the model's training sounds."


def _first_axes(e: Exploration) -> str:
    moments = e.found.moments(max(1, round(DOT_SECONDS * e.codec.sample_rate / e.codec.ratio)))
    chosen = slice(None, None, -(-len(moments.source) // MOST_DOTS))
    points = e.space.project(moments.position[chosen])
    flat = torch.cat([points, torch.zeros_like(points)], dim=1)[:, :2].numpy()  # a space of one axis is a line
    words = {"horizontal": _arrow(e, 0), "vertical": _arrow(e, 1)}
    kinds = groups_of(e.found.names)
    layers = kind_layers(flat, [kinds[i] for i in moments.source[chosen].tolist()])
    figures = [scatter(layers, legend="kind of sound:", alt="the sounds on two axes, by kind", **words)]
    for name in COLOURED_BY:
        d, values = DESCRIPTORS[NAMES.index(name)], moments.descriptors[chosen, NAMES.index(name)].numpy()
        ramp = ramp_layers(flat, values, (d.low, "", "", "", "", d.high))
        figures.append(scatter(ramp, legend=f"{d.title}:", alt=f"the same map, coloured by {d.title}", **words))
    length = moments.steps * e.codec.ratio / e.codec.sample_rate
    return section(
        "The first two axes",
        paragraph(
            f"Every mark is {length:.2f} seconds of one of the sounds, placed on the first two axes. Marks that lie"
            " together are alike as far as these two axes can tell; silence gathers in one place."
            " It is the same picture four times: coloured by kind of sound, then by how bright, how loud and how noisy"
            " each moment is."
        ),
        f'<div class="maps">{"".join(figures)}</div>',
    )


def _arrow(e: Exploration, axis: int) -> str:
    """What stands at an axis of the map: its number and where it leads; nothing where there is no such axis."""
    if axis >= len(e.space.axes):
        return ""
    word = towards(e, axis)
    return f"axis {axis + 1}: {word} →" if word else f"axis {axis + 1} →"


def _notes(e: Exploration) -> str:
    heard = [[escape(x) for x in (d.title, d.name, f"{d.low}, {d.high}", d.unit or "0 to 1")] for d in DESCRIPTORS]
    formulas = [[f"<code>{escape(k)}</code>", escape(v)] for k, v in FORMULAS.items()]
    skipped = "; ".join(e.found.skipped[:20]) + ("; ..." if len(e.found.skipped) > 20 else "")
    return section(
        "How it was measured",
        "<details><summary>What is heard, and its names</summary>"
        + table(["on this page", "in the literature", "ends", "unit"], heard)
        + "</details><details><summary>Formulas, under their names in the JSON file</summary>"
        + table(["", ""], formulas)
        + "</details>",
        paragraph(f"Not used: {skipped}") if skipped else "",
    )
