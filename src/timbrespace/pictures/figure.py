"""A figure drawn in memory."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, PAPER, ACCENT, SECOND = "#22242a", "#ffffff", "#2a6f97", "#d1495b"


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of ``width`` by ``height`` inches, outside pyplot's global registry."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=110, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def to_png(figure: Figure) -> bytes:
    """The figure as a PNG file's bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def to_rgb(figure: Figure) -> np.ndarray:
    """The figure as (height, width, 3) bytes."""
    canvas = figure.canvas
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[attr-defined]  # an Agg canvas, see new_figure
