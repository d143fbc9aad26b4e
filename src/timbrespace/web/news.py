"""What the pages are told of the engine: its status and its knobs, as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from timbrespace.control.status import Status
from timbrespace.instruments.base import Dial
from timbrespace.web.listeners import Listener


def status_table(status: Status, listener: Listener | None, *, sample_rate: int) -> dict[str, Any]:
    """A status for meters: levels in dB of full scale, times in ms, shares of the time there is in per cent."""
    deadline = status.deadline
    return {
        "playing": status.playing,
        "sounding": status.sounding,
        "place": list(status.place),
        "moment": status.moment,
        "position": status.heard,
        "level_db": [decibels(peak) for peak in status.peak],
        "latency_ms": latency_ms(status, listener, sample_rate=sample_rate),
        "deadline": {name: percent(getattr(deadline, name)) for name in ("p50", "p99", "max")},
        "cpu": percent(status.cpu),
        "dropouts": status.dropouts,
        "underruns": listener.underruns if listener else 0,
        "limited": status.limited,
        "mended": status.mended,
        "restarts": status.restarts,
        "recording_s": round(status.recording_s, 2),
        "running": status.running,
        "listening": listener is not None,
        "message": status.message,
    }


def latency_ms(status: Status, listener: Listener | None, *, sample_rate: int) -> dict[str, float]:
    """From a control to its sound, by part.

    ``step``: until the next latent step, on average; ``codec``: the decoder's own delay; ``stage``: the output
    stage's; ``engine``: what is rendered ahead; ``lead``: the listener's buffer.
    """
    parts = {
        "step": status.period_s / 2,
        "codec": status.codec_latency_s,
        "stage": status.stage_latency_s,
        "engine": status.fill / sample_rate,
        "lead": listener.buffer_ms / 1000 if listener else 0.0,
    }
    rounded = {name: round(1000 * seconds, 1) for name, seconds in parts.items()}
    return rounded | {"total": round(1000 * sum(parts.values()), 1)}


def knob_tables(dials: Iterable[Dial], status: Status) -> list[dict[str, Any]]:
    """Every dial with its range and where it stands."""
    return [
        {
            "name": dial.name,
            "label": dial.label,
            "low": dial.range.low,
            "high": dial.range.high,
            "unit": dial.range.unit,
            "scale": dial.range.scale,
            "default": dial.default,
            "value": status.knobs.get(dial.name, dial.default),
            "group": dial.group,
            "axis": dial.axis,
        }
        for dial in dials
    ]


def decibels(peak: float) -> float:
    """A level of full scale is 0 dB; silence is held at -120 dB.

    >>> decibels(0.5), decibels(0.0)
    (-6.0, -120.0)
    """
    return round(20.0 * math.log10(max(peak, 1e-6)), 1)


def percent(share: float) -> float:
    """A share in per cent, rounded to a tenth."""
    return round(100.0 * share, 1)
