"""The state of a training on disk: whole, checked, and never the only copy."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from timbrespace.codecs.tensor_files import read_tensors, write_tensors
from timbrespace.core.errors import BundleError, TrainingError
from timbrespace.core.files import sha256, sweep, write_json

MANIFEST = "manifest.json"
KEPT = 2
"""Checkpoints kept besides the best one."""


@dataclass(frozen=True)
class Checkpoint:
    """One entry of the manifest: a file, its SHA-256, and what it stands for."""

    file: str
    sha256: str
    step: int
    score: float | None
    state: dict[str, Any] = field(default_factory=dict)


class Checkpoints:
    """The ``checkpoints`` folder of a run: the last two and the best, listed in a manifest with hashes.

    A checkpoint is one safetensors file. It is written aside, flushed and renamed; then the manifest is
    replaced in the same way; only then are older files removed. Killed at any moment, the folder still holds
    a whole checkpoint that the manifest names.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(
        self, tensors: Mapping[str, Tensor], *, step: int, score: float | None, state: Mapping[str, Any]
    ) -> Checkpoint:
        """Write the state after ``step`` steps. ``score`` (lower is better) decides which one is the best."""
        self.folder.mkdir(parents=True, exist_ok=True)
        sweep(self.folder)
        name = f"step-{step:09d}.safetensors"
        digest = write_tensors(self.folder / name, tensors)
        entry = Checkpoint(name, digest, step, score, dict(state))
        entries = self._kept([e for e in self.entries() if e.step < step] + [entry])
        write_json(self.folder / MANIFEST, {"checkpoints": [asdict(e) for e in entries]})
        self._remove_others(entries)
        return entry

    def entries(self) -> list[Checkpoint]:
        """What the manifest lists, oldest first; nothing if there is none."""
        try:
            table = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
            return [Checkpoint(**entry) for entry in table["checkpoints"]]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except (ValueError, KeyError, TypeError) as error:
            raise TrainingError(f"{self.folder / MANIFEST} is damaged ({error}); train again with --force.") from None

    def load(self, entry: Checkpoint) -> dict[str, Tensor]:
        """The tensors of one checkpoint; raises :class:`TrainingError` if its hash is not the one noted."""
        path = self.folder / entry.file
        if not path.is_file() or sha256(path) != entry.sha256:
            raise TrainingError(f"Checkpoint {path} is missing or damaged (its hash differs from the one noted).")
        try:
            return read_tensors(path)
        except BundleError as error:
            raise TrainingError(str(error)) from None

    def latest(self) -> tuple[Checkpoint, dict[str, Tensor]]:
        """The newest checkpoint that is whole; a damaged one is passed over with a warning.

        Raises :class:`TrainingError` when none is left.
        """
        for entry in reversed(self.entries()):
            try:
                return entry, self.load(entry)
            except TrainingError as error:
                warnings.warn(f"{error} Trying the one before it.", stacklevel=2)
        raise TrainingError(f"{self.folder} holds no whole checkpoint; train again with --force.")

    def best(self) -> Checkpoint | None:
        """The checkpoint with the lowest score."""
        scored = [e for e in self.entries() if e.score is not None]
        return min(scored, key=lambda e: (e.score, -e.step)) if scored else None

    def _kept(self, entries: list[Checkpoint]) -> list[Checkpoint]:
        scored = [e for e in entries if e.score is not None]
        best = min(scored, key=lambda e: (e.score, -e.step)) if scored else None
        return [e for e in entries if e in entries[-KEPT:] or e is best]

    def _remove_others(self, entries: list[Checkpoint]) -> None:
        names = {e.file for e in entries}
        for file in self.folder.glob("step-*.safetensors"):
            if file.name not in names:
                file.unlink(missing_ok=True)
