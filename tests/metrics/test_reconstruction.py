"""Residuals and their comparison, by hand."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import r2_score

from timbrespace.metrics.reconstruction import compare, residual, total_share, variance_per_dimension


def frames(seed: int, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(1, 2, 4, 7, generator=torch.Generator().manual_seed(seed))


def test_residual_by_hand() -> None:
    x = torch.tensor([1.0, -2.0, 2.0]).reshape(1, 1, 3, 1)
    y = torch.tensor([1.0, 0.0, 3.0]).reshape(1, 1, 3, 1)
    r = residual(x, y)
    assert (r.squared_error, r.energy, r.absolute_error, r.cells) == (5.0, 9.0, 3.0, 3)
    assert r.share == pytest.approx(5 / 9)


def test_share_of_centred_frames_is_one_minus_r_squared() -> None:
    x = frames(0)
    x -= x.mean()
    y = x + frames(1, 0.3)
    assert residual(x, y).share == pytest.approx(1 - r2_score(x.flatten(), y.flatten()), rel=1e-5)


def test_perfect_and_silent_copies() -> None:
    x = frames(0)
    assert residual(x, x).share == 0
    assert residual(x, torch.zeros_like(x)).share == pytest.approx(1)
    assert residual(torch.zeros_like(x), torch.zeros_like(x)).share == 0


def test_total_share_weighs_by_energy() -> None:
    loud, quiet = frames(0, 10.0), frames(1, 0.1)
    parts = [residual(loud, loud), residual(quiet, torch.zeros_like(quiet))]
    energies = [float(f.double().square().sum()) for f in (loud, quiet)]
    assert total_share(parts) == pytest.approx(energies[1] / sum(energies))
    assert total_share([]) == 0


def test_comparison_counts_sounds_and_adds_errors() -> None:
    x = [frames(i) for i in range(4)]
    ours = [residual(f, f + e) for f, e in zip(x, (0.1, 0.1, 0.1, 0.4), strict=True)]
    base = [residual(f, f + 0.2) for f in x]
    found = compare(ours, base)
    assert found.sounds == 4
    assert found.better_on == 0.75
    assert found.ratio == pytest.approx((3 * 0.01 + 0.16) / (4 * 0.04), rel=1e-4)
    assert found.share == pytest.approx(total_share(ours))
    assert found.baseline_share == pytest.approx(total_share(base))


def test_ties_are_not_better_and_counts_must_match() -> None:
    x = [residual(frames(0), frames(1))]
    assert compare(x, x).better_on == 0
    with pytest.raises(ValueError, match=r"longer|shorter"):
        compare(x, x * 2)


def test_variance_per_dimension() -> None:
    latents = torch.randn(3, 2, 50, generator=torch.Generator().manual_seed(0)) * torch.tensor([[[2.0], [0.0]]])
    first, second = variance_per_dimension(latents)
    assert first == pytest.approx(float(latents[:, 0].var(unbiased=False)), rel=1e-6)
    assert second == 0
