"""How things grow and fade."""

from __future__ import annotations

import numpy as np
from scipy import signal

from timbrespace.datasets.synthetic.sound import Signal


def n_of(seconds: float, sample_rate: int) -> int:
    """``seconds`` as a number of samples, at least 16."""
    return max(16, round(seconds * sample_rate))


def decay(n_samples: int, seconds: float, sample_rate: int) -> Signal:
    """An exponential that starts at 1 and falls by 60 dB in ``seconds``."""
    out: Signal = np.exp(np.arange(n_samples) * (-np.log(1000.0) / (seconds * sample_rate)))
    return out


def rise(n_samples: int, seconds: float, sample_rate: int) -> Signal:
    """A raised-cosine rise from 0 to 1 over ``seconds``, then 1."""
    ramp = np.clip(np.arange(n_samples) / max(1.0, seconds * sample_rate), 0.0, 1.0)
    return 0.5 - 0.5 * np.cos(np.pi * ramp)


def gate(
    n_samples: int, *, attack: float, held: float, release: float, sample_rate: int, sustain: float = 1.0
) -> Signal:
    """Raised-cosine attack, a sink to ``sustain`` while ``held`` seconds pass, raised-cosine release; in seconds."""
    time = np.arange(n_samples) / sample_rate
    sink = sustain + (1.0 - sustain) * np.exp(-3.0 * np.maximum(0.0, time - attack) / max(held - attack, 1e-3))
    fall = np.clip((time - held) / release, 0.0, 1.0)
    return rise(n_samples, attack, sample_rate) * sink * (0.5 + 0.5 * np.cos(np.pi * fall))


def released(x: Signal, seconds: float, sample_rate: int) -> Signal:
    """``x`` stopped by a hand: a raised-cosine fall over its last ``seconds``."""
    n = min(n_of(seconds, sample_rate), x.size)
    out = x.copy()
    out[-n:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, n + 1) / n)
    return out


def drift(n_samples: int, rate_hz: float, sample_rate: int, generator: np.random.Generator) -> Signal:
    """A smooth random wandering of unit deviation with about ``rate_hz`` turns a second."""
    n_points = max(4, int(np.ceil(n_samples / sample_rate * rate_hz * 2.0)) + 3)
    points = generator.standard_normal(n_points)
    return np.interp(np.linspace(0.0, n_points - 1.0, n_samples), np.arange(n_points), points)


def pink(n_samples: int, generator: np.random.Generator) -> Signal:
    """Noise that falls by 3 dB per octave, of unit deviation (Kellet's three-pole approximation)."""
    zeros, poles = [0.98443604, 0.83392334, 0.07568359], [0.99572754, 0.94790649, 0.53567505]
    b, a = signal.zpk2tf(zeros, poles, 1.0)
    noise = np.asarray(signal.lfilter(b, a, generator.standard_normal(n_samples)), dtype=np.float64)
    return noise / max(1e-12, float(noise.std()))
