"""Filters: swept and resonant, or fixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import signal

from timbrespace.datasets.synthetic.sound import Signal

Mode = Literal["low", "band", "high"]
_MODES: tuple[Mode, ...] = ("low", "band", "high")


def swept(x: Signal, cutoff: Signal | float, sample_rate: int, *, q: float = 0.707, mode: Mode = "low") -> Signal:
    """A resonant two-pole filter whose ``cutoff`` (Hz) may move with every sample; the band has gain 1 at its peak.

    Topology-preserving state variable filter (Zavalishin, The Art of VA Filter Design, 2012).
    """
    from timbrespace.datasets.synthetic.filter_kernels import state_variable

    clipped = np.clip(np.broadcast_to(np.asarray(cutoff, dtype=np.float64), x.shape), 10.0, 0.45 * sample_rate)
    g = np.ascontiguousarray(np.tan(np.pi * clipped / sample_rate))
    out: Signal = state_variable(np.ascontiguousarray(x), g, 1.0 / q, _MODES.index(mode))
    return out


def _clear(cutoff: float, sample_rate: int) -> float:
    return float(np.clip(cutoff, 10.0, 0.45 * sample_rate))


def low_pass(x: Signal, cutoff: float, sample_rate: int, *, order: int = 2) -> Signal:
    """A Butterworth low-pass at ``cutoff`` Hz."""
    sos = signal.butter(order, _clear(cutoff, sample_rate), fs=sample_rate, output="sos")
    return np.asarray(signal.sosfilt(sos, x), dtype=np.float64)


def high_pass(x: Signal, cutoff: float, sample_rate: int, *, order: int = 2) -> Signal:
    """A Butterworth high-pass at ``cutoff`` Hz."""
    sos = signal.butter(order, _clear(cutoff, sample_rate), "highpass", fs=sample_rate, output="sos")
    return np.asarray(signal.sosfilt(sos, x), dtype=np.float64)


def band_pass(x: Signal, low: float, high: float, sample_rate: int) -> Signal:
    """A second-order Butterworth band-pass between ``low`` and ``high`` Hz."""
    top = _clear(high, sample_rate)
    sos = signal.butter(1, (min(low, 0.7 * top), top), "bandpass", fs=sample_rate, output="sos")
    return np.asarray(signal.sosfilt(sos, x), dtype=np.float64)


def resonator(x: Signal, frequency: float, seconds: float, sample_rate: int) -> Signal:
    """A mode that rings at ``frequency`` Hz and falls by 60 dB in ``seconds``; an impulse rings at amplitude 1."""
    omega = 2.0 * np.pi * frequency / sample_rate
    radius = 10.0 ** (-3.0 / (seconds * sample_rate))
    numerator = [0.0, np.sin(omega)]
    return np.asarray(signal.lfilter(numerator, [1.0, -2.0 * radius * np.cos(omega), radius**2], x), dtype=np.float64)


def body(x: Signal, peaks: Sequence[tuple[float, float, float]], sample_rate: int) -> Signal:
    """The sound of a resonating body: a series of peaks (frequency in Hz, Q, gain in dB).

    Peaking sections after Bristow-Johnson's Audio EQ Cookbook (1998).
    """
    sections = []
    for frequency, q, gain_db in peaks:
        omega = 2.0 * np.pi * _clear(frequency, sample_rate) / sample_rate
        alpha, a = np.sin(omega) / (2.0 * q), 10.0 ** (gain_db / 40.0)
        top = np.array([1.0 + alpha * a, -2.0 * np.cos(omega), 1.0 - alpha * a])
        bottom = np.array([1.0 + alpha / a, -2.0 * np.cos(omega), 1.0 - alpha / a])
        sections.append(np.concatenate([top, bottom]) / bottom[0])
    return np.asarray(signal.sosfilt(np.array(sections), x), dtype=np.float64)
