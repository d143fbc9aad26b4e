"""A plucked string as a delay line with a loss filter, tuned to a fraction of a sample."""

from __future__ import annotations

import numpy as np

from timbrespace.datasets.synthetic.filters import low_pass
from timbrespace.datasets.synthetic.sound import Signal


def _loss_delay(damping: float, omega: float) -> float:
    """The phase delay in samples of (1 - damping) + damping z^-1 at ``omega`` radians per sample."""
    return float(np.arctan2(damping * np.sin(omega), 1.0 - damping + damping * np.cos(omega)) / omega)


def _allpass_for(delay: float, omega: float) -> float:
    """The coefficient of a first-order all-pass whose phase delay at ``omega`` is exactly ``delay`` samples."""
    return float(np.sin(0.5 * omega * (1.0 - delay)) / np.sin(0.5 * omega * (1.0 + delay)))


def string(
    frequency: float,
    n_samples: int,
    sample_rate: int,
    generator: np.random.Generator,
    *,
    seconds: float,
    hardness: float,
    position: float = 0.18,
    damping: float = 0.25,
    roughness: float = 0.25,
) -> Signal:
    """A string plucked at ``position`` (share of its length), falling by 60 dB in ``seconds``.

    ``hardness`` in [0, 1] is the plectrum's: how many overtones it excites; ``damping`` in (0, 0.5] how fast
    high overtones die; ``roughness`` how much noise the pluck holds. The loop is a delay of N samples, the
    average (1 - damping) + damping z^-1 and an all-pass that makes the loop's phase delay at the fundamental
    exactly one period (Karplus, Strong 1983; Jaffe, Smith 1983, doi.org/10.2307/3680063).
    """
    from timbrespace.datasets.synthetic.filter_kernels import string_loop

    omega = 2.0 * np.pi * frequency / sample_rate
    period = sample_rate / frequency
    loss = _loss_delay(damping, omega)
    whole = int(np.floor(period - loss - 0.3))
    allpass = _allpass_for(period - loss - whole, omega)
    average = abs(1.0 - damping + damping * np.exp(-1j * omega))
    gain = min(10.0 ** (-3.0 / (frequency * seconds)) / average, 0.99999)
    excitation = _pluck(period, n_samples, sample_rate, generator, hardness, position, roughness, frequency)
    out: Signal = string_loop(excitation, whole, allpass, damping, gain)
    return out / max(1e-9, float(np.abs(out).max()))


def _pluck(
    period: float,
    n_samples: int,
    sample_rate: int,
    generator: np.random.Generator,
    hardness: float,
    position: float,
    roughness: float,
    frequency: float,
) -> Signal:
    """A soft pulse and its echo from the near end of the string, with a little noise, without offset."""
    excitation = np.zeros(n_samples)
    length = min(n_samples, max(4, round(period)))
    excitation[0] = 1.0
    excitation[:length] += roughness / np.sqrt(length) * generator.standard_normal(length)
    near = max(1, round(position * period))
    excitation[near:] -= excitation[:-near].copy()
    excitation[: length + near] -= excitation[: length + near].mean()
    # A soft finger rounds the corner of the string, a plectrum leaves it sharp.
    cutoff = frequency * 2.0 + 250.0 + 9_000.0 * hardness**1.5
    return low_pass(excitation, cutoff, sample_rate)
