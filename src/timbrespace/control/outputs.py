"""Listeners without a page: a sound card, and at a clock's pace, as a card's would be, a file and nothing at all."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from timbrespace.audio.writing import write_blocks
from timbrespace.control.card import Card
from timbrespace.control.engine import Engine
from timbrespace.control.status import Status
from timbrespace.core.errors import ParameterError
from timbrespace.core.files import refuse_existing

BLOCK_S: Final = 0.01
LEAD_S: Final = 0.2
"""Between telling the engine what is to come and its first sample."""
END_FADE_S: Final = 0.05
MAX_LATE_S: Final = 1.0
WORTH_A_SPARE_S: Final = 30.0
"""A file that is longer has a spare process at its side."""
MAX_S: Final = 24 * 3600.0

Score: TypeAlias = Sequence[tuple[float, str, tuple[float, ...]]]
"""What is done when: seconds from the beginning, an action or a knob, its numbers."""

Array = npt.NDArray[Any]


def play_to_file(
    model: str | Path,
    out: str | Path,
    *,
    seconds: float,
    events: Score | None = None,
    seed: int = 0,
    force: bool = False,
    engine: Engine | None = None,
) -> Status:
    """Play for ``seconds`` into a sound file, and tell how it went.

    Without ``events`` the instrument plays and walks. Ctrl-C ends the sound early; what was played is kept.
    ``engine`` plays instead of a new one if given; it is closed at the end.
    """
    refuse_existing(Path(out), force=force)
    _check_duration(seconds)
    with engine or Engine(model, seed=seed, spare=seconds > WORTH_A_SPARE_S) as playing:
        blocks = (np.ascontiguousarray(b.T) for b in performance(playing, seconds=seconds, events=events, seed=seed))
        write_blocks(out, blocks, playing.sample_rate, channels=playing.channels, force=force)
        return playing.status()


def play_to_nothing(
    model: str | Path,
    *,
    seconds: float | None = None,
    events: Score | None = None,
    seed: int = 0,
    engine: Engine | None = None,
) -> Status:
    """Play for ``seconds``, or until Ctrl-C, to nobody, and tell how it went; otherwise as :func:`play_to_file`."""
    _check_duration(seconds)
    with engine or Engine(model, seed=seed) as playing:
        for _ in performance(playing, seconds=seconds, events=events, seed=seed):
            pass
        return playing.status()


def play_to_card(
    model: str | Path,
    card: Card,
    *,
    seconds: float | None = None,
    events: Score | None = None,
    seed: int = 0,
    engine: Engine | None = None,
) -> Status:
    """Play for ``seconds``, or until Ctrl-C, on a sound card, and tell how it went; otherwise as :func:`play_to_file`.

    The card is closed at the end.
    """
    _check_duration(seconds)
    with engine or Engine(model, seed=seed) as playing:
        play_blocks(performance(playing, seconds=seconds, events=events, seed=seed, block=card.block), card, playing)
        return playing.status()


def play_blocks(blocks: Iterable[Array], card: Card, engine: Engine) -> None:
    """Open a sound card for an engine's sound, give it blocks, and close it."""
    with card:
        card.open(engine.sample_rate, engine.channels)
        for block in blocks:
            card.write(block)


def performance(
    engine: Engine, *, seconds: float | None, events: Score | None, seed: int, block: int | None = None
) -> Iterator[Array]:
    """Blocks (frame, channel) of a started engine at the pace of the clock, events on their samples.

    With ``block`` they have so many frames, and come as fast as whoever takes them, which must have a clock of
    its own. The sound ends with a fade; Ctrl-C ends it at the next block, without one.
    """
    rate = engine.sample_rate
    first = engine.status().rendered + round(LEAD_S * rate)
    score = [(0.0, "play", ()), (0.0, "walk", (float(seed),))] if events is None else list(events)
    if seconds is not None:
        score.append((max(0.0, seconds - END_FADE_S), "stop", ()))
    for at, name, values in score:
        _do(engine, name, values, at=first + round(at * rate))
    total = None if seconds is None else round(seconds * rate)
    with _interrupted() as asked:
        yield from _paced(engine, first=first, total=total, asked=asked, block=block)


@contextmanager
def _interrupted() -> Iterator[threading.Event]:
    """Set by the first Ctrl-C, which then breaks nothing off; the second does. For a main thread, others get none."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def _check_duration(seconds: float | None) -> None:
    if seconds is not None and not 0 < seconds <= MAX_S:
        raise ParameterError(f"A performance lasts more than 0 s and up to a day, not {seconds} s.")


def _do(engine: Engine, name: str, values: tuple[float, ...], *, at: int) -> None:
    if name in engine.knobs and len(values) == 1:
        engine.set(name, values[0], at=at)
    else:
        engine.send(name, *values, at=at)


def _paced(
    engine: Engine, *, first: int, total: int | None, asked: threading.Event, block: int | None
) -> Iterator[Array]:
    """Frames from sample ``first`` on, ``total`` of them or until ``asked`` to end, as time goes by."""
    rate = engine.sample_rate
    skip = max(0, first - engine.status().heard)
    end = None if total is None else skip + total
    start, taken = time.perf_counter(), 0
    while (end is None or taken < end) and not asked.is_set():
        if block is None:
            time.sleep(BLOCK_S)
            due = round((time.perf_counter() - start) * rate) - taken
        else:
            due = block
        if due > MAX_LATE_S * rate:  # the machine slept: go on from here, nobody heard the gap
            start += due / rate
            continue
        frames = engine.read_exactly(due if end is None else min(due, end - taken))
        if taken + len(frames) > skip:
            yield frames[max(0, skip - taken) :]
        taken += len(frames)
