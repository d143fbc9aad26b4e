"""Small data sets in the format of MNIST, for tests."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

NAMES = {
    ("train", "images"): "train-images-idx3-ubyte",
    ("train", "labels"): "train-labels-idx1-ubyte",
    ("test", "images"): "t10k-images-idx3-ubyte",
    ("test", "labels"): "t10k-labels-idx1-ubyte",
}


def idx_bytes(values: npt.NDArray[np.uint8]) -> bytes:
    header = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return header + values.tobytes()


def pictures(count: int, *, height: int = 6, width: int = 5, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Grey values of which black and white are common, as in drawings."""
    values = np.random.default_rng(seed).integers(-200, 456, (count, height, width))
    return np.clip(values, 0, 255).astype(np.uint8)


def classes(count: int, n: int = 4) -> npt.NDArray[np.uint8]:
    return (np.arange(count) % n).astype(np.uint8)


def write(path: Path, content: bytes, *, packed: bool = False) -> Path:
    """``content`` at ``path``, or at ``path.gz``."""
    target = path.with_name(path.name + ".gz") if packed else path
    target.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    return target


def write_set(folder: Path, *, train: int = 40, test: int = 12, packed: bool = False) -> Path:
    """The four files of a data set of drawn pictures in four classes."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (part, count) in enumerate((("train", train), ("test", test))):
        write(folder / NAMES[part, "images"], idx_bytes(pictures(count, seed=seed)), packed=packed)
        write(folder / NAMES[part, "labels"], idx_bytes(classes(count)), packed=packed)
    return folder
