"""What every instrument promises, whichever it is: one more is one more line in ``MAKERS``."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from tests.instruments.fakes import SineCodec, make_granulator, make_table, make_voice
from timbrespace.audio.output_stage import OutputStage
from timbrespace.core.errors import ParameterError
from timbrespace.instruments import Instrument
from timbrespace.instruments.base import ABSURD

MAKERS: dict[str, Callable[[], Instrument]] = {
    "latent voice": make_voice,
    "latent voice, one latent": lambda: make_voice(SineCodec(1)),
    "latent voice, two channels, no latency": lambda: make_voice(SineCodec(2, channels=2, latency=0)),
    "granulator": make_granulator,
    "granulator, one latent": lambda: make_granulator(SineCodec(1)),
    "granulator, two channels, no latency": lambda: make_granulator(SineCodec(2, channels=2, latency=0)),
    "sound table": make_table,
    "sound table, one latent": lambda: make_table(SineCodec(1)),
    "sound table, two channels, no latency": lambda: make_table(SineCodec(2, channels=2, latency=0)),
}
LOUDEST = 1e3
STEADY = {"motion": 0.0, "glide_ms": 0.0, "jitter": 0.0, "frequency": 50.0, "crossfade": 0.0}
"""Knobs that say when something is heard, where they say most exactly."""
DECISIVE = ("bias_1", "start")
"""Knobs that change the sound itself, of which every instrument has one."""
FAINT = 3
"""Samples of a beginning that may be too soft to differ: sines and envelopes begin at zero."""
BLOCKS = (1, 511, 512, 513, 37, 4000)

make = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())


def sensible(instrument: Instrument, generator: np.random.Generator) -> tuple[str, tuple[float, ...]]:
    """Some knob or action with numbers that may or may not make sense to this instrument."""
    knobs, actions = list(instrument.knobs().values()), list(instrument.actions().values())
    if generator.random() < 0.5:
        dial = knobs[generator.integers(len(knobs))]
        return dial.name, (float(generator.uniform(dial.range.low, dial.range.high)),)
    action = actions[generator.integers(len(actions))]
    return action.name, tuple(float(v) for v in generator.integers(0, 5, len(action.values)))


def attempt(instrument: Instrument, name: str, values: tuple[float, ...]) -> None:
    try:
        if name in instrument.knobs():
            instrument.set(name, values[0])
        else:
            instrument.act(name, *values)
    except ParameterError:
        pass


def played(instrument: Instrument, blocks: list[int], *, every: int, seed: int) -> torch.Tensor:
    """Two seconds with something done every so many samples, in blocks of any size."""
    generator = np.random.default_rng(seed)
    out, left, at = [], 0, 0
    for n in blocks:
        while n:
            if left == 0:
                attempt(instrument, *sensible(instrument, generator))
                left = every
            k = min(n, left)
            out.append(instrument.render(k))
            n, left, at = n - k, left - k, at + k
    return torch.cat(out, dim=1)


@make
def test_shape_and_silence_before_anything_is_asked(make: Callable[[], Instrument]) -> None:
    instrument = make()
    for n in BLOCKS:
        sound = instrument.render(n)
        assert sound.shape == (instrument.channels, n)
        assert sound.dtype == torch.float32
        assert not sound.any()
    assert not instrument.sounding


@make
@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_done_in_whatever_blocks_sound_is_finite_and_the_same(
    make: Callable[[], Instrument], seed: int
) -> None:
    total, every = 24_000, 701
    whole = played(make(), [total], every=every, seed=seed)
    generator = np.random.default_rng(seed)
    cuts = np.sort(generator.integers(0, total, 60))
    blocks = np.diff([0, *cuts, total]).tolist()
    assert torch.equal(played(make(), blocks, every=every, seed=seed), whole)
    assert torch.isfinite(whole).all()


@make
@pytest.mark.parametrize("seed", range(2))
def test_whatever_is_done_levels_are_those_of_sound(make: Callable[[], Instrument], seed: int) -> None:
    """Knobs at any places: far from what single precision holds, and after the output stage inside full scale."""
    sound = played(make(), [16_000], every=211, seed=100 + seed)
    assert sound.abs().max() < LOUDEST
    instrument = make()
    stage = OutputStage(instrument.sample_rate, channels=instrument.channels)
    out = stage.process(sound)
    assert out.abs().max() <= 1
    assert stage.mended <= int((sound.abs() > 16).sum())  # what is held there is loud, and all else is kept


@make
@pytest.mark.parametrize("at", [5000, 5101, 5397])
def test_a_decision_is_heard_after_the_latency_and_before_another_period(
    make: Callable[[], Instrument], at: int
) -> None:
    decided, twin = make(), make()
    for instrument in (decided, twin):
        for name, value in STEADY.items():
            if name in instrument.knobs():
                instrument.set(name, value)
        attempt(instrument, "moment", (6.0,))
        attempt(instrument, "play", ())
    before = [i.render(at) for i in (decided, twin)]
    assert torch.equal(*before)
    assert before[0].any()
    knob = next(name for name in DECISIVE if name in decided.knobs())
    decided.set(knob, decided.knobs()[knob].range.value(0.7))
    differs = (decided.render(3000) != twin.render(3000)).any(dim=0)
    first = int(differs.nonzero()[0])
    assert decided.latency <= first <= decided.latency + decided.period + FAINT


@make
def test_knobs_start_at_their_defaults_inside_their_ranges(make: Callable[[], Instrument]) -> None:
    instrument = make()
    for name, dial in instrument.knobs().items():
        assert dial.name == name
        assert dial.label
        assert dial.range.contains(dial.default)
        assert instrument.get(name) == dial.default
        for value in (dial.range.low, dial.range.high, dial.default):
            instrument.set(name, value)
            assert instrument.get(name) == value
        instrument.set(name, dial.range.high + 1)
        assert instrument.get(name) == dial.range.high


@make
def test_every_action_says_what_it_does_and_counts_its_numbers(make: Callable[[], Instrument]) -> None:
    instrument = make()
    for name, action in instrument.actions().items():
        assert action.name == name
        assert action.about.endswith(".")
        with pytest.raises(ParameterError, match=f"'{name}' takes"):
            instrument.act(name, *[0.0] * (len(action.values) + 1))


@make
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30, 1.1 * ABSURD])
def test_no_sensible_number_no_change(make: Callable[[], Instrument], value: float) -> None:
    instrument, twin = make(), make()
    for i in (instrument, twin):
        attempt(i, "play", ())
    for name in instrument.knobs():
        with pytest.raises(ParameterError, match="the knob stays"):
            instrument.set(name, value)
    for action in instrument.actions().values():
        if action.values:
            with pytest.raises(ParameterError, match="nothing was done"):
                instrument.act(action.name, *[value] * len(action.values))
    assert torch.equal(instrument.render(3000), twin.render(3000))


@make
def test_what_it_tells_is_plain(make: Callable[[], Instrument]) -> None:
    instrument = make()
    rows = {len(array) for array in instrument.arrays().values()}
    assert len(rows) == 1
    assert 0 <= instrument.moment < rows.pop()
    assert all(isinstance(v, float) for v in instrument.place())
    assert instrument.period > 0
    assert instrument.latency >= 0
    assert instrument.mended == 0


@make
def test_warming_changes_nothing(make: Callable[[], Instrument]) -> None:
    warm, cold = make(), make()
    warm.warm()
    for i in (warm, cold):
        attempt(i, "play", ())
    assert torch.equal(warm.render(3000), cold.render(3000))
