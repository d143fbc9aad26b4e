"""Mappings from motion to paths, against what their formulas promise."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF

from tests.contracts.test_mappings import LATENTS, motion, surroundings
from timbrespace.core.errors import ParameterError
from timbrespace.latent.mappings import Corpus, Pca, Range, Taught
from timbrespace.latent.mappings.choice import mapping_names, mapping_of
from timbrespace.latent.mappings.principal import principal
from timbrespace.latent.space import LatentSpace
from timbrespace.latent.surroundings import Surroundings
from timbrespace.motion.track import Track

RATE = 30.0
"""The motion's own, so that a path has a point for each of its steps."""


def track(values: torch.Tensor) -> Track:
    return Track(values.float(), tuple("abcdefgh"[: values.shape[1]]), RATE, "a hand")


def random_motion(steps: int = 300, channels: int = 5) -> Track:
    g = torch.Generator().manual_seed(1)
    slow = torch.randn(steps, channels, generator=g).cumsum(0)
    return track(slow @ torch.randn(channels, channels, generator=g))


def test_principal_components_are_sklearns() -> None:
    hand = random_motion()
    expected = PCA(n_components=3, whiten=True).fit_transform(hand.values.double().numpy())
    expected *= np.sqrt(len(expected) / (len(expected) - 1))
    found = principal(hand, most=3, least=0.0).numpy()
    signs = np.sign((found * expected).sum(0))
    assert found == pytest.approx(signs * expected, abs=1e-4)
    distances = principal(hand, most=5, least=0.0, whitened=False).double()
    scale = float(principal(hand, most=1).double().norm() / 1.0) and float(
        hand.values.double().var(0, correction=0).sum()
    )
    assert float(distances.var(0, correction=0).sum()) < scale


def test_signs_follow_the_channel_that_moves_most() -> None:
    hand = random_motion()
    whole, half = principal(hand, most=1), principal(track(hand.values[::2]), most=1)
    assert float(torch.corrcoef(torch.stack([whole[::2, 0], half[:, 0]]))[0, 1]) > 0.99
    for seed in range(20):  # the sign that comes out of a decomposition is arbitrary
        g = torch.Generator().manual_seed(seed)
        other = torch.randn(50, 4, generator=g).cumsum(0)
        component = principal(track(other), most=1)[:, 0]
        shares = torch.tensor([float(torch.dot(c - c.mean(), component)) for c in other.T])
        assert float(shares[shares.abs().argmax()]) > 0
    turned = principal(track(-hand.values), most=1)
    torch.testing.assert_close(turned, -whole, atol=1e-4, rtol=0)


def test_tremble_is_no_component_and_units_can_be_made_equal() -> None:
    at = torch.arange(200) / 10.0
    tremble = 1e-3 * torch.randn(200, generator=torch.Generator().manual_seed(0))
    hand = track(torch.stack([torch.sin(at), tremble], dim=1))
    assert principal(hand, most=4).shape == (200, 1)
    assert principal(hand, most=4, scaled=True).shape == (200, 2)


def test_pca_matches_standard_deviations_axis_by_axis() -> None:
    around = surroundings()
    points = Pca(amount=0.5, least=0.0).path(motion(), around, rate_hz=RATE).points
    led = around.space.project(points)
    torch.testing.assert_close(led.std(0, correction=0)[:3], 0.5 * around.space.deviations[:3], rtol=1e-3, atol=0)
    torch.testing.assert_close(led.mean(0), torch.zeros(LATENTS), atol=1e-4, rtol=0)
    assert float(led[:, 3].abs().max()) < 1e-4, "an axis without a component stays at the mean"


def test_axes_that_are_not_led_follow_a_recording() -> None:
    around = surroundings(start=True)
    led = around.space.project(Pca(axes=1).path(motion(), around, rate_hz=RATE).points)
    recording = around.space.project(around.vectors[:30])[torch.arange(60) % 30]
    torch.testing.assert_close(led[:, 1:], recording[:, 1:], atol=1e-4, rtol=0)


