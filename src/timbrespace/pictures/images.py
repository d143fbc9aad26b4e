"""Small grey images laid out as tiles of one PNG, pixel for pixel.

The encoder is ten lines over the standard library's deflate: the pictures are grey, lossless and small, so a plotting
library (which resamples) would spoil them, and an imaging library would be a dependency for nothing else. Lines are
stored as they are: on digits and clothes, decoded or real, the standard's filters make files larger, and the slowest
compression saves two hundredths for ten times the time.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from jaxtyping import UInt8

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GAP = 2
"""Pixels between two tiles."""
GAP_GREY = 128
"""Told apart from black and from white tiles, on a light page and on a dark one."""


def tiles_png(images: UInt8[np.ndarray, "row column height width"], *, gap: int = GAP) -> bytes:
    """A PNG of images in rows and columns, ``gap`` grey pixels apart; every tile keeps its exact bytes."""
    rows, columns, height, width = images.shape
    framed = np.full((rows, columns, height + gap, width + gap), GAP_GREY, np.uint8)
    framed[:, :, :height, :width] = images
    whole = framed.transpose(0, 2, 1, 3).reshape(rows * (height + gap), columns * (width + gap))
    return grey_png(whole[: len(whole) - gap, : whole.shape[1] - gap])


def in_rows(
    images: UInt8[np.ndarray, "image height width"], columns: int
) -> UInt8[np.ndarray, "row {columns} height width"]:
    """Images in rows of ``columns``; what does not fill a row is left out."""
    rows = len(images) // columns
    return images[: rows * columns].reshape(rows, columns, *images.shape[1:])


def grey_png(pixels: UInt8[np.ndarray, "row column"]) -> bytes:
    """A PNG (ISO/IEC 15948:2004) of grey pixels, 8 bits each."""
    height, width = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    lines = np.insert(pixels, 0, 0, axis=1)  # every line begins with its filter: none
    content = zlib.compress(lines.tobytes(), 6)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", content) + _chunk(b"IEND", b"")


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
