"""Gaps, spikes, the One-Euro filter and resampling, against references and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from timbrespace.core.errors import DataError, ParameterError
from timbrespace.motion.gaps import fill_gaps
from timbrespace.motion.one_euro import one_euro
from timbrespace.motion.preparing import Preparation, prepare
from timbrespace.motion.resampling import resample
from timbrespace.motion.spikes import without_spikes
from timbrespace.motion.track import Stretch, Track

NAN = math.nan


def track(values: Tensor, rate_hz: float = 10.0) -> Track:
    values = values if values.ndim == 2 else values[:, None]
    return Track(values.float(), tuple("abcdefgh"[: values.shape[1]]), rate_hz, "motion")


def test_short_gaps_are_straight_and_ends_are_held() -> None:
    filled = fill_gaps(track(torch.tensor([NAN, NAN, 1.0, NAN, NAN, 4.0, NAN])))
    assert filled.values.flatten().tolist() == [1, 1, 1, 2, 3, 4, 4]
    assert filled.notes == ("3 gaps (71.4% of all values, up to 0.2 s) were filled",)


def test_a_long_gap_is_held_and_then_straight() -> None:
    values = torch.full((20,), NAN)
    values[0], values[19] = 1.0, 7.0
    filled = fill_gaps(track(values), longest=0.5).values.flatten()
    assert filled[:14].tolist() == [1.0] * 14
    assert filled[13:].tolist() == pytest.approx([1, 2, 3, 4, 5, 6, 7])


def test_unknown_channels_are_left_out() -> None:
    values = torch.stack([torch.arange(5.0), torch.full((5,), NAN)], dim=1)
    filled = fill_gaps(track(values))
    assert filled.names == ("a",)
    assert filled.notes == ("column b holds no number and was left out",)
    with pytest.raises(DataError, match="motion holds no number in any column"):
        fill_gaps(track(torch.full((5, 2), NAN)))


def reference_one_euro(x: list[float], rate: float, min_cutoff: float, beta: float, d_cutoff: float) -> list[float]:
    """The filter step by step as the paper's appendix writes it, for one channel."""

    def alpha(cutoff: float) -> float:
        tau = 1 / (2 * math.pi * cutoff)
        return 1 / (1 + tau * rate)

    out, previous, speed = [x[0]], x[0], 0.0
    for value in x[1:]:
        dx = (value - previous) * rate
        speed = alpha(d_cutoff) * dx + (1 - alpha(d_cutoff)) * speed
        a = alpha(min_cutoff + beta * abs(speed))
        out.append(a * value + (1 - a) * out[-1])
        previous = value
    return out


@pytest.mark.parametrize(("min_cutoff", "beta", "d_cutoff"), [(1.0, 0.0, 1.0), (0.5, 2.0, 1.0), (3.0, 0.1, 5.0)])
def test_one_euro_is_the_papers(min_cutoff: float, beta: float, d_cutoff: float) -> None:
    x = torch.randn(200, 3, generator=torch.Generator().manual_seed(0)).cumsum(0)
    found = one_euro(x, rate_hz=30.0, min_cutoff=min_cutoff, beta=beta, d_cutoff=d_cutoff)
    for c in range(3):
        expected = reference_one_euro(x[:, c].double().tolist(), 30.0, min_cutoff, beta, d_cutoff)
        assert found[:, c].numpy() == pytest.approx(expected, abs=1e-5)


def test_one_euro_without_beta_is_exponential() -> None:
    step = torch.cat([torch.zeros(1), torch.ones(60)])[:, None]
    a = 1 / (1 + 30 / (2 * math.pi * 1.5))
    expected = 1 - (1 - a) ** np.arange(61)
    assert one_euro(step, rate_hz=30.0, min_cutoff=1.5).flatten().numpy() == pytest.approx(expected, abs=1e-6)


def test_one_euro_is_quicker_with_beta_and_calm_at_rest() -> None:
    step = torch.cat([torch.zeros(5), torch.ones(20)])[:, None]
    slow, quick = (one_euro(step, rate_hz=30.0, min_cutoff=1.0, beta=b)[8, 0] for b in (0.0, 5.0))
    assert quick > slow + 0.3
    with pytest.raises(ParameterError, match="min_cutoff is a positive number of Hz, not 0"):
        one_euro(step, rate_hz=30.0, min_cutoff=0.0)
    with pytest.raises(ParameterError, match="beta is zero or more, not -1"):
        one_euro(step, rate_hz=30.0, beta=-1.0)


