"""Sound between two processes: a ring in shared memory that one writes and the other reads, without a shared lock."""

from __future__ import annotations

import threading
from multiprocessing.shared_memory import SharedMemory
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from timbrespace.core.errors import ParameterError

_WRITTEN, _READ, _SHAPE, _HEADER = 0, 64, 128, 192  # bytes; each counter on a cache line of its own
MAX_FRAMES: Final = 2**24

Array = npt.NDArray[Any]


class Ring:
    """Interleaved float32 frames between one producer and one consumer.

    Both ends hold a counter of all frames so far, of 64 bits, which only they change and which never goes back: the
    producer's follows the samples it wrote, the consumer's the samples it copied. Frame ``n`` of all lies at
    ``n mod capacity``. Whoever dies at whatever instruction leaves a ring the other can go on with, and a new
    producer continues the count. (L. Lamport 1983, Specifying concurrent program modules.)
    """

    def __init__(self, memory: SharedMemory, *, owner: bool) -> None:
        self._memory: SharedMemory | None = memory
        self._owner = owner
        self.name = memory.name
        buffer = _bytes(memory)
        self._written = np.frombuffer(buffer, np.uint64, 1, _WRITTEN)
        self._read = np.frombuffer(buffer, np.uint64, 1, _READ)
        self.capacity, self.channels = (int(n) for n in np.frombuffer(buffer, np.uint64, 2, _SHAPE))
        count = self.capacity * self.channels
        self._frames = np.frombuffer(buffer, np.float32, count, _HEADER).reshape(self.capacity, self.channels)
        self._order = threading.Lock()

    @classmethod
    def create(cls, capacity: int, *, channels: int) -> Ring:
        """A ring of new shared memory, which :meth:`close` of this object gives back to the system."""
        if not (1 <= capacity <= MAX_FRAMES and channels >= 1):
            raise ParameterError(
                f"A ring holds 1 to {MAX_FRAMES:,} frames of one channel or more, not {capacity:,} of {channels}."
            )
        memory = SharedMemory(create=True, size=_HEADER + 4 * capacity * channels)
        np.frombuffer(_bytes(memory), np.uint8)[:] = 0
        np.frombuffer(_bytes(memory), np.uint64, 2, _SHAPE)[:] = capacity, channels
        return cls(memory, owner=True)

    @classmethod
    def attach(cls, name: str) -> Ring:
        """The ring that another process created."""
        return cls(SharedMemory(name), owner=False)

    @property
    def written(self) -> int:
        """Frames that were ever written."""
        return int(self._written[0])

    @property
    def read(self) -> int:
        """Frames that were ever taken out."""
        return int(self._read[0])

    @property
    def fill(self) -> int:
        """Frames that wait."""
        return self.written - self.read

    def put(self, frames: Array) -> int:
        """Producer: append ``frames`` (frame, channel), as many as there is room for; returns how many."""
        written = self.written
        n = min(len(frames), self.capacity - (written - self.read))
        first = written % self.capacity
        until_end = min(n, self.capacity - first)
        self._frames[first : first + until_end] = frames[:until_end]
        self._frames[: n - until_end] = frames[until_end:n]
        self._publish(self._written, written + n)
        return n

    def take(self, n: int) -> Array:
        """Consumer: the next frames (frame, channel), ``n`` at most."""
        read = self.read
        n = min(n, self.written - read)
        first = read % self.capacity
        until_end = min(n, self.capacity - first)
        out = np.concatenate([self._frames[first : first + until_end], self._frames[: n - until_end]])
        self._publish(self._read, read + n)
        return out

    def close(self) -> None:
        """Let go of the memory; its creator gives it back. May be called again."""
        if self._memory is None:
            return
        memory, self._memory = self._memory, None
        del self._written, self._read, self._frames
        memory.close()
        if self._owner:
            memory.unlink()

    def _publish(self, counter: Array, value: int) -> None:
        # x86 keeps the order of stores. Others do where one lock is released and another taken in between: nothing
        # sinks below the first release, nothing rises above the second acquisition. The lock is this process' own.
        for _ in range(2):
            self._order.acquire()
            self._order.release()
        counter[0] = value


def _bytes(memory: SharedMemory) -> memoryview:
    assert memory.buf is not None  # it is None only where the memory was closed
    return memory.buf
