"""Single wrong values, such as a Kinect's hand that is for a frame somewhere else."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError


def without_spikes(values: Float[Tensor, "step channel"], *, width: int) -> Float[Tensor, "step channel"]:
    """The running median over ``width`` steps, an odd number, ends held: what lasts less than half of it vanishes."""
    if width < 1 or width % 2 == 0:
        raise ParameterError(f"A running median takes an odd number of steps, not {width}; add or take one.")
    if width == 1:
        return values.clone()
    from scipy.ndimage import median_filter

    filtered = median_filter(values.numpy(), size=(width, 1), mode="nearest")
    return torch.from_numpy(filtered)
