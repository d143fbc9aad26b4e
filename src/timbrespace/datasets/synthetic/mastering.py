"""The last step of every sound: no offset, a little warmth, a fixed peak."""

from __future__ import annotations

import numpy as np
from scipy import fft

from timbrespace.datasets.synthetic.envelopes import n_of, rise
from timbrespace.datasets.synthetic.filters import high_pass
from timbrespace.datasets.synthetic.sound import Signal

PEAK_DB = -1.0


def _warm(x: Signal, drive: float) -> Signal:
    """tanh(drive x / reference), the reference being four deviations: only the peaks bend."""
    reference = max(4.0 * float(x.std()), 0.5 * float(np.abs(x).max()), 1e-9)
    return np.tanh(drive * x / reference)


def _to_peak(x: Signal, peak_db: float) -> Signal:
    out: Signal = x * (10.0 ** (peak_db / 20.0) / max(1e-9, float(np.abs(x).max())))
    return out


def master_loop(x: Signal, sample_rate: int, *, drive: float = 1.0) -> Signal:
    """A loop ready to be written: nothing under about 25 Hz, tanh saturation, peak -1 dBFS; it stays seamless."""
    frequency = fft.rfftfreq(x.size, 1.0 / sample_rate)
    kept = frequency**4 / (frequency**4 + 25.0**4)
    warm = _warm(np.asarray(fft.irfft(fft.rfft(x) * kept, x.size), dtype=np.float64), drive)
    return _to_peak(warm - warm.mean(), PEAK_DB)


def master_shot(x: Signal, sample_rate: int, *, peak_db: float = PEAK_DB, drive: float = 0.5) -> Signal:
    """A single sound ready to be written: silence cut from its end, faded to zero, at the given peak."""
    warm = high_pass(_warm(x, drive), 22.0, sample_rate)
    loud = np.flatnonzero(np.abs(warm) > 10.0 ** (-62.0 / 20.0) * np.abs(warm).max())
    end = min(warm.size, int(loud[-1]) + n_of(0.02, sample_rate)) if loud.size else warm.size
    edge, soft = min(n_of(0.03, sample_rate), end // 4), min(n_of(0.0007, sample_rate), end // 4)
    window = np.ones(end)
    window[-edge:] -= rise(edge, (edge - 1) / sample_rate, sample_rate)
    window[:soft] *= rise(soft, (soft - 1) / sample_rate, sample_rate)
    faded = window * warm[:end]
    # Subtracting the window's share of the offset keeps both ends at zero.
    faded -= window * (faded.sum() / window.sum())
    return _to_peak(faded, peak_db)
