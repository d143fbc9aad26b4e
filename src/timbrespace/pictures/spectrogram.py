"""Spectrograms side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from timbrespace.pictures.figure import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def spectrograms(
    rows: Sequence[Sequence[np.ndarray]],
    *,
    titles: Sequence[str],
    names: Sequence[str],
    seconds_per_frame: float,
    width: float = 3.6,
) -> Figure:
    """A grid of spectrograms: one row per sound (``names``), one column per version (``titles``).

    Each entry is (feature, frame), low features first, drawn ``width`` inches wide; a row shares its colour
    scale, so that versions of a sound can be compared by eye.
    """
    figure = new_figure(width * len(titles), 1.9 * len(rows) + 0.3)
    axes = figure.subplots(len(rows), len(titles), squeeze=False)
    for row, name, line in zip(rows, names, axes, strict=True):
        low, high = min(float(v.min()) for v in row), max(float(v.max()) for v in row)
        for values, title, axis in zip(row, titles, line, strict=True):
            extent = (0.0, values.shape[1] * seconds_per_frame, 0.0, float(values.shape[0]))
            axis.imshow(values, origin="lower", aspect="auto", extent=extent, vmin=low, vmax=high, cmap="magma")
            if axis in axes[0]:
                axis.set_title(title, fontsize=10)
            if axis is line[0]:
                axis.set_ylabel(f"{name}\nmel band", fontsize=8)
            if line is axes[-1]:
                axis.set_xlabel("seconds", fontsize=8)
            axis.tick_params(labelsize=7)
    return figure
