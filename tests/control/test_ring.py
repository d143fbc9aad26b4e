"""The ring is a queue of bounded length, between calls, between processes, and after a death."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from multiprocessing.shared_memory import SharedMemory

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from timbrespace.control.ring import MAX_FRAMES, Ring
from timbrespace.core.errors import ParameterError

CAPACITY = 13


class RingModel(RuleBasedStateMachine):
    """Against a list: what goes in comes out, in order, once, and never more than fits waits."""

    def __init__(self) -> None:
        super().__init__()
        self.ring = Ring.create(CAPACITY, channels=2)
        self.other = Ring.attach(self.ring.name)
        self.waiting: list[float] = []
        self.written = 0

    @rule(n=st.integers(0, 2 * CAPACITY))
    def put(self, n: int) -> None:
        values = np.arange(self.written, self.written + n, dtype=np.float32)
        put = self.ring.put(np.stack([values, -values], axis=1))
        assert put == min(n, CAPACITY - len(self.waiting))
        self.waiting += values[:put].tolist()
        self.written += put

    @rule(n=st.integers(0, 2 * CAPACITY))
    def take(self, n: int) -> None:
        frames = self.other.take(n)
        assert frames[:, 0].tolist() == self.waiting[:n]
        assert (frames[:, 0] == -frames[:, 1]).all()
        self.waiting = self.waiting[n:]

    @rule()
    def another_producer(self) -> None:
        """One that died is replaced, and the count goes on."""
        again = Ring.attach(self.ring.name)
        assert (again.capacity, again.channels, again.written) == (CAPACITY, 2, self.written)
        again.close()

    @invariant()
    def counters(self) -> None:
        assert self.ring.written == self.other.written == self.written
        assert self.other.fill == len(self.waiting)

    def teardown(self) -> None:
        self.other.close()
        self.ring.close()


RingModel.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestRing = RingModel.TestCase


def produce(name: str, total: int, seed: int) -> None:
    ring = Ring.attach(name)
    generator = np.random.default_rng(seed)
    sent = ring.written
    while sent < total:
        n = min(int(generator.integers(1, 300)), total - sent)
        values = np.arange(sent, sent + n, dtype=np.float32)
        sent += ring.put(np.stack([values, values + 0.5], axis=1))
    ring.close()


def consume(ring: Ring, total: int, *, alive: object = None) -> None:
    taken = 0
    deadline = time.monotonic() + 30
    while taken < total and time.monotonic() < deadline:
        frames = ring.take(257)
        expected = np.arange(taken, taken + len(frames), dtype=np.float32)
        np.testing.assert_array_equal(frames, np.stack([expected, expected + 0.5], axis=1))
        taken += len(frames)
    assert taken == total


def test_two_processes() -> None:
    total = 400_000
    context = multiprocessing.get_context("spawn")
    ring = Ring.create(1024, channels=2)
    process = context.Process(target=produce, args=(ring.name, total, 0))
    process.start()
    consume(ring, total)
    process.join()
    assert process.exitcode == 0
    name = ring.name
    ring.close()
    with pytest.raises(FileNotFoundError):
        SharedMemory(name)


def test_a_killed_producer_is_replaced() -> None:
    """Killed anywhere, it leaves whole frames and a count from which the next goes on."""
    context = multiprocessing.get_context("spawn")
    ring = Ring.create(1024, channels=2)
    process = context.Process(target=produce, args=(ring.name, 10**9, 0))
    process.start()
    taken = 0
    while taken < 50_000:
        taken += len(ring.take(100))
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    left = ring.take(2000)
    np.testing.assert_array_equal(left[:, 0], np.arange(taken, taken + len(left), dtype=np.float32))
    taken += len(left)
    assert ring.written == taken
    produce_a_little = np.arange(taken, taken + 5, dtype=np.float32)
    again = Ring.attach(ring.name)
    again.put(np.stack([produce_a_little, produce_a_little], axis=1))
    assert ring.take(9)[:, 0].tolist() == produce_a_little.tolist()
    again.close()
    ring.close()


def test_far_beyond_what_32_bits_count() -> None:
    ring = Ring.create(10, channels=1)
    ring._written[0] = ring._read[0] = 2**40 + 3
    frames = np.arange(7, dtype=np.float32)[:, None]
    for _ in range(5):
        assert ring.put(frames) == 7
        np.testing.assert_array_equal(ring.take(100), frames)
    assert ring.read == 2**40 + 3 + 35
    ring.close()


def test_closing_twice_is_closing() -> None:
    ring = Ring.create(4, channels=1)
    ring.close()
    ring.close()
    with pytest.raises(FileNotFoundError):
        SharedMemory(ring.name)


@pytest.mark.parametrize(("capacity", "channels"), [(0, 1), (MAX_FRAMES + 1, 1), (5, 0)])
def test_refuses_impossible_sizes(capacity: int, channels: int) -> None:
    with pytest.raises(ParameterError, match="A ring holds 1 to"):
        Ring.create(capacity, channels=channels)
