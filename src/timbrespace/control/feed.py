"""The sound that is heard: out of one ring, over to the next without a click, and silent at once if need be."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from timbrespace.control.ring import Ring
from timbrespace.control.session import Session

FADE_S: Final = 0.02
BACK_S: Final = 0.005

Array = npt.NDArray[Any]


class Feed:
    """Frames out of the ring that plays, each heard once, counted from the beginning.

    A ring that joins is crossfaded to as soon as enough lies behind its lead-in, which is dropped: what is asked for
    and the fade, or ``ahead`` frames. The fade is a raised cosine over 20 ms, and its two gains add up to 1. If the
    producer before is dead, what it left is enough for that, or is faded out. What runs out is held while it fades.
    :meth:`hush` fades out over 20 ms and stays silent until a frame is named from which there is nothing to hide.
    ``marks`` are the counts from which on, for 20 ms at most, frames are not those that were rendered.
    """

    def __init__(self, sample_rate: int, *, ahead: int) -> None:
        self.rings: list[Ring] = []
        self.heard = 0
        self.marks: list[int] = []
        self.ahead = ahead
        self._rise, self._back = (_rise(max(2, round(s * sample_rate))) for s in (FADE_S, BACK_S))
        self._last: Array = np.zeros((0, 1), np.float32)
        self._skip = 0  # frames of the lead-in of the ring that plays still to be dropped
        self._ends = False
        self._next: _Joining | None = None
        self._fade: _Crossfade | None = None
        self._gain = _Gain(1.0)
        self._mute: tuple[Ring, int] | None = None  # where the silence may end

    # Rings.

    def join(self, ring: Ring, session: Session, *, lead_in: int, alive: bool) -> None:
        """Go over to ``ring``, which an instrument with that session fills; ``alive`` if another still plays.

        A ring that had joined before and was not heard yet is forgotten.
        """
        if self._next is not None:
            self._drop(self._next.ring)
        self.rings.append(ring)
        self._next = _Joining(ring, session, lead_in, alive)
        if len(self.rings) == 1:
            self._last = np.zeros((1, ring.channels), np.float32)
            self._begin(self._next)

    def end(self) -> None:
        """What waits is the last of its producer, which is dead: its end is faded out."""
        self._ends = True

    @property
    def joining(self) -> bool:
        """Whether a ring is still to be heard, or crossfaded to."""
        return self._next is not None or self._fade is not None

    def hurry(self) -> None:
        """Go over to what joins, ready or not, as nobody listens; the fade is from what was heard last."""
        self._settle()
        if self._next is not None:
            self._begin(self._next)

    def close(self) -> None:
        """Give back all memory."""
        while self.rings:
            self.rings.pop().close()

    # Sound.

    @property
    def ring(self) -> Ring:
        """The ring that plays."""
        return self.rings[0] if self._fade is None else self._fade.ring

    @property
    def fill(self) -> int:
        """Frames that wait to be heard."""
        return max(0, self.ring.fill - self._skip)

    def take(self, n: int) -> Array:
        """The next frames (frame, channel), ``n`` at most."""
        if self._next is not None and self._fade is None:
            self._look_at(self._next, n)
        frames = self._plain(n) if self._fade is None else self._crossfaded(self._fade, n)
        if len(frames):
            self._last = frames[-1:].copy()
        frames = self._hushed(frames)
        self.heard += len(frames)
        return frames

    def _plain(self, n: int) -> Array:
        while self._skip and (dropped := len(self.ring.take(self._skip))):
            self._skip -= dropped
        waiting = self.ring.fill
        frames = self.ring.take(0 if self._skip else n)
        if self._ends:
            left = np.clip(waiting - 1 - np.arange(len(frames)), 0, len(self._rise))  # frames after each
            frames *= np.append(self._rise, np.float32(1))[left][:, None]
        return frames

    def _look_at(self, joining: _Joining, n: int) -> None:
        """Go over to another ring if it is time."""
        while joining.lead_in and (dropped := len(joining.ring.take(joining.lead_in))):
            joining.lead_in -= dropped
        ready = joining.lead_in == 0 and joining.ring.fill >= min(self.ahead, len(self._rise) + n)
        if ready and (joining.alive or self.fill >= len(self._rise)):
            self._install(joining, old=self.ring)
        elif not joining.alive and self.fill == 0:
            self._begin(joining)

    def _begin(self, joining: _Joining) -> None:
        """Let a ring play instead of all others; what was heard last is held while it fades."""
        for other in [r for r in self.rings if r is not joining.ring]:
            self._drop(other)
        self._install(joining, old=None)

    def _install(self, joining: _Joining, *, old: Ring | None) -> None:
        self._next, self._skip, self._ends = None, joining.lead_in, False
        if self.heard or old is not None:
            self._fade = _Crossfade(old, joining.ring, self._last)
        session = joining.session
        session.joined = self.heard
        session.origin = self.heard - joining.ring.read - joining.lead_in
        if self._mute is None or self._mute[0] is not joining.ring:
            self._mute = (joining.ring, 0)
        if self.heard:
            self.marks.append(self.heard)

    def _settle(self) -> None:
        """The ring that is crossfaded to plays alone."""
        if self._fade is not None:
            old, self._fade = self._fade.old, None
            if old is not None:
                self._drop(old)

    def _drop(self, ring: Ring) -> None:
        self.rings.remove(ring)
        ring.close()

    def _crossfaded(self, fade: _Crossfade, n: int) -> Array:
        """Some frames of both rings, and then of the new one alone."""
        left = len(self._rise) - fade.done
        new = self._plain(min(n, left))
        gains = self._rise[fade.done : fade.done + len(new), None]
        mixed = gains * new + (1 - gains) * fade.old_frames(len(new))
        fade.done += len(new)
        if len(new) < left:
            return mixed
        self._settle()
        return np.concatenate([mixed, self._plain(n - len(new))])

    # Silence.

    @property
    def hushed(self) -> bool:
        """Whether it is silent, or about to be, and nobody has said until when."""
        return not self._gain.open and self._mute is None

    def hush(self) -> None:
        """Fade out what is heard from the next frame on, and stay silent."""
        self._mute = None
        self.marks.append(self.heard)
        self._gain.go(0.0, self._rise)

    def unhush(self, ring: Ring, frame: int) -> None:
        """What ``ring`` holds from its ``frame`` on may be heard."""
        if ring in self.rings:
            self._mute = (ring, frame)

    def _hushed(self, frames: Array) -> Array:
        if self._gain.open or not len(frames):
            return frames
        out = self._gain.applied(frames)
        if self._gain.silent and self._mute is not None:
            ring, frame = self._mute
            if ring is self.ring and ring.read >= frame:
                self.marks.append(self.heard + len(frames))
                self._gain.go(1.0, self._back)
        return out


class _Joining:
    """A ring that is to be heard."""

    def __init__(self, ring: Ring, session: Session, lead_in: int, alive: bool) -> None:
        self.ring = ring
        self.session = session
        self.lead_in = lead_in
        self.alive = alive


class _Crossfade:
    """From what an old ring holds, if there is one, to another: how far it has come, and the last frame that goes."""

    def __init__(self, old: Ring | None, ring: Ring, last: Array) -> None:
        self.old = old
        self.ring = ring
        self.done = 0
        self._last = last

    def old_frames(self, n: int) -> Array:
        """The next ``n`` frames of the old ring; if they run out, the last one is held, while it fades."""
        frames = self._last[:0] if self.old is None else self.old.take(n)
        if len(frames):
            self._last = frames[-1:].copy()
        return np.concatenate([frames, np.repeat(self._last, n - len(frames), axis=0)])


class _Gain:
    """A gain that goes from where it is to 0 or 1 along a curve that rises from 0 to 1."""

    def __init__(self, value: float) -> None:
        self._at = self._from = self._to = value
        self._curve: Array = np.ones(0, np.float32)
        self._done = 0

    @property
    def open(self) -> bool:
        """Whether it is 1 and stays there."""
        return self._to == 1.0 and self._done >= len(self._curve)

    @property
    def silent(self) -> bool:
        """Whether it is 0 and stays there."""
        return self._to == 0.0 and self._done >= len(self._curve)

    def go(self, to: float, curve: Array) -> None:
        """Be at ``to`` after as many frames as the curve has."""
        self._from, self._to, self._curve, self._done = self._at, to, curve, 0

    def applied(self, frames: Array) -> Array:
        """``frames`` (frame, channel) at this gain."""
        part = self._curve[self._done : self._done + len(frames)]
        gains = np.full(len(frames), self._to, np.float32)
        gains[: len(part)] = self._from + (self._to - self._from) * part
        self._done += len(part)
        self._at = float(gains[-1])
        return frames * gains[:, None]


def _rise(frames: int) -> Array:
    """Half a period of a raised cosine, between 0 and 1 and without either."""
    return (0.5 * (1 - np.cos(np.pi * np.arange(1, frames + 1) / (frames + 1)))).astype(np.float32)
