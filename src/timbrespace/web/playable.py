"""What the server needs of an engine: the protocol that the real one and the tests' one both meet."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from timbrespace.control.status import Status
from timbrespace.control.takes import Take
from timbrespace.instruments.base import Action, Dial

Sound = npt.NDArray[np.float32]


@runtime_checkable
class Playable(Protocol):
    """An instrument that is rendered elsewhere: see :class:`timbrespace.control.engine.Engine`."""

    sample_rate: int
    channels: int
    knobs: dict[str, Dial]
    actions: dict[str, Action]

    def send(self, name: str, *values: float, at: int | None = None) -> None: ...
    def set(self, name: str, value: float, *, at: int | None = None) -> float: ...
    def read(self, n: int) -> npt.NDArray[Any]: ...
    def status(self) -> Status: ...
    def record(self, on: bool) -> Take | None: ...
    def keep_recent(self, seconds: float = 60.0) -> Take: ...
