"""Grains begin on their samples, sound of where the player is, and cost what they may."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

import timbrespace
from tests.bundles import bundle, own_process  # noqa: F401  # a fixture
from tests.instruments.fakes import SineCodec, make_granulator, surroundings
from timbrespace.codecs.space import space_of
from timbrespace.core.errors import ParameterError
from timbrespace.instruments.corpus import Corpus
from timbrespace.instruments.grain_cloud import panned
from timbrespace.instruments.grain_envelope import envelope
from timbrespace.instruments.granulator import Granulator

RATE, STEP = 8000, 256
Score = Sequence[tuple[int, str, tuple[float, ...]]]

SCORE: Score = [
    (0, "play", ()),
    (700, "bias_2", (1.5,)),
    (1000, "pitch", (7.3,)),
    (2001, "place", (0, 2, 1.0, -0.5)),
    (2500, "deviation", (0.4,)),
    (3000, "gain_db", (-6.0,)),
    (4101, "speed", (-1.7,)),
    (5000, "density", (90.0,)),
    (6000, "jitter", (1.0,)),
    (8000, "duration", (31.0,)),
    (9000, "xy", (0.3, 0.8)),
    (11000, "envelope", (0.1,)),
    (12000, "coord", (0.2, 0.5, 0.9)),
    (14000, "walk", (5,)),
    (15872, "glide_ms", (0.0,)),
    (15872, "scale_1", (2.0,)),
    (17000, "stop", ()),
    (17031, "play", ()),
    (18000, "line", (2, 20, 0.7)),
    (19000, "phase", (0.7,)),
    (20000, "spread", (1.0,)),
    (21000, "loop_s", (0.3,)),
    (23000, "panic", ()),
    (23040, "play", ()),
    (24000, "z", (0.4, -0.3, 0.1)),
    (26000, "reset", ()),
    (26100, "position", (0.5,)),
]


def do(granulator: Granulator, name: str, values: tuple[float, ...]) -> None:
    if name in granulator.knobs():
        granulator.set(name, *values)
    else:
        granulator.act(name, *values)


def perform(granulator: Granulator, score: Score, *, until: int, cuts: Sequence[int] = ()) -> torch.Tensor:
    """The samples up to ``until``, cut at ``cuts`` and where something is done."""
    stops = sorted({at for at, _, _ in score} | set(cuts) | {until})
    position, blocks, left = 0, [], list(score)
    for stop in stops:
        while left and left[0][0] <= position:
            do(granulator, *left.pop(0)[1:])
        blocks.append(granulator.render(stop - position))
        position = stop
    return torch.cat(blocks, dim=1)


def alone(codec: SineCodec | None = None, **knobs: float) -> Granulator:
    """A granulator whose grains do not overlap and lie in the middle, playing moment 6."""
    granulator = make_granulator(codec)
    settings = {"density": 5.0, "duration": 100.0, "jitter": 0.0, "spread": 0.0, "glide_ms": 0.0, **knobs}
    for name, value in settings.items():
        granulator.set(name, value)
    granulator.act("moment", 6)
    granulator.act("play")
    return granulator


def own_sound(granulator: Granulator, codec: SineCodec, *, after: int, steps: int) -> np.ndarray:
    """The sound of moment 6, ``after`` steps after its beginning."""
    corpus = granulator._pilot.corpus
    start = int(corpus.starts[6]) + after
    z = granulator._pilot.latents(corpus.steps[start : start + steps])
    return codec.decode(torch.from_numpy(z).float().T[None])[0].numpy()


def test_a_grain_is_the_sound_it_is_of_under_its_envelope() -> None:
    """The first with the first sample, the second where the motion is a period of the clock later."""
    codec = SineCodec()
    granulator = alone(codec, speed=1.0)
    heard = granulator.render(3200).numpy()
    window = envelope(800, shape=1.0, sample_rate=RATE) * np.sqrt(0.5)
    first = own_sound(granulator, codec, after=0, steps=4)[0, :800]
    np.testing.assert_allclose(heard[0, :800], first * window, atol=1e-6)
    np.testing.assert_array_equal(heard[0], heard[1])
    assert not heard[:, 800:1600].any()
    second = own_sound(granulator, codec, after=1600 // STEP, steps=5)[0, 1600 % STEP :][:800]
    np.testing.assert_allclose(heard[0, 1600:2400], second * window, atol=1e-6)


@pytest.mark.parametrize("speed", [0.0, 2.0, -1.0])
def test_speed_is_that_of_the_position_not_of_the_pitch(speed: float) -> None:
    codec = SineCodec()
    granulator = alone(codec, speed=speed, density=6.25, position=10 / 47)  # 1280 samples, 5 steps; the loop has 47
    heard = granulator.render(3000)[0, 1280:2080].numpy()
    after = 10 + round(5 * speed)
    expected = own_sound(granulator, codec, after=after, steps=4)[0, :800]
    np.testing.assert_allclose(heard, expected * envelope(800, shape=1.0, sample_rate=RATE) * np.sqrt(0.5), atol=1e-6)


def test_phase_says_where_in_its_step_a_grain_begins() -> None:
    codec = SineCodec()
    granulator = alone(codec, speed=0.0, phase=0.25)
    heard = granulator.render(800)[0].numpy()
    expected = own_sound(granulator, codec, after=0, steps=5)[0, 64:864]
    np.testing.assert_allclose(heard, expected * envelope(800, shape=1.0, sample_rate=RATE) * np.sqrt(0.5), atol=1e-6)


@pytest.mark.parametrize("semitones", [-12.0, 0.0, 7.0, 12.0])
def test_pitch(semitones: float) -> None:
    """One latent, one sine of 125 Hz: the strongest frequency is where it should be."""
    granulator = alone(SineCodec(1), pitch=semitones, duration=500.0, motion=0.0, speed=0.0, density=2.0)
    spectrum = np.abs(np.fft.rfft(granulator.render(4000)[0].numpy(), 65536))
    assert spectrum.argmax() * RATE / 65536 == pytest.approx(125 * 2 ** (semitones / 12), abs=0.5)


@pytest.mark.parametrize("pan", [-1.0, -0.3, 0.0, 1.0])
def test_a_single_channel_is_laid_with_equal_power(pan: float) -> None:
    sound = alone(pan=pan, speed=0.0).render(800).numpy()
    middle = alone(speed=0.0).render(800).numpy()
    power = np.square(sound).sum(1)
    assert power.sum() == pytest.approx(np.square(middle).sum(), rel=1e-5)
    angle = np.pi / 4 * (1 + pan)
    np.testing.assert_allclose(power / power.sum(), [np.cos(angle) ** 2, np.sin(angle) ** 2], atol=1e-6)


def test_two_channels_are_balanced() -> None:
    assert panned(0.0, channels=2) == (1.0, 1.0)
    assert panned(-0.4, channels=2) == (1.0, 0.6)
    assert panned(1.0, channels=2) == (0.0, 1.0)
    sound = alone(SineCodec(2, channels=2), pan=1.0, speed=0.0).render(800)
    assert not sound[0].any()
    assert sound[1].any()


def test_spread_lays_every_grain_elsewhere() -> None:
    granulator = alone(spread=1.0, speed=0.0, density=9.0)
    sound = granulator.render(RATE * 4).numpy()
    power = np.square(sound[:, : 888 * 36].reshape(2, 36, 888)).sum(2)
    shares = power[1] / power.sum(0)
    assert shares.min() < 0.15
    assert shares.max() > 0.85
    assert len(np.unique(shares.round(6))) > 30


def test_density_does_not_turn_up_the_loudness() -> None:
    """Of grains at random the root of the number of those together is taken off."""

    def loudness(density: float) -> float:
        granulator = alone(density=density, jitter=1.0, voices=64, speed=0.0)
        return float(granulator.render(RATE * 8)[:, RATE:].square().mean().sqrt())

    assert loudness(80.0) == pytest.approx(loudness(10.0), rel=0.3)


def test_deviation_gives_each_grain_a_point_of_its_own_by_the_seed() -> None:
    score: Score = [(0, "deviation", (0.5,)), (0, "speed", (0.0,)), (0, "play", ())]
    first, again = (perform(make_granulator(seed=3), score, until=8000) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, perform(make_granulator(seed=4), score, until=8000), atol=1e-4)
    granulator = make_granulator()
    perform(granulator, score, until=8000)
    assert len(granulator._tables._tables) > 5


def test_the_deviation_of_points_is_that_of_the_space() -> None:
    granulator = alone(deviation=0.5, speed=0.0, motion=0.0, density=100.0)
    granulator._budget._left = 1e9
    granulator._budget._most = 1e9
    asides = []
    centre = granulator.place()
    for _ in range(120):
        granulator.render(80)
        latents = list(granulator._tables._tables.values())[-1].latents[0]
        asides.append((latents - granulator._pilot.mean) @ granulator._pilot._axes.T - centre)
        assert granulator.repeated == 0
    spread = np.std(np.unique(np.array(asides), axis=0), axis=0) / granulator._pilot.deviations
    np.testing.assert_allclose(spread, 0.5, rtol=0.2)


def test_too_many_voices_are_dropped_and_counted() -> None:
    granulator = alone(density=50.0, duration=500.0, voices=3.0, speed=0.0)
    granulator.render(RATE // 2 - 1)
    assert len(granulator._cloud) == 3
    assert granulator.dropped == 25 - 3


def test_what_is_beyond_the_budget_is_read_from_the_last_table() -> None:
    """Steps decoded stay below two per step of time, and a burst; every grain has a table, its own or the last."""
    codec = SineCodec()
    granulator = alone(codec, density=200.0, deviation=1.0, duration=50.0, voices=64)
    granulator.render(4 * RATE)
    steps = 4 * RATE / STEP
    assert 1.7 * steps < codec.decoded <= 2 * steps + 20
    assert granulator.dropped == 0
    own = granulator._count - granulator.repeated
    assert len(granulator._tables._tables) == own
    assert granulator.repeated > 600


def test_a_grain_without_any_table_is_dropped_and_counted() -> None:
    granulator = alone(deviation=1.0, duration=5.0, density=50.0)
    granulator.render(2)
    granulator.set("duration", 500.0)
    granulator._budget._left = -9.0  # the only table is too short for it, and another one is not to be had
    granulator.render(RATE // 50)
    assert granulator.dropped == 1
    assert granulator.repeated == 0


def test_a_frozen_sound_is_decoded_once() -> None:
    codec = SineCodec()
    granulator = alone(codec, speed=0.0, density=100.0)
    granulator.render(RATE // 10)
    decoded = codec.decoded
    granulator.render(RATE)
    granulator.set("duration", 60.0)
    granulator.set("pitch", -5.0)
    granulator.render(RATE)
    assert codec.decoded == decoded
    granulator.set("duration", 400.0)  # a longer one goes on where the table ends
    granulator.render(RATE)
    assert decoded < codec.decoded <= decoded + 10
    assert len(granulator._tables._tables) == 1


def test_a_loop_is_decoded_once_round() -> None:
    codec = SineCodec()
    granulator = alone(codec, speed=1.0, density=31.25, loop_s=0.32)  # a grain a step, ten steps
    granulator._budget._most = granulator._budget._left = 1e9
    granulator.render(RATE)
    decoded = codec.decoded
    granulator.render(2 * RATE)
    assert codec.decoded == decoded


def test_grains_along_a_motion_are_read_from_one_table() -> None:
    """However many there are, a second of motion costs a second of steps, and lead-in, latency and the last grain."""
    codec = SineCodec()
    granulator = alone(codec, speed=1.0, density=100.0, loop_s=4.0)
    heard = granulator.render(RATE)
    assert codec.decoded <= RATE / STEP + 1 + 1 + 4 + 1
    assert len(granulator._tables._tables) == 1
    assert granulator.repeated <= 3  # until the first grain is paid off
    assert granulator.dropped == 0
    alone_too = alone(SineCodec(), speed=1.0, density=100.0, loop_s=4.0)
    one_by_one = []
    for _ in range(100):
        one_by_one.append(alone_too.render(80))
        alone_too._tables.clear()  # every grain decoded for itself
    torch.testing.assert_close(torch.cat(one_by_one, dim=1)[:, 2000:], heard[:, 2000:], atol=1e-6, rtol=0)


def test_a_table_is_decoded_as_it_is_read() -> None:
    codec = SineCodec(latency=300)
    granulator = alone(codec, duration=500.0, speed=0.0)
    granulator.render(1)
    assert codec.decoded <= 1 + 2 + 1  # lead-in, latency, the step that is heard
    granulator.render(2000)
    assert codec.decoded <= 1 + 2 + 9


def test_stop_lets_grains_end() -> None:
    granulator = alone(duration=200.0, speed=0.0)
    granulator.render(100)
    granulator.act("stop")
    rest = granulator.render(3000)
    twin = alone(duration=200.0, speed=0.0).render(1600)
    assert torch.equal(rest[:, :1500], twin[:, 100:])
    assert not rest[:, 1500:].any()
    assert not granulator.sounding


def test_panic_is_silence_within_20_ms_without_a_click() -> None:
    granulator = alone(SineCodec(1), duration=500.0, speed=0.0, motion=0.0, envelope=0.0, bias_1=3.0)
    before = granulator.render(400)
    granulator.act("panic")
    after = granulator.render(1000)
    sound = torch.cat([before, after], dim=1)
    assert sound[:, :400].abs().max() > 0.005
    assert not sound[:, 400 + 160 :].any()
    steps = sound[:, 350:600].diff().abs().max()
    assert steps < 0.2 * sound.abs().max()
    assert not granulator.sounding
    granulator.act("play")
    assert granulator.render(400).abs().max() > 0.005


def test_a_walk_is_panned_over_without_going_back_in_time() -> None:
    """A negative speed turns the motion round, not the walk."""
    granulator = make_granulator()
    granulator.set("speed", -2.0)
    granulator.act("walk", 1)
    granulator.act("play")
    granulator.render(RATE)
    phase = granulator._pilot.travel.pose.guide.phase
    assert phase == pytest.approx(-2 * RATE / STEP, abs=2 * 0.07 * RATE / STEP)
    places = []
    for _ in range(40):
        granulator.render(400)
        places.append(granulator.place())
    assert np.ptp(places, axis=0).min() > 0


def test_random_cuts_give_the_same_samples() -> None:
    until = 28_000
    whole = perform(make_granulator(), SCORE, until=until)
    assert whole.abs().max() > 0.05
    generator = np.random.default_rng(0)
    for count in (3, 30, 300):
        cuts = generator.integers(1, until, count).tolist()
        assert torch.equal(perform(make_granulator(), SCORE, until=until, cuts=cuts), whole)


def test_reset_is_the_beginning() -> None:
    granulator = make_granulator()
    granulator.act("walk", 1)
    for name, dial in granulator.knobs().items():
        granulator.set(name, dial.range.high)
    granulator.act("play")
    granulator.render(4000)
    granulator.act("reset")
    assert granulator.playing
    assert {n: granulator.get(n) for n in granulator.knobs()} == {n: d.default for n, d in granulator.knobs().items()}
    granulator.act("stop")
    granulator.render(30_000)
    fresh = make_granulator()
    for g in (granulator, fresh):
        g.act("play")
    assert torch.equal(granulator.render(8000), fresh.render(8000))


def test_more_than_two_channels_are_refused() -> None:
    codec = SineCodec(channels=3)
    with pytest.raises(ParameterError, match="one or two channels, not of 3"):
        Granulator(codec, *surroundings(codec))


def test_a_trained_model() -> None:
    """A grain is what the stream says of its latents; cuts hold there too."""
    codec = timbrespace.load(bundle())
    space = space_of(codec)
    corpus = Corpus.of(codec, space)
    moment = int(np.argmax([corpus.span(i)[1] - int(corpus.starts[i]) for i in range(len(corpus))]))
    score: Score = [
        (0, "spread", (0.0,)), (0, "density", (8.0,)), (0, "duration", (90.0,)), (0, "moment", (moment,)),
        (0, "play", ()), (4000, "deviation", (1.0,)), (6000, "pitch", (5.0,)),
    ]  # fmt: skip
    first, second = (Granulator(codec, space, corpus) for _ in range(2))
    whole = perform(first, score, until=9_000)
    assert whole.abs().max() > 1e-4
    assert torch.equal(perform(second, score, until=9_000, cuts=list(range(100, 9_000, 733))), whole)
    lead, start = max(corpus.span(moment)[0], int(corpus.starts[moment]) - 1), int(corpus.starts[moment])
    if lead < start:
        z = first._pilot.latents(corpus.steps[lead : start + 9])
        stream = codec.stream()
        expected = stream.decode(torch.from_numpy(z).float().T[None])[0, 0, codec.ratio + stream.latency :].numpy()
        n = round(0.09 * codec.sample_rate)
        window = envelope(n, shape=1.0, sample_rate=codec.sample_rate) * np.sqrt(0.5)
        np.testing.assert_allclose(whole[0, :n], expected[:n] * window, atol=2e-4)
