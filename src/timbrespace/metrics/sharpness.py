"""How sharp images are."""

from __future__ import annotations

from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import Frames, PerExample

LEAST_SIZE = 3


def sharpness(images: Frames) -> PerExample:
    """Variance of the Laplacian of each of ``images``, in their unit squared: blurred ones have little.

    The Laplacian is ``up + down + left + right - 4 centre`` at all pixels that have the four neighbours. Noise raises
    it too: read it as a ratio to that of real images, which is best near 1. (J. L. Pech-Pacheco and others, "Diatom
    autofocusing in brightfield microscopy: a comparative study", 2000, https://doi.org/10.1109/ICPR.2000.903548.)
    """
    height, width = images.shape[-2:]
    if min(height, width) < LEAST_SIZE:
        raise ParameterError(f"The images have {height} x {width} pixels; a Laplacian needs 3 x 3 or more.")
    x = images.double()
    neighbours = x[..., :-2, 1:-1] + x[..., 2:, 1:-1] + x[..., 1:-1, :-2] + x[..., 1:-1, 2:]
    laplacian = (neighbours - 4 * x[..., 1:-1, 1:-1]).flatten(1)
    return (laplacian - laplacian.mean(1, keepdim=True)).square().mean(1).to(images.dtype)
