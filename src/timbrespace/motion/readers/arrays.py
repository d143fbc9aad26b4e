"""NumPy files: an array (step, channel) in an .npz or .npy, with names and a rate or times if it has them."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from timbrespace.core.errors import DataError
from timbrespace.motion.readers.tracks import track_of
from timbrespace.motion.table import MAX_COLUMNS, Numbers
from timbrespace.motion.timing import regular
from timbrespace.motion.track import Track

MAX_BYTES = 2**29
"""What an archive may unpack to: an hour of 63 coordinates at 60 Hz in double precision is a fifth of it."""
ARRAYS = ("values", "motion", "data", "positions", "landmarks")
RATES = ("rate_hz", "fps", "rate")
TIMES = ("seconds", "time", "times", "t")


def read_arrays(path: Path, *, rate_hz: float | None = None) -> Track:
    """The motion of a file; arrays of objects are refused, for unpacking them may run code."""
    label = path.stem
    held = _load(path)
    key = _chosen(held)
    if key is None:
        raise DataError(f"{path} holds no array of numbers (step, channel), but {', '.join(held) or 'nothing'}.")
    values = np.asarray(held[key], dtype=np.float64)
    if values.size == 0:
        raise DataError(f"Array {key!r} of {path} is empty; give a motion of one step or more.")
    values = values[:, None] if values.ndim == 1 else values.reshape(len(values), -1)
    if values.shape[1] > MAX_COLUMNS:
        raise DataError(f"{path} has {values.shape[1]:,} channels, more than {MAX_COLUMNS:,}; is it (channel, step)?")
    notes = [f"array {n} was left out" for n in held if n not in (key, "names", *RATES, *TIMES)]
    names = [str(n) for n in np.ravel(held["names"])] if "names" in held else []
    if len(names) != values.shape[1] or len(set(names)) < len(names):
        notes += [f"{len(names)} names do not fit {values.shape[1]} channels, which were numbered"] if names else []
        names = [str(i + 1) for i in range(values.shape[1])]
    values = np.where(np.isfinite(values), values, np.nan)
    even = regular(values, _times(held, len(values)), rate_hz=rate_hz or _rate(held))
    return track_of(even, names, label=label, notes=notes)


def _load(path: Path) -> dict[str, Any]:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
        else:
            size = path.stat().st_size
        if size > MAX_BYTES:
            raise DataError(f"{path} unpacks to {size:,} bytes, and motion is read up to {MAX_BYTES:,}; cut it.")
        with path.open("rb") as file:  # ours to close: np.load leaves it open when it fails
            loaded = np.load(file, allow_pickle=False)
            return {path.stem: loaded} if isinstance(loaded, np.ndarray) else {n: loaded[n] for n in loaded.files}
    except (OSError, ValueError, TypeError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path} cannot be read as NumPy arrays of numbers ({str(error)[:90]}); write it again."
        ) from None
    except (MemoryError, NotImplementedError, RuntimeError, OverflowError, SyntaxError) as error:
        raise DataError(f"{path} cannot be unpacked ({str(error)[:90]}); write it again.") from None


def _chosen(held: dict[str, Any]) -> str | None:
    """The array with a usual name, else the largest one of two axes or three, else of one."""

    def motion_like(array: np.ndarray) -> bool:
        return array.dtype.kind in "fiu" and array.ndim in (1, 2, 3)

    fitting = {n: a for n, a in held.items() if motion_like(a)}
    usual = [n for n in ARRAYS if n in fitting]
    free = [n for n in fitting if n not in (*RATES, *TIMES)]
    return usual[0] if usual else max(free, key=lambda n: (fitting[n].ndim > 1, fitting[n].size), default=None)


def _rate(held: dict[str, Any]) -> float | None:
    for name in RATES:
        if name in held and held[name].size == 1 and held[name].dtype.kind in "fiu":
            rate = float(held[name].reshape(()))
            return rate if np.isfinite(rate) and rate > 0 else None
    return None


def _times(held: dict[str, Any], steps: int) -> Numbers | None:
    for name in TIMES:
        if name in held and held[name].shape == (steps,) and held[name].dtype.kind in "fiu":
            return np.asarray(held[name], dtype=np.float64)
    return None
