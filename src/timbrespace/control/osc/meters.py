"""What the instrument answers: where it is and how it does, twenty times a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from timbrespace.audio.descriptors import NAMES
from timbrespace.control.osc.packets import message
from timbrespace.control.status import Status

DESCRIBED: Final = ("loudness", "centroid", "flatness", "f0")
_COLUMNS: Final = [NAMES.index(name) for name in DESCRIBED]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Meter:
    """An address to which something is told; without values nothing is."""

    address: str
    about: str
    values: Callable[[Status, Mapping[str, Array]], tuple[float, ...]]


def _place(status: Status, arrays: Mapping[str, Array]) -> tuple[float, ...]:
    return status.place


def _described(status: Status, arrays: Mapping[str, Array]) -> tuple[float, ...]:
    """Descriptors of the moment that sounds; 0 for what it has none of, such as the pitch of noise."""
    known = arrays.get("descriptors")
    if known is None or known.shape[1] < len(NAMES) or not 0 <= status.moment < len(known):
        return ()
    return tuple(float(v) for v in np.nan_to_num(known[status.moment, _COLUMNS]))


METERS: Final = (
    Meter("/ts/out/pos", "Where the instrument is, in coordinates on its axes.", _place),
    Meter("/ts/out/moment", "The moment of the corpus that is nearest to it.", lambda s, a: (s.moment,)),
    Meter("/ts/out/desc", f"Of that moment, where the model knows them: {', '.join(DESCRIBED)}.", _described),
    Meter("/ts/out/peak", "The highest magnitude per channel in the last tenth of a second.", lambda s, a: s.peak),
    Meter("/ts/out/drop", "How often sound was missing since the start.", lambda s, a: (s.dropouts,)),
)
WEKINATOR: Final = Meter("/wek/inputs", "For Wekinator: as /ts/out/pos.", _place)


def packets(status: Status, arrays: Mapping[str, Array]) -> list[bytes]:
    """One packet per meter that has something to tell."""
    return [told for meter in METERS if (told := packet(meter, status, arrays))]


def packet(meter: Meter, status: Status, arrays: Mapping[str, Array]) -> bytes:
    """The packet of one meter; empty if it has nothing to tell."""
    values = meter.values(status, arrays)
    return message(meter.address, *values) if values else b""
