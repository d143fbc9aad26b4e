"""The pacer against simulated listeners: a buffer, a clock of its own, reports that take their time."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from timbrespace.web.pacing import Delays, Pacer

RATE, BLOCK = 44_100, 512
STEP = 0.004


@dataclass
class Listener:
    """What happens to a buffer: it is drained at ``speed`` times the rate unless it stands still."""

    speed: float = 1.0
    held: float = 0.0
    received: int = 0
    underruns: int = 0
    still: Callable[[float], bool] = lambda t: False
    levels: list[float] = field(default_factory=list)

    def drain(self, t: float) -> None:
        if self.still(t):
            return
        self.held -= STEP * RATE * self.speed
        if self.held < 0:
            self.underruns += self.received > 0
            self.held = 0.0


def simulate(
    listener: Listener,
    *,
    seconds: float = 20.0,
    lead_ms: float = 100.0,
    delay: Callable[[int], float] = lambda i: 0.001,
    exact: bool = True,
    away: Callable[[float], bool] = lambda t: False,
) -> Pacer:
    """Run both for a while; ``delay`` of the i-th report in seconds, ``away`` is when the server does nothing."""
    pacer = Pacer(RATE, block=BLOCK, lead_ms=lead_ms, now=0.0)
    on_the_way: list[tuple[float, float, int, float]] = []
    reports = itertools.count()
    for i in range(round(seconds / STEP)):
        t = i * STEP
        listener.drain(t)
        if i % round(0.1 / STEP) == 0:
            on_the_way.append((t + delay(next(reports)), listener.held, listener.received, t + 1234.5))
            listener.levels.append(listener.held / RATE * 1000)
        if away(t):
            continue
        for _, held, received, stamp in [r for r in on_the_way if r[0] <= t]:
            pacer.report(held, t, received=received if exact else None, t=stamp if exact else None)
        on_the_way = [r for r in on_the_way if r[0] > t]
        frames = pacer.due(t)
        pacer.note_sent(frames, t)
        listener.held += frames
        listener.received += frames
    return pacer


@pytest.mark.parametrize("lead_ms", [30.0, 60.0, 100.0, 200.0])
def test_the_buffer_stays_within_a_block_of_its_lead(lead_ms: float) -> None:
    listener = Listener()
    simulate(listener, lead_ms=lead_ms)
    levels = np.array(listener.levels[2:])
    block_ms = 1000 * BLOCK / RATE
    assert levels.max() <= lead_ms + 0.1
    assert levels.min() >= lead_ms - block_ms - 2000 * STEP - 0.1
    assert listener.underruns == 0


def test_the_first_sound_comes_at_once() -> None:
    pacer = Pacer(RATE, block=BLOCK, lead_ms=100.0, now=5.0)
    assert pacer.due(5.0) == BLOCK * (4410 // BLOCK)


@pytest.mark.parametrize("speed", [0.999, 1.001])
@pytest.mark.parametrize("exact", [True, False])
def test_clocks_that_drift_apart_do_not_matter(speed: float, exact: bool) -> None:
    listener = Listener(speed=speed)
    simulate(listener, seconds=60.0, exact=exact)
    assert listener.underruns == 0
    assert np.array(listener.levels[2:]) == pytest.approx(89, abs=12)


def test_late_reports_do_not_shift_the_level_if_they_say_when_they_were_made() -> None:
    draw = np.random.default_rng(0)
    delays = draw.exponential(0.015, 1000)
    listener = Listener()
    simulate(listener, delay=lambda i: float(delays[i]))
    assert np.mean(listener.levels[20:]) == pytest.approx(90, abs=6)
    vague = Listener()
    simulate(vague, delay=lambda i: float(delays[i]), exact=False)
    assert vague.underruns == 0


def test_a_listener_that_stands_still_gets_no_more_than_its_lead() -> None:
    listener = Listener(still=lambda t: t > 5)
    pacer = simulate(listener, seconds=20.0)
    assert max(listener.levels) < 100 + 110  # what would have been used up between two reports, at most
    assert pacer.due(20.0) <= BLOCK * 10


def test_after_a_stall_the_sound_comes_back_without_a_backlog() -> None:
    listener = Listener(still=lambda t: 5 < t < 8)
    simulate(listener, seconds=12.0)
    assert np.array(listener.levels[-20:]) == pytest.approx(89, abs=11)


def test_a_server_that_was_away_catches_up_and_does_not_overshoot() -> None:
    listener = Listener()
    simulate(listener, seconds=12.0, away=lambda t: 5 < t < 6)
    assert listener.underruns > 0  # nobody could help that
    assert max(listener.levels) <= 101
    assert np.array(listener.levels[-40:]) == pytest.approx(89, abs=11)


def test_a_new_lead_is_reached_at_once() -> None:
    pacer = Pacer(RATE, block=BLOCK, lead_ms=60.0, now=0.0)
    pacer.note_sent(pacer.due(0.0), 0.0)
    assert pacer.due(0.0) == 0
    pacer.set_lead(120.0)
    assert pacer.due(0.0) == pytest.approx(0.060 * RATE, abs=BLOCK)


@pytest.mark.parametrize(("asked", "held"), [(0.0, 2000 * BLOCK / RATE), (1e9, 500.0), (30.0, 30.0)])
def test_the_lead_has_limits(asked: float, held: float) -> None:
    pacer = Pacer(RATE, block=BLOCK, now=0.0)
    pacer.set_lead(asked)
    assert pacer.lead_ms == held


reports = st.tuples(
    st.floats(0, 2.0), st.floats(0, 1e9), st.none() | st.integers(0, 2**53), st.none() | st.floats(-1e9, 1e9)
)


@given(st.lists(reports, max_size=40))
def test_whatever_is_reported_never_more_than_the_lead_is_due(
    told: list[tuple[float, float, int | None, float | None]],
) -> None:
    pacer = Pacer(RATE, block=BLOCK, lead_ms=500.0, now=0.0)
    now = 0.0
    for later, held, received, t in told:
        now += later
        pacer.report(held, now, received=received, t=t)
        frames = pacer.due(now)
        assert 0 <= frames <= 0.5 * RATE
        assert frames % BLOCK == 0
        assert pacer.wait(now) >= 0
        pacer.note_sent(frames, now)


def test_delays_are_measured_against_the_quickest() -> None:
    delays = Delays()
    assert delays.late(100.0, 0.0) == 0.0
    assert delays.late(100.1, 0.13) == pytest.approx(0.03)
    assert delays.late(100.2, 0.20) == pytest.approx(0.0)
    assert delays.late(100.3, 0.19) == pytest.approx(0.0)  # the quickest yet
    assert delays.late(100.4, 0.40) == pytest.approx(0.11)


def test_the_quickest_is_forgotten_as_clocks_drift() -> None:
    delays = Delays()
    drift = [delays.late(0.9999 * t, t) for t in np.arange(0.0, 600.0, 0.1)]
    assert max(drift) < 0.0021  # 100 ppm for 20 s
