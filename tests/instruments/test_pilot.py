"""A player gets where the numbers say: latents, ranges of latents, ranges of axes; and time passes as told."""

from __future__ import annotations

import numpy as np
import pytest

from tests.instruments.fakes import SineCodec, make_voice
from timbrespace.core.errors import ParameterError
from timbrespace.instruments.latent_voice import LatentVoice


def still(latent_dim: int = 3) -> LatentVoice:
    voice = make_voice(SineCodec(latent_dim))
    voice.set("motion", 0.0)
    return voice


def corpus_latents(voice: LatentVoice) -> np.ndarray:
    return voice._pilot.latents(voice._corpus.steps)


def test_a_point_given_by_its_latents() -> None:
    voice = still()
    z = corpus_latents(voice)[17] + 0.01
    voice.act("z", *z)
    np.testing.assert_allclose(voice._pilot.latents(np.array(voice.place())), z, atol=1e-5)
    positions = voice._corpus.positions
    widths = voice._pilot._neighbours._widths
    nearest = np.square((positions - voice.place()) / widths).sum(1).argmin()
    assert voice.moment == nearest


def test_coordinates_run_over_the_range_of_the_sounds() -> None:
    voice = still()
    low, high = np.quantile(corpus_latents(voice), (0.01, 0.99), axis=0)
    voice.act("coord", 0.4, 0.6, 0.5)
    expected = low + np.array([0.4, 0.6, 0.5]) * (high - low)
    np.testing.assert_allclose(voice._pilot.latents(np.array(voice.place())), expected, atol=1e-5)
    voice.act("coord", -3.0, 9.0, 1.0)
    held = voice.place()
    voice.act("coord", 0.0, 1.0, 1.0)
    assert voice.place() == held


def test_a_pad_covers_the_first_two_axes() -> None:
    voice, twin = still(), still()
    low, high = voice._pilot._ends
    voice.act("xy", 0.25, 2.0)
    twin.act("place", 0, 1, low[0] + 0.25 * (high[0] - low[0]), high[1])
    np.testing.assert_allclose(voice.place(), twin.place(), atol=1e-9)


def test_of_one_axis_a_pad_knows_the_first_number() -> None:
    voice = still(1)
    low, high = voice._pilot._ends
    voice.act("xy", 0.5, 0.9)
    np.testing.assert_allclose(voice.place(), (low + high) / 2, atol=1e-6)


def test_latents_far_away_are_held_at_six_deviations() -> None:
    voice = still()
    voice.act("z", 1e6, -1e6, 1e6)
    assert (np.abs(voice.place()) <= 6 * voice._pilot.deviations + 1e-9).all()


@pytest.mark.parametrize("name", ["z", "coord"])
def test_as_many_numbers_as_latents(name: str) -> None:
    with pytest.raises(ParameterError, match=rf"'{name}' takes 3 \(z1, z2, z3\) numbers, and 2 came"):
        still().act(name, 0.0, 0.0)


def test_new_points_go_on_with_the_motion_of_old_ones() -> None:
    voice = make_voice()
    voice.act("play")
    voice.render(5 * 256)
    phase = voice._pilot.travel.pose.guide.phase
    assert phase > 3
    for name, values in (("z", (0.0, 0.0, 0.0)), ("coord", (0.5, 0.5, 0.5)), ("xy", (0.5, 0.5)), ("walk", (1.0,))):
        voice.act(name, *values)
        assert voice._pilot.travel.pose.guide.phase == phase
    voice.act("moment", 3)
    assert voice._pilot.travel.pose.guide.phase == 0


def test_waiting_in_pieces_is_waiting_at_once() -> None:
    """The motion goes at its speed, the way of a line as time goes, and a jump fades while one waits."""
    travels = []
    for pieces in ((512,), (100, 12, 400)):
        pilot = make_voice()._pilot
        pilot.ways["line"](2, 20, 1.0)
        travel = pilot.travel
        travel.arrive()
        travel.speed = -0.5
        for n in pieces:
            travel.wait(n)
        travel.look()
        travels.append(travel)
    guide = travels[0].pose.guide
    assert guide.phase == -1.0
    assert guide._done == 2.0
    np.testing.assert_array_equal(travels[0].at, travels[1].at)


def test_a_jump_is_gone_after_the_glide() -> None:
    pilot = make_voice()._pilot
    travel = pilot.travel
    pilot.turn("motion", 0.0)
    pilot.turn("glide_ms", 64.0)
    travel.arrive()
    start, target = travel.at, pilot.corpus.positions[29]
    pilot.ways["moment"](29)
    travel.look()
    np.testing.assert_allclose(travel.at, start, atol=1e-9)
    travel.wait(512)  # 64 ms
    travel.look()
    np.testing.assert_allclose(travel.at - target, 0.05 * (start - target), atol=1e-9)
