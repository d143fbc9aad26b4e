"""The voice says of its sounds what they are, at the samples it was told to, and refuses nonsense unharmed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch

import timbrespace
from tests.bundles import bundle, own_process  # noqa: F401  # a fixture
from tests.instruments.fakes import SineCodec, make_voice
from timbrespace.codecs.space import space_of
from timbrespace.core.errors import ParameterError
from timbrespace.instruments.corpus import Corpus
from timbrespace.instruments.latent_voice import LatentVoice

RATE, STEP, FADE = 8000, 256, 64
Score = Sequence[tuple[int, str, tuple[float, ...]]]

SCORE: Score = [
    (0, "play", ()),
    (700, "bias_2", (1.5,)),
    (2001, "place", (0, 2, 1.0, -0.5)),
    (3000, "gain_db", (-6.0,)),
    (3333, "audition", (7,)),
    (4100, "audition", (9,)),
    (4101, "speed", (1.7,)),
    (14000, "walk", (5,)),
    (15872, "glide_ms", (0.0,)),
    (15872, "scale_1", (2.0,)),
    (17000, "stop", ()),
    (17031, "play", ()),
    (18000, "line", (2, 20, 0.7)),
    (21000, "loop_s", (0.3,)),
    (23000, "panic", ()),
    (23500, "audition", (3,)),
    (26000, "reset", ()),
    (26100, "play", ()),
]


def do(voice: LatentVoice, name: str, values: tuple[float, ...]) -> None:
    if name in voice.knobs():
        voice.set(name, *values)
    else:
        voice.act(name, *values)


def perform(voice: LatentVoice, score: Score, *, until: int, cuts: Sequence[int] = ()) -> torch.Tensor:
    """The samples up to ``until``, cut at ``cuts`` and where something is done."""
    stops = sorted({at for at, _, _ in score} | set(cuts) | {until})
    position, blocks, left = 0, [], list(score)
    for stop in stops:
        while left and left[0][0] <= position:
            do(voice, *left.pop(0)[1:])
        blocks.append(voice.render(stop - position))
        position = stop
    return torch.cat(blocks, dim=1)


def own_sound(voice: LatentVoice, codec: SineCodec, moment: int, steps: int) -> torch.Tensor:
    corpus = voice._corpus
    start = int(corpus.starts[moment])
    z = voice._pilot.latents(corpus.steps[start : start + steps])
    return codec.decode(torch.from_numpy(z).float().T[None])[0]


def test_a_moment_is_heard_as_the_sound_it_is_of() -> None:
    codec = SineCodec()
    voice = make_voice(codec)
    voice.act("moment", 6)
    voice.act("play")
    heard = voice.render(30 * STEP)
    torch.testing.assert_close(heard[:, FADE:], own_sound(voice, codec, 6, 30)[:, FADE:], atol=1e-7, rtol=0)
    rise = 0.5 * (1 - torch.cos(torch.pi * torch.arange(1, FADE) / FADE))
    torch.testing.assert_close(heard[0, : FADE - 1], own_sound(voice, codec, 6, 1)[0, : FADE - 1] * rise)


def test_at_rest_it_is_where_it_was_sent() -> None:
    voice = make_voice()
    for moment in (6, 12):
        voice.act("moment", moment)
        np.testing.assert_allclose(voice.place(), voice._corpus.steps[voice._corpus.starts[moment]])


def test_without_motion_it_stands_still() -> None:
    codec = SineCodec()
    voice = make_voice(codec)
    voice.act("moment", 6)
    voice.set("motion", 0.0)
    voice.act("play")
    periods = voice.render(20 * STEP)[0].reshape(20, STEP)
    z = voice._pilot.latents(voice._corpus.positions[6])
    expected = codec.decode(torch.from_numpy(z).float()[None, :, None])[0, 0]
    torch.testing.assert_close(periods[1:], expected.expand(19, -1), atol=1e-7, rtol=0)


def test_scale_and_bias_bend_the_axes() -> None:
    voice = make_voice()
    voice.act("moment", 6)
    voice.set("motion", 0.0)
    voice.set("scale_1", 0.5)
    voice.set("bias_3", -2.0)
    voice.act("play")
    voice.render(STEP)
    expected = voice._corpus.positions[6] * [0.5, 1, 1] + np.array([0, 0, -2]) * voice._pilot.deviations
    np.testing.assert_allclose(voice.place(), expected, atol=1e-6)


def test_nothing_leaves_six_deviations() -> None:
    voice = make_voice()
    voice.act("place", 0, 1, 9e5, -9e5)
    for i in (1, 2, 3):
        voice.set(f"scale_{i}", 5.0)
        voice.set(f"bias_{i}", 3.0)
    voice.act("play")
    assert torch.isfinite(voice.render(4000)).all()
    assert (np.abs(voice.place()) <= 6 * voice._pilot.deviations + 1e-9).all()


def test_a_hundred_random_cuts_give_the_same_samples() -> None:
    until = 28_000
    whole = perform(make_voice(), SCORE, until=until)
    assert whole.abs().max() > 0.05
    generator = np.random.default_rng(0)
    for _ in range(100):
        cuts = generator.integers(1, until, generator.integers(1, 200)).tolist()
        assert torch.equal(perform(make_voice(), SCORE, until=until, cuts=cuts), whole)


def test_the_seed_decides_the_walk() -> None:
    score: Score = [(0, "play", ()), (0, "walk", (1,))]
    first, again = (perform(make_voice(seed=3), score, until=20_000) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, perform(make_voice(seed=4), score, until=20_000))
    assert not torch.equal(first, perform(make_voice(seed=3), [score[0], (0, "walk", (2,))], until=20_000))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("place", (0, 1, 2.0, 2.0)),
        ("moment", (12,)),
        ("walk", (1,)),
        ("line", (20, 3, 1.0)),
        ("scale_1", (3.0,)),
        ("bias_2", (2.0,)),
        ("motion", (0.2,)),
        ("gain_db", (-12.0,)),
    ],
)
@pytest.mark.parametrize("glide", [0.0, 80.0, 2000.0])
def test_a_change_is_heard_with_the_next_step(name: str, values: tuple[float, ...], glide: float) -> None:
    """A step is fetched when the first of its samples is due, ``latency`` samples before it is heard."""
    at = 5000
    start: Score = [(0, "glide_ms", (glide,)), (0, "moment", (6,)), (0, "play", ())]
    plain = perform(make_voice(), start, until=8000)[0]
    changed = perform(make_voice(), [*start, (at, name, values)], until=8000)[0]
    first = int(torch.nonzero(plain != changed)[0])
    assert at <= first <= at + STEP + 100 + 2  # 100 samples of latency, and a sine begins at zero


def test_gliding_takes_its_time() -> None:
    """95 % of the way after the glide, straight on, and at once without one: shares of the way that are left."""

    def way(glide: float) -> np.ndarray:
        voice = make_voice()
        voice.set("motion", 0.0)
        voice.set("glide_ms", glide)
        voice.act("moment", 0)
        voice.act("play")
        voice.render(4 * STEP)
        voice.act("moment", 29)
        places = []
        for _ in range(64):
            voice.render(STEP)
            places.append(voice.place())
        start, target = voice._corpus.positions[[0, 29]]
        left = (np.array(places) - target) @ (start - target) / np.square(start - target).sum()
        np.testing.assert_allclose(places, target + left[:, None] * (start - target), atol=1e-9)
        return left

    left = way(1024.0)  # 32 steps
    assert left[31] == pytest.approx(0.05, rel=1e-3)
    assert (np.diff(left) < 0).all()
    assert left[0] > 0.9
    assert way(0.0)[0] == pytest.approx(0, abs=1e-9)


def test_an_audition_sounds_from_rest_and_then_rests_again() -> None:
    codec = SineCodec()
    voice = make_voice(codec)
    voice.act("audition", 10)  # at the beginning of a sound of 40 steps; a second is 31 steps
    assert not voice.playing
    heard = voice.render(2 * RATE)
    own = own_sound(voice, codec, 10, 31)
    torch.testing.assert_close(heard[:, FADE : 31 * STEP], own[:, FADE:], atol=1e-7, rtol=0)
    assert not heard[:, 31 * STEP + FADE :].any()
    assert heard[:, 31 * STEP : 31 * STEP + FADE // 2].any()
    assert not voice.sounding
    assert codec.decoded < 36


def test_after_an_audition_what_sounded_before_sounds_again() -> None:
    voice = make_voice()
    voice.act("moment", 6)
    voice.set("motion", 0.0)
    voice.act("play")
    before = voice.render(4 * STEP)[:, -STEP:]
    place = voice.place()
    voice.act("audition", 20)
    during = voice.render(RATE)
    after = voice.render(10 * STEP)[:, -STEP:]
    assert voice.place() == place
    assert not torch.allclose(during[:, RATE // 2 :][:, :STEP], before, atol=1e-3)
    # Steps begin anew where the voice does, so the sound is the same but for where in the cycle it is.
    torch.testing.assert_close(after.sort().values, before.sort().values, atol=2e-3, rtol=0)


def test_what_is_not_heard_is_not_decoded() -> None:
    codec = SineCodec()
    voice = make_voice(codec)
    assert not voice.render(10_000).any()
    assert codec.decoded == 0
    voice.act("play")
    voice.render(1000)
    voice.act("stop")
    voice.render(1000)
    decoded = codec.decoded
    assert not voice.render(10_000).any()
    assert codec.decoded == decoded


@pytest.mark.parametrize("name", ["stop", "panic"])
def test_ends_without_a_click_and_soon(name: str) -> None:
    voice = make_voice(SineCodec(1))  # a single slow sine: 125 Hz
    voice.act("play")
    voice.render(5000)
    voice.act(name)
    end = voice.render(1000)[0]
    assert end[0] != 0
    assert not end[FADE:].any()
    assert float(end.diff().abs().max()) < 0.02
    assert not voice.playing


def test_panic_ends_an_audition_and_a_walk() -> None:
    voice = make_voice()
    voice.act("play")
    voice.act("walk", 3)
    voice.render(5000)
    voice.act("audition", 3)
    voice.render(100)
    voice.act("panic")
    assert not voice.render(4000)[:, FADE:].any()
    voice.act("play")
    voice.render(STEP)
    moment = voice.moment
    voice.render(40 * STEP)
    assert voice.moment == moment


def test_starts_and_changes_of_level_do_not_click() -> None:
    """With a single sine no sample is further from the one before than fades and the sine itself allow."""
    voice = make_voice(SineCodec(1))
    score: Score = [
        (0, "play", ()), (3000, "stop", ()), (3010, "play", ()), (5000, "gain_db", (-20.0,)), (7000, "gain_db", (0.0,)),
        (9000, "audition", (5,)), (9500, "audition", (15,)), (9520, "audition", (25,)), (20_000, "panic", ()),
        (20_100, "play", ()),
    ]  # fmt: skip
    sound = perform(voice, score, until=24_000)[0]
    slope = float(sound.abs().max()) * (2 * math.pi * 4 / STEP + math.pi / 2 / FADE)
    assert float(sound.diff().abs().max()) < 1.2 * slope


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30, -1e7])
def test_numbers_that_make_no_sense_change_nothing(value: float) -> None:
    voice, twin = make_voice(), make_voice()
    for v in (voice, twin):
        v.act("play")
    for name in voice.knobs():
        before = voice.get(name)
        with pytest.raises(ParameterError, match=f"'{name}' takes .* the knob stays"):
            voice.set(name, value)
        assert voice.get(name) == before
    for action in voice.actions().values():
        for i in range(len(action.values)):
            values = [1.0] * len(action.values)
            values[i] = value
            with pytest.raises(ParameterError, match=f"'{action.name}' needs a sensible number for {action.values[i]}"):
                voice.act(action.name, *values)
    assert torch.equal(voice.render(4000), twin.render(4000))


def test_values_outside_the_range_are_held_at_its_end() -> None:
    voice = make_voice()
    voice.set("gain_db", 99.0)
    voice.set("loop_s", -5)
    assert (voice.get("gain_db"), voice.get("loop_s")) == (12.0, 0.1)


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("plai", (), r"no action 'plai'. Did you mean 'play'\?"),
        ("place", (0, 1), r"takes 4 \(axis_x, axis_y, x, y\) numbers, and 2 came"),
        ("play", (1,), "takes no numbers, and 1 came"),
        ("place", (0, 0, 1.0, 1.0), "two different axes, not axis 0 twice"),
        ("place", (0, 3, 1.0, 1.0), "axis_y is a whole number from 0 to 2, not 3"),
        ("place", (0.5, 1, 1.0, 1.0), "axis_x is a whole number from 0 to 2, not 0.5"),
        ("moment", (30,), "A moment is a whole number from 0 to 29, not 30"),
        ("audition", (-1,), "from 0 to 29, not -1"),
        ("line", (0, 1, 0.0), "more than none, not 0 s"),
        ("line", (0, 1, 601), "up to 600 s"),
    ],
)
def test_wrong_requests_get_a_sentence(name: str, values: tuple[float, ...], sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        make_voice().act(name, *values)


def test_unknown_knobs_are_refused_with_the_nearest() -> None:
    with pytest.raises(ParameterError, match=r"no knob 'gain'. Did you mean 'gain_db'\?"):
        make_voice().set("gain", 0.0)
    with pytest.raises(ParameterError, match="no knob 'scale_99'"):
        make_voice().get("scale_99")


def test_reset_is_the_beginning() -> None:
    voice = make_voice()
    home = voice.place()
    voice.act("walk", 1)
    for name, dial in voice.knobs().items():
        voice.set(name, dial.range.high)
    voice.act("play")
    voice.render(4000)
    voice.act("reset")
    assert voice.playing
    assert {n: voice.get(n) for n in voice.knobs()} == {n: d.default for n, d in voice.knobs().items()}
    voice.act("stop")
    voice.render(1000)
    fresh = make_voice()
    for v in (voice, fresh):
        v.act("play")
    assert torch.equal(voice.render(4000), fresh.render(4000))
    assert np.linalg.norm(np.subtract(voice.place(), home)) < 5


@pytest.mark.parametrize(("sounds", "steps"), [(1, 2), (1, 3), (1, 40), (7, 2)])
def test_small_corpora_are_playable(sounds: int, steps: int) -> None:
    voice = make_voice(sounds=sounds, steps=steps)
    score: Score = [
        (0, "play", ()), (500, "walk", (1,)), (3000, "line", (0, 0, 0.01)), (5000, "audition", (0,)),
        (9000, "place", (0, 1, 0.1, 0.1)), (9500, "loop_s", (4.0,)),
    ]  # fmt: skip
    assert torch.isfinite(perform(voice, score, until=14_000)).all()


def test_one_latent() -> None:
    voice = make_voice(SineCodec(1))
    voice.act("play")
    voice.act("walk", 2)
    assert voice.render(4000).abs().max() > 0
    with pytest.raises(ParameterError, match="axis_y is a whole number from 0 to 0"):
        voice.act("place", 0, 1, 0.0, 0.0)


def test_channels() -> None:
    voice = make_voice(SineCodec(channels=2))
    voice.act("play")
    sound = voice.render(3000)
    assert sound.shape == (2, 3000)
    assert torch.equal(sound[0], sound[1])


def test_a_trained_model() -> None:
    """The sound of a moment is what the codec's stream says of its latents; splits and stamps hold there too."""
    codec = timbrespace.load(bundle())
    space = space_of(codec)
    corpus = Corpus.of(codec, space)
    left = [corpus.span(i)[1] - int(corpus.starts[i]) for i in range(len(corpus))]
    moment = int(np.argmax(left))
    score: Score = [
        (0, "moment", (moment,)), (0, "play", ()), (9000, "place", (0, 1, 0.5, 0.5)), (12_000, "audition", (5,)),
    ]  # fmt: skip
    first, second = (LatentVoice(codec, space, corpus) for _ in range(2))
    whole = perform(first, score, until=20_000)
    assert whole.abs().max() > 1e-3
    assert torch.equal(perform(second, score, until=20_000, cuts=list(range(100, 20_000, 733))), whole)
    start = int(corpus.starts[moment])
    z = first._pilot.latents(np.concatenate([corpus.steps[[start]], corpus.steps[start : start + 14]]))
    stream = codec.stream()
    expected = stream.decode(torch.from_numpy(z).float().T[None])[0, :, codec.ratio + stream.latency :]
    fade = round(0.008 * codec.sample_rate)
    torch.testing.assert_close(whole[:, fade:5000], expected[:, fade:5000], atol=2e-4, rtol=0)
