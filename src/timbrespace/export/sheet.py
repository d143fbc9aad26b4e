"""The sheet beside an exported file: what it is, and what was measured on the file itself, read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from timbrespace.core.files import atomic_file, write_json
from timbrespace.export.block_speed import BlockSpeed
from timbrespace.export.delay import Delay
from timbrespace.export.likeness import Likeness

MEANS_ONLY = "Posterior means as the encoder says them; the refinement that 'encode' may add is not exported."


@dataclass(frozen=True)
class Part:
    """One half or method of an exported model: what it takes and gives, and what was found.

    ``latency`` is the one stated, in samples; ``measured`` the one found against the whole; ``speeds`` are of blocks
    on the machine that exported.
    """

    name: str
    interface: str
    likeness: Likeness | None = None
    latency: int | None = None
    measured: Delay | None = None
    speeds: Sequence[BlockSpeed] = ()
    notes: Sequence[str] = ()

    @property
    def passed(self) -> bool:
        return not self.failures()

    def failures(self) -> list[str]:
        """What keeps the file from being left there."""
        found = []
        if self.likeness is not None and not self.likeness.passed:
            found.append(f"{self.name} differs from the model: {self.likeness.sentence()}")
        if self.latency is not None and self.measured is not None:
            off = abs(self.measured.samples - self.latency)
            if off > self.measured.tolerance:
                found.append(f"{self.name} states a latency of {self.latency} samples and has {self.measured.samples}")
        return found


@dataclass(frozen=True)
class Sheet:
    """``facts`` of the file as names and values, its ``parts``, and ``notes`` for whoever uses it."""

    title: str
    facts: Mapping[str, Any]
    parts: Sequence[Part]
    notes: Sequence[str] = ()

    def failures(self) -> list[str]:
        return [failure for part in self.parts for failure in part.failures()]

    def table(self) -> dict[str, Any]:
        """As JSON holds it."""
        parts = [asdict(part) | {"passed": part.passed} for part in self.parts]
        return {"title": self.title, "facts": dict(self.facts), "parts": parts, "notes": list(self.notes)}

    def text(self) -> str:
        """As Markdown to read."""
        lines = [f"# {self.title}", ""]
        lines += [f"- {name}: {value}" for name, value in self.facts.items()]
        lines += ["", *(f"- {note}" for note in self.notes)]
        for part in self.parts:
            lines += ["", f"## {part.name}", "", part.interface, "", *_found(part)]
        return "\n".join(lines) + "\n"

    def write(self, file: Path) -> tuple[Path, Path]:
        """``FILE.md`` and ``FILE.json`` beside a file; their paths."""
        text, table = file.with_name(file.name + ".md"), file.with_name(file.name + ".json")
        with atomic_file(text) as partial:
            partial.write_text(self.text(), encoding="utf-8")
        write_json(table, self.table())
        return text, table


def _found(part: Part) -> list[str]:
    lines = []
    if part.likeness is not None:
        lines.append(f"- Read back and compared with the model: {part.likeness.sentence()}.")
    if part.latency is not None:
        lines.append(f"- Latency: {part.latency} samples{_measured(part.measured)}.")
    lines += [f"- {note}" for note in part.notes]
    if part.speeds:
        lines += ["", "| block (samples) | mean (ms) | 99 of 100 within (ms) | times real time |", "|---|---|---|---|"]
        lines += [f"| {s.block} | {s.mean_ms:.3f} | {s.p99_ms:.3f} | {s.real_time:.1f} |" for s in part.speeds]
    return lines


def _measured(delay: Delay | None) -> str:
    if delay is None:
        return ""
    if delay.exact:
        return f" as stated, {delay.samples} as measured against the whole"
    return (
        f" as stated, {delay.samples} as measured by loudness (to {delay.tolerance} samples: live phases are others"
        " than those of the whole)"
    )
