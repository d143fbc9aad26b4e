"""A latent space seen from its two widest sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from timbrespace.pictures.figure import ACCENT, INK, SECOND, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PALETTE = (ACCENT, SECOND, "#edae49", "#00798c", "#8f5d9f", "#66a182", "#9c6644", "#6c757d")


def scatter(
    points: np.ndarray, groups: Sequence[str], *, axes: tuple[str, str], paths: dict[str, np.ndarray] | None = None
) -> Figure:
    """Points (point, 2) coloured by group, with named paths (step, 2) drawn over them."""
    figure = new_figure(6.4, 4.6)
    axis = figure.subplots()
    labels = np.asarray(groups)
    names = sorted(set(groups))
    for name, colour in zip(names, PALETTE * (1 + len(names) // len(PALETTE)), strict=False):
        chosen = points[labels == name]
        axis.scatter(chosen[:, 0], chosen[:, 1], s=3, alpha=0.35, color=colour, linewidths=0, label=name)
    for (name, path), style in zip((paths or {}).items(), ("-", "--", "-.", ":"), strict=False):
        axis.plot(path[:, 0], path[:, 1], color=INK, linestyle=style, linewidth=0.7, alpha=0.55, label=name)
    axis.set_xlabel(axes[0])
    axis.set_ylabel(axes[1])
    axis.spines[["top", "right"]].set_visible(False)
    legend = axis.legend(frameon=False, fontsize=8, markerscale=4, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set_alpha(1.0)
    return figure


def bars(values: Sequence[float], *, xlabel: str, ylabel: str) -> Figure:
    """One bar per latent dimension."""
    figure = new_figure(5.0, 2.4)
    axis = figure.subplots()
    axis.bar(range(len(values)), values, color=ACCENT)
    axis.set_xlabel(xlabel)
    axis.set_ylabel(ylabel)
    axis.spines[["top", "right"]].set_visible(False)
    return figure
