"""The sections of the report in which one listens along a direction."""

from __future__ import annotations

import math

import torch

from timbrespace.audio.descriptors import DESCRIPTORS, NAMES
from timbrespace.evaluation.exploration import Exploration
from timbrespace.evaluation.explore_listening import COMPANIONS, STOPS, Journey
from timbrespace.evaluation.explore_turning import mel_db
from timbrespace.evaluation.explore_words import decimal, effect_words, goes_with, named, signed, value_in_words, where
from timbrespace.evaluation.page import compact_player, escape, paragraph, picture, section
from timbrespace.pictures.image import heat_png
from timbrespace.pictures.vector import small_curve

PLACES = ("far left", "left", "middle", "right", "far right")


def along_axis(e: Exploration, axis: int) -> str:
    """Listening along one of the axes."""
    effect, goes = effect_words(e, axis), goes_with(e, axis)
    text = f"One step to the right makes a sound {effect}." if effect else "It moves something we have no measure for."
    if goes:
        text += f" Sounds that lie further right are {', '.join(goes)}."
    return _section(e, e.axes[axis], f"Listen along axis {axis + 1}{named(e, axis)}", text)


def along_descriptor(e: Exploration, name: str) -> str:
    """Listening along the direction of a descriptor."""
    index = NAMES.index(name)
    d, weights = DESCRIPTORS[index], e.directions.vectors[index]
    main = weights.abs().argsort(descending=True)[: min(4, len(weights))].tolist()
    mix = ", ".join(f"{'more' if float(weights[i]) > 0 else 'less'} of axis {i + 1}" for i in main)
    text = (
        f"No single axis need carry {d.title}. This is the direction across all axes along which sounds get {d.high}"
        f" most quickly ({mix}{', ...' if len(weights) > len(main) else ''}). The place in the space tells"
        f" {100 * float(e.directions.explained[index]):.0f} % of a sound's {d.title}."
    )
    return _section(e, e.along[name], f"Listen from {d.low} to {d.high}", escape(text))


def _section(e: Exploration, journey: Journey, title: str, text: str) -> str:
    rate = e.codec.sample_rate
    glide = mel_db(journey.glide[None], rate)[0].numpy()
    return section(
        title,
        f"<p>{text}</p>",
        paragraph(
            f"You hear a moment of {where(e, journey.moment)}, the one nearest to all others. It keeps its own"
            " movement; only its place along this direction changes."
        ),
        _stops(e, journey, title),
        f'<div class="glide">{compact_player(journey.glide, rate, f"{title}, all the way")}'
        "<span>all the way, from far left to far right</span></div>",
        picture(heat_png(glide), f"spectrogram of {title}, low notes at the bottom, time from left to right"),
        '<div class="curves">' + "".join(_curve(e, journey, k) for k in range(len(DESCRIPTORS))) + "</div>",
        _smoothness(journey),
    )


def _stops(e: Exploration, journey: Journey, title: str) -> str:
    places = torch.linspace(0, len(journey.at) - 1, STOPS).round().long().tolist()
    players = (
        f'<div class="stop">{compact_player(sound, e.codec.sample_rate, f"{title}, {word}")}'
        f"<span>{word}<small>{signed(float(journey.at[i]), 1)} steps</small></span></div>"
        for sound, word, i in zip(journey.stops, PLACES, places, strict=True)
    )
    return f'<div class="stops">{"".join(players)}</div>'


def _smoothness(journey: Journey) -> str:
    smooth = journey.smooth
    if not math.isfinite(smooth.axis):
        return ""
    others = f" Thin lines: {COMPANIONS} other sounds moved the same way." if len(journey.curves) > 1 else ""
    return (
        f"<p><b>Smoothness {decimal(smooth.axis, 4)}.</b> 1 would be a straight line, 0 is what chance gives: the same"
        f" places in random order have {decimal(smooth.shuffled, 2)}, as many random places of the space"
        f" {decimal(smooth.noise, 2)}.{others}</p>"
    )


def _curve(e: Exploration, journey: Journey, index: int) -> str:
    """One descriptor along the way, on a scale that holds nine tenths of the data as well."""
    d, curves = DESCRIPTORS[index], journey.curves[:, :, index]
    data = e.found.heard[:, index]
    data = data[data.isfinite()].sort().values
    usual = data[[len(data) // 20, len(data) - 1 - len(data) // 20]] if len(data) else data
    known = torch.cat([curves[curves.isfinite()], usual])
    low, high = (float(known.min()), float(known.max())) if len(known) else (1.0, 2.0)
    return small_curve(
        journey.at.numpy(),
        curves.numpy(),
        low=low,
        high=max(high, low * (1 + 1e-6), low + 1e-9),
        title=d.title,
        ends=(value_in_words(d, low), value_in_words(d, high)) if len(known) else ("", ""),
        logarithmic=d.scale == "log",
        axis_ends=("left", "right"),
    )
