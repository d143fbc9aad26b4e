"""Smoothness beside its baselines: scores, intervals, and their separation on a real model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.latent.spaces import generator, surroundings
from timbrespace.core.errors import ParameterError
from timbrespace.evaluation.journey_listening import Heard, hear, in_deviations, scattered
from timbrespace.evaluation.journey_smoothness import Scores, bootstrap, score, separation
from timbrespace.latent.paths import Path
from timbrespace.latent.routes import Circle, Corpus, Line, Walk

RATE, RATIO = 8000, 400
AROUND = surroundings()


class Tones:
    """A codec whose first latent is the level and whose second the pitch of a harmonic tone."""

    sample_rate, channels, ratio, latent_dim = RATE, 1, RATIO, 4

    def encode(self, wave: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def decode(self, latents: torch.Tensor, *, length: int | None = None) -> torch.Tensor:
        held = latents[0].repeat_interleave(RATIO, dim=1).double()
        level, pitch = 0.1 * torch.sigmoid(held[0] - 3), 300 * torch.exp2(0.5 * (held[1] - 3).clamp(-4, 4))
        phase = (2 * torch.pi * pitch / RATE).cumsum(0)
        return (level * sum((k * phase).sin() / k for k in range(1, 6))).float()[None, None]


def a_walk(seconds: float = 6.0) -> Path:
    return Walk().path(AROUND, seconds=seconds, rate_hz=RATE / RATIO, generator=generator())


def test_hearing_describes_every_step() -> None:
    heard = hear(Tones(), a_walk())
    assert heard.sound.shape == (1, 6 * RATE)
    assert heard.curves.shape == (120, 7)
    assert heard.curves[:, 0].isfinite().all()
    torch.testing.assert_close(heard.seconds[[0, -1]], torch.tensor([0.0, 119 / 20]))


def test_hearing_reads_a_path_at_the_codecs_rate() -> None:
    coarse = Path(a_walk().points[::2], RATE / RATIO / 2)
    assert len(hear(Tones(), coarse).path.points) == 120


def test_noise_paths_are_points_of_the_data() -> None:
    path = scattered(AROUND, 500, rate_hz=20.0, generator=generator())
    assert float(torch.cdist(path.points.double(), AROUND.vectors.double()).min(1).values.max()) < 1e-6
    assert abs(float(path.points.mean() - AROUND.vectors.mean())) < 0.3


def test_scores_of_a_walk_are_far_above_chance() -> None:
    walk = hear(Tones(), a_walk())
    noises = [hear(Tones(), scattered(AROUND, 120, rate_hz=20.0, generator=generator(s))) for s in range(3)]
    found = score(walk, noises, AROUND, generator=generator())
    for name in ("latents", "descriptors"):
        assert found[name].own > 0.9
        assert abs(float(found[name].shuffled.mean())) < 0.1
        # Descriptors look at a quarter of a second here, five steps at once: noise is smooth to them, too.
        assert float(found[name].noise.max()) < {"latents": 0.3, "descriptors": 0.85}[name]
        assert found[name].noise.shape == (3,)


def test_scale_and_silence_do_not_matter() -> None:
    heard = hear(Tones(), a_walk())
    reference = heard.curves
    louder = heard.curves.clone()
    louder[:, 1] *= 3.0  # Hz are on a logarithmic scale: a factor is an offset
    shifted = in_deviations(louder, reference) - in_deviations(heard.curves, reference)
    assert float(shifted[:, 1].std()) < 1e-3
    silent = heard.curves.clone()
    silent[20:40, 1:] = torch.nan
    gappy = score(Heard(heard.path, heard.sound, silent), [heard], replace(AROUND, descriptors=None),
                  generator=generator())  # fmt: skip
    assert gappy["descriptors"].own > 0.8
    nothing = torch.full_like(silent, torch.nan)
    unknown = score(Heard(heard.path, heard.sound, nothing), [heard], AROUND, generator=generator())["descriptors"]
    assert unknown.table()["own"] is None
    assert unknown.table()["shuffled"] == {"mean": None, "low": None, "high": None}


def test_descriptors_that_do_not_vary_are_left_out() -> None:
    curves = torch.rand(50, 7) + 1
    reference = torch.rand(100, 7) + 1
    reference[:, 2] = 5.0
    reference[:60, 3] = torch.nan
    usable = in_deviations(curves, reference).isfinite().all(0)
    assert usable.tolist() == [True, True, False, False, True, True, True]


def test_bootstrap_covers_the_mean() -> None:
    """Of normal samples of sixteen, a percentile interval holds the mean a little less often than it says."""
    draw = np.random.default_rng(0)
    hits = []
    for seed in range(200):
        low, high = bootstrap(draw.normal(0.3, 1.0, 16), seed=seed)
        hits.append(low < 0.3 < high)
    assert 0.86 < np.mean(hits) < 0.98
    assert bootstrap(np.array([1.0, np.nan]), seed=0) != bootstrap(np.array([1.0, 2.0]), seed=0)
    assert np.isnan(bootstrap(np.array([1.0, np.nan]), seed=0)).all()


def test_separation_of_paths_from_chance() -> None:
    told: list[int] = []
    found = separation(
        Tones(), AROUND, [Walk(), Line(), Corpus(), Circle()], seconds=3.0, progress=lambda done, total, what:
        told.append(done),
    )  # fmt: skip
    assert told == list(range(48))
    assert [(r.route, r.view, r.baseline) for r in found[:4]] == [
        ("walk", "latents", "shuffled"), ("walk", "latents", "noise"),
        ("walk", "descriptors", "shuffled"), ("walk", "descriptors", "noise"),
    ]  # fmt: skip
    for row in found:
        assert row.paths == 12
        assert row.difference == pytest.approx(row.score - row.baseline_score)
        assert row.low <= row.difference <= row.high
        if row.route in ("walk", "circle"):
            assert row.separates
            assert row.score > 0.9


def test_noise_does_not_separate_from_noise() -> None:
    class Noise(Walk):
        def path(self, surroundings: Any, *, seconds: float, rate_hz: float, generator: torch.Generator) -> Path:
            return scattered(surroundings, round(seconds * rate_hz), rate_hz=rate_hz, generator=generator)

    rows = separation(Tones(), AROUND, [Noise()], seconds=3.0, paths=16)
    assert not any(row.separates for row in rows if row.view == "latents")


def test_what_is_too_little() -> None:
    with pytest.raises(ParameterError, match="An interval needs 12 paths or more, not 5"):
        separation(Tones(), AROUND, [Walk()], paths=5)
    short = hear(Tones(), a_walk(0.15))
    with pytest.raises(ParameterError, match="Smoothness needs a path of 4 steps or more, and this one has 3"):
        score(short, [short], AROUND, generator=generator())


def test_ranges_of_scores() -> None:
    table = Scores(0.5, torch.linspace(0, 1, 101), torch.tensor([torch.nan])).table()
    assert table["own"] == 0.5
    assert table["shuffled"] == {"mean": 0.5, "low": 0.025, "high": 0.975}
    assert table["noise"]["mean"] is None


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with torch.no_grad():
        yield
