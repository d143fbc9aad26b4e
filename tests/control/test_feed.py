"""From one ring to the next without a step, and silent at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timbrespace.control.feed import Feed
from timbrespace.control.ring import Ring
from timbrespace.control.session import Session

RATE = 1000
FADE = 20
RISE = 0.5 * (1 - np.cos(np.pi * np.arange(1, FADE + 1) / (FADE + 1)))


def ring_of(values: np.ndarray) -> Ring:
    ring = Ring.create(max(1, len(values)), channels=1)
    ring.put(np.asarray(values, np.float32)[:, None])
    return ring


@pytest.fixture
def feed() -> Iterator[Feed]:
    feed = Feed(RATE, ahead=40)
    yield feed
    feed.close()


def begin(feed: Feed, values: np.ndarray) -> Session:
    session = Session(0, {})
    feed.join(ring_of(values), session, lead_in=0, alive=False)
    return session


def test_one_ring_is_heard_as_it_is(feed: Feed) -> None:
    session = begin(feed, np.arange(100))
    heard = np.concatenate([feed.take(n) for n in (7, 0, 30, 90)])
    np.testing.assert_array_equal(heard[:, 0], np.arange(100))
    assert (feed.heard, feed.fill, feed.marks) == (100, 0, [])
    assert (session.origin, session.joined) == (0, 0)


@pytest.mark.parametrize("blocks", [(130,), (1,) * 130, (33, 5, 92)])
def test_a_crossfade_by_gains_that_add_up_to_one(feed: Feed, blocks: tuple[int, ...]) -> None:
    begin(feed, np.full(200, 0.5))
    feed.take(50)
    session = Session(0, {})
    new = np.concatenate([np.zeros(30), np.full(150, -0.25)])
    feed.join(ring_of(new), session, lead_in=30, alive=True)
    heard = np.concatenate([feed.take(n) for n in blocks])[:, 0]
    np.testing.assert_allclose(heard[:FADE], 0.5 * (1 - RISE) - 0.25 * RISE, atol=1e-6)
    assert (heard[FADE:] == -0.25).all()
    assert np.abs(np.diff(np.append(0.5, heard))).max() < 0.75 * np.pi / 2 / FADE
    assert (session.joined, session.origin) == (50, 20)  # its frame 30 is the fiftieth that is heard
    assert feed.marks == [50]
    assert not feed.joining
    assert len(feed.rings) == 1


def test_the_old_plays_on_until_the_new_is_ready(feed: Feed) -> None:
    begin(feed, np.full(200, 0.5))
    new = Ring.create(200, channels=1)
    feed.join(new, Session(0, {}), lead_in=30, alive=True)
    assert (feed.take(50) == 0.5).all()
    new.put(np.full((50, 1), -0.25, np.float32))
    assert (feed.take(10) == 0.5).all()  # 30 of them are the lead-in, and the rest is not enough yet
    new.put(np.full((30, 1), -0.25, np.float32))
    assert feed.take(10)[-1, 0] < 0.5
    assert feed.joining


def test_what_a_dead_one_left_is_faded_out_and_the_next_in(feed: Feed) -> None:
    begin(feed, np.full(60, 0.5))
    feed.take(10)
    feed.end()
    new, session = Ring.create(500, channels=1), Session(0, {})
    feed.join(new, session, lead_in=5, alive=False)
    left = feed.take(70)[:, 0]
    assert len(left) == 50
    assert (left[:30] == 0.5).all()
    np.testing.assert_allclose(left[30:], 0.5 * RISE[::-1], atol=1e-6)
    assert len(feed.take(10)) == 0
    new.put(np.ones((100, 1), np.float32))
    back = feed.take(50)[:, 0]
    assert 0 < back[0] < 0.1
    assert (np.diff(back) >= 0).all()
    assert (back[FADE:] == 1).all()
    assert (session.joined, session.origin) == (60, 55)


def test_what_a_dead_one_left_is_crossfaded_if_the_next_is_there_in_time(feed: Feed) -> None:
    begin(feed, np.full(60, 0.5))
    feed.end()
    feed.join(ring_of(np.ones(200)), Session(0, {}), lead_in=0, alive=False)
    heard = feed.take(100)[:, 0]
    np.testing.assert_allclose(heard[:FADE], 0.5 * (1 - RISE) + RISE, atol=1e-6)
    assert (heard[FADE:] == 1).all()


def test_an_old_one_that_runs_out_during_the_crossfade_is_held(feed: Feed) -> None:
    begin(feed, np.full(55, 0.5))
    feed.take(50)
    feed.join(ring_of(np.full(100, -0.5)), Session(0, {}), lead_in=0, alive=True)
    heard = feed.take(60)[:, 0]
    np.testing.assert_allclose(heard[:FADE], 0.5 * (1 - RISE) - 0.5 * RISE, atol=1e-6)


def test_nobody_listens(feed: Feed) -> None:
    begin(feed, np.full(200, 0.5))
    feed.join(ring_of(np.ones(200)), Session(0, {}), lead_in=3, alive=True)
    feed.hurry()
    assert len(feed.rings) == 1
    heard = feed.take(300)[:, 0]
    assert len(heard) == 197
    assert (heard == 1).all(), "nothing was heard before"
    feed.join(ring_of(np.zeros(200)), Session(0, {}), lead_in=0, alive=True)
    feed.hurry()
    np.testing.assert_allclose(feed.take(FADE)[:, 0], 1 - RISE, atol=1e-6)
    assert not feed.joining


def test_an_old_one_that_has_run_out_is_held(feed: Feed) -> None:
    begin(feed, np.full(50, 0.5))
    feed.take(50)
    feed.join(ring_of(np.full(100, -0.5)), Session(0, {}), lead_in=0, alive=True)
    np.testing.assert_allclose(feed.take(60)[:FADE, 0], 0.5 * (1 - RISE) - 0.5 * RISE, atol=1e-6)


def test_a_ring_that_was_never_heard_is_forgotten(feed: Feed) -> None:
    begin(feed, np.full(200, 0.5))
    for value in (0.1, 0.2, 0.3):
        feed.join(ring_of(np.full(200, value)), Session(0, {}), lead_in=0, alive=True)
    assert len(feed.rings) == 2
    assert feed.take(100)[-1, 0] == np.float32(0.3)


def test_silence_within_twenty_milliseconds_until_there_is_nothing_to_hide(feed: Feed) -> None:
    begin(feed, np.concatenate([np.full(100, 0.5), np.full(100, 0.25)]))
    ring = feed.ring
    feed.take(10)
    feed.hush()
    assert feed.hushed
    silent = feed.take(50)[:, 0]
    np.testing.assert_allclose(silent[:FADE], 0.5 * (1 - RISE), atol=1e-6)
    assert not silent[FADE:].any()
    feed.unhush(ring, 100)
    assert not feed.hushed
    assert not feed.take(50).any()
    heard = feed.take(50)[:, 0]
    assert 0 < heard[0] < 0.05
    assert (heard[6:] == 0.25).all()
    assert feed.marks == [10, 110]


def test_a_hung_process_is_silenced_and_the_next_one_heard(feed: Feed) -> None:
    begin(feed, np.full(100, 0.5))
    feed.hush()
    assert not feed.take(100)[FADE:].any()
    feed.end()
    feed.join(ring_of(np.ones(300)), Session(0, {}), lead_in=0, alive=False)
    feed.take(50)
    assert feed.take(50)[-1, 0] == 1


@given(
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=30),
    joins=st.sets(st.integers(0, 29), max_size=4),
    hushes=st.sets(st.integers(0, 29), max_size=2),
)
@settings(max_examples=80, deadline=None)
def test_no_step_is_higher_than_a_fade_makes(sizes: list[int], joins: set[int], hushes: set[int]) -> None:
    """Levels between -1 and 1, whatever follows whatever: a raised cosine over n frames rises by pi / 2n at most."""
    feed = Feed(RATE, ahead=40)
    begin(feed, np.ones(4000))
    level, heard = 1.0, []
    for i, n in enumerate(sizes):
        if i in joins:
            level = -level
            feed.join(ring_of(np.full(4000, level)), Session(0, {}), lead_in=5, alive=True)
        if i in hushes:
            feed.hush()
            feed.unhush(feed.ring, feed.ring.read + 3)
        heard.append(feed.take(n))
    sound = np.concatenate(heard)[:, 0]
    feed.close()
    assert len(sound) == sum(sizes)
    assert np.abs(sound).max() <= 1
    # Two fades at once add up, and the way back after a silence takes 5 ms.
    assert np.abs(np.diff(sound)).max(initial=0) <= np.pi / 2 / 5 + 2 * np.pi / 2 / FADE
