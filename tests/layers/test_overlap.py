"""Overlap-add against a loop in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from timbrespace.layers.overlap import cut_frames, overlap_add, window_power


@pytest.mark.parametrize(("length", "hop"), [(8, 2), (8, 4), (8, 8), (6, 5)])
def test_overlap_add_is_the_sum_of_shifted_frames(length: int, hop: int) -> None:
    frames = np.random.default_rng(0).normal(size=(2, length, 5)).astype(np.float32)
    expected = np.zeros((2, 3 + hop * 4 + length), np.float32)
    for t in range(5):
        expected[:, 3 + t * hop : 3 + t * hop + length] += frames[:, :, t]
    found = overlap_add(torch.from_numpy(frames), hop_length=hop, before=3)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_frames_are_cut_where_they_lie() -> None:
    wave = torch.arange(20.0)[None]
    frames = cut_frames(wave, length=8, hop_length=4)
    assert frames.shape == (1, 8, 4)
    assert frames[0, :, 2].tolist() == list(range(8, 16))


def test_the_power_of_a_hann_window_at_a_quarter_is_three_halves() -> None:
    torch.testing.assert_close(window_power(torch.hann_window(64), 16), torch.full((16,), 1.5))
    odd = window_power(torch.ones(10), 4)
    assert odd.tolist() == [3.0, 3.0, 2.0, 2.0]
