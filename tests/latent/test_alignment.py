"""Alignment against all possible ways and librosa; mixtures keep both recordings."""

from __future__ import annotations

from functools import cache

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.latent.spaces import recording
from timbrespace.core.errors import ParameterError
from timbrespace.latent import alignment
from timbrespace.latent.alignment import Alignment, align, between


def cheapest(distance: np.ndarray) -> float:
    """The least cost of all ways, by recursion over their first step."""
    n, m = distance.shape

    @cache
    def rest(i: int, j: int) -> float:
        if i == n - 1 and j == m - 1:
            return float(distance[i, j])
        steps = ((i + 1, j + 1), (i + 1, j), (i, j + 1))
        return float(distance[i, j]) + min(rest(*s) for s in steps if s[0] < n and s[1] < m)

    return rest(0, 0)


def check_way(found: Alignment, n: int, m: int) -> None:
    i, j = found.first, found.second
    assert (i[0], j[0], i[-1], j[-1]) == (0, 0, n - 1, m - 1)
    steps = np.stack([np.diff(i), np.diff(j)])
    assert steps.min(initial=0) >= 0
    assert steps.max(initial=1) <= 1
    assert (steps.sum(0) >= 1).all()


@given(n=st.integers(1, 9), m=st.integers(1, 9), seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_least_cost_of_all_ways(n: int, m: int, seed: int) -> None:
    a, b = recording(n, seed=seed), recording(m, seed=seed + 1)
    distance = torch.cdist(a.double(), b.double()).numpy()
    found = align(a, b)
    check_way(found, n, m)
    assert found.cost == pytest.approx(cheapest(distance))
    assert found.cost == pytest.approx(distance[found.first.astype(int), found.second.astype(int)].sum())


@pytest.mark.parametrize(("n", "m"), [(150, 97), (60, 200), (1, 30), (30, 1), (80, 80)])
def test_the_same_as_librosa(n: int, m: int) -> None:
    a, b = recording(n, seed=1), recording(m, seed=2)
    costs, way = librosa.sequence.dtw(a.double().numpy().T, b.double().numpy().T, metric="euclidean")
    found = align(a, b)
    assert found.cost == pytest.approx(costs[-1, -1], rel=1e-6)
    assert np.array_equal(np.stack([found.first, found.second], 1), way[::-1])


def test_a_stretched_recording_is_found_again() -> None:
    a = torch.stack([torch.linspace(0, 6, 60).sin(), torch.linspace(0, 4, 60).cos()], dim=1)
    at = 59 * np.linspace(0, 1, 110) ** 1.7
    found = align(a, between(a, at))
    truth = np.interp(found.second, np.arange(110), at)
    assert np.abs(found.first - truth).max() <= 1.0


@given(n=st.integers(1, 40), m=st.integers(1, 40), seed=st.integers(0, 100))
@settings(max_examples=40, deadline=None)
def test_mixtures_keep_both_recordings_exactly(n: int, m: int, seed: int) -> None:
    a, b = recording(n, seed=seed), recording(m, seed=seed + 1)
    found = align(a, b)
    assert torch.equal(found.mix(a, b, 0.0), a)
    assert torch.equal(found.mix(a, b, 1.0), b)
    for u in (0.25, 0.5, 0.9):
        between_both = found.mix(a, b, u)
        assert len(between_both) == round((1 - u) * n + u * m)
        torch.testing.assert_close(between_both[0], (1 - u) * a[0] + u * b[0])
        if len(between_both) > 1:
            torch.testing.assert_close(between_both[-1], (1 - u) * a[-1] + u * b[-1], atol=1e-5, rtol=1e-4)


def test_events_meet_half_way() -> None:
    """A pulse at a third of one recording and at two thirds of the other: one pulse half way, not two halves."""
    a, b = torch.zeros(61, 1), torch.zeros(91, 1)
    a[18:22], b[58:62] = 1.0, 1.0
    half = align(a, b).mix(a, b, 0.5)[:, 0]
    assert len(half) == 76
    assert float(half.max()) == pytest.approx(1.0)
    (on,) = (half > 0.5).nonzero(as_tuple=True)
    assert len(on) == int(on[-1] - on[0]) + 1, "one pulse"
    assert float(on.double().mean()) == pytest.approx((19.5 + 59.5) / 2, abs=1.5)


def test_long_recordings_are_aligned_at_a_coarser_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = recording(300, seed=3), recording(200, seed=4)
    exact = align(a, b)
    monkeypatch.setattr(alignment, "MOST_PAIRS", 300 * 200 // 8)
    coarse = align(a, b)
    assert len(coarse.first) < len(exact.first) / 2
    assert (coarse.first[0], coarse.second[0], coarse.first[-1], coarse.second[-1]) == (0, 0, 299, 199)
    assert np.diff(coarse.first).min() >= 0
    assert np.diff(coarse.second).min() >= 0
    assert torch.equal(coarse.mix(a, b, 0.0), a)
    assert torch.equal(coarse.mix(a, b, 1.0), b)


def test_between_reads_linearly_and_holds_the_ends() -> None:
    points = torch.tensor([[0.0], [1.0], [4.0]])
    read = between(points, np.array([0.0, 0.5, 1.0, 1.25, 2.0, 2.5]))
    torch.testing.assert_close(read[:, 0], torch.tensor([0.0, 0.5, 1.0, 1.75, 4.0, 4.0]))


def test_what_cannot_be_aligned() -> None:
    with pytest.raises(ParameterError, match="not shapes"):
        align(torch.zeros(0, 3), torch.zeros(4, 3))
    with pytest.raises(ParameterError, match="between 0, the first recording, and 1"):
        align(torch.zeros(4, 3), torch.zeros(4, 3)).mix(torch.zeros(4, 3), torch.zeros(4, 3), 1.5)
    with pytest.raises(ParameterError, match="Two recordings of one space are aligned"):
        align(torch.zeros(4, 3), torch.zeros(4, 2))
