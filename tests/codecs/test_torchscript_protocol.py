"""What the two processes say to each other is checked for length and shape."""

from __future__ import annotations

import io
import struct

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from timbrespace.codecs.torchscript.protocol import MAGIC, ProtocolError, packed, receive, send, unpacked


def test_a_tensor_comes_back() -> None:
    values, pipe = torch.randn(1, 3, 5), io.BytesIO()
    send(pipe, {"shape": [1, 3, 5]}, packed(values.mT.contiguous().mT))
    pipe.seek(0)
    fields, payload = receive(pipe)
    assert torch.equal(unpacked(fields["shape"], payload), values)
    with pytest.raises(EOFError):
        receive(pipe)


@pytest.mark.parametrize("shape", [[2, 2], [-1, -4], [2.0, 2.0], "44", None, [True, 4], [4] * 9, [2**40, 0]])
def test_shapes_that_do_not_fit_are_refused(shape: object) -> None:
    with pytest.raises(ProtocolError, match="size is not that of its shape"):
        unpacked(shape, bytearray(20))


@pytest.mark.parametrize(
    "said",
    [
        b"nonsense" * 4,
        struct.pack("<4sIQ", MAGIC, 2**31, 0),
        struct.pack("<4sIQ", MAGIC, 2, 2**60) + b"{}",
        struct.pack("<4sIQ", MAGIC, 2, 0) + b"[]",
        struct.pack("<4sIQ", MAGIC, 3, 0) + b"\xff{}",
        struct.pack("<4sIQ", MAGIC, 200_000, 0) + b"[" * 200_000,
    ],
)
def test_what_is_no_message_is_refused(said: bytes) -> None:
    with pytest.raises(ProtocolError, match="message"):
        receive(io.BytesIO(said))


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_end_in_one_of_two_errors(said: bytes) -> None:
    with pytest.raises((ProtocolError, EOFError)):
        receive(io.BytesIO(MAGIC + said))
