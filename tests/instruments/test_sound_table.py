"""A table is read as its definition says, made from what was asked for, and exchanged without a click."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from tests.instruments.fakes import SineCodec, make_table
from timbrespace.codecs.looping import centred_line, looping_table
from timbrespace.core.errors import ParameterError
from timbrespace.instruments.sound_table import PACE, SoundTable
from timbrespace.instruments.table_reading import TableState, render_table

RATE, STEP, BLEND, FADE = 8000, 256, 160, 64
Score = Sequence[tuple[int, str, tuple[float, ...]]]


def reference(table: np.ndarray, frequency: np.ndarray, start: np.ndarray, crossfade: int, rate: float) -> np.ndarray:
    """The definition, sample by sample, with a list of all reads there ever were."""
    size = table.shape[1]
    phase, reads = 0, []
    out = np.zeros((len(table), len(frequency)))
    for n in range(len(frequency)):
        f = min(max(float(frequency[n]), 0.0), rate / 2) if math.isfinite(frequency[n]) else 0.0
        s = float(start[n]) if math.isfinite(start[n]) else 0.0
        before, phase = phase >> 40, phase + math.floor(f / rate * 2**40 + 0.5)
        if n == 0 or phase >> 40 > before:
            period = max(1, math.floor(rate / f)) if f > 1e-9 else 2**40
            reads.append((n, s % size, min(crossfade, period)))
        for onset, begin, fade in reads[-16:]:
            k = n - onset
            i, share = int(begin) + k, begin - int(begin)
            x = (1 - share) * table[:, i % size] + share * table[:, (i + 1) % size]
            w = math.sin(math.pi / 2 * (k + 1) / (fade + 1)) ** 2 if k < fade else 1.0
            out[:, n] = (1 - w) * out[:, n] + w * x
    return out


def noise(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((2, n)).astype(np.float32)


def signals(frequency: float, n: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A frequency that wanders by some per cent, and starts anywhere in and outside the table."""
    generator = np.random.default_rng(3)
    f = frequency * np.exp(0.3 * generator.standard_normal(n))
    return f.astype(np.float32).astype(float), (2 * size * generator.standard_normal(n)).astype(np.float32).astype(
        float
    )


@pytest.mark.parametrize("frequency", [0.0, 3.0, 50.0, 1000.0, 7000.0, -20.0])
@pytest.mark.parametrize("crossfade", [0, 1, 100, 4000])
def test_playing_is_its_definition(frequency: float, crossfade: int) -> None:
    table = noise(700)
    f, s = signals(frequency, 1200, 700)
    sound, _ = render_table(table, f, s, crossfade=crossfade, sample_rate=RATE, state=TableState())
    np.testing.assert_allclose(sound, reference(table, f, s, crossfade, RATE), atol=1e-6)


def test_frequencies_that_shoot_up_start_many_reads_in_one_fade() -> None:
    """More than sixteen at once, of which the oldest are dropped."""
    table = noise(700)
    f = np.full(600, 2000.0)
    f[:200:8] = 0.5  # a read that begins there would fade in over the whole time
    f[0] = 0.5
    f[1:200] += 1500
    s = np.linspace(0, 5000, 600)
    sound, _ = render_table(table, f, s, crossfade=4000, sample_rate=RATE, state=TableState())
    np.testing.assert_allclose(sound, reference(table, f, s, 4000, RATE), atol=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_zero(bad: float) -> None:
    table = noise(300)
    f, s = signals(100.0, 500, 300)
    f[::7], s[::5] = bad, bad
    sound, _ = render_table(table, f, s, crossfade=30, sample_rate=RATE, state=TableState())
    clean = [np.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0) for x in (f, s)]
    again, _ = render_table(table, *clean, crossfade=30, sample_rate=RATE, state=TableState())
    assert np.isfinite(sound).all()
    np.testing.assert_array_equal(sound, again)


