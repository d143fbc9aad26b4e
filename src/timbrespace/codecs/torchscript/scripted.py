"""The scripted model itself, as its confined process holds it."""

from __future__ import annotations

import copy
import io
from typing import Any

import torch
from torch import Tensor
from torch.jit._fuser import optimized_execution

from timbrespace.codecs.torchscript.draws import Draws

RATE_NAMES = ("sr", "sampling_rate", "sample_rate")
METHODS = ("encode", "decode")
MOST_LISTED = 4096
MOST_NUMBER = 1e12


class UnfitError(Exception):
    """The file is no model that can be used; the sentence says what is missing."""


class Scripted:
    """A TorchScript module by its own methods ``encode`` and ``decode``, brought back to its first state at will.

    Every call of :meth:`start` works on a fresh copy of the module as it was kept, so that convolution caches,
    counters and whatever else it remembers cannot leak from one sound into the next.
    """

    def __init__(self, content: bytes | bytearray) -> None:
        try:
            module = torch.jit.load(io.BytesIO(content), map_location="cpu")
        except Exception as error:
            if out_of_memory(error):
                raise
            raise UnfitError(f"it is no TorchScript file, or a damaged one ({reason(error)})") from None
        module.eval()
        self._names = [n for n, _ in module.named_buffers(recurse=False)]
        self._size = sum(p.numel() for p in module.parameters())
        self._kept = module._c
        self._now = module._c

    def start(self, seed: int) -> None:
        """A fresh copy of the kept state, and the random numbers from their beginning."""
        self._now = copy.deepcopy(self._kept)
        torch.manual_seed(seed)

    def keep(self) -> None:
        """What the module is now is what it starts from."""
        self._kept = self._now

    def run(self, method: str, values: Tensor, *, watch: bool, quiet: bool) -> tuple[Tensor, list[str]]:
        """One call of a method; and the random operations in it, if they are watched or quiet."""
        # The optimising executor compiles another program after the first calls, with other last digits.
        with torch.no_grad(), optimized_execution(False):
            if not (watch or quiet):
                return self._called(method, values), []
            draws = Draws(quiet=quiet)
            try:
                with draws:
                    result = self._called(method, values)
            except Exception as error:
                raise (draws.failed or error) from None
            return result, sorted(draws.names)

    def _called(self, method: str, values: Tensor) -> Tensor:
        result = self._now._get_method(method)(values)
        if not isinstance(result, Tensor):
            raise UnfitError(f"its {method} gives {type(result).__name__}, no tensor")
        return result

    def describe(self) -> dict[str, Any]:
        """Ratios, channels, rate and whatever else the file says of itself, as JSON can hold it."""
        missing = [m for m in METHODS if not self._kept._has_method(m)]
        if missing:
            raise UnfitError(f"it has no method {' and no method '.join(missing)}")
        return {
            "params": {m: self._parameters(m) for m in METHODS},
            "methods": self._listed("get_methods") or list(METHODS),
            "attributes": self._listed("get_attributes"),
            "sample_rate": self._rate(),
            "fidelity": self._fidelity(),
            "buffers": [n for n in self._names if n in ("latent_pca", "latent_mean", "fidelity")],
            "full_latent_size": self._number("full_latent_size"),
            "parameters": self._size,
        }

    def _parameters(self, method: str) -> list[int]:
        """The four numbers of ``<method>_params``: channels and ratio in, channels and ratio out."""
        name = f"{method}_params"
        if not self._kept.hasattr(name):
            raise UnfitError(f"it has no buffer {name} that says the channels and ratios of its {method}")
        value = self._kept.getattr(name)
        numbers = [float(v) for v in torch.as_tensor(value).flatten()[:5].tolist()]
        if len(numbers) != 4 or any(not n.is_integer() or not 1 <= n < 2**31 for n in numbers):
            raise UnfitError(f"its {name} hold {numbers}, and four whole numbers above zero are expected")
        return [int(n) for n in numbers]

    def _listed(self, method: str) -> list[str]:
        if not self._kept._has_method(method):
            return []
        return [str(n)[:100] for n in list(self._kept._get_method(method)())[:100]]

    def _rate(self) -> float | None:
        stated = [self._number(n) for n in RATE_NAMES]
        if self._kept._has_method("get_sample_rate"):
            told = float(self._kept._get_method("get_sample_rate")())
            stated.append(told if abs(told) < MOST_NUMBER else None)
        return next((s for s in stated if s is not None and s > 0), None)

    def _number(self, name: str) -> float | None:
        if not self._kept.hasattr(name):
            return None
        value = self._kept.getattr(name)
        if isinstance(value, Tensor):
            value = value.item() if value.numel() == 1 else None
        known = isinstance(value, int | float) and abs(value) < MOST_NUMBER  # NaN is not
        return float(value) if known else None

    def _fidelity(self) -> list[float]:
        if "fidelity" not in self._names:
            return []
        return [float(v) for v in self._kept.getattr("fidelity").flatten()[:MOST_LISTED].tolist()]


def out_of_memory(error: Exception) -> bool:
    """Whether it was memory that an operation did not get."""
    return isinstance(error, MemoryError) or "allocate memory" in str(error)


def reason(error: Exception) -> str:
    """The words of an error: its last line that says something, up to its first full stop, printable."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if any(c.isalpha() for c in line) and "<--- HERE" not in line] or [
        type(error).__name__
    ]
    words = said[-1].removeprefix("builtins.").removeprefix("RuntimeError: ").split(". ")[0]
    return "".join(c for c in words if c.isprintable())[:200].rstrip(". ")