def test_range_goes_from_quantile_to_quantile() -> None:
    around = surroundings()
    ramp = torch.linspace(-3, 9, 101)
    hand = track(torch.stack([ramp, -ramp, torch.full((101,), 5.0)], dim=1))
    led = around.space.project(Range(low=0.1, high=0.9).path(hand, around, rate_hz=RATE).points)
    expected = ((torch.linspace(0, 1, 101) - 0.1) / 0.8).clamp(0, 1)
    low, high = around.space.low, around.space.high
    torch.testing.assert_close(led[:, 0], low[0] + expected * (high[0] - low[0]), atol=1e-3, rtol=0)
    torch.testing.assert_close(led[:, 1], high[1] - expected * (high[1] - low[1]), atol=1e-3, rtol=0)
    assert float(led[:, 2:].abs().max()) < 1e-4
    free = around.space.project(Range(low=0.1, high=0.9, clipped=False).path(hand, around, rate_hz=RATE).points)
    assert float(free[:, 0].max()) > float(high[0]) * 1.1


def test_range_on_chosen_axes_turned_round() -> None:
    around = surroundings()
    straight = around.space.project(Range().path(motion(), around, rate_hz=RATE).points)
    chosen = around.space.project(Range(axes=(3, -1)).path(motion(), around, rate_hz=RATE).points)
    middle = (around.space.low[0] + around.space.high[0]) / 2
    assert float(torch.corrcoef(torch.stack([chosen[:, 2], straight[:, 0]]))[0, 1]) == pytest.approx(1, abs=1e-4)
    assert float(torch.corrcoef(torch.stack([chosen[:, 0], straight[:, 1]]))[0, 1]) == pytest.approx(-1, abs=1e-4)
    assert float(chosen[:, 0].max()) > float(middle)
    for axes, sentence in (((0,), "no axis 0"), ((9,), "no axis 9"), ((1, -1), "different axes")):
        with pytest.raises(ParameterError, match=sentence):
            Range(axes=axes).path(motion(), around, rate_hz=RATE)


