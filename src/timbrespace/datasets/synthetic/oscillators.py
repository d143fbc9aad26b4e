"""Oscillators without aliasing: wavetables that hold only the harmonics that fit under Nyquist."""

from __future__ import annotations

import numpy as np

from timbrespace.datasets.synthetic.sound import Signal


def frequency_of(midi: float) -> float:
    """The frequency in Hz of a MIDI note number, 69 being 440 Hz."""
    return float(440.0 * 2.0 ** ((midi - 69.0) / 12.0))


def phase_of(frequency: Signal, sample_rate: int, *, start: float = 0.0) -> Signal:
    """The phase in cycles of an oscillator that follows ``frequency`` (Hz per sample) from phase ``start``."""
    phase = np.empty_like(frequency)
    phase[0] = start
    np.cumsum(frequency[:-1] / sample_rate, out=phase[1:])
    phase[1:] += start
    return phase


def steady_phase(frequency: float, n_samples: int, sample_rate: int, *, start: float = 0.0) -> Signal:
    """The phase in cycles of an oscillator at one ``frequency`` in Hz."""
    return start + np.arange(n_samples, dtype=np.float64) * (frequency / sample_rate)


def sine(phase: Signal) -> Signal:
    """sin(2 pi phase)."""
    return np.sin(2.0 * np.pi * phase)


def n_harmonics(frequency: float, sample_rate: int) -> int:
    """How many harmonics of ``frequency`` in Hz lie under 0.48 of the sample rate, at least one."""
    return max(1, int(0.48 * sample_rate / frequency))


def harmonics(phase: Signal, amplitudes: Signal) -> Signal:
    """sum_k amplitudes[k-1] sin(2 pi k phase), read from one period held in a table.

    The caller chooses as many amplitudes as fit under Nyquist (:func:`n_harmonics` of the highest
    frequency reached). The table has at least 32 points per shortest wavelength, so that linear
    interpolation errs by (2 pi / 32)^2 / 8 = 0.5 % of the highest harmonic and far less of the lower ones.
    """
    size = 1 << int(np.ceil(np.log2(max(2048, 32 * amplitudes.size))))
    spectrum = np.zeros(size // 2 + 1, dtype=np.complex128)
    spectrum[1 : amplitudes.size + 1] = -0.5j * size * amplitudes
    table = np.fft.irfft(spectrum, size)
    table = np.append(table, table[0])
    position = (phase - np.floor(phase)) * size
    index = np.minimum(position.astype(np.intp), size - 1)
    low = table[index]
    out: Signal = low + (position - index) * (table[index + 1] - low)
    return out


def _saw_amplitudes(highest: float, sample_rate: int) -> Signal:
    """2 / (pi k) for every harmonic k that fits."""
    k = np.arange(1, n_harmonics(highest, sample_rate) + 1, dtype=np.float64)
    amplitudes: Signal = 2.0 / (np.pi * k)
    return amplitudes


def saw(phase: Signal, highest: float, sample_rate: int) -> Signal:
    """A band-limited sawtooth in [-1, 1], falling; ``highest`` is the highest frequency in Hz that it reaches."""
    return harmonics(phase, _saw_amplitudes(highest, sample_rate))


def pulse(phase: Signal, highest: float, sample_rate: int, *, width: float = 0.5) -> Signal:
    """A band-limited pulse wave: the difference of two sawtooths ``width`` of a period apart, without offset."""
    amplitudes = _saw_amplitudes(highest, sample_rate)
    difference: Signal = harmonics(phase, amplitudes) - harmonics(phase + width, amplitudes)
    return 0.5 * difference


def fm(phase: Signal, *, ratio: float, index: Signal, highest: float, sample_rate: int) -> Signal:
    """sin(2 pi phase + index sin(2 pi ratio phase)): two-operator frequency modulation.

    Side band n lies at highest (1 + ratio n), with amplitude J_n(index) (Chowning 1973, doi.org/10.2307/835996).
    Beyond n = index + 3 sqrt(index) + 1 it is under -60 dB (Carson's index + 1 leaves it at -30 dB), and the
    index is held so low that this one stays under Nyquist.
    """
    bands = max(1.0, (0.48 * sample_rate / highest - 1.0) / ratio)
    held = np.minimum(index, (0.5 * (np.sqrt(5.0 + 4.0 * bands) - 3.0)) ** 2)
    out: Signal = np.sin(2.0 * np.pi * phase + held * np.sin(2.0 * np.pi * ratio * phase))
    return out


def detuned_saws(
    frequency: float,
    n_samples: int,
    sample_rate: int,
    generator: np.random.Generator,
    *,
    voices: int = 5,
    cents: float = 12.0,
) -> Signal:
    """Sawtooths spread evenly over +-``cents`` with random phases, at the loudness of one."""
    spread = np.linspace(-cents, cents, voices) if voices > 1 else np.zeros(1)
    highest = frequency * 2.0 ** (cents / 1200.0)
    total = np.zeros(n_samples)
    for offset in spread:
        phase = steady_phase(frequency * 2.0 ** (offset / 1200.0), n_samples, sample_rate, start=generator.random())
        total += saw(phase, highest, sample_rate)
    out: Signal = total / np.sqrt(voices)
    return out
