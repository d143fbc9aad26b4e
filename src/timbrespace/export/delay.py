"""By how much live output trails the whole, measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

SAME = 1e-2
"""Share of the energy that may be left where live output is the whole, moved."""
COMPARED = 0.9
"""Share of the whole from its beginning: at its end live output goes on, and the whole does not."""
SMOOTHING = 4
"""Parts of a unit over which loudness is taken where the waves themselves differ."""


@dataclass(frozen=True)
class Delay:
    """``samples`` is the shift at which both are most alike.

    ``exact``: the waves themselves fit there, to a hundredth of their energy. Otherwise (phases are found anew, live
    and in the whole) their loudness was compared, which tells the shift to about ``tolerance`` samples.
    """

    samples: int
    exact: bool
    tolerance: int


def measured_delay(live: Tensor, whole: Tensor, *, most: int, unit: int) -> Delay:
    """The delay of ``live`` against ``whole``, both (row, time), from 0 to ``most``; ``unit`` is the hop of a frame."""
    a, b = live.double().numpy(), whole.double().numpy()
    n = min(a.shape[-1] - most, int(b.shape[-1] * COMPARED))
    b = b[..., :n]
    shift, left = _best(a, b, most)
    if left <= SAME:
        return Delay(shift, exact=True, tolerance=0)
    width = max(1, unit // SMOOTHING)
    shift, _ = _best(_loudness(a, width), _loudness(b, width), most)
    return Delay(shift, exact=False, tolerance=unit)


def _best(a: np.ndarray, b: np.ndarray, most: int) -> tuple[int, float]:
    """The shift with the least energy of the difference, and its share of the energy of ``b``."""
    n, size = b.shape[-1], 1 << int(np.ceil(np.log2(a.shape[-1] + b.shape[-1])))
    products = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)[..., : most + 1].sum(0)
    energies = np.concatenate([np.zeros((len(a), 1)), np.cumsum(a * a, axis=-1)], axis=-1)
    windows = (energies[:, n : n + most + 1] - energies[:, : most + 1]).sum(0)
    own = float((b * b).sum())
    left = windows - 2 * products + own
    shift = int(np.argmin(left))
    return shift, float(left[shift]) / max(own, 1e-30)


def _loudness(x: np.ndarray, width: int) -> np.ndarray:
    """Root mean squares over ``width`` samples, less their mean, so that rises and falls are compared."""
    padded = np.cumsum(np.pad(x * x, ((0, 0), (width, 0))), axis=-1)
    smoothed = np.sqrt(np.maximum(padded[:, width:] - padded[:, :-width], 0.0))
    return np.asarray(smoothed - smoothed.mean())
