"""Learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from timbrespace.pictures.figure import ACCENT, INK, SECOND, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def learning_curve(
    steps: Sequence[float], train: Sequence[float], validation: Sequence[float], *, baseline: float | None = None
) -> Figure:
    """Unexplained share on training and unseen sounds over steps, beside a constant baseline (PCA)."""
    figure = new_figure(6.0, 3.0)
    axis = figure.subplots()
    axis.plot(steps, train, color=ACCENT, label="sounds it learns from")
    axis.plot(steps, validation, color=SECOND, label="unseen sounds")
    if baseline is not None:
        axis.axhline(baseline, color=INK, linestyle=":", label="unseen sounds by PCA, with as many numbers")
    axis.set_xlabel("training step")
    axis.set_ylabel("unexplained share of the log-mel")
    axis.set_ylim(bottom=0)
    axis.legend(frameon=False, fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    return figure
