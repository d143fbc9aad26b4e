"""A matrix as a PNG, one pixel per cell."""

from __future__ import annotations

import io

import numpy as np


def heat_png(values: np.ndarray) -> bytes:
    """``values`` (row, column), low rows at the bottom, in the colours of a glowing body from lowest to highest."""
    import matplotlib
    from matplotlib.image import imsave

    low, high = float(np.min(values)), float(np.max(values))
    buffer = io.BytesIO()
    colours = matplotlib.colormaps["magma"]
    imsave(buffer, values[::-1], vmin=low, vmax=max(high, low + 1e-12), cmap=colours, format="png")
    return buffer.getvalue()
