"""The space as the page draws it: axes, descriptors, sounds, and one row of numbers per moment."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from timbrespace.audio.descriptors import DESCRIPTORS, Descriptor
from timbrespace.latent.space import FIDELITIES, LatentSpace


@dataclass(frozen=True)
class Atlas:
    """What ``/api/map`` tells, and ``points`` (moment, column) of ``/api/points``.

    Columns are: source (index of the sound), seconds in that sound, the coordinate on every axis, the value
    of every descriptor (NaN where it is not defined).
    """

    axes: list[dict[str, Any]]
    informative: dict[str, int]
    descriptors: list[dict[str, Any]]
    sounds: list[str]
    points: npt.NDArray[np.float32]

    @classmethod
    def of(cls, space: LatentSpace, arrays: Mapping[str, npt.NDArray[Any]], *, sounds: Sequence[str]) -> Atlas:
        """The atlas of ``space`` with the moments that an instrument's ``arrays`` describe."""
        moments = len(arrays["positions"])
        values = arrays.get("descriptors", np.zeros((moments, 0)))
        columns = (arrays["sources"][:, None], arrays["seconds"][:, None], arrays["positions"], values)
        known = DESCRIPTORS[: values.shape[1]]
        return cls(
            axes=[_axis(space, i) for i in range(len(space.axes))],
            informative={f"{f:g}": space.informative(f) for f in FIDELITIES},
            descriptors=[_descriptor(d, column) for d, column in zip(known, values.T, strict=True)],
            sounds=list(sounds),
            points=np.concatenate(columns, axis=1).astype(np.float32),
        )

    def table(self) -> dict[str, Any]:
        """Everything but the points, as JSON."""
        return {
            "axes": self.axes,
            "informative": self.informative,
            "descriptors": self.descriptors,
            "sounds": self.sounds,
            "moments": len(self.points),
        }


def _axis(space: LatentSpace, i: int) -> dict[str, Any]:
    """One axis: its share of the variance, the range of the data on it, and what it goes with (Spearman)."""
    total = float(space.variances.sum())
    name = space.names[i]
    return {
        "index": i,
        "name": name,
        "title": name[:1].upper() + name[1:],
        "share": float(space.variances[i]) / total if total > 0 else 0.0,
        "low": float(space.low[i]),
        "high": float(space.high[i]),
        "deviation": float(space.deviations[i]),
        "correlations": _correlations(space, i),
        "ends": _ends(space, i),
    }


def _correlations(space: LatentSpace, i: int) -> dict[str, float]:
    if space.correlations is None:
        return {}
    values = space.correlations.spearman.value[i].tolist()
    return {d.name: round(r, 3) for d, r in zip(DESCRIPTORS, values, strict=True) if math.isfinite(r)}


def _ends(space: LatentSpace, i: int) -> list[str]:
    """Adjectives for the low and the high end of an axis that is named after a descriptor; none otherwise."""
    for descriptor in DESCRIPTORS:
        if descriptor.title == space.names[i]:
            rising = _correlations(space, i).get(descriptor.name, 0.0) >= 0
            return [descriptor.low, descriptor.high] if rising else [descriptor.high, descriptor.low]
    return []


def _descriptor(descriptor: Descriptor, values: npt.NDArray[Any]) -> dict[str, Any]:
    """One descriptor with the range of the data, 1 % of them left out at either end; None where there are none."""
    finite = values[np.isfinite(values)]
    low, high = (float(q) for q in np.quantile(finite, (0.01, 0.99))) if len(finite) else (None, None)
    return {
        "name": descriptor.name,
        "title": descriptor.title,
        "unit": descriptor.unit,
        "scale": descriptor.scale,
        "low": low,
        "high": high,
    }
