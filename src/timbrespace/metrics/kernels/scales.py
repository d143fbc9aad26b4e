"""The scales of a kernel, checked."""

from __future__ import annotations

import math

from timbrespace.core.errors import ParameterError


def checked_scales(scales: list[float], *, where: str) -> list[float]:
    """A copy of ``scales``, which must be positive and finite; ``where`` names the kernel in the error."""
    if not scales or not all(0 < s < math.inf for s in scales):
        raise ParameterError(f"{where}'s 'scales' are {scales}; give one or more numbers above 0.")
    return list(scales)
