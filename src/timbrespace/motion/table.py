"""Text tables as columns: any delimiter, with or without a header, decimal point or comma, comments."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from timbrespace.core.errors import DataError

Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Indices = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

MAX_BYTES = 128 * 2**20
"""The largest text file of motion: an hour of 63 coordinates at 60 Hz is a quarter of it."""
MAX_COLUMNS = 4096
DELIMITERS = (",", ";", "\t", "|", " ")
COMMENTS = ("#", "%", "//")
MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "-", "?", "inf", "-inf", "+inf", "infinity", "-nan", "."})
"""Cells, in lower case, that stand for nothing known."""


@dataclass(frozen=True)
class Table:
    """Cells by column as text, under ``names``; ``headed`` says that the file named them itself."""

    names: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    headed: bool
    decimal_comma: bool
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return len(self.cells[0])

    def column(self, name: str) -> tuple[str, ...]:
        """The cells below a name, whatever its case."""
        return self.cells[[n.casefold() for n in self.names].index(name.casefold())]

    def numbers(self, name: str) -> tuple[Numbers, int]:
        """A column as numbers, NaN where nothing or text stands, and how many cells hold text."""
        return as_numbers(self.column(name), decimal_comma=self.decimal_comma)


def read_text(path: Path) -> str:
    """The text of a file of reasonable size: UTF-8 with or without mark, UTF-16 with one, else Latin-1."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(
                f"{path} has {path.stat().st_size:,} bytes, and motion is read up to {MAX_BYTES:,}; cut it."
            )
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"There is no file {path}; give a CSV, TSV, JSON or NPZ with a motion in it.") from None
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror or error}); give a file with a motion in it."
        ) from None
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", errors="replace")
    if b"\0" in raw[:4096]:
        raise DataError(f"{path} is no text; give a CSV, TSV, JSON or NPZ with a motion in it.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def read_table(text: str, *, where: str) -> Table:
    """The columns of a text; raises :class:`DataError` where there is none."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(COMMENTS)]
    if not lines:
        raise DataError(f"{where} holds no rows; give a file with a motion in it.")
    delimiter = _delimiter(lines[:50])
    rows = _split(lines, delimiter)
    comma = _decimal_comma(rows[:50], delimiter)
    headed = _is_header(rows, comma)
    names = _unique(rows[0]) if headed else None
    body = rows[1:] if headed else rows
    if not body:
        raise DataError(f"{where} holds a header and no rows; give a file with a motion in it.")
    width = len(names) if names else Counter(len(r) for r in body).most_common(1)[0][0]
    if width > MAX_COLUMNS:
        raise DataError(
            f"{where} has {width:,} columns, and motion is read up to {MAX_COLUMNS:,}; choose some of them."
        )
    fitting = [r for r in body if len(r) == width]
    odd = len(body) - len(fitting)
    if not fitting:
        raise DataError(f"No row of {where} has as many cells as its header ({width}); mend the file.")
    notes = (f"{odd} of {len(body)} rows have another number of cells than {width} and were left out",) if odd else ()
    cells = tuple(zip(*fitting, strict=True))
    return Table(names or tuple(str(i + 1) for i in range(width)), cells, headed, comma, notes)


def as_numbers(cells: Sequence[str], *, decimal_comma: bool = False) -> tuple[Numbers, int]:
    """Cells as numbers, NaN where nothing is known, nothing finite stands or text does; and how many hold text."""
    if decimal_comma:
        cells = [c.replace(",", ".") for c in cells]
    try:
        values = np.array(cells, dtype=np.float64)
        return np.where(np.isfinite(values), values, np.nan), 0
    except ValueError:
        parsed = [_number(c) for c in cells]
    text = sum(p is None for p in parsed)
    values = np.array([np.nan if p is None else p for p in parsed])
    return np.where(np.isfinite(values), values, np.nan), text


def _number(cell: str) -> float | None:
    """A cell's number, NaN for nothing, None for text."""
    stripped = cell.strip()
    if stripped.lower() in MISSING:
        return float("nan")
    try:
        return float(stripped)
    except ValueError:
        return None


def _delimiter(lines: list[str]) -> str:
    """The delimiter that cuts most lines into the same number of cells, more than one."""

    def score(delimiter: str) -> tuple[float, int]:
        counts = Counter(len(r) for r in _split(lines, delimiter))
        width, often = counts.most_common(1)[0]
        return (0.0, 0) if width < 2 else (often / len(lines), width)

    # A decimal comma makes as many "cells" as numbers: a semicolon, tab or bar that cuts evenly is meant.
    clear = [d for d in (";", "\t", "|") if score(d)[0] >= 0.8]
    if clear:
        return max(clear, key=score)
    best = max(DELIMITERS, key=lambda d: (score(d)[0] >= 0.8, score(d)))
    return best if score(best)[0] > 0 else ","


def _split(lines: list[str], delimiter: str) -> list[list[str]]:
    if delimiter == " ":
        return [line.split() for line in lines]
    try:
        rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter, skipinitialspace=True)
        return [[cell.strip() for cell in row] for row in rows]
    except csv.Error:  # a cell of more than 128 kB, or worse
        return [[cell.strip() for cell in line.split(delimiter)] for line in lines]


def _decimal_comma(rows: list[list[str]], delimiter: str) -> bool:
    cells = [c for row in rows for c in row]
    with_comma = sum("," in c and _number(c.replace(",", ".", 1)) is not None for c in cells)
    with_point = sum("." in c and _number(c) is not None for c in cells)
    return delimiter != "," and with_comma > with_point


def _is_header(rows: list[list[str]], decimal_comma: bool) -> bool:
    """Whether the first row names the columns: text stands where the rows below have numbers, or all is text."""

    def numeric(row: list[str]) -> list[bool]:
        return [as_numbers([c], decimal_comma=decimal_comma)[1] == 0 and c.lower() not in MISSING for c in row]

    if len(rows) < 2:
        return not any(numeric(rows[0]))
    first, below = numeric(rows[0]), numeric(rows[min(len(rows) - 1, 1)])
    named = sum(not f and c.lower() not in MISSING for f, c in zip(first, rows[0], strict=True))
    return (named > 0 and not any(first)) or named > sum(not b for b in below)


def _unique(names: list[str]) -> tuple[str, ...]:
    """Names without repetition: an empty one becomes its number, a second x becomes "x (4)"."""
    seen: dict[str, None] = {}
    for i, name in enumerate(names):
        plain = name or str(i + 1)
        seen[plain if plain not in seen else f"{plain} ({i + 1})"] = None
    return tuple(seen)
