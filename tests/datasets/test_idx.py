"""IDX files: read as they are, and refused in one sentence where they are not what they state."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.datasets.idx_files import idx_bytes, pictures, write
from timbrespace.core.errors import DataError
from timbrespace.datasets.idx import idx_shape, read_idx

BOTH = pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])


def stating(*shape: int) -> bytes:
    """A header alone."""
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


@BOTH
def test_values_come_back(tmp_path: Path, packed: bool) -> None:
    values = pictures(7)
    path = write(tmp_path / "images", idx_bytes(values), packed=packed)
    assert idx_shape(path, axes=3) == (7, 6, 5)
    np.testing.assert_array_equal(read_idx(path, axes=3), values)


def test_bytes_are_read_in_the_order_of_the_format(tmp_path: Path) -> None:
    """A file written by hand, byte for byte."""
    content = bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 10, 20, 30, 40, 50, 60])
    values = read_idx(write(tmp_path / "images", content), axes=3)
    assert values.tolist() == [[[10, 20, 30], [40, 50, 60]]]


@BOTH
@pytest.mark.parametrize("kept", [0, 1, 208])
def test_a_truncated_file_is_refused(tmp_path: Path, packed: bool, kept: int) -> None:
    whole = idx_bytes(pictures(7))
    path = write(tmp_path / "images", whole[: 16 + kept], packed=packed)
    with pytest.raises(DataError, match=rf"^images\S* is truncated: .* 7 x 6 x 5 values, 210 bytes, .* {kept}; fetch"):
        read_idx(path, axes=3)


@BOTH
def test_a_file_that_goes_on_is_refused(tmp_path: Path, packed: bool) -> None:
    path = write(tmp_path / "images", idx_bytes(pictures(7)) + b"\0", packed=packed)
    with pytest.raises(DataError, match=r"images\S* goes on after the 210 bytes for the 7 x 6 x 5 values"):
        read_idx(path, axes=3)


@BOTH
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "begins with nothing, not with 00000803"),
        (b"\x89PNG\r\n\x1a\n" * 4, "begins with 89504e47, not with 00000803, the sign of an IDX file of images"),
        (stating(7), "begins with 00000801, not with 00000803"),
        (b"\0\0\x0d\x03" + stating(1, 1, 1)[4:] + b"\0" * 4, "begins with 00000d03"),
        (stating(7, 6, 5)[:11], "ends within its header, after 11 bytes"),
    ],
    ids=["empty", "png", "labels", "floats", "header"],
)
def test_another_file_is_refused(tmp_path: Path, packed: bool, content: bytes, sentence: str) -> None:
    path = write(tmp_path / "images", content, packed=packed)
    for read in (read_idx, idx_shape):
        with pytest.raises(DataError, match=sentence):
            read(path, axes=3)


def test_damaged_packing_is_refused(tmp_path: Path) -> None:
    content = gzip.compress(idx_bytes(pictures(700)))
    cut, flipped, plain = tmp_path / "cut.gz", tmp_path / "flipped.gz", tmp_path / "plain.gz"
    cut.write_bytes(content[: len(content) // 2])
    flipped.write_bytes(content[:4000] + bytes([content[4000] ^ 255]) + content[4001:])
    plain.write_bytes(idx_bytes(pictures(7)))
    checksum = tmp_path / "checksum.gz"
    checksum.write_bytes(content[:-8] + b"\0\0\0\0" + content[-4:])
    for path in (cut, flipped, plain, checksum):
        with pytest.raises(DataError, match=rf"^{path.name} .*damaged.*fetch it again\.$"):
            read_idx(path, axes=3)


def test_what_is_not_there_or_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.gz is missing; put it there"):
        read_idx(tmp_path / "nowhere.gz", axes=3)
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="folder cannot be read"):
        read_idx(tmp_path / "folder", axes=3)


@BOTH
@pytest.mark.parametrize("shape", [(10**9, 28, 28), (2**32 - 1,) * 3])
def test_no_memory_is_taken_for_what_a_header_only_states(
    tmp_path: Path, packed: bool, shape: tuple[int, int, int]
) -> None:
    path = write(tmp_path / "images", stating(*shape) + b"\1" * 1000, packed=packed)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="is truncated"):
            read_idx(path, axes=3)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_what_is_packed_beyond_what_is_stated_is_not_unpacked(tmp_path: Path) -> None:
    path = write(tmp_path / "images", stating(1, 2, 3) + bytes(200_000_000), packed=True)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="goes on after the 6 bytes"):
            read_idx(path, axes=3)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@given(content=st.binary(max_size=60), head=st.sampled_from([b"", stating(2, 3, 2), stating(0, 1, 1)]))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes, head: bytes) -> None:
    folder = tmp_path_factory.mktemp("idx")
    for packed in (False, True):
        path = write(folder / "images", head + content, packed=packed)
        try:
            values = read_idx(path, axes=3)
        except DataError:
            continue
        assert idx_bytes(values) == head + content
