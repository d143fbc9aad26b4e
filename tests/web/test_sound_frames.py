"""The binary messages of ts.pcm.v1, byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest

from timbrespace.web.sound_frames import block_frames, pack, unpack


def test_the_header_is_as_written_down() -> None:
    wave = np.array([[0.5, -0.5], [0.25, 1.0], [0.0, -1.0]], np.float32)
    message = pack(wave, sequence=7, index=2**32 + 5)
    assert message[:16] == struct.pack("<HBBIIHH", 0x5354, 1, 0, 7, 5, 3, 2)
    assert message[16:] == struct.pack("<6f", 0.5, -0.5, 0.25, 1.0, 0.0, -1.0)
    back, sequence, index = unpack(message)
    assert (sequence, index) == (7, 5)
    assert np.array_equal(back, wave)


def test_counters_go_round() -> None:
    _, sequence, index = unpack(pack(np.zeros((1, 1), np.float32), sequence=2**32, index=2**33 - 1))
    assert (sequence, index) == (0, 2**32 - 1)


def test_sound_from_a_ring_need_not_be_contiguous() -> None:
    wave = np.arange(12, dtype=np.float32).reshape(6, 2)[::2]
    assert np.array_equal(unpack(pack(wave, sequence=0, index=0))[0], wave)


@pytest.mark.parametrize("change", [lambda m: m[:-1], lambda m: b"XX" + m[2:], lambda m: m + b"0000"])
def test_what_is_no_message_is_refused(change: Callable[[bytes], bytes]) -> None:
    message = pack(np.zeros((4, 1), np.float32), sequence=0, index=0)
    with pytest.raises(ValueError, match=r"no message of ts\.pcm\.v1"):
        unpack(change(message))


@pytest.mark.parametrize(
    ("rate", "frames"), [(44_100, 512), (48_000, 512), (22_050, 256), (16_000, 256), (96_000, 1024)]
)
def test_blocks_last_about_as_long_at_every_rate(rate: int, frames: int) -> None:
    assert block_frames(rate) == frames
    assert 0.007 < frames / rate < 0.017