def test_any_cut_gives_the_same_samples() -> None:
    table = noise(3000)
    f, s = signals(170.0, 5000, 3000)
    first = TableState()
    whole, _ = render_table(table, f, s, crossfade=200, sample_rate=RATE, state=first)
    generator = np.random.default_rng(5)
    for count in (1, 40, 1000):
        state, pieces = TableState(), []
        edges = [0, *np.sort(generator.integers(0, 5000, count)).tolist(), 5000]
        for a, b in itertools.pairwise(edges):
            piece, state = render_table(table, f[a:b], s[a:b], crossfade=200, sample_rate=RATE, state=state)
            pieces.append(piece)
        np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole)
    assert first.numbers.tolist() == [0, -1]  # what is given is left as it is


def test_no_rate_of_grains_clicks() -> None:
    """Reads of a slow sine: no step is larger than the fade of a full swing over the shortest fade allows."""
    table = np.sin(2 * np.pi * np.arange(4000) / 1000)[None].astype(np.float32)
    for frequency in (2.0, 20.0, 80.0):
        f, s = np.full(8000, frequency), np.linspace(0, 3999, 8000)
        sound, _ = render_table(table, f, s, crossfade=100, sample_rate=RATE, state=TableState())
        assert np.abs(np.diff(sound)).max() < 2 * np.pi / 2 / 100 + 2 * np.pi / 1000


def test_above_20_hz_it_is_a_tone_of_that_frequency() -> None:
    table = noise(4000)[:1]
    f, s = np.full(RATE, 200.0), np.full(RATE, 123.0)
    sound, _ = render_table(table, f, s, crossfade=10, sample_rate=RATE, state=TableState())
    later = sound[0, 1000:5000]
    np.testing.assert_allclose(later[40:], later[:-40], atol=1e-6)  # 8000 / 200 = 40 samples


def test_shapes_are_checked() -> None:
    one = np.ones(3)
    with pytest.raises(ParameterError, match=r"has shape \(channel, sample\), not \(1, 0\)"):
        render_table(np.zeros((1, 0)), one, one, crossfade=0, sample_rate=RATE, state=TableState())
    with pytest.raises(ParameterError, match=r"signals of one length, not of shapes \(3,\) and \(2,\)"):
        render_table(np.zeros((1, 9)), one, np.ones(2), crossfade=0, sample_rate=RATE, state=TableState())


# The instrument.

SCORE: Score = [
    (0, "play", ()),
    (500, "frequency", (30.0,)),
    (900, "end_point", (0.5, -0.2, 1.0)),
    (1500, "speed", (0.7,)),
    (1600, "moment", (6,)),
    (1700, "walk", (3,)),
    (4000, "crossfade", (77.3,)),
    (5000, "start", (0.8,)),
    (6000, "gain_db", (-9.0,)),
    (6100, "line", (2, 20)),
    (9000, "stop", ()),
    (9020, "play", ()),
    (12_000, "frequency", (900.0,)),
    (14_000, "panic", ()),
    (14_500, "play", ()),
    (15_000, "end_point", (1.5, 0.2, -1.0)),
    (16_000, "reset", ()),
    (16_050, "reset", ()),
]


def perform(table: SoundTable, score: Score, *, until: int, cuts: Sequence[int] = ()) -> torch.Tensor:
    """The samples up to ``until``, cut at ``cuts`` and where something is done."""
    stops = sorted({at for at, _, _ in score} | set(cuts) | {until})
    position, blocks, left = 0, [], list(score)
    for stop in stops:
        while left and left[0][0] <= position:
            _, name, values = left.pop(0)
            if name in table.knobs():
                table.set(name, *values)
            else:
                table.act(name, *values)
        blocks.append(table.render(stop - position))
        position = stop
    return torch.cat(blocks, dim=1)


def test_random_cuts_of_the_instrument_give_the_same_samples() -> None:
    until = 18_000
    whole = perform(make_table(), SCORE, until=until)
    assert whole.abs().max() > 0.05
    generator = np.random.default_rng(0)
    for count in (2, 30, 300):
        cuts = generator.integers(1, until, count).tolist()
        assert torch.equal(perform(make_table(), SCORE, until=until, cuts=cuts), whole)


