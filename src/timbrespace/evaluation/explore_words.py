"""How the report of a space says its numbers."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from timbrespace.audio.descriptors import DESCRIPTORS, NAMES, Descriptor, on_scale
from timbrespace.evaluation.exploration import Exploration
from timbrespace.evaluation.explore_listening import deviation_of
from timbrespace.evaluation.explore_turning import in_words

WORTH_SAYING = 0.12
"""An effect is told if it is at least this many of the data's standard deviations, ..."""
AGREED = 0.85
"""... and if so many of the moments agree on its direction."""
MOST_TOLD = 3
LESS_PLAIN = {"contrast": 0.5, "bandwidth": 0.7, "rolloff": 0.7}
"""Descriptors less easily heard than they are measured: told after others of like strength."""
GOES_WITH = 0.25
"""A correlation is told from here on, if its interval leaves out zero."""


def effect_words(e: Exploration, axis: int) -> str:
    """What one step to the right along an axis makes of a sound, as HTML: "brighter +49 %, louder +3 dB"."""
    strength = (e.turning.effect[axis].abs() / deviation_of(on_scale(e.found.heard))).nan_to_num(0.0)
    sure = (strength >= WORTH_SAYING) & (e.turning.agreement[axis] >= AGREED)
    told = []
    for index in most_telling(strength * sure):
        d, effect = DESCRIPTORS[index], float(e.turning.effect[axis, index])
        told.append(f"{adjective(d, effect)} <small>{minus(in_words(d.name, effect))}</small>")
    return ", ".join(told)


def goes_with(e: Exploration, axis: int) -> list[str]:
    """What the sounds further right on an axis are like, as HTML, the closest bonds first."""
    if e.space.correlations is None:
        return []
    bond = e.space.correlations.spearman
    values, lows, highs = (v[axis] for v in (bond.value, bond.low, bond.high))
    strength = values.abs().nan_to_num(0.0)
    told = []
    for index in most_telling(strength * (strength >= GOES_WITH) * (lows * highs > 0)):
        interval = r_in_words(float(values[index]), float(lows[index]), float(highs[index]))
        told.append(f"{adjective(DESCRIPTORS[index], float(values[index]))} <small>{interval}</small>")
    return told


def most_telling(strength: Tensor) -> list[int]:
    """Up to three descriptors with a strength above zero, those first that everybody hears.

    Of brightness and treble, which say nearly the same, only the first is told.
    """
    weights = torch.tensor([LESS_PLAIN.get(name, 1.0) for name in NAMES])
    twins = (NAMES.index("centroid"), NAMES.index("rolloff"))
    chosen: list[int] = []
    for index in (strength * weights).argsort(descending=True).tolist():
        said = index in twins and any(t in chosen for t in twins)
        if float(strength[index]) > 0 and not said and len(chosen) < MOST_TOLD:
            chosen.append(index)
    return chosen


def adjective(d: Descriptor, change: float) -> str:
    """The word for more or for less of a descriptor: brighter, darker."""
    return d.high if change > 0 else d.low


def value_in_words(d: Descriptor, value: float) -> str:
    """A descriptor's value with its unit."""
    if d.unit == "Hz":
        return f"{value / 1000:.1f} kHz" if value >= 1000 else f"{value:.0f} Hz"
    if d.unit:
        return f"{decimal(value, 0)} {d.unit}"
    return "<.001" if value < 0.001 else f"{value:.1g}"


def r_in_words(value: float, low: float, high: float) -> str:
    """A correlation with its interval: "r = .71 [.66, .75]"."""
    return f"r = {coefficient(value)} [{coefficient(low)}, {coefficient(high)}]"


def coefficient(value: float) -> str:
    """A correlation as it is printed: ".71", "−.40"."""
    return decimal(value, 2).replace("0.", ".", 1) if math.isfinite(value) else "–"


def decimal(value: float, places: int) -> str:
    """A number with a proper minus sign, and none before zero."""
    return minus(f"{round(value, places) + 0.0:.{places}f}")


def signed(value: float, places: int) -> str:
    """A number with its sign, also where it is above zero."""
    return ("+" if round(value, places) > 0 else "") + decimal(value, places)


def minus(text: str) -> str:
    """Numbers with a proper minus sign."""
    return text.replace("-", "−")


def count(n: int, what: str) -> str:
    """So many of a thing: "1 sound", "328 sounds"."""
    return f"{n:,} {what}" + ("" if n == 1 else "s")


def minutes(seconds: float) -> str:
    """A duration in minutes, or in seconds where it is short."""
    return f"{seconds / 60:.1f} minutes" if seconds >= 90 else f"{seconds:.1f} seconds"


def named(e: Exploration, axis: int) -> str:
    """The end of a title: ": brightness, darker to the right", or nothing for an axis without a name."""
    word = towards(e, axis)
    return f": {e.space.names[axis]}, {word} to the right" if word else ""


def towards(e: Exploration, axis: int) -> str:
    """What sounds get towards the right of an axis with a name: "darker"; nothing for one without."""
    titles = [d.title for d in DESCRIPTORS]
    name = e.space.names[axis]
    if name not in titles or e.space.correlations is None:
        return ""
    index = titles.index(name)
    return adjective(DESCRIPTORS[index], float(e.space.correlations.spearman.value[axis, index]))


def where(e: Exploration, moment: int) -> str:
    """A moment by its sound and time."""
    seconds = int(e.moments.step[moment]) * e.codec.ratio / e.codec.sample_rate
    return f"{e.found.names[int(e.moments.source[moment])]} at {seconds:.1f} s"
