"""Slaney's mel filterbank: triangles on the mel scale, each of unit area.

S. S. Stevens, J. Volkmann, E. B. Newman 1937 (the mel); M. Slaney, Auditory Toolbox, 1998 (this form of it).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from timbrespace.core.errors import ParameterError

_BREAK_HZ = 1000.0
_HZ_PER_MEL = 200.0 / 3.0
_BREAK_MEL = _BREAK_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def hz_to_mel(hz: np.ndarray) -> np.ndarray:
    """Slaney's mel scale: linear up to 1 kHz (15 mel), logarithmic above (27 mel to 6.4 kHz)."""
    hz = np.asarray(hz, np.float64)
    above = _BREAK_MEL + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hz < _BREAK_HZ, hz / _HZ_PER_MEL, above)


def mel_to_hz(mel: np.ndarray) -> np.ndarray:
    """The inverse of :func:`hz_to_mel`."""
    mel = np.asarray(mel, np.float64)
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _HZ_PER_MEL, above)


@dataclass(frozen=True)
class Filterbank:
    """Weights (band, bin) of triangular filters, with what sparse loops need.

    Band m is non-zero on bins ``start[m]`` to ``stop[m]``; bin k feeds the bands ``band[k]`` (weight
    ``low[k]``) and ``band[k] + 1`` (weight ``high[k]``) only, since triangles overlap their neighbours alone.
    ``rows`` and ``columns`` are the sums of the weights over bins and over bands.
    """

    weights: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    band: np.ndarray
    low: np.ndarray
    high: np.ndarray
    rows: np.ndarray
    columns: np.ndarray


def mel_filterbank(sample_rate: int, *, n_fft: int, n_mels: int, f_min: float, f_max: float) -> Filterbank:
    """The filterbank for ``n_fft // 2 + 1`` bins, band edges equally spaced in mel from ``f_min`` to ``f_max`` Hz.

    Raises :class:`ParameterError` if a band is so narrow that it holds no bin.
    """
    bins = np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
    edges = mel_to_hz(np.linspace(hz_to_mel(np.array(f_min)), hz_to_mel(np.array(f_max)), n_mels + 2))
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    weights = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))[:, None]
    empty = np.flatnonzero(weights.max(axis=1) <= 0.0)
    if empty.size:
        m = int(empty[0])
        raise ParameterError(
            f"{n_mels} mel bands are too many for 'n_fft' {n_fft} at {sample_rate} Hz: {empty.size} of them hold no"
            f" frequency bin, the first from {edges[m]:.0f} to {edges[m + 2]:.0f} Hz;"
            " take fewer 'n_mels' or a longer 'n_fft'."
        )
    return _with_sparsity(weights.astype(np.float32))


def _with_sparsity(weights: np.ndarray) -> Filterbank:
    used = weights > 0.0
    n_mels, n_bins = weights.shape
    band = np.minimum(used.argmax(axis=0), max(n_mels - 2, 0)).astype(np.int64)
    bins = np.arange(n_bins)
    padded = np.concatenate([weights, np.zeros((1, n_bins), np.float32)])
    return Filterbank(
        weights=np.ascontiguousarray(weights),
        start=used.argmax(axis=1).astype(np.int64),
        stop=(n_bins - used[:, ::-1].argmax(axis=1)).astype(np.int64),
        band=band,
        low=np.ascontiguousarray(padded[band, bins]),
        high=np.ascontiguousarray(padded[band + 1, bins]),
        rows=weights.sum(axis=1),
        columns=weights.sum(axis=0),
    )
