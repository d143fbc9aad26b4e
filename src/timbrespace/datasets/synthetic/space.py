"""Echo and room: for loops in their periodic steady state, so that the end runs into the start, and for shots."""

from __future__ import annotations

import numpy as np
from scipy import fft, signal

from timbrespace.datasets.synthetic.envelopes import decay, n_of
from timbrespace.datasets.synthetic.filters import low_pass
from timbrespace.datasets.synthetic.sound import Signal


def add_wrapped(loop: Signal, sound: Signal, start: int) -> None:
    """Add ``sound`` to ``loop`` from sample ``start``; what reaches over the end goes on at the beginning."""
    position, done = start % loop.size, 0
    while done < sound.size:
        n = min(sound.size - done, loop.size - position)
        loop[position : position + n] += sound[done : done + n]
        position, done = 0, done + n


def room_response(seconds: float, sample_rate: int, generator: np.random.Generator) -> Signal:
    """A room's impulse response of unit energy: noise whose high frequencies die first, 12 ms after the sound."""
    n = n_of(seconds, sample_rate)
    noise = generator.standard_normal(n)
    dark = low_pass(noise, 2_200.0, sample_rate, order=1) * decay(n, seconds, sample_rate)
    bright = low_pass(noise, 7_000.0, sample_rate, order=1) * decay(n, 0.45 * seconds, sample_rate)
    tail = np.concatenate([np.zeros(n_of(0.012, sample_rate)), dark + 0.5 * bright])
    out: Signal = tail / np.linalg.norm(tail)
    return out


def room(x: Signal, seconds: float, amount: float, sample_rate: int, generator: np.random.Generator) -> Signal:
    """A single sound in a room: dry plus ``amount`` of wet, as long as the sound and its tail."""
    wet = np.asarray(signal.oaconvolve(x, room_response(seconds, sample_rate, generator)), dtype=np.float64)
    wet *= amount
    wet[: x.size] += x
    return wet


def loop_room(x: Signal, seconds: float, amount: float, sample_rate: int, generator: np.random.Generator) -> Signal:
    """A loop in a room that has heard it forever: circular convolution."""
    response = np.zeros_like(x)
    add_wrapped(response, room_response(seconds, sample_rate, generator), 0)
    wet = fft.irfft(fft.rfft(x) * fft.rfft(response), x.size)
    return x + amount * np.asarray(wet, dtype=np.float64)


def loop_echo(x: Signal, seconds: float, feedback: float, amount: float, sample_rate: int) -> Signal:
    """A feedback echo of a loop in its steady state: 1 / (1 - feedback H e^(-j omega T)), H a gentle low-pass."""
    frequency = fft.rfftfreq(x.size, 1.0 / sample_rate)
    turn = np.exp(-2j * np.pi * frequency * seconds) / (1.0 + 1j * frequency / 4_500.0)
    wet = fft.irfft(fft.rfft(x) * turn / (1.0 - feedback * turn), x.size)
    return x + amount * np.asarray(wet, dtype=np.float64)