def test_it_plays_its_table_with_its_dials() -> None:
    table = make_table()
    table.set("frequency", 4.0)
    table.set("start", 0.25)
    table.set("crossfade", 50.0)
    table.render(200)  # silent: ramps wait for the sound
    table.act("play")
    table.render(100)
    table.act("stop")
    table.render(100)
    table.act("play")  # by now dials have arrived
    heard = table.render(6000).numpy()
    n = table.table.shape[1]
    f, s = np.full(6000, 4.0), np.full(6000, 0.25 * n)
    f[:1], expected = 4.0, reference(table.table, f, s, 50, RATE)
    np.testing.assert_allclose(heard[:, FADE:], expected[:, FADE:], atol=1e-5)


def test_start_travels_by_itself() -> None:
    """At one table a second every grain starts where the last one, of a whole period, ended: the table runs through."""
    table = make_table()
    n = table.table.shape[1]
    table.set("speed", RATE / n)
    table.set("crossfade", 0.0)
    table.act("play")
    heard = table.render(3 * n).numpy()
    np.testing.assert_allclose(heard[:, FADE:n], table.table[:, FADE:], atol=2e-4)


def test_the_table_is_the_line_that_was_asked_for() -> None:
    codec = SineCodec()
    table = make_table(codec)
    end = np.array([0.3, -0.2, 0.4])
    table.act("end_point", *end)
    table.render(RATE)
    steps = round(0.5 * RATE / STEP)
    expected = looping_table(codec, centred_line(table._pilot.mean, end, steps=steps), crossfade=160)
    np.testing.assert_allclose(table.table, expected, atol=1e-5)


@pytest.mark.parametrize(("name", "values"), [("line", (2, 20)), ("moment", (6,)), ("walk", (1,))])
def test_other_tables(name: str, values: tuple[float, ...]) -> None:
    table = make_table()
    before = table.table
    table.act(name, *values)
    table.render(RATE)
    points = table._now.made.points
    assert not np.array_equal(before, table.table)
    corpus = table._pilot.corpus
    if name == "line":
        np.testing.assert_allclose(points[[0, -1]], corpus.positions[[2, 20]])
    elif name == "moment":
        np.testing.assert_allclose(points, corpus.steps[int(corpus.starts[6]) :][: len(points)])
    else:
        assert np.linalg.norm(np.diff(points, axis=0) / table._pilot.deviations, axis=1).max() < 1


def test_a_table_is_there_when_its_steps_have_been_decoded_at_the_pace() -> None:
    codec = SineCodec()
    table = make_table(codec)
    made, steps = codec.decoded, round(0.5 * RATE / STEP)
    table.act("end_point", 1.0, 1.0, 1.0)
    before = table.table
    table.render(STEP)
    assert codec.decoded - made == PACE
    due = math.ceil((steps + 1) * STEP / PACE)  # a step more for 100 samples of latency
    table.render(due - STEP)
    assert table.table is before
    table.render(1)
    assert table.table is not before


def test_of_many_wishes_the_last_follows_the_one_under_way() -> None:
    table = make_table()
    for k in range(30):
        table.act("end_point", 0.1 * k, 0.0, 0.0)
        table.render(50)
    table.render(3 * RATE)
    np.testing.assert_allclose(
        table._pilot.latents(table._now.made.points[-1])[0] - table._pilot.mean[0], 2.9, atol=1e-4
    )


def test_a_new_table_fades_in_over_the_old_one() -> None:
    table = make_table(SineCodec(1))
    table.set("frequency", 0.1)
    table.act("play")
    table.render(RATE // 2)
    table.act("end_point", -2.0)
    sound = table.render(RATE)[0]
    slope = 0.02 * 6 * 2 * np.pi * 4 / 256 + 0.02 * 12 * np.pi / 2 / BLEND  # of the sine, and of the fade
    assert sound.diff().abs().max() < slope


def test_reset_is_the_beginning() -> None:
    table, fresh = make_table(), make_table()
    perform(table, SCORE[:12], until=13_000)
    table.act("reset")
    table.render(4000)
    table.act("stop")
    table.render(100)
    for t in (table, fresh):
        t.act("play")
    assert {n: table.get(n) for n in table.knobs()} == {n: d.default for n, d in table.knobs().items()}
    assert torch.equal(table.render(4000), fresh.render(4000))


def test_lengths_are_checked() -> None:
    with pytest.raises(ParameterError, match="more than 0 s and up to 60 s, not 61 s"):
        make_table(seconds=61.0)
