"""What a process of the engine says of itself when its instrument is ready."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy.typing as npt

from timbrespace.control.messages import Message
from timbrespace.core.knob import Knob
from timbrespace.instruments.base import Action, Dial

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Introduction:
    """All that does not change of an instrument in another process, and its arrays."""

    facts: Message
    arrays: dict[str, Array] = field(default_factory=dict)

    @property
    def sample_rate(self) -> int:
        return int(self.facts["sample_rate"])

    @property
    def channels(self) -> int:
        return int(self.facts["channels"])

    @property
    def lead_in(self) -> int:
        """Samples that pass, at the most, before an instrument that was told to play at once is fully heard."""
        return sum(int(self.facts[part]) for part in ("latency", "stage_latency", "period"))

    @cached_property
    def knobs(self) -> dict[str, Dial]:
        return {table["name"]: _dial(table) for table in self.facts["knobs"]}

    @cached_property
    def actions(self) -> dict[str, Action]:
        return {table["name"]: _action(table) for table in self.facts["actions"]}


def _dial(table: Mapping[str, Any]) -> Dial:
    return Dial(**{**table, "range": Knob(**table["range"])})


def _action(table: Mapping[str, Any]) -> Action:
    return Action(**{**table, "values": tuple(table["values"])})
