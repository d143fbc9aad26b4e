"""Watching what a scripted program draws, and leaving normal draws at their mean."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

NORMAL = frozenset({"randn", "randn_like", "normal", "normal_", "normal_functional"})


class Draws(TorchDispatchMode):
    """While active, notes the name of every random operation in ``names``; with ``quiet`` normal ones give their mean.

    A reparametrised posterior ``mean + deviation * randn_like(mean)`` then gives exactly its mean.
    """

    def __init__(self, *, quiet: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's own
        self.quiet = quiet
        self.names: set[str] = set()
        self.failed: Exception | None = None
        """The error of an operation, whose words the interpreter above loses."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # its precaution imports the compiler, seconds of work; nothing is compiled here

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        try:
            return self._done(func, args, kwargs or {})
        except Exception as error:
            self.failed = error
            raise

    def _done(self, func: Any, args: Any, kwargs: Any) -> Any:
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **kwargs)
        name = func.overloadpacket.__name__
        if name == "dropout" and not (args[2] if len(args) > 2 else kwargs.get("train", True)):
            return func(*args, **kwargs)  # in use it draws nothing
        self.names.add(name)
        drawn = func(*args, **kwargs)
        return _mean(name, str(func._overloadname), drawn, args) if self.quiet and name in NORMAL else drawn


def _mean(name: str, overload: str, drawn: Any, args: Any) -> Any:
    """The mean of a normal draw, in the shape of the draw; in place where that was."""
    if name in ("randn", "randn_like"):
        return drawn.zero_()
    mean = args[0] if name == "normal" and "Tensor_" in overload else None
    if mean is None:
        mean = args[1] if name != "normal" and len(args) > 1 else 0.0
    return drawn.copy_(mean) if isinstance(mean, torch.Tensor) else drawn.fill_(float(mean))
