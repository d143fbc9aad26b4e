"""Clusters: as many as there are, described by points of their own; agreement against scikit-learn and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import torch_generator
from timbrespace.latent.clusters import _completed, agreement, find_clusters


def groups(sizes: list[int], *, gap: float = 8.0, axes: int = 6) -> tuple[Tensor, Tensor]:
    g = torch_generator(2, "groups")
    centres = gap * torch.eye(len(sizes), axes)
    of = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return centres[of] + torch.randn(len(of), axes, generator=g), of


@pytest.mark.parametrize("sizes", [[300], [60, 200], [50, 90, 70, 130]], ids=str)
def test_the_count_is_found(sizes: list[int]) -> None:
    points, of = groups(sizes)
    found = find_clusters(points)
    assert found.sizes == sorted(sizes, reverse=True)
    assert min(found.evidence, key=found.evidence.__getitem__) == len(sizes)
    if len(sizes) > 1:
        assert agreement(found.label, [str(k) for k in of.tolist()]).adjusted_rand > 0.99


def test_medoids_are_the_most_typical_members() -> None:
    points, _ = groups([40, 60])
    found = find_clusters(points)
    for cluster, medoid in enumerate(found.medoids.tolist()):
        members = points[found.label == cluster]
        cost = torch.cdist(members, members).sum(1).min()
        assert found.label[medoid] == cluster
        assert float(torch.cdist(points[medoid][None], members).sum()) == pytest.approx(float(cost), rel=1e-4)


def test_one_group_of_another_shape_is_not_cut_to_pieces() -> None:
    """The reason for the completed likelihood: the Bayesian criterion alone covers a square with six normals."""
    square = torch.rand(400, 2, generator=torch_generator(0, "square"))
    assert len(find_clusters(square).medoids) == 1


def test_the_criterion_is_its_formula() -> None:
    from sklearn.mixture import GaussianMixture

    points = groups([40, 40], gap=2.0)[0].double().numpy()
    mixture = GaussianMixture(2, random_state=0).fit(points)
    share = mixture.predict_proba(points)
    free = 1 + 2 * 6 + 2 * 21
    expected = -2 * mixture.score_samples(points).sum() + free * np.log(80) - 2 * (share * np.log(share)).sum()
    assert _completed(mixture, points) == pytest.approx(expected)


@pytest.mark.parametrize("n", [1, 2, 5, 15, 16])
def test_few_points(n: int) -> None:
    found = find_clusters(groups([20])[0][:n])
    assert found.sizes == [n]


def test_points_that_coincide_and_dimensions_that_collapsed() -> None:
    assert find_clusters(torch.full((50, 3), 2.5)).sizes == [50]
    points, _ = groups([50, 50])
    assert find_clusters(torch.cat([points, torch.zeros(100, 4)], 1)).sizes == [50, 50]
    assert find_clusters(torch.tensor([[0.0], [1.0]]).repeat_interleave(30, 0)).sizes == [30, 30]


def test_what_is_no_point_is_refused() -> None:
    with pytest.raises(ParameterError, match="hold NaN or infinite values"):
        find_clusters(torch.tensor([[0.0, math.nan]]))
    with pytest.raises(ParameterError, match="there are none"):
        find_clusters(torch.zeros(0, 3))


def test_many_points_are_thinned_and_all_are_labelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("timbrespace.latent.clusters.MOST_FITTED", 60)
    assert find_clusters(groups([100, 140])[0]).sizes == [140, 100]


def test_agreement_is_one_for_the_same_and_chance_for_random() -> None:
    label = torch.arange(400) % 4
    same = agreement(label, [f"name {k}" for k in label.tolist()])
    assert same.adjusted_rand == pytest.approx(1)
    assert same.mutual_information == pytest.approx(1)
    drawn = torch.randint(4, (400,), generator=torch_generator(0)).tolist()
    chance = agreement(label, [str(k) for k in drawn])
    assert abs(chance.adjusted_rand) < 0.03
    assert chance.mutual_information == pytest.approx(chance.by_chance, abs=0.02)
    assert chance.by_chance > 0.005
    assert math.isnan(agreement(label, ["one"] * 400).adjusted_rand)
    with pytest.raises(ParameterError, match="400 clustered points need as many labels, not 2"):
        agreement(label, ["a", "b"])


def test_the_next_moment_of_a_note_makes_no_group() -> None:
    """Forty notes of ten moments each, all from one normal distribution: ten times the same is no evidence."""
    g = torch_generator(0, "notes")
    notes = torch.randn(40, 1, 2, generator=g) + 0.02 * torch.randn(40, 10, 2, generator=g)
    first = torch.zeros(40, 10, dtype=torch.bool)
    first[:, 0] = True
    points = notes.flatten(0, 1)
    assert len(find_clusters(points, fitted=first.flatten()).medoids) == 1
    assert len(find_clusters(points).medoids) > 5


def test_stray_points_make_no_group() -> None:
    points, _ = groups([40, 60])
    points[:2] += 20
    found = find_clusters(points)
    assert len(found.sizes) == 2
    assert max(found.sizes) <= 62
