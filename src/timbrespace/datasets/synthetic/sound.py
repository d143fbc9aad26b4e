"""One generated sound with what is known about it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import Sound

Signal = NDArray[np.float64]
"""One channel of samples while it is being made."""

# fmt: off
WORDS = (
    "amber", "brick", "coral", "dusk", "ember", "fern", "glass", "hazel", "iron",
    "jade", "kelp", "lime", "moss", "night", "opal", "pearl", "quartz", "rust",
    "sand", "tin", "umber", "velvet", "wax", "yarrow", "zinc",
)
# fmt: on


@dataclass(frozen=True, eq=False)
class LabelledSound:
    """A sound and its labels; ``wave`` is (channel, time) float32, ``name`` its file name without suffix.

    Variations of one thing share their name up to a final number.
    """

    name: str
    wave: Sound
    sample_rate: int
    labels: dict[str, str] = field(default_factory=dict)


def labelled(name: str, signal: Signal, sample_rate: int, labels: dict[str, str]) -> LabelledSound:
    """A mono :class:`LabelledSound` from one channel of samples."""
    wave = torch.from_numpy(signal.astype(np.float32))[None]
    return LabelledSound(name=name, wave=wave, sample_rate=sample_rate, labels=labels)


def nickname(number: int) -> str:
    """A word that tells things of one kind apart, different for every ``number``: amber, brick, ..., amber-b, ...

    >>> nickname(0), nickname(26)
    ('amber', 'brick-b')
    """
    turn, place = divmod(number, len(WORDS))
    letters = ""
    while turn:
        turn, letter = divmod(turn, 26)
        letters = chr(ord("a") + letter) + letters
    return WORDS[place] + (f"-{letters}" if letters else "")


def check_request(count: int, sample_rate: int) -> None:
    """Refuse a negative ``count`` and a ``sample_rate`` at which the instruments would lose their overtones."""
    if count < 0:
        raise ParameterError(f"count is {count}, but the number of sounds must be 0 or more.")
    if not 16_000 <= sample_rate <= 192_000:
        raise ParameterError(
            f"sample_rate is {sample_rate} Hz, but sounds are generated at 16000 to 192000 Hz; resample afterwards."
        )