def islands() -> Surroundings:
    """Sounds on a thin curved sheet: a straight map into the space leaves it."""
    g = torch.Generator().manual_seed(5)
    u, v = torch.rand(2, 900, generator=g)
    angle = 4.0 * u
    sheet = torch.stack([3 * angle.cos(), 3 * angle.sin(), v, 0.05 * torch.randn(900, generator=g)], dim=1)
    return Surroundings(LatentSpace.fit(sheet), sheet, torch.arange(900) // 30)


def apart(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def outside(points: torch.Tensor, around: Surroundings) -> float:
    """The mean distance from a point to the data, in mean distances from one of the data to the next."""
    data = around.vectors
    among = apart(data, data).fill_diagonal_(torch.inf).min(1).values.mean()
    return float(apart(points, data).min(1).values.mean() / among)


def test_corpus_stays_among_the_data_where_a_straight_map_leaves_them() -> None:
    around = islands()
    still_axes = Pca().path(motion(steps=200), around, rate_hz=RATE).points
    found = Corpus().path(motion(steps=200), around, rate_hz=RATE).points
    assert outside(found, around) < 1.5
    assert outside(still_axes, around) > 5


def test_corpus_without_means_is_made_of_the_data_and_follows_the_hand() -> None:
    around = surroundings()
    exact = Corpus(candidates=1, neighbours=1, smoothing=0.0).path(motion(), around, rate_hz=RATE).points
    assert float(apart(exact, around.vectors).min(1).values.max()) < 1e-5
    wanted = principal(motion(), most=2) * around.space.deviations[:2]
    plane = around.space.project(around.vectors)[:, :2]
    nearest = around.vectors[torch.cdist(wanted, plane).argmin(1)]
    torch.testing.assert_close(exact, nearest)
    led = around.space.project(Corpus().path(motion(), around, rate_hz=RATE).points)
    for axis in range(2):
        assert float(torch.corrcoef(torch.stack([led[:, axis], wanted[:, axis]]))[0, 1]) > 0.9


def test_corpus_chain_is_the_cheapest_of_all() -> None:
    from timbrespace.latent.mappings.corpus import _chain

    g = np.random.default_rng(2)
    candidates, costs = g.normal(size=(5, 3, 2)), g.uniform(size=(5, 3))

    def cost(chain: tuple[int, ...]) -> float:
        points = candidates[np.arange(5), list(chain)]
        return float(costs[np.arange(5), list(chain)].sum() + 0.7 * np.square(np.diff(points, axis=0)).sum())

    best = min(itertools.product(range(3), repeat=5), key=cost)
    assert tuple(_chain(candidates, costs, 0.7)) == best


def test_corpus_of_one_sound_of_one_step() -> None:
    vectors = torch.ones(1, 3).repeat(2, 1)
    around = Surroundings(LatentSpace.fit(vectors), vectors, torch.zeros(2).long())
    found = Corpus().path(motion(), around, rate_hz=RATE).points
    torch.testing.assert_close(found, torch.ones(60, 3))


def examples() -> tuple[tuple[float, ...], tuple[tuple[float, ...], ...]]:
    g = torch.Generator().manual_seed(3)
    return (0.1, 0.8, 1.5), tuple(tuple(row) for row in torch.randn(3, LATENTS, generator=g).tolist())


def test_taught_goes_through_its_examples() -> None:
    times, latents = examples()
    points = Taught(times=times, latents=latents).path(motion(), surroundings(), rate_hz=RATE).points
    at = [round(t * RATE) for t in times]
    torch.testing.assert_close(points[at], torch.tensor(latents), atol=1e-2, rtol=0)


def test_taught_is_the_gaussian_process_of_sklearn() -> None:
    times, latents = examples()
    around, hand = surroundings(), motion()
    points = Taught(times=times, latents=latents, width=0.7).path(hand, around, rate_hz=RATE).points
    places = principal(hand, most=3, whitened=False).double().numpy()
    at = [round(t * RATE) for t in times]
    apart = [np.linalg.norm(places[a] - places[b]) for a, b in itertools.combinations(at, 2)]
    process = GaussianProcessRegressor(RBF(0.7 * np.median(apart)), alpha=1e-6, optimizer=None)
    mean = around.space.mean.double().numpy()
    process.fit(places[at], np.array(latents) - mean)
    assert points.numpy() == pytest.approx(process.predict(places) + mean, abs=1e-3)


def test_taught_averages_what_contradicts_itself_and_forgets_far_away() -> None:
    around = surroundings()
    back_and_forth = track(torch.cat([torch.linspace(0, 1, 30), torch.linspace(1, 0, 30)])[:, None])
    low, high = (0.0,) * LATENTS, (2.0,) * LATENTS
    points = Taught(times=(0.0, 59 / 30), latents=(low, high)).path(back_and_forth, around, rate_hz=RATE).points
    torch.testing.assert_close(points[0], torch.ones(LATENTS), atol=1e-2, rtol=0)
    narrow = Taught(times=(0.0,), latents=(high,), width=0.05).path(back_and_forth, around, rate_hz=RATE).points
    torch.testing.assert_close(narrow[30], around.space.mean, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("times", "latents", "sentence"),
    [
        ((), (), "needs examples"),
        ((0.1,), ((1.0, 2.0),), "need as many latents of 4 numbers"),
        ((0.1, 0.2), ((1.0,) * 4,), "2 times of examples need as many latents"),
        ((99.0,), ((1.0,) * 4,), "at 99 s, and the gesture lasts 2.00 s"),
    ],
)
def test_bad_examples(times: tuple[float, ...], latents: tuple[tuple[float, ...], ...], sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        Taught(times=times, latents=latents).path(motion(), surroundings(), rate_hz=RATE)


def test_collapsed_spaces_stand_still() -> None:
    vectors = torch.full((50, 3), 2.0)
    around = Surroundings(LatentSpace.fit(vectors), vectors, torch.zeros(50).long())
    for mapping in (Pca(), Range(), Corpus()):
        points = mapping.path(motion(), around, rate_hz=RATE).points
        torch.testing.assert_close(points, torch.full((60, 3), 2.0))


def test_more_channels_than_axes_and_a_rate_far_below() -> None:
    hand = random_motion(channels=8)
    assert Range().path(hand, surroundings(), rate_hz=2.0).points.shape == (20, LATENTS)
    slow = replace(hand, rate_hz=1000.0)
    assert Pca().path(slow, surroundings(), rate_hz=20.0).points.shape == (6, LATENTS)


def test_choice_by_name() -> None:
    assert mapping_names() == ("corpus", "pca", "range", "taught")
    assert mapping_of("PCA", ["amount=0.5", "scaled=true"]).config()["amount"] == 0.5
    assert mapping_of("range", ["axes=2,-1"]).config()["axes"] == [2, -1]
    with pytest.raises(ParameterError, match="no mapping 'pcs'. Did you mean 'pca'"):
        mapping_of("pcs")
    with pytest.raises(ParameterError, match="no argument 'amout'.*Did you mean 'amount'"):
        mapping_of("pca", ["amout=1"])
    with pytest.raises(ParameterError, match="reads name=value"):
        mapping_of("pca", ["amount"])
    with pytest.raises(ParameterError, match="amount"):
        mapping_of("pca", ["amount=loud"])
