"""Playing without a page, moved by Open Sound Control alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from timbrespace.audio.writing import write_blocks
from timbrespace.control.card import Card
from timbrespace.control.engine import Engine
from timbrespace.control.osc.receiver import OscCounts, OscReceiver
from timbrespace.control.outputs import Score, performance, play_blocks
from timbrespace.control.status import Status
from timbrespace.core.files import refuse_existing

SOUND: Final[Score] = [(0.0, "play", ())]
"""It sounds from the beginning, and stays where it is until something comes."""


def play_steered(
    engine: Engine,
    receiver: OscReceiver,
    *,
    out: Path | None = None,
    card: Card | None = None,
    seconds: float | None = None,
    force: bool = False,
) -> tuple[Status, OscCounts]:
    """Start ``engine`` and play it for ``seconds``, or until Ctrl-C: on a card, into the file ``out``, or to nobody.

    Returns how it went and what came. Engine and receiver are closed at the end.
    """
    if out is not None:
        refuse_existing(out, force=force)
    with engine as playing, receiver.steer(playing):
        block = None if card is None else card.block
        blocks = performance(playing, seconds=seconds, events=SOUND, seed=playing.seed, block=block)
        if card is not None:
            play_blocks(blocks, card, playing)
        elif out is None:
            for _ in blocks:
                pass
        else:
            turned = (np.ascontiguousarray(block.T) for block in blocks)
            write_blocks(out, turned, playing.sample_rate, channels=playing.channels, force=force)
        return playing.status(), receiver.counts