def test_median_removes_spikes_and_keeps_edges() -> None:
    ramp = torch.arange(20.0)[:, None].repeat(1, 2)
    spiked = ramp.clone()
    spiked[7, 0] = 99.0
    assert without_spikes(spiked, width=3)[:, 1].tolist() == ramp[:, 1].tolist()
    assert float((without_spikes(spiked, width=3) - ramp).abs().max()) <= 1
    edge = (torch.arange(20) >= 10).float()[:, None]
    assert without_spikes(edge, width=5).tolist() == edge.tolist()
    assert without_spikes(spiked, width=1).tolist() == spiked.tolist()
    with pytest.raises(ParameterError, match="an odd number of steps, not 4"):
        without_spikes(ramp, width=4)


@pytest.mark.parametrize("rate", [7.0, 10.0, 43.0])
@pytest.mark.parametrize("kind", ["linear", "cubic"])
def test_resampling_keeps_straight_lines_ends_and_duration(rate: float, kind: str) -> None:
    line = torch.linspace(-2, 5, 60)
    found = resample(track(line), rate, kind=kind)  # type: ignore[arg-type]  # one of both
    assert found.seconds == pytest.approx(6.0, abs=0.5 / rate)
    assert found.values.flatten().numpy() == pytest.approx(np.linspace(-2, 5, round(6 * rate)), abs=1e-4)


def test_resampling_up_follows_a_sine_and_does_not_overshoot() -> None:
    at = np.arange(200) / 30.0
    fine = resample(track(torch.from_numpy(np.sin(2 * np.pi * at)), 30.0), 100.0)
    there = np.linspace(0, at[-1], len(fine.values))
    assert np.abs(fine.values.flatten().numpy() - np.sin(2 * np.pi * there)).max() < 0.012
    step = (torch.arange(30) >= 15).float()
    assert 0 <= float(resample(track(step), 77.0).values.min()) <= float(resample(track(step), 77.0).values.max()) <= 1


def test_resampling_down_keeps_what_is_slow_and_removes_what_would_fold() -> None:
    at = np.arange(2000) / 100.0
    slow, fast = np.sin(2 * np.pi * 1.0 * at), np.sin(2 * np.pi * 9.0 * at)  # 9 Hz would fold to 1 Hz at 10 Hz
    kept = resample(track(torch.from_numpy(slow), 100.0), 10.0).values.flatten()[10:-10]
    folded = resample(track(torch.from_numpy(fast), 100.0), 10.0).values.flatten()[10:-10]
    assert float(kept.square().mean().sqrt()) == pytest.approx(math.sqrt(0.5), rel=0.02)
    assert float(folded.square().mean().sqrt()) < 0.005


def test_resampling_moves_the_marks_and_takes_single_steps() -> None:
    marked = Track(torch.zeros(100, 1), ("a",), 10.0, stretches=(Stretch(10, 20, "g"),))
    assert resample(marked, 20.0).stretches == (Stretch(20, 40, "g"),)
    assert resample(track(torch.ones(1)), 3.0).values.tolist() == [[1.0]]
    assert resample(track(torch.ones(2)), 300.0).values.shape == (60, 1)
    with pytest.raises(ParameterError, match="positive number of steps per second, not 0"):
        resample(marked, 0.0)
    with pytest.raises(ParameterError, match="too many; choose a lower rate"):
        resample(marked, 1e9)


def test_preparation_says_what_it_did_and_does_not_depend_on_units() -> None:
    wave = torch.sin(torch.arange(90) / 8) + 0.05 * torch.randn(90, generator=torch.Generator().manual_seed(1))
    both = torch.stack([wave, 1000 * wave + 300, torch.full((90,), 2.0)], dim=1)
    ready = prepare(track(both, 30.0))
    assert "column c stands still" in ready.notes
    assert ready.values[:, 1].numpy() == pytest.approx(1000 * ready.values[:, 0].numpy() + 300, abs=0.05)
    assert ready.values[:, 2].tolist() == [2.0] * 90
    assert float(ready.values[:, 0].diff(n=2).square().sum()) < 0.3 * float(wave.diff(n=2).square().sum())
    raw = prepare(track(both, 30.0), Preparation(smoothing=0.0))
    assert raw.values.tolist() == both.tolist()


def test_nothing_moves_is_said() -> None:
    assert prepare(track(torch.ones(30, 2))).notes == ("nothing moves, so that the sound stands still",)
    assert prepare(track(torch.ones(1, 1))).values.tolist() == [[1.0]]
    with pytest.raises(ParameterError, match="smoothing of a motion is from 0 to 1000, not -1"):
        Preparation(smoothing=-1.0)


def test_spikes_are_removed_before_smoothing() -> None:
    calm = torch.zeros(90, 1) + torch.linspace(0, 1, 90)[:, None]
    spiked = calm.clone()
    spiked[40] = 30.0
    ready = prepare(track(spiked, 30.0), Preparation(spikes=0.1, smoothing=0.0))
    assert ready.values.numpy() == pytest.approx(calm.numpy(), abs=0.02)
