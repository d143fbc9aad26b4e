"""Expectations: claims written down before the run, kept with their date, so that hindsight shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from timbrespace.core.errors import StorageError
from timbrespace.core.files import write_json

Direction = Literal["lower", "higher", "same"]
DIRECTIONS: tuple[str, ...] = get_args(Direction)
SAME_WITHIN = 1.1
"""The factor of a claim of sameness that names none: the means differ by less than a tenth."""

EXPECTATIONS = "expectations.json"


@dataclass(frozen=True)
class Claim:
    """``about`` (a measure) of ``variant`` stands to ``factor`` times that of ``against`` as ``direction`` says.

    ``"lower"`` with factor 0.7: at most 0.7 times as high. ``"same"`` with factor 1.1: between 1 / 1.1 and 1.1 times.
    """

    about: str
    variant: str
    against: str
    direction: Direction
    reason: str
    factor: float = 1.0

    def sentence(self) -> str:
        """The claim in words.

        >>> Claim("mmd_prior", "wae", "vae", "lower", "", 0.7).sentence()
        'mmd_prior of wae is lower than 0.7 times that of vae'
        """
        times = f"{self.factor:g} times " if self.factor != 1.0 else ""
        if self.direction == "same":
            return f"{self.about} of {self.variant} is within a factor of {self.factor:g} of that of {self.against}"
        return f"{self.about} of {self.variant} is {self.direction} than {times}that of {self.against}"


@dataclass(frozen=True)
class Dated:
    """A claim with the moment it was first on record and how many trainings were finished by then.

    ``withdrawn`` claims were on record once and are no longer in the grid file.
    """

    claim: Claim
    written: str
    finished_cells: int
    withdrawn: bool = False

    @property
    def before_the_run(self) -> bool:
        """Whether nothing was known yet when the claim was written."""
        return self.finished_cells == 0


def put_on_record(out: Path, claims: Sequence[Claim], texts: dict[str, str], *, finished_cells: int) -> bool:
    """Add what is expected now to ``expectations.json``, unless it is the last entry already; say whether it changed.

    Nothing is ever taken out of that file. Raises :class:`~timbrespace.core.errors.StorageError` if it is damaged.
    """
    records = _records(out)
    expected = {"claims": [asdict(claim) for claim in claims], "texts": texts}
    digest = hashlib.sha256(json.dumps(expected, sort_keys=True).encode()).hexdigest()
    if records and records[-1]["sha256"] == digest:
        return False
    now = datetime.now(UTC).isoformat(timespec="seconds")
    records.append({"written": now, "finished_cells": finished_cells, "sha256": digest, **expected})
    write_json(out / EXPECTATIONS, {"records": records})
    return len(records) > 1


def on_record(out: Path) -> list[Dated]:
    """Every claim ever made about this benchmark, in order of its first appearance."""
    records = _records(out)
    found: dict[Claim, Dated] = {}
    current = {Claim(**c) for c in records[-1]["claims"]} if records else set()
    for record in records:
        for table in record["claims"]:
            claim = Claim(**table)
            if claim not in found:
                found[claim] = Dated(claim, record["written"], record["finished_cells"], claim not in current)
    return list(found.values())


def texts_on_record(out: Path) -> dict[str, list[tuple[str, str]]]:
    """What was expected of each variant in words, as (date, text) in order, the same text once."""
    found: dict[str, list[tuple[str, str]]] = {}
    for record in _records(out):
        for variant, text in record["texts"].items():
            said = found.setdefault(variant, [])
            if not said or said[-1][1] != text:
                said.append((record["written"], text))
    return found


def _records(out: Path) -> list[dict[str, Any]]:
    file = out / EXPECTATIONS
    if not file.is_file():
        return []
    try:
        records = json.loads(file.read_text(encoding="utf-8"))["records"]
        for record in records:
            _ = record["sha256"], record["written"], record["finished_cells"], record["texts"]
            _ = [Claim(**table) for table in record["claims"]]
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(
            f"{file} is damaged ({error}); it holds what was expected before the run: restore it or choose another"
            " folder."
        ) from None
    return list(records)
