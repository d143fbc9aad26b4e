"""Envelopes of grains."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from timbrespace.instruments.grain_envelope import envelope


@pytest.mark.parametrize("length", [1, 2, 221, 4410])
def test_round_is_hann(length: int) -> None:
    hann = np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2
    np.testing.assert_allclose(envelope(length, shape=1.0, sample_rate=44_100), hann, atol=1e-6)
    if length > 2:  # the same as SciPy's, sampled between its points
        fine = scipy.signal.windows.hann(2 * length + 1)[1::2]
        np.testing.assert_allclose(envelope(length, shape=1.0, sample_rate=44_100), fine, atol=1e-6)


def test_percussive_rises_in_a_fiftieth_and_dies_away() -> None:
    w = envelope(22_050, shape=0.0, sample_rate=44_100)
    assert w.argmax() == pytest.approx(0.02 * 22_050, abs=1)
    assert w[22_050 // 2] == pytest.approx(np.cos(np.pi / 2 * (0.5 - 0.02) / 0.98) ** 8, rel=1e-2)
    assert w[-1] < 1e-6


@pytest.mark.parametrize("shape", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("length", [220, 1000, 22_050])
def test_no_click(shape: float, length: int) -> None:
    """From silence to silence, with a rise of a millisecond or half a grain."""
    w = envelope(length, shape=shape, sample_rate=44_100)
    assert w.dtype == np.float32
    assert w.min() >= 0
    assert w.max() <= 1
    edges = np.abs(np.diff(np.concatenate([[0], w, [0]])))
    assert edges.max() <= np.pi / 2 / min(44, length / 2) * 1.01
