"""Files that describe sounds, read without trust: any damage is counted, none raises."""

from __future__ import annotations

import codecs
import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

UNREADABLE: Final = "unreadable files"
MAX_BYTES: Final = 2**30
"""No description of a known collection is larger (NSynth's training part has 0.2 GB)."""
_LONGEST: Final = 200


def read_table(path: Path, counts: Counter[str]) -> dict[str, Any]:
    """The JSON object in ``path``; counted as unreadable, and empty, if it is damaged or none."""
    text = _text(path, counts)
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        counts[UNREADABLE] += 1
        return {}
    if not isinstance(found, dict):
        counts[UNREADABLE] += 1
        return {}
    return found


def read_rows(path: Path, counts: Counter[str]) -> list[dict[str, str]]:
    """The rows of a CSV file under its header's names, stripped; a row ends where its cells or the header do."""
    text = _text(path, counts)
    if text is None:
        return []
    header: list[str] = []
    rows: list[dict[str, str]] = []
    try:
        for cells in _cells(text):
            if not header:
                header = [cell.strip() for cell in cells]
            elif any(cells):
                rows.append({name: cell.strip() for name, cell in zip(header, cells, strict=False)})
    except csv.Error:
        counts[UNREADABLE] += 1
    return rows


def words_of(value: Any) -> str:
    """A value as one line of words; nothing for what is no word, number or truth."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**15 else ""
    if isinstance(value, float):
        return f"{value:g}" if math.isfinite(value) else ""
    if not isinstance(value, str):
        return ""
    whole = value.encode("utf-8", "replace").decode("utf-8")  # JSON may hold halves of characters
    shown = "".join(c if c.isprintable() else " " for c in whole)
    return " ".join(shown.split())[:_LONGEST]


def list_of(value: Any) -> list[str]:
    """The words in a list of values (or a single one), each once, in their order."""
    items = value if isinstance(value, list) else [value]
    return list(dict.fromkeys(word for word in map(words_of, items) if word))


def only_words(**values: str) -> dict[str, str]:
    """Labels without the empty ones."""
    return {label: value for label, value in values.items() if value}


def tails(names: Sequence[str], length: int) -> dict[str, list[str]]:
    """The names by their last ``length`` parts: descriptions often start from another folder."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(tail_of(name, length), []).append(name)
    return found


def tail_of(name: str, length: int) -> str:
    """The last ``length`` parts of a path, with forward slashes."""
    return "/".join([part for part in name.replace("\\", "/").split("/") if part not in ("", ".")][-length:])


def _cells(text: str) -> Iterator[list[str]]:
    first = text.split("\n", 1)[0]
    separator = ";" if first.count(";") > first.count(",") else ","
    return csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=separator)


def _text(path: Path, counts: Counter[str]) -> str | None:
    """The file's text: UTF-8 with or without a mark, UTF-16 with one, else Latin-1, which fits all bytes."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            raise OSError("no plain file of a sensible size")
        content = path.read_bytes()
    except OSError:
        counts[UNREADABLE] += 1
        return None
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if marked else ("utf-8-sig",):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")
