"""Coverage of a space by paths: against direct definitions, and in cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.latent.coverage import Ground, Visits
from timbrespace.metrics.quality import precision_recall_density_coverage


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def cloud(n: int, seed: int = 0, size: int = 3) -> Tensor:
    return torch.randn(n, size, generator=seeded(seed))


def test_points_that_are_all_sounds_of_their_own_give_the_published_measures() -> None:
    """One point per sound and per path: no neighbour is left out, and the four measures are the usual ones."""
    real, drawn = cloud(300), 0.7 * cloud(200, 1) + 0.5
    ground = Ground.fit(real, torch.arange(300))
    found = Visits.of(ground, [p[None] for p in drawn]).scores(ground)
    usual = precision_recall_density_coverage(real, drawn, neighbours=5)
    for name in ("precision", "recall", "density", "coverage"):
        assert found[name] == pytest.approx(getattr(usual, name), abs=1e-12), name


def test_neighbours_within_a_sound_do_not_count() -> None:
    """However finely a sound is sampled, a ball reaches to other sounds."""
    places = cloud(40)
    finely = (places[:, None] + 1e-4 * torch.arange(10)[None, :, None]).reshape(-1, 3)
    ground = Ground.fit(finely, torch.arange(40).repeat_interleave(10))
    assert float(ground.reach.min()) > 0.01
    with pytest.raises(ParameterError, match=r"of 1 sounds: give more sounds"):
        Ground.fit(finely, torch.zeros(len(finely)).long())


def test_a_hundredth_of_the_data_is_outside_and_what_is_far_away_is_all_outside() -> None:
    real = cloud(3000)
    ground = Ground.fit(real[:1500], torch.arange(1500))
    own = Visits.of(ground, list(real[1500:].split(100))).scores(ground)
    assert 0.002 < own["outside"] < 0.025
    far = Visits.of(ground, [real[:50] + 30, real[50:100] + 30]).scores(ground)
    assert far["outside"] == 1
    assert far["precision"] == far["coverage"] == far["density"] == 0


def test_range_is_that_of_the_paths_over_that_of_the_data_and_leaves_out_axes_that_stand_still() -> None:
    real = torch.cat([cloud(2000, size=2), torch.zeros(2000, 1)], dim=1)
    ground = Ground.fit(real, torch.arange(2000))
    half = Visits.of(ground, list((0.5 * real).split(500)))
    np.testing.assert_allclose(half.ranges(ground), [0.5, 0.5], atol=1e-6)
    assert half.scores(ground)["range"] == pytest.approx(0.5, abs=1e-6)


def test_drawing_every_path_once_is_the_whole_and_drawing_one_is_that_path_alone() -> None:
    ground = Ground.fit(cloud(500), torch.arange(500))
    paths = list(cloud(120, 3).split(20))
    visits = Visits.of(ground, paths)
    assert visits.scores(ground, np.arange(6)) == visits.scores(ground)
    alone = visits.scores(ground, np.array([2, 2, 2]))
    inside = (torch.cdist(paths[2].double(), ground.points).square() <= ground.reach).any(1)
    assert alone["precision"] == pytest.approx(float(inside.double().mean()))
    assert alone["coverage"] <= visits.scores(ground)["coverage"]


def test_one_path_alone_is_refused() -> None:
    ground = Ground.fit(cloud(50), torch.arange(50))
    with pytest.raises(ParameterError, match="two paths or more, not 1"):
        Visits.of(ground, [cloud(4)])
