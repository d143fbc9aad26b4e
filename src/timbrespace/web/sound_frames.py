"""The binary messages of ``ts.pcm.v1``: a header of 16 bytes, then interleaved float32, all little-endian.

====== ======== =========================================================
offset type     holds
====== ======== =========================================================
0      u16      magic, 0x5354 ("TS")
2      u8       version, 1
3      u8       format, 0 = float32
4      u32      sequence, from 0, one more for each message
8      u32      sample index of the first frame, since the engine's start
12     u16      frames
14     u16      channels
====== ======== =========================================================

Both counters go on from 0 after 2^32 - 1.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
import numpy.typing as npt

PROTOCOL: Final = "ts.pcm.v1"
FORMAT: Final = "f32"
_HEADER: Final = struct.Struct("<HBBIIHH")
_MAGIC, _VERSION, _F32 = 0x5354, 1, 0
_WRAP: Final = 2**32

Sound = npt.NDArray[np.float32]


def pack(wave: Sound, *, sequence: int, index: int) -> bytes:
    """The message of ``wave`` (frame, channel)."""
    frames, channels = wave.shape
    header = _HEADER.pack(_MAGIC, _VERSION, _F32, sequence % _WRAP, index % _WRAP, frames, channels)
    return header + np.ascontiguousarray(wave, dtype="<f4").tobytes()


def unpack(message: bytes) -> tuple[Sound, int, int]:
    """Wave (frame, channel), sequence and sample index of a message."""
    magic, version, form, sequence, index, frames, channels = _HEADER.unpack_from(message)
    if (magic, version, form) != (_MAGIC, _VERSION, _F32) or len(message) != _HEADER.size + 4 * frames * channels:
        raise ValueError("This is no message of ts.pcm.v1 in float32.")
    return np.frombuffer(message, "<f4", offset=_HEADER.size).reshape(frames, channels), sequence, index


def block_frames(sample_rate: int) -> int:
    """Frames per message: the power of two that is nearest to 11.6 ms, 512 at 44.1 and 48 kHz."""
    return int(2 ** round(np.log2(512 * sample_rate / 44_100)))
