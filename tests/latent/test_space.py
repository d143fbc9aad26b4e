"""The latent space: exact counts, signed and named axes, and a way there and back."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from timbrespace.audio.descriptors import DESCRIPTORS, NAMES
from timbrespace.core.errors import ParameterError
from timbrespace.latent.correlation import Correlations, Estimate
from timbrespace.latent.naming import axis_names
from timbrespace.latent.space import FIDELITIES, LatentSpace

LOUDNESS, CENTROID, F0 = (NAMES.index(n) for n in ("loudness", "centroid", "f0"))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def with_variances(variances: list[float], *, n: int = 4_000, seed: int = 0) -> torch.Tensor:
    """Vectors whose sample covariance is exactly diagonal with these variances, turned by a rotation."""
    g = generator(seed)
    white = torch.linalg.qr(torch.randn(n, len(variances) + 1, generator=g).double().index_fill_(
        1, torch.tensor([0]), 1.0))[0][:, 1:] * math.sqrt(n - 1)  # fmt: skip
    turn = torch.linalg.qr(torch.randn(len(variances), len(variances), generator=g).double())[0]
    return ((white * torch.tensor(variances).sqrt()) @ turn + 3.0).float()


def descriptors(n: int) -> torch.Tensor:
    return 100.0 + torch.rand(n, len(NAMES), generator=generator(9))


def test_axes_are_orthonormal_sorted_and_complete() -> None:
    space = LatentSpace.fit(with_variances([4.0, 1.0, 0.25, 0.04]))
    torch.testing.assert_close(space.variances, torch.tensor([4.0, 1.0, 0.25, 0.04]), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(space.axes @ space.axes.T, torch.eye(4), atol=1e-5, rtol=0)
    assert space.names == ("axis 1", "axis 2", "axis 3", "axis 4")
    assert space.correlations is None


@pytest.mark.parametrize(
    ("variances", "counts"),
    [
        # Cumulative shares hit the fidelities exactly, or pass them: an index off by one would show.
        ([80.0, 10.0, 5.0, 4.0, 1.0], [1, 2, 3, 4]),
        ([79.0, 11.0, 5.0, 4.0, 1.0], [2, 2, 3, 4]),
        ([25.0, 25.0, 25.0, 25.0], [4, 4, 4, 4]),
        ([50.0, 29.0, 10.0, 6.0, 3.0, 2.0], [3, 4, 4, 6]),
        ([1.0], [1, 1, 1, 1]),
    ],
)
def test_the_informative_count_is_exact(variances: list[float], counts: list[int]) -> None:
    space = LatentSpace.fit(with_variances(variances))
    exact = LatentSpace(**{**vars(space), "variances": torch.tensor(variances)})
    assert [exact.informative(f) for f in FIDELITIES] == counts
    share = torch.tensor(variances, dtype=torch.float64).cumsum(0) / sum(variances)
    for fidelity, k in zip(FIDELITIES, counts, strict=True):
        assert float(share[k - 1]) >= fidelity - 1e-9
        assert k == 1 or float(share[k - 2]) < fidelity


@given(st.lists(st.floats(0.01, 10.0), min_size=1, max_size=12), st.floats(0.01, 1.0))
@settings(max_examples=50, deadline=None)
def test_the_informative_count_is_the_smallest_that_suffices(variances: list[float], fidelity: float) -> None:
    n = len(variances)
    nothing = torch.zeros(n)
    spread = torch.tensor(sorted(variances, reverse=True))
    eye = torch.eye(n)
    space = LatentSpace(nothing, eye, eye, eye, spread, nothing, nothing, spread, (), None)
    share = space.fidelity().tolist()
    k = space.informative(fidelity)
    assert 1 <= k <= n
    assert share[k - 1] >= fidelity - 1e-8
    assert k == 1 or share[k - 2] < fidelity


def test_a_space_where_nothing_varies_has_no_informative_axis() -> None:
    space = LatentSpace.fit(torch.ones(10, 3))
    assert [space.informative(f) for f in (*FIDELITIES, 1.0)] == [0] * 5
    assert space.collapsed == (0, 1, 2)
    with pytest.raises(ParameterError, match="A fidelity is a share above 0 and up to 1, not 80"):
        space.informative(80)


def test_there_and_back() -> None:
    vectors = with_variances([3.0, 2.0, 1.0])
    space = LatentSpace.fit(vectors)
    points = space.project(vectors)
    torch.testing.assert_close(points.mean(0), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(points.var(0), space.variances, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(space.unproject(points), vectors, atol=1e-4, rtol=1e-5)
    batch = vectors[:12].reshape(3, 4, 3)
    torch.testing.assert_close(space.project(batch), points[:12].reshape(3, 4, 3))
    low, high = points.quantile(0.01, dim=0), points.quantile(0.99, dim=0)
    torch.testing.assert_close(space.low, low, atol=0.05, rtol=0.02)
    torch.testing.assert_close(space.high, high, atol=0.05, rtol=0.02)


def test_axes_point_to_louder_sounds() -> None:
    vectors = with_variances([3.0, 2.0, 1.0])
    plain = LatentSpace.fit(vectors).project(vectors)
    for sign in (1.0, -1.0):
        heard = descriptors(len(vectors))
        heard[:, LOUDNESS] = sign * plain @ torch.tensor([0.5, -1.0, 0.2])
        space = LatentSpace.fit(vectors, descriptors=heard)
        assert space.correlations is not None
        assert bool((space.correlations.pearson.value[:, LOUDNESS] > 0).all())
        turned = torch.sign((space.axes * LatentSpace.fit(vectors).axes).sum(1))
        torch.testing.assert_close(turned, sign * torch.tensor([1.0, -1.0, 1.0]))


def test_where_loudness_says_nothing_they_point_to_brighter_ones() -> None:
    vectors = with_variances([3.0, 1.0])
    heard = descriptors(len(vectors))
    heard[:, LOUDNESS] = -20.0
    heard[:, CENTROID] = (7.0 - LatentSpace.fit(vectors).project(vectors)[:, 0]).exp()
    space = LatentSpace.fit(vectors, descriptors=heard)
    assert space.correlations is not None
    assert float(space.correlations.pearson.value[0, CENTROID]) == pytest.approx(1.0)
    assert math.isnan(float(space.correlations.pearson.value[0, LOUDNESS]))


def test_without_descriptors_the_largest_component_is_positive_and_two_runs_agree() -> None:
    vectors = with_variances([3.0, 2.0, 1.0], seed=4)
    space, again = LatentSpace.fit(vectors), LatentSpace.fit(vectors.flip(0))
    largest = space.axes.gather(1, space.axes.abs().argmax(1, keepdim=True))
    assert bool((largest > 0).all())
    torch.testing.assert_close(space.axes, again.axes, atol=1e-4, rtol=0)


def test_axes_are_named_after_what_they_go_with() -> None:
    vectors = with_variances([3.0, 2.0, 1.0, 0.5])
    points = LatentSpace.fit(vectors).project(vectors)
    noise = torch.randn(len(vectors), generator=generator(3))
    heard = descriptors(len(vectors))
    heard[:, LOUDNESS] = points[:, 2]
    heard[:, CENTROID] = (0.8 * points[:, 0] + noise + 7).exp()
    space = LatentSpace.fit(vectors, descriptors=heard, source=torch.arange(len(vectors)) // 50)
    assert space.names == ("brightness", "axis 2", "loudness", "axis 4")


def test_collapsed_latents_are_named() -> None:
    vectors = torch.randn(500, 4, generator=generator()) * torch.tensor([1.0, 0.0, 0.05, 0.5])
    assert LatentSpace.fit(vectors).collapsed == (1, 2)


def test_few_and_thin_data_still_make_a_space() -> None:
    space = LatentSpace.fit(torch.tensor([[0.0, 0.0], [1.0, 1.0]]), descriptors=descriptors(2))
    assert space.informative(0.99) == 1
    assert space.names == ("axis 1", "axis 2")
    one = LatentSpace.fit(torch.randn(100, 1, generator=generator()))
    assert one.informative(0.8) == 1


def test_what_cannot_be_a_space_is_refused() -> None:
    good = torch.randn(10, 2, generator=generator())
    with pytest.raises(ParameterError, match=r"two vectors or more, not to shape \(1, 2\)"):
        LatentSpace.fit(good[:1])
    with pytest.raises(ParameterError, match="finite vectors; these hold NaN"):
        LatentSpace.fit(good.index_fill(0, torch.tensor([3]), math.nan))
    with pytest.raises(ParameterError, match=r"descriptors of shape \(10, 7\), not \(9, 7\)"):
        LatentSpace.fit(good, descriptors=descriptors(9))
    with pytest.raises(ParameterError, match="as many sources"):
        LatentSpace.fit(good, source=torch.zeros(3))


def estimate(spearman: dict[tuple[int, int], tuple[float, float, float]], axes: int) -> Correlations:
    parts = [torch.zeros(axes, len(NAMES)) for _ in range(3)]
    for place, values in spearman.items():
        for part, value in zip(parts, values, strict=True):
            part[place] = value
    found = Estimate(*parts)
    return Correlations(found, found)


def test_a_name_needs_a_strong_and_sure_bond() -> None:
    def names(value: tuple[float, float, float]) -> str:
        return axis_names(estimate({(0, CENTROID): value}, 2), 2)[0]

    assert names((0.5, 0.35, 0.6)) == "brightness"
    assert names((-0.5, -0.6, -0.35)) == "brightness"
    assert names((0.39, 0.35, 0.6)) == "axis 1"  # too weak
    assert names((0.6, 0.25, 0.8)) == "axis 1"  # too unsure
    assert names((0.6, math.nan, math.nan)) == "axis 1"  # not known


def test_each_name_is_given_once_to_the_strongest() -> None:
    sure = {
        (0, CENTROID): (0.6, 0.5, 0.7),
        (1, CENTROID): (0.8, 0.7, 0.9),
        (0, F0): (0.5, 0.4, 0.6),
        (1, LOUDNESS): (0.7, 0.6, 0.8),
    }
    assert axis_names(estimate(sure, 3), 3) == ("pitch", "brightness", "axis 3")
    assert DESCRIPTORS[F0].title == "pitch"


def test_a_metric_orders_the_axes_by_what_it_hears() -> None:
    """White data seen with a metric: axes are the metric's own, variances its eigenvalues, distances its distances."""
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(200_000, 4, generator=generator)
    turn = torch.linalg.qr(torch.randn(4, 4, generator=generator)).Q
    heard = torch.tensor([25.0, 9.0, 1.0, 0.25])
    metric = (turn * heard) @ turn.T
    space = LatentSpace.fit(vectors, metric=metric)
    torch.testing.assert_close(space.variances, heard, rtol=0.02, atol=0)
    torch.testing.assert_close((space.axes @ turn).abs(), torch.diag(heard.sqrt()), rtol=0, atol=0.12)
    torch.testing.assert_close(space.directions @ space.axes.T, torch.eye(4), rtol=0, atol=1e-5)
    torch.testing.assert_close(space.unproject(space.project(vectors[:50])), vectors[:50], rtol=1e-4, atol=1e-5)
    a, b = vectors[:50], vectors[50:100]
    far = (space.project(a) - space.project(b)).square().sum(1)
    torch.testing.assert_close(far, ((a - b) @ metric * (a - b)).sum(1), rtol=1e-4, atol=1e-4)
    assert space.informative(0.9) == 2
    plain = LatentSpace.fit(vectors)
    assert plain.informative(0.9) == 4
    torch.testing.assert_close(plain.axes, plain.directions, rtol=0, atol=1e-6)


def test_a_metric_that_does_not_hear_everything_can_still_be_undone() -> None:
    vectors = torch.randn(500, 3, generator=torch.Generator().manual_seed(1))
    space = LatentSpace.fit(vectors, metric=torch.diag(torch.tensor([4.0, 1.0, 0.0])))
    torch.testing.assert_close(space.unproject(space.project(vectors)), vectors, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("metric", [torch.zeros(3, 3), torch.eye(2)])
def test_an_impossible_metric_gets_one_sentence(metric: torch.Tensor) -> None:
    with pytest.raises(ParameterError, match="A metric of 3 latents is a positive matrix of shape"):
        LatentSpace.fit(torch.randn(10, 3), metric=metric)
