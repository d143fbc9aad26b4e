"""How the engine is, at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from timbrespace.control.meters import Deadline


@dataclass(frozen=True)
class Status:
    """What meters show and reports hold.

    ``rendered`` and ``heard`` count samples since the start, ``fill`` those between them; ``ahead_s`` is the fill
    that is aimed at. Times of the sound's way in seconds: ``codec_latency_s`` and ``stage_latency_s``, to which
    comes up to one ``period_s`` until the next latent step. ``deadline`` is rendering time as a share of sounding
    time while something sounds, ``cpu`` that of the whole process. ``dropouts`` counts the times sound was asked for
    and missing while playing, ``missing`` the frames of silence put in its place. ``mended`` values and blocks were no
    sound, ``limited`` frames were turned down, ``refused`` requests made no sense. ``peak`` is the highest
    magnitude per channel of what was heard in the last tenth of a second. ``place`` are coordinates on the axes.
    """

    running: bool
    rendered: int
    heard: int
    fill: int
    ahead_s: float
    period_s: float
    codec_latency_s: float
    stage_latency_s: float
    deadline: Deadline
    cpu: float
    dropouts: int
    missing: int
    mended: int
    limited: int
    refused: int
    restarts: int
    peak: tuple[float, ...]
    playing: bool
    sounding: bool
    moment: int
    place: tuple[float, ...]
    knobs: Mapping[str, float]
    recording_s: float
    message: str
