"""IDX files, the format of MNIST: a magic number, one size per axis, and bytes.

Big-endian throughout: two zero bytes, the type (8: unsigned byte), the number of axes, a 32-bit size per axis, then the
values in row-major order. (LeCun, Cortes, Burges, "The MNIST database of handwritten digits", 1998.)
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from timbrespace.core.errors import DataError

Bytes = BufferedReader | gzip.GzipFile

_UNSIGNED_BYTE: Final = 8
_AXES: Final = {1: "labels", 3: "images"}
_PIECE: Final = 1 << 20


def idx_shape(path: Path, *, axes: int) -> tuple[int, ...]:
    """The sizes that the header of an IDX file of unsigned bytes states; reads nothing else.

    Raises :class:`DataError` for a missing or damaged file, and for one of another type or number of axes.
    """
    with _opened(path) as file:
        return _header(file, path, axes)


def read_idx(path: Path, *, axes: int) -> npt.NDArray[np.uint8]:
    """An IDX file of unsigned bytes, ``.gz`` or plain, with as many ``axes`` as expected.

    No more memory is taken than the file holds, whatever its header states. Raises :class:`DataError` as
    :func:`idx_shape`, and where the file ends before or goes on after what its header states.
    """
    with _opened(path) as file:
        shape = _header(file, path, axes)
        wanted, content = math.prod(shape), bytearray()
        while len(content) <= wanted and (piece := file.read(min(_PIECE, wanted + 1 - len(content)))):
            content += piece
    if len(content) < wanted:
        raise DataError(
            f"{path.name} is truncated: its header states {_spell(shape)} values, {wanted:,} bytes, and it holds"
            f" {len(content):,}; fetch it again."
        )
    if len(content) > wanted:
        raise DataError(
            f"{path.name} goes on after the {wanted:,} bytes for the {_spell(shape)} values that its header states;"
            f" it is damaged or no IDX file, fetch it again."
        )
    return np.frombuffer(content, np.uint8).reshape(shape)


@contextmanager
def _opened(path: Path) -> Iterator[Bytes]:
    """The file's bytes, unpacked; whatever goes wrong while reading them becomes one sentence."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise DataError(f"{path} is missing; put it there or fetch the data set again.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path.name} is damaged ({error}); fetch it again.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); give a file that can.") from None


def _header(file: Bytes, path: Path, axes: int) -> tuple[int, ...]:
    head = file.read(4 + 4 * axes)
    expected = bytes([0, 0, _UNSIGNED_BYTE, axes])
    if head[:4] != expected:
        raise DataError(
            f"{path.name} begins with {head[:4].hex() or 'nothing'}, not with {expected.hex()}, the sign of an IDX file"
            f" of {_AXES.get(axes, f'{axes} axes')}; give the original file."
        )
    if len(head) < 4 + 4 * axes:
        raise DataError(f"{path.name} ends within its header, after {len(head)} bytes; fetch it again.")
    return struct.unpack(f">{axes}I", head[4:])


def _spell(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{s:,}" for s in shape)
