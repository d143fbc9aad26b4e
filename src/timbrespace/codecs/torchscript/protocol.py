"""What a codec and its confined process say to each other: length-checked messages of JSON and raw float32, no pickle.

A message is ``magic, header length (u32), payload length (u64)``, the header as a JSON object, and the payload.
"""

from __future__ import annotations

import json
import math
import struct
from io import BufferedIOBase
from typing import Any

import numpy as np
import torch
from torch import Tensor

MAGIC = b"TSF1"
_HEAD = struct.Struct("<4sIQ")
MAX_HEADER = 2**20
MAX_PAYLOAD = 2**32
"""Four gibibytes: the largest model file that is opened."""
_PIECE = 2**20


class ProtocolError(Exception):
    """The other side said something that is no message."""


def send(file: BufferedIOBase, fields: dict[str, Any], payload: bytes = b"") -> None:
    """Write one message."""
    header = json.dumps(fields).encode()
    file.write(_HEAD.pack(MAGIC, len(header), len(payload)) + header)
    file.write(payload)
    file.flush()


def receive(file: BufferedIOBase, *, most: int = MAX_PAYLOAD) -> tuple[dict[str, Any], bytearray]:
    """Read one message with at most ``most`` bytes of payload.

    Raises :class:`EOFError` at the end of the stream, :class:`ProtocolError` at anything that is no message.
    """
    magic, header_length, payload_length = _HEAD.unpack(_exactly(file, _HEAD.size))
    if magic != MAGIC or header_length > MAX_HEADER or payload_length > most:
        raise ProtocolError("no message, or one that is too long")
    try:
        fields = json.loads(_exactly(file, header_length))
    except (ValueError, RecursionError):
        raise ProtocolError("a message without a header") from None
    if not isinstance(fields, dict):
        raise ProtocolError("a message without a header")
    return fields, _exactly(file, payload_length)


def packed(values: Tensor) -> bytes:
    """The payload of a float32 tensor."""
    return values.detach().to("cpu", torch.float32).contiguous().numpy().tobytes()


def unpacked(shape: Any, payload: bytearray) -> Tensor:
    """The tensor of ``shape`` in a payload; raises :class:`ProtocolError` where they do not fit."""
    whole = isinstance(shape, list) and len(shape) <= 8 and all(type(n) is int and 0 <= n < 2**40 for n in shape)
    if not whole or math.prod(shape) * 4 != len(payload):
        raise ProtocolError("a tensor whose size is not that of its shape")
    if not payload:
        return torch.zeros(shape)
    return torch.from_numpy(np.frombuffer(memoryview(payload), dtype="<f4").reshape(shape))


def _exactly(file: BufferedIOBase, length: int) -> bytearray:
    """So many bytes; memory grows as they arrive, not by what was announced."""
    data = bytearray()
    while len(data) < length:
        piece = file.read(min(_PIECE, length - len(data)))
        if not piece:
            raise EOFError
        data += piece
    return data
