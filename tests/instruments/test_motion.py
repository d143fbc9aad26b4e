"""Neighbours, loops and guides against what they are by definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.instruments.fakes import corpus_steps
from timbrespace.instruments.corpus import Corpus
from timbrespace.instruments.guides import Line, Place, Walk
from timbrespace.instruments.motion import around, own_steps, steps_around
from timbrespace.instruments.neighbours import Neighbours
from timbrespace.latent.wander import Wander


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    steps, source = corpus_steps(sounds=4, steps=40)
    return Corpus.cut(steps, source, rate_hz=20.0)


def test_a_moment_moves_as_its_sound(corpus: Corpus) -> None:
    """Five moments a sound: moment 6 is steps 48 to 55 of the whole, the second of sound 1 (40 to 79)."""
    for phase in range(32):
        heard = corpus.positions[6] + around(corpus, 6, phase, loop=32)
        np.testing.assert_allclose(heard, corpus.steps[48 + phase], atol=1e-12)
    np.testing.assert_allclose(around(corpus, 6, 32.0, loop=32), around(corpus, 6, 0.0, loop=32))


def test_a_loop_past_the_end_is_moved_back(corpus: Corpus) -> None:
    """Moment 9 begins at step 72 of 80; a loop of 16 is steps 64 to 79, entered at 72."""
    heard = [corpus.positions[9] + around(corpus, 9, phase, loop=16) for phase in range(16)]
    np.testing.assert_allclose(heard, np.concatenate([corpus.steps[72:80], corpus.steps[64:72]]), atol=1e-12)


def test_a_short_sound_is_looped_whole() -> None:
    corpus = Corpus.cut(np.array([[1.0], [2.0], [4.0]]), np.zeros(3), rate_hz=20.0)
    heard = [corpus.positions[0] + around(corpus, 0, phase, loop=30) for phase in range(6)]
    np.testing.assert_allclose(np.concatenate(heard), [1, 2, 4, 1, 2, 4])


def test_between_steps_the_sound_is_interpolated(corpus: Corpus) -> None:
    between = around(corpus, 0, 2.25, loop=32)
    ends = around(corpus, 0, 2.0, loop=32), around(corpus, 0, 3.0, loop=32)
    np.testing.assert_allclose(between, 0.75 * ends[0] + 0.25 * ends[1], atol=1e-12)


def test_own_steps(corpus: Corpus) -> None:
    lead, steps = own_steps(corpus, 6, 20, before=3)
    np.testing.assert_array_equal(lead, corpus.steps[45:48])
    np.testing.assert_array_equal(steps, corpus.steps[48:68])
    lead, steps = own_steps(corpus, 5, 100, before=2)
    np.testing.assert_array_equal(lead, corpus.steps[[40, 40]])
    np.testing.assert_array_equal(steps, corpus.steps[40:80])


def test_a_place_met_is_the_moment_itself(corpus: Corpus) -> None:
    neighbours = Neighbours(corpus, np.ones(3))
    for i in range(len(corpus)):
        at = corpus.positions[i]
        point, nearest = neighbours.complete((0, 2), (at[0], at[2]))
        assert nearest == i
        np.testing.assert_allclose(point, at, atol=1e-4)
        assert neighbours.nearest(at) == i


def test_elsewhere_four_neighbours_are_weighted_by_inverse_distance() -> None:
    positions = np.array([[0.0, 0.0, 1.0], [2.0, 0.0, 2.0], [0.0, 4.0, 3.0], [0.0, -8.0, 4.0], [90.0, 0.0, 1e6]])
    corpus = Corpus.cut(positions.repeat(8, axis=0), np.arange(5).repeat(8), rate_hz=1.0)
    point, nearest = Neighbours(corpus, np.array([1.0, 2.0, 1.0])).complete((0, 1), (1.5, 0.0))
    distances = np.array([1.5, 0.5, np.hypot(1.5, 2), np.hypot(1.5, 4)])
    assert nearest == 1
    assert point == pytest.approx([1.5, 0.0, np.average([1, 2, 3, 4], weights=1 / distances)])


def test_fewer_moments_than_neighbours() -> None:
    corpus = Corpus.cut(np.array([[1.0, 2.0, 7.0]]), np.zeros(1), rate_hz=1.0)
    point, nearest = Neighbours(corpus, np.ones(3)).complete((0, 1), (5.0, 5.0))
    assert nearest == 0
    assert point.tolist() == [5, 5, 7]


def test_a_place_keeps_its_centre(corpus: Corpus) -> None:
    centre = np.array([9.0, 8.0, 7.0])
    place = Place(corpus, centre, 6, phase=3.0)
    np.testing.assert_allclose(place.point(motion=0.0, loop=8), centre)
    np.testing.assert_allclose(place.point(motion=0.5, loop=32), centre + 0.5 * around(corpus, 6, 3.0, loop=32))


def test_a_line_goes_there_and_back(corpus: Corpus) -> None:
    line = Line(corpus, 1, 18, steps=10.0)
    a, b = corpus.positions[1], corpus.positions[18]
    seen = []
    for _ in range(50):
        seen.append(line.point(motion=0.0, loop=8))
        line.advance(1.0, 1.0)
    for k, share in [(0, 0.0), (3, 0.3), (10, 1.0), (14, 0.6), (20, 0.0), (27, 0.7), (45, 0.5)]:
        np.testing.assert_allclose(seen[k], (1 - share) * a + share * b, atol=1e-9)


def test_a_line_mixes_both_motions(corpus: Corpus) -> None:
    line = Line(corpus, 1, 18, steps=10.0)
    line.advance(4.0, 4.0)
    ends = [corpus.positions[i] + around(corpus, i, 4.0, loop=32) for i in (1, 18)]
    np.testing.assert_allclose(line.point(motion=1.0, loop=32), 0.6 * ends[0] + 0.4 * ends[1], atol=1e-9)
    assert line.moment == 1
    line.advance(4.0, 4.0)
    assert line.moment == 18


def test_a_walk_looks_for_its_moment_anew_and_goes_on(corpus: Corpus) -> None:
    neighbours = Neighbours(corpus, np.ones(3))
    wander = Wander(3, period=2.0, generator=torch.Generator().manual_seed(0))
    spread = corpus.positions.std(0)
    walk: object = Walk(corpus, neighbours, wander, spread, phase=0.0)
    moments = set()
    for step in range(400):
        assert isinstance(walk, Walk)
        renewed = walk.renewed()
        assert (renewed is walk) == (step % 8 != 0 or step == 0)
        assert isinstance(renewed, Walk)
        if renewed is not walk:
            assert renewed.moment == neighbours.nearest(renewed.point(motion=0.0, loop=1))
            assert renewed.phase == walk.phase
        walk = renewed
        moments.add(walk.moment)
        walk.advance(1.0, 1.0)
    assert len(moments) > 5


def test_whole_phases_at_once(corpus: Corpus) -> None:
    for moment, first, loop in ((0, -7, 32), (6, 3, 5), (18, 2, 1)):
        expected = [around(corpus, moment, float(first + k), loop=loop) for k in range(40)]
        np.testing.assert_array_equal(steps_around(corpus, moment, first, 40, loop=loop), expected)
