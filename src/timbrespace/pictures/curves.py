"""Learning curves, and the curves of sound itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

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


def waveforms(lines: Mapping[str, np.ndarray], *, seconds: float) -> Figure:
    """Short sounds (sample,) of ``seconds`` below each other, by name, all on one scale of level."""
    figure = new_figure(6.5, 0.95 * len(lines) + 0.4)
    axes = figure.subplots(len(lines), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axis, (name, wave) in zip(axes, lines.items(), strict=True):
        axis.plot(np.linspace(0.0, 1000.0 * seconds, len(wave), endpoint=False), wave, color=ACCENT, linewidth=0.9)
        axis.set_title(name, fontsize=8, loc="left")
        axis.tick_params(labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("milliseconds", fontsize=8)
    return figure
