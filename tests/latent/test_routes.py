"""Routes: each is its formula, in standard deviations along the axes of the space."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.latent.spaces import RATE, generator, recording, surroundings
from timbrespace.core.errors import ParameterError
from timbrespace.latent.alignment import align
from timbrespace.latent.paths import line, random_walk, slerp
from timbrespace.latent.routes import (
    Aligned,
    Centred,
    Circle,
    Corpus,
    Fractal,
    Line,
    Lissajous,
    Recording,
    Route,
    Slerp,
    Spiral,
    Traversal,
    Walk,
)
from timbrespace.latent.routes.corpus import _joined
from timbrespace.latent.surroundings import Surroundings

AROUND = surroundings()
ENDS = replace(AROUND, start=recording(31), end=recording(52, seed=8))


def points(route: Route, around: Surroundings = AROUND, *, seconds: float = 5.0, seed: int = 0) -> torch.Tensor:
    return route.path(around, seconds=seconds, rate_hz=RATE, generator=generator(seed)).points


def deviations(route: Route, around: Surroundings = AROUND, *, seconds: float = 5.0) -> torch.Tensor:
    """The path in standard deviations along each axis."""
    return around.space.project(points(route, around, seconds=seconds)) / around.space.deviations


def ground(steps: int = 100) -> torch.Tensor:
    start = ENDS.start
    assert start is not None
    return (ENDS.space.project(start) / ENDS.space.deviations)[torch.arange(steps) % 31]


def test_circle() -> None:
    route = Circle(radius=2.0, turns=3.0, phase=0.25, axes=(3, 1))
    angle = 2 * math.pi * (3 * torch.arange(100) / 100 + 0.25)
    expected = torch.stack([2 * angle.sin(), torch.zeros(100), 2 * angle.cos(), torch.zeros(100)], dim=1)
    torch.testing.assert_close(deviations(route), expected, atol=2e-4, rtol=0)
    torch.testing.assert_close(deviations(route, ENDS), expected + ground(), atol=2e-4, rtol=0)


def test_a_circle_of_whole_turns_loops() -> None:
    path = points(Circle(turns=1.0))
    around = torch.cat([path, path[:1]]).diff(dim=0)
    bends = (around[1:] - around[:-1]).norm(dim=1)
    seam = ((path[0] - path[-1]) - (path[-1] - path[-2])).norm()
    assert float(seam) <= float(bends.max()) * 1.01


def test_spiral() -> None:
    u = torch.linspace(0, 1, 100)
    angle, reach = 2 * math.pi * 2 * u, 3 - 2.5 * u
    expected = torch.stack([reach * angle.cos(), reach * angle.sin(), 0 * u, 0 * u], dim=1)
    route = Spiral(inner=3.0, radius=0.5, turns=2.0)
    torch.testing.assert_close(deviations(route), expected, atol=2e-4, rtol=0)
    torch.testing.assert_close(deviations(route, ENDS), expected + ground(), atol=2e-4, rtol=0)


def test_lissajous() -> None:
    u = torch.arange(100) / 100
    x, y, z = (1.2 * (2 * math.pi * (f * u + p)).sin() for f, p in ((5, 0.2), (4, 0.1), (1, 0.0)))
    expected = torch.stack([y, x, 0 * u, z], dim=1)
    route = Lissajous(radius=1.2, frequencies=(5.0, 4.0, 1.0), phase=0.1, axes=(2, 1, 4))
    torch.testing.assert_close(deviations(route), expected, atol=2e-4, rtol=0)
    torch.testing.assert_close(deviations(route, ENDS), expected + ground(), atol=2e-4, rtol=0)


@pytest.mark.parametrize("back", [False, True])
def test_traversal_goes_between_the_quantiles(back: bool) -> None:
    found = AROUND.space.project(points(Traversal(axis=2, back=back)))
    coordinates = AROUND.space.project(AROUND.vectors)[:, 1]
    ends = coordinates.sort().values[[round(q * (len(coordinates) - 1)) for q in (0.01, 0.99)]]
    u = torch.linspace(0, 1, 100)
    u = 1 - (2 * u - 1).abs() if back else u
    torch.testing.assert_close(found[:, 1], ends[0] + (ends[1] - ends[0]) * u, atol=1e-3, rtol=0)
    assert float(found[:, [0, 2, 3]].abs().max()) < 1e-3


def test_traversal_moves_a_recording_and_keeps_its_motion() -> None:
    found = ENDS.space.project(points(Traversal(axis=1), ENDS))
    own = ground() * ENDS.space.deviations
    torch.testing.assert_close(found[:, 1:], own[:, 1:], atol=1e-3, rtol=0)
    start = ENDS.start
    assert start is not None
    moved = found[:, 0] - (own[:, 0] - ENDS.space.project(start)[:, 0].mean())
    space = ENDS.space
    torch.testing.assert_close(
        moved, torch.linspace(float(space.low[0]), float(space.high[0]), 100), atol=2e-3, rtol=1e-3
    )


def test_line_and_slerp_lead_between_the_recordings() -> None:
    start, end = ENDS.start, ENDS.end
    assert start is not None
    assert end is not None
    assert torch.equal(points(Line(), ENDS), line(start, end, seconds=5.0, rate_hz=RATE).points)
    assert torch.equal(points(Slerp(), ENDS), slerp(start, end, seconds=5.0, rate_hz=RATE).points)
    assert torch.equal(points(Line(), ENDS)[0], start[0])
    torch.testing.assert_close(points(Line(), ENDS)[-1], end[99 % 52])


def test_ends_that_are_not_given_are_different_sounds() -> None:
    seen = set()
    for seed in range(30):
        start, end = AROUND.ends(generator(seed))
        assert not torch.equal(start, end)
        seen |= {len(start), len(end)}
    assert seen == {40, 57, 90, 33, 120}, "every sound has its chance"
    start, end = replace(AROUND, end=recording(9)).ends(generator())
    assert torch.equal(end, recording(9))


def test_walk_is_the_random_walk_with_the_covariance_of_the_data() -> None:
    covariance = torch.cov(AROUND.vectors.double().T)
    expected = random_walk(
        AROUND.vectors.mean(0), 4 * covariance.float(), seconds=5.0, rate_hz=RATE, period=1.0, generator=generator()
    )
    found = points(Walk(period=1.0, radius=2.0))
    torch.testing.assert_close(found, expected.points, atol=5e-3, rtol=1e-3)


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.5, 4.0])
def test_fractal_noise_has_its_spectrum_and_variance(beta: float) -> None:
    found = torch.stack(
        [
            AROUND.space.project(
                Fractal(beta=beta, period=2.0, radius=1.5)
                .path(AROUND, seconds=25.6, rate_hz=RATE, generator=generator(seed))
                .points
            )
            / AROUND.space.deviations
            for seed in range(200)
        ]
    ).double()
    assert float(found.square().mean()) == pytest.approx(1.5**2, rel=0.06)
    assert float(found.square().mean((0, 2)).std()) < 0.35, "alike at all times"
    windowed = found * torch.hann_window(512, dtype=torch.float64)[:, None]
    power = torch.fft.rfft(windowed, dim=1).abs().square().mean((0, 2))
    frequency = torch.fft.rfftfreq(512, 1 / RATE)
    steep = (frequency > 1.0) & (frequency < 6.0)
    slope = np.polyfit(frequency[steep].log(), power[steep].log(), 1)[0]
    assert slope == pytest.approx(-beta, abs=0.15)
    flat = (frequency > 0.1) & (frequency < 0.4)
    assert float(power[flat].max() / power[flat].min()) < 1.6


def test_centred_line_is_chosen_by_its_end() -> None:
    u = torch.linspace(-1, 1, 100)[:, None]
    end = torch.tensor([1.5, -0.5, 0.0, 0.0])
    torch.testing.assert_close(deviations(Centred(point=(1.5, -0.5))), u * end, atol=2e-4, rtol=0)
    towards = replace(AROUND, end=recording(52, seed=8))
    home = (AROUND.space.project(recording(52, seed=8)).mean(0) / AROUND.space.deviations)[None]
    torch.testing.assert_close(deviations(Centred(), towards), u * home, atol=5e-4, rtol=0)
    drawn = deviations(Centred(radius=2.5))
    torch.testing.assert_close(drawn, -drawn.flip(0), atol=5e-4, rtol=0)
    assert float(drawn[-1].norm()) == pytest.approx(2.5, rel=1e-3)
    still = ground() - ground(31).mean(0)
    riding = replace(AROUND, start=ENDS.start)
    torch.testing.assert_close(deviations(Centred(point=(2.0,)), riding) - still, u * torch.tensor([2.0, 0, 0, 0]),
                               atol=5e-4, rtol=0)  # fmt: skip


def test_a_recording_is_its_own_path() -> None:
    own = recording(31)
    start = replace(AROUND, start=own)
    assert torch.equal(points(Recording(), start, seconds=31 / RATE), own)
    assert torch.equal(points(Recording(), start, seconds=62 / RATE), torch.cat([own, own]))
    assert torch.equal(points(Recording(direction="reverse"), start, seconds=31 / RATE), own.flip(0))
    assert torch.equal(points(Recording(speed=2.0), start, seconds=15 / RATE), own[:30:2])
    slow = points(Recording(speed=0.5), start, seconds=60 / RATE)
    torch.testing.assert_close(slow[::2], own[:30])
    torch.testing.assert_close(slow[1::2], (own[:30] + own[1:31]) / 2)
    to_and_fro = points(Recording(direction="pingpong"), start, seconds=61 / RATE)
    assert torch.equal(to_and_fro, torch.cat([own, own.flip(0)[1:]]))


@pytest.mark.parametrize(("direction", "speed", "seconds"), [("forward", 1.0, 1.55), ("reverse", 0.5, 3.1),
                                                             ("pingpong", 2.0, 1.55)])  # fmt: skip
def test_a_recording_lasts_as_long_as_it_does(direction: str, speed: float, seconds: float) -> None:
    route = Recording(direction=direction, speed=speed)  # type: ignore[arg-type]  # one of three words
    assert route.duration(ENDS, rate_hz=RATE) == pytest.approx(seconds)


def test_aligned_at_either_end_is_the_recording_itself() -> None:
    start, end = ENDS.start, ENDS.end
    assert start is not None
    assert end is not None
    assert torch.equal(points(Aligned(mixture=0.0), ENDS, seconds=62 / RATE), torch.cat([start, start]))
    assert torch.equal(points(Aligned(mixture=1.0), ENDS, seconds=104 / RATE), torch.cat([end, end]))
    assert Aligned(mixture=0.0).duration(ENDS, rate_hz=RATE) == pytest.approx(31 / RATE)
    assert Aligned(mixture=0.5).duration(ENDS, rate_hz=RATE) == pytest.approx(41.5 / RATE)
    assert Aligned().duration(ENDS, rate_hz=RATE) == pytest.approx(83 / RATE)


def test_aligned_in_between_is_the_mixture_of_aligned_steps() -> None:
    start, end = ENDS.start, ENDS.end
    assert start is not None
    assert end is not None
    a, b = ENDS.space.project(start), ENDS.space.project(end)
    found = align(a - a.mean(0), b - b.mean(0))
    once = found.mix(start, end, 1 / 3)
    assert len(once) == 38
    got = points(Aligned(mixture=1 / 3), ENDS, seconds=76 / RATE)
    torch.testing.assert_close(got, torch.cat([once, once]), atol=1e-4, rtol=1e-4)
    by_place = points(Aligned(mixture=0.5, by="place"), ENDS)
    assert not torch.equal(by_place, points(Aligned(mixture=0.5), ENDS))


@pytest.mark.parametrize("hold", [0.0, 0.3, 0.5])
def test_aligned_travels_from_the_first_to_the_second(hold: float) -> None:
    start, end = ENDS.start, ENDS.end
    assert start is not None
    assert end is not None
    path = points(Aligned(hold=hold), ENDS, seconds=20.0)
    rest = max(1, round(hold * 399))
    assert torch.equal(path[:rest], start[torch.arange(rest) % 31])
    last = path[-rest:]
    if hold:  # it goes on in the second recording, from wherever the rounds have got to
        gaps = torch.cdist(last.double(), end.double()).min(1).values
        assert float(gaps.median()) < 0.05 * float(end.diff(dim=0).norm(dim=1).mean()) + 0.05
    at = torch.linspace(0, 1, len(path))
    middle = (path - ((1 - at)[:, None] * start.mean(0) + at[:, None] * end.mean(0))).norm(dim=1)
    assert float(middle.max()) < 4 * float(
        (start - start.mean(0)).norm(dim=1).max() + (end - end.mean(0)).norm(dim=1).max()
    )


def test_corpus_points_are_those_of_sounds_but_in_the_joins() -> None:
    path = points(Corpus(moment=0.5, join=0.1), seconds=20.0)
    nearest = torch.cdist(path.double(), AROUND.vectors.double()).min(1).values
    joined = (torch.arange(len(path)) % 8 < 2) & (torch.arange(len(path)) >= 8)  # ten steps each, two of them shared
    assert torch.equal(nearest[~joined] < 1e-6, torch.ones(int((~joined).sum()), dtype=torch.bool))
    assert float(nearest[joined].max()) > 0.01
    torch.testing.assert_close(points(Corpus(join=0.0), seconds=20.0)[:10], _moment(points(Corpus(join=0.0))[0], 10))


def test_a_moment_passes_linearly_into_the_next() -> None:
    first, second = torch.randn(2, 8, 3, generator=generator())
    path = _joined(torch.stack([first, second]), 3)
    assert path.shape == (13, 3)
    assert torch.equal(path[:5], first[:5])
    assert torch.equal(path[8:], second[3:])
    for k, w in enumerate((0.25, 0.5, 0.75)):
        torch.testing.assert_close(path[5 + k], (1 - w) * first[5 + k] + w * second[k])


def _moment(first: torch.Tensor, length: int) -> torch.Tensor:
    at = int((AROUND.vectors - first).norm(dim=1).argmin())
    return AROUND.vectors[at : at + length]


def test_corpus_begins_and_ends_near_the_recordings() -> None:
    path = points(Corpus(moment=0.5, join=0.0), ENDS, seconds=10.0)
    moments = torch.cat([s[: len(s) // 10 * 10].reshape(-1, 10, 4) for s in AROUND.sounds])
    places = AROUND.space.project(moments.mean(1))
    for end, found in ((ENDS.start, path[:10]), (ENDS.end, path[-10:])):
        assert end is not None
        home = AROUND.space.project(end.mean(0))
        assert torch.equal(found, moments[(places - home).norm(dim=1).argmin()])


def test_corpus_neighbours_are_alike() -> None:
    path = points(Corpus(moment=0.25, join=0.0), seconds=15.0)
    means = AROUND.space.project(path.reshape(-1, 5, 4).mean(1))
    order = torch.randperm(len(means), generator=generator())
    assert float(means.diff(dim=0).norm(dim=1).sum()) < 0.7 * float(means[order].diff(dim=0).norm(dim=1).sum())


def test_a_small_corpus_goes_there_and_back() -> None:
    around = surroundings(lengths=(12,))
    path = points(Corpus(moment=0.2, join=0.0), around, seconds=1.6)  # three moments of four steps, in 32
    there, middle, end = path[:4], path[4:8], path[8:12]
    assert torch.equal(path[12:], torch.cat([middle, there, middle, end, middle]))
    assert points(Corpus(moment=60.0), around).shape == (100, 4)


@pytest.mark.parametrize("kind", [Circle, Spiral])
def test_axes_that_do_not_exist(kind: type[Circle | Spiral]) -> None:
    for axes, sentence in (
        ((1, 5), "This space has axes 1 to 4, and there is no axis 5 among them"),
        ((0, 1), "no axis 0 among them"),
        ((2, 2), "A curve needs different axes, not 2, 2"),
        ((1,), "A plane needs two axes, not 1"),
        ((), "A plane needs two axes, not 0"),
    ):
        with pytest.raises(ParameterError, match=sentence):
            points(kind(axes=axes))


def test_axes_that_have_collapsed() -> None:
    flat = torch.cat([AROUND.vectors[:, :2], torch.ones(len(AROUND.vectors), 2)], dim=1)
    around = Surroundings(type(AROUND.space).fit(flat), flat, AROUND.source)
    with pytest.raises(ParameterError, match="Axis 3 of this space has collapsed.*choose one of 1 to 2"):
        points(Traversal(axis=3), around)
    assert float(points(Fractal(), around)[:, 2:].sub(1).abs().max()) < 1e-3, "it stays where the data are"


def test_settings_that_do_not_fit() -> None:
    with pytest.raises(ParameterError, match="one finite frequency for each axis, not 2 for 3"):
        Lissajous(axes=(1, 2, 3))
    with pytest.raises(ParameterError, match="not 0 for 0"):
        Lissajous(axes=(), frequencies=())
    with pytest.raises(ParameterError, match="outside its range 0 to 10"):
        Circle(radius=11.0)
    with pytest.raises(ParameterError, match="up to 4 finite coordinates"):
        points(Centred(point=(1.0,) * 5))
    with pytest.raises(ParameterError, match="one of 'forward', 'reverse', 'pingpong'"):
        Recording(direction="sideways")  # type: ignore[arg-type]  # on purpose
