"""What exports are measured by: delays, likeness, speeds, sheets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from timbrespace.export.block_speed import BlockSpeed, block_speeds
from timbrespace.export.delay import Delay, measured_delay
from timbrespace.export.likeness import BAR, Likeness, latent_likeness, sound_likeness, steps_alike
from timbrespace.export.sheet import Part, Sheet
from timbrespace.layers.live_step import LiveStep
from timbrespace.layers.peak_locking import PeakLocking


def noise(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(2, n, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shift", [0, 1, 137, 500])
def test_a_moved_sound_has_its_delay(shift: int) -> None:
    whole = noise(3000)
    live = torch.nn.functional.pad(whole, (shift, 500 - shift))
    assert measured_delay(live, whole, most=500, unit=64) == Delay(shift, exact=True, tolerance=0)


@pytest.mark.parametrize("shift", [0, 256, 512])
def test_with_other_phases_loudness_tells_the_delay(shift: int) -> None:
    """Noise under one course of loudness, live and in the whole with other noise."""
    course = noise(60, seed=3).abs()[:1].repeat_interleave(256, dim=1)
    whole = noise(15_360, seed=1) * course
    live = torch.nn.functional.pad(noise(15_360, seed=2) * course, (shift, 512 - shift))
    found = measured_delay(live, whole, most=512, unit=256)
    assert not found.exact
    assert abs(found.samples - shift) <= 64


def test_the_difference_is_in_units_of_full_scale() -> None:
    x = noise(4096) * 0.1
    assert sound_likeness(x + 5e-5, x).passed
    assert not sound_likeness(x + 2 * BAR, x).passed
    assert latent_likeness(8.0 * x.sign() + 4e-4, 8.0 * x.sign()).difference == pytest.approx(5e-5, rel=0.1)


def test_other_phases_count_only_where_a_rule_finds_them() -> None:
    assert not Likeness(0.5, spectral=0.3).passed
    assert Likeness(0.5, spectral=0.3, steps=0.95).passed
    assert not Likeness(0.5, spectral=0.3, steps=0.7).passed
    assert Likeness(0.5, spectral=0.01, steps=0.7).passed
    assert "95% (at least 75%)" in Likeness(0.5, spectral=0.3, steps=0.95).sentence()


def test_spectral_convergence_does_not_hear_phases() -> None:
    t = torch.arange(8192) / 8192
    a, b = (0.5 * f(2 * torch.pi * 400 * t)[None] for f in (torch.sin, torch.cos))
    assert sound_likeness(a, b).spectral < 0.02
    assert sound_likeness(a, noise(8192)[:1]).spectral > 0.5


class Locked(LiveStep):
    """Gives its input after a rule for phases, and counts."""

    latency = 0

    def __init__(self) -> None:
        super().__init__()
        self.rule = PeakLocking(16, 4)

    def initial(self, batch: int = 1) -> tuple[torch.Tensor, ...]:
        return (torch.zeros(batch, 1),)

    def forward(self, x: torch.Tensor, *state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return x + state[0][:, None], state[0] + 1


class Undecided(Locked):
    """Says 0 or 1 by digits that only double precision has."""

    def forward(self, x: torch.Tensor, *state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (1 + x * 0 + 1e-9 > 1).to(x.dtype), state[0]


def test_steps_are_compared_from_the_same_state() -> None:
    """The other rendering is wrong in one of ten steps, and where it is right it was given the right state."""
    step, z = Locked(), noise(10)[None, :1]
    assert steps_alike(step, z, lambda x, state: step(x, *state)[0]) == 1
    assert steps_alike(step, z, lambda x, state: step(x, *state)[0] + (state[0] == 4).float()) == 0.9
    assert steps_alike(Undecided(), z, lambda x, state: torch.ones_like(x)) == 1
    assert steps_alike(Undecided(), z, lambda x, state: 2 * torch.ones_like(x)) == 0
    step.rule = torch.nn.Identity()
    assert steps_alike(step, z, lambda x, state: step(x, *state)[0]) is None


@pytest.mark.parametrize("bad", [torch.full((1, 100), torch.nan), torch.zeros(1, 99)])
def test_nan_and_another_length_are_unlike(bad: torch.Tensor) -> None:
    assert not sound_likeness(bad, torch.zeros(1, 100)).passed


def test_a_block_calls_the_step_as_often_as_samples_are_missing() -> None:
    calls = []
    speeds = block_speeds(lambda: calls.append(1), quantum=512, sample_rate=16_000, blocks=(64, 1024))
    assert [s.block for s in speeds] == [64, 1024]
    assert all(s.median_ms <= s.p99_ms for s in speeds)
    assert speeds[0].real_time == pytest.approx(1000 * 64 / 16_000 / speeds[0].mean_ms)
    assert len(calls) > 2 * 50  # two for every block of the larger size


def sheet(**part: object) -> Sheet:
    return Sheet("m for x", {"rate": 16_000}, [Part("decode", "1 in, 1 out.", **part)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ({"likeness": Likeness(1e-3)}, "decode differs from the model: largest difference 1.0e-03"),
        ({"latency": 64, "measured": Delay(65, True, 0)}, "states a latency of 64 samples and has 65"),
        ({"latency": 64, "measured": Delay(200, False, 128)}, "states a latency of 64 samples and has 200"),
    ],
)
def test_a_sheet_names_what_failed(part: dict[str, object], why: str) -> None:
    (found,) = sheet(**part).failures()
    assert why in found


def test_within_the_tolerance_of_loudness_a_latency_is_right() -> None:
    assert sheet(latency=64, measured=Delay(100, False, 64)).failures() == []


def test_a_sheet_is_written_to_read_and_to_compute_with(tmp_path: Path) -> None:
    made = sheet(likeness=Likeness(1e-7), latency=64, measured=Delay(64, True, 0), speeds=[BlockSpeed(64, 1, 1, 2, 4)])
    text, table = made.write(tmp_path / "m.ts")
    assert (text.name, table.name) == ("m.ts.md", "m.ts.json")
    assert "Latency: 64 samples as stated, 64 as measured" in text.read_text(encoding="utf-8")
    assert "| 64 | 1.000 | 2.000 | 4.0 |" in text.read_text(encoding="utf-8")
    assert json.loads(table.read_text(encoding="utf-8"))["parts"][0]["passed"] is True
