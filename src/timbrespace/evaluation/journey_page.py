"""The report of one path: where it led, what was heard on the way, and how smooth it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from timbrespace.audio.descriptors import DESCRIPTORS, NAMES
from timbrespace.codecs.mapping import map_of
from timbrespace.core.codec import Codec
from timbrespace.core.version import __version__
from timbrespace.evaluation.explore_style import STYLE
from timbrespace.evaluation.explore_turning import mel_db
from timbrespace.evaluation.explore_words import decimal, value_in_words
from timbrespace.evaluation.journey_listening import Heard
from timbrespace.evaluation.journey_smoothness import Scores
from timbrespace.evaluation.page import compact_player, escape, page, paragraph, picture, section, table
from timbrespace.latent.routes.base import Route
from timbrespace.latent.surroundings import Surroundings
from timbrespace.pictures.image import heat_png
from timbrespace.pictures.vector import small_curve
from timbrespace.pictures.way import way

MOST_PLACES = 4000
"""Points of the data on the map; more are thinned evenly."""
MOST_FRAMES = 2000
"""Columns of the spectrogram."""
OWN_STYLE = """
.curves { grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: 1rem; }
.maps { grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); } .map { max-width: 36rem; }
.player audio { width: 100%; max-width: 48rem; }
.player + img { width: 100%; height: 9rem; object-fit: fill; border-radius: 8px; margin: .6rem 0; }
.way { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.faint { stroke: var(--soft); stroke-opacity: .28; stroke-width: 2.2; }
.first, .last { fill: var(--panel); stroke: var(--ink); stroke-width: 2; } .last { fill: var(--ink); }
.ramp i { display: inline-block; width: 1.3rem; height: .5rem; }
"""
FORMULAS = {
    "smoothness": "1 - mean |p[t-1] - 2 p[t] + p[t+1]|^2 / (6 mean |p - mean p|^2); latents: axis coordinates of the"
    " path's points; descriptors: what is heard at each step, pitch left out, logarithm of Hz and of flatness, in"
    " standard deviations of the data",
    "shuffled": "the same points in 50 random orders: mean and 95 % range",
    "noise": "paths of equal length whose points are drawn on their own from the sounds: mean and 95 % range",
}
VIEWS = {"latents": "the path itself", "descriptors": "what is heard"}


@dataclass(frozen=True)
class Journey:
    """What the report tells: the route and its seed, what was heard, ``scores`` by name, and the names of the
    recordings at both ``ends``, where these were given.
    """

    model: str
    route: Route
    seed: int
    codec: Codec
    surroundings: Surroundings
    heard: Heard
    scores: dict[str, Scores]
    ends: tuple[str | None, str | None] = (None, None)

    @property
    def kind(self) -> str:
        """The route's name, as the command line spells it."""
        return type(self.route).__name__.lower()

    @property
    def seconds(self) -> float:
        """How long the sound is."""
        return self.heard.sound.shape[-1] / self.codec.sample_rate


def numbers(journey: Journey) -> dict[str, Any]:
    """What the page shows, for programs; what is undefined is null."""
    curves = journey.heard.curves
    return {
        "timbrespace": __version__,
        "model": journey.model,
        "route": journey.route.config(),
        "from": journey.ends[0],
        "to": journey.ends[1],
        "seed": journey.seed,
        "sample_rate": journey.codec.sample_rate,
        "rate_hz": journey.heard.path.rate_hz,
        "steps": len(curves),
        "smoothness": {name: scores.table() for name, scores in journey.scores.items()},
        "curves": {"seconds": _plain(journey.heard.seconds)}
        | {name: _plain(curves[:, i]) for i, name in enumerate(NAMES)},
        "map": [[float(f"{v:.5g}") for v in point] for point in _flat(journey, journey.heard.path.points).tolist()],
        "formulas": FORMULAS,
    }


def write_page(journey: Journey) -> str:
    """The whole report as HTML."""
    way_of = " from {} to {}".format(*journey.ends) if None not in journey.ends else ""
    where = f"the space “{journey.model}”" if journey.model else "a space"
    lead = (
        f"{journey.seconds:.1f} seconds through {where}{way_of}: {len(journey.heard.path.points):,} points,"
        f" {journey.heard.path.rate_hz:.1f} in a second. {_settings(journey)}"
    )
    sections = [_listen(journey), _map(journey), _curves(journey), _smoothness(journey), _measured()]
    return page(f"A path: {journey.kind}", lead, sections, style=STYLE + OWN_STYLE)


def _settings(journey: Journey) -> str:
    table = {k: v for k, v in journey.route.config().items() if k != "kind"}
    told = ", ".join(f"{k} {_spelled(v)}" for k, v in table.items() if v not in (None, []))
    return f"Settings: {told}; seed {journey.seed}." if told else f"Seed {journey.seed}."


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " and ".join(_spelled(v) for v in value)
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _listen(journey: Journey) -> str:
    rate = journey.codec.sample_rate
    mel = mel_db(journey.heard.sound[None], rate)[0]
    mel = mel[:, :: -(-mel.shape[1] // MOST_FRAMES)]
    return section(
        "Listen",
        f'<div class="player">{compact_player(journey.heard.sound, rate, f"the path {journey.kind}")}</div>',
        picture(heat_png(mel.numpy()), "spectrogram of the path, low notes at the bottom, time from left to right"),
    )


def _flat(journey: Journey, points: Tensor) -> np.ndarray:
    """Points (n, latent) on the map: the first two axes of the space; a space of one axis is a line."""
    coordinates = journey.surroundings.space.project(points)
    return torch.cat([coordinates, torch.zeros_like(coordinates)], dim=1)[:, :2].numpy()


def _map(journey: Journey) -> str:
    vectors = journey.surroundings.vectors
    places, path = vectors[:: -(-len(vectors) // MOST_PLACES)], journey.heard.path.points
    ends = ("beginning", f"end, {journey.seconds:.1f} s")
    names = [f"axis {i + 1}: {name}" if name != f"axis {i + 1}" else name for i, name in enumerate(_names(journey))]
    figures = [
        way(
            _flat(journey, places),
            _flat(journey, path),
            horizontal=names[0],
            vertical=names[1] if len(names) > 1 else "",
            ends=ends,
            alt="the path on the first two axes of the space, over the sounds",
        )
    ]
    made = map_of(journey.codec)
    if made is not None:
        figures.append(
            way(
                made.to_map(places).numpy(),
                made.to_map(path).numpy(),
                horizontal="",
                vertical="",
                ends=ends,
                alt="the path on the map of the model, over the sounds",
            )
        )
    also = " Right, the same on the model's map, on which like sounds lie together whatever axis they differ along."
    return section(
        "Where it led",
        paragraph(
            "Faint dots are moments of the sounds, placed on the two axes along which they differ most to the ear; the"
            " line is the path, dark at its beginning and light at its end. Where there are dots, there are sounds the"
            f" model knows.{also if made is not None else ''}"
        ),
        f'<div class="maps">{"".join(figures)}</div>',
    )


def _names(journey: Journey) -> tuple[str, ...]:
    """Those of the first two axes."""
    return journey.surroundings.space.names[:2]


def _curves(journey: Journey) -> str:
    panels = "".join(_curve(journey, i) for i in range(len(DESCRIPTORS)))
    return section(
        "What is heard on the way",
        paragraph(
            "Each panel is one thing that can be measured of the sound, from the beginning to the end of the path, on a"
            " scale that also holds nine tenths of the sounds. Gaps are silence, or a sound without pitch."
        ),
        f'<div class="curves">{panels}</div>',
    )


def _curve(journey: Journey, index: int) -> str:
    d, curve = DESCRIPTORS[index], _linked(journey.heard.curves[:, index])
    data = journey.surroundings.descriptors
    usual = torch.zeros(0) if data is None else data[data[:, index].isfinite(), index].sort().values
    usual = usual[[len(usual) // 20, len(usual) - 1 - len(usual) // 20]] if len(usual) else usual
    known = torch.cat([curve[curve.isfinite()], usual])
    low, high = (float(known.min()), float(known.max())) if len(known) else (1.0, 2.0)
    return small_curve(
        journey.heard.seconds.numpy(),
        curve[None].numpy(),
        low=low,
        high=max(high, low * (1 + 1e-6), low + 1e-9),
        title=d.title,
        ends=(value_in_words(d, low), value_in_words(d, high)) if len(known) else ("", ""),
        logarithmic=d.scale == "log",
        axis_ends=("0 s", f"{journey.seconds:.1f} s"),
    )


def _linked(curve: Tensor) -> Tensor:
    """Values that are known at two successive steps at least: a single one would draw no line."""
    known = torch.nn.functional.pad(curve.isfinite(), (1, 1))
    return torch.where(known[:-2] | known[2:], curve, torch.nan)


def _smoothness(journey: Journey) -> str:
    rows = []
    for name, scores in journey.scores.items():
        told = scores.table()
        rows.append(
            [
                VIEWS[name],
                "–" if told["own"] is None else f"<b>{decimal(told['own'], 3)}</b>",
                *(_range_in_words(told[b]) for b in ("shuffled", "noise")),
            ]
        )
    return section(
        "How smooth it was",
        paragraph(
            "1 is a straight line at an even pace, 0 what chance gives, below 0 goes to and fro. Beside it stand the"
            " same points in random order, and paths whose points are drawn at random from the sounds; in brackets the"
            " range of nineteen in twenty of these."
        ),
        table(["", "this path", "in random order", "random points"], rows),
    )


def _range_in_words(found: dict[str, float | None]) -> str:
    mean, low, high = found["mean"], found["low"], found["high"]
    if mean is None or low is None or high is None:
        return "–"
    return f"{decimal(mean, 2)} <small>[{decimal(low, 2)}, {decimal(high, 2)}]</small>"


def _measured() -> str:
    rows = [[f"<code>{escape(k)}</code>", escape(v)] for k, v in FORMULAS.items()]
    return section("How it was measured", f"<details><summary>Formulas</summary>{table(['', ''], rows)}</details>")


def _plain(values: Tensor) -> list[float | None]:
    return [float(f"{v:.6g}") if np.isfinite(v) else None for v in values.tolist()]
