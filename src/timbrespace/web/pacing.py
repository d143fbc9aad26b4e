"""When to send how much sound, so that a listener's buffer stays where it wants it."""

from __future__ import annotations

from typing import Final

DEFAULT_LEAD_MS: Final = 100.0
LEAD_LIMITS_MS: Final = (20.0, 500.0)
_GAIN: Final = 0.2
_JUMP_S: Final = 0.04
_FORGET_S: Final = 10.0
_LATEST_S: Final = 1.0


class Delays:
    """How late a message is, against the quickest of late: the two clocks need not agree, only run alike.

    The least difference of the clocks is forgotten after ten to twenty seconds, in which clocks 100 ppm apart
    drift by 2 ms.
    """

    def __init__(self) -> None:
        self._least = self._least_before = float("inf")
        self._until = 0.0

    def late(self, sent: float, now: float) -> float:
        """Seconds that a message stamped ``sent`` by its sender's clock took longer than the quickest."""
        apart = now - sent
        if now >= self._until:
            self._least_before, self._least = self._least, float("inf")
            self._until = now + _FORGET_S
        self._least = min(self._least, apart)
        return min(_LATEST_S, apart - min(self._least, self._least_before))


class Pacer:
    """An observer of the listener's buffer, in frames: a clock between reports, corrected by each of them.

    With level L, target T and sample rate f, sending n frames makes L grow by n, and a time dt makes it fall by
    f dt, though never below zero: an empty buffer gives silence and uses nothing up. Whole blocks are
    due while ``T - L`` has room for them. A report of M frames, taken while some more were under way, moves L
    by a fifth of what they differ, which averages out how long reports travel and how far the two clocks drift
    apart; a difference above 40 ms (a listener that stalled or ran dry) is believed at once. There
    is no backlog: whatever happens, at most ``T - L`` frames are due. Times are in seconds of one
    monotonic clock.
    """

    def __init__(self, sample_rate: int, *, block: int, lead_ms: float = DEFAULT_LEAD_MS, now: float) -> None:
        self._rate = sample_rate
        self._block = block
        self._level = 0.0
        self._at = now
        self._sent = 0
        self._delays = Delays()
        self.lead_ms = lead_ms
        self.set_lead(lead_ms)

    def set_lead(self, lead_ms: float) -> None:
        """Aim at a buffer of ``lead_ms``, held between 20 and 500 ms and at two blocks at least."""
        low, high = LEAD_LIMITS_MS
        self.lead_ms = min(high, max(low, lead_ms, 2000.0 * self._block / self._rate))

    @property
    def sent(self) -> int:
        """Frames sent so far."""
        return self._sent

    def level(self, now: float) -> float:
        """The estimate of what the listener still holds, frames under way included."""
        self._level = max(0.0, self._level - (now - self._at) * self._rate)
        self._at = now
        return self._level

    def due(self, now: float) -> int:
        """How many frames to send now: whole blocks, or none."""
        room = self.lead_ms * self._rate / 1000.0 - self.level(now)
        return max(0, int(room // self._block)) * self._block

    def wait(self, now: float) -> float:
        """Seconds until the next block is due."""
        room = self.lead_ms * self._rate / 1000.0 - self.level(now)
        return max(0.0, (self._block - room) / self._rate)

    def note_sent(self, frames: int, now: float) -> None:
        """Count ``frames`` that have just been handed to the network."""
        self._level = self.level(now) + frames
        self._sent += frames

    def report(self, held: float, now: float, *, received: int | None = None, t: float | None = None) -> None:
        """Take a listener's word that, at its time ``t``, it held ``held`` frames of the ``received``.

        Without ``received`` all that was sent is taken to have arrived, without ``t`` the report to be of now.
        """
        under_way = 0 if received is None else max(0, self._sent - received)
        since = 0.0 if t is None else self._delays.late(t, now)
        difference = max(0.0, held - since * self._rate) + under_way - self.level(now)
        sudden = abs(difference) > _JUMP_S * self._rate
        self._level = max(0.0, self._level + (difference if sudden else _GAIN * difference))
