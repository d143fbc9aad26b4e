"""One instrument after the other: exchanged while playing, replaced when it fails, silenced at once."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.control import fakes
from tests.control.test_engine import RATE, drain, listen
from tests.instruments.fakes import SineCodec, make_voice
from timbrespace.control.engine import Engine
from timbrespace.control.messages import DO, SET
from timbrespace.control.session import Event
from timbrespace.control.sidecar import render_take
from timbrespace.control.tape import GAP_FADE
from timbrespace.control.wishes import Wishes, carried
from timbrespace.core.errors import EngineError

FADE = round(0.02 * RATE)
SLOPE = np.pi / 2 / FADE
"""The highest step of a raised cosine from 0 to 1."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    # So far ahead that a crowded machine does not matter.
    with Engine("three", maker=fakes.several, takes=tmp_path / "takes", seed=3, ahead_s=0.5) as running:
        yield running


def meanwhile(engine: Engine, action: Callable[[], object]) -> np.ndarray:
    """What is heard while something is done in another thread, and for a little while before and after."""
    failed: list[BaseException] = []

    def act() -> None:
        try:
            action()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=act)
    heard = [listen(engine, 0.2)]
    thread.start()
    heard += [listen(engine, 120, then=lambda: not thread.is_alive()), listen(engine, 0.2)]
    thread.join()
    if failed:
        raise failed[0]
    return np.concatenate(heard)


def processes() -> int:
    """How many children this process has."""
    return sum(len(f.read_text().split()) for f in Path("/proc/self/task").glob("*/children"))


def shared() -> set[str]:
    """Names of this user's shared memory."""
    return {f.name for f in Path("/dev/shm").glob("psm_*")}


def step(sound: np.ndarray) -> float:
    """The highest difference between neighbours."""
    return float(np.abs(np.diff(sound[:, 0])).max())


@pytest.mark.slow
def test_models_are_exchanged_while_playing(engine: Engine) -> None:
    engine.send("play")
    engine.set("motion", 0.25)
    engine.set("scale_3", 0.5)
    heard = [listen(engine, 1.0)]
    sizes = set()
    for name in ("two", "three", "two", "three", "two"):
        dropouts = engine.status().dropouts
        heard.append(meanwhile(engine, lambda name=name: engine.load(name)))  # type: ignore[misc]
        assert engine.model == Path(name)
        status = engine.status()
        assert status.playing
        assert status.knobs["motion"] == 0.25
        assert ("scale_3" in status.knobs) == (name == "three")
        assert status.dropouts == dropouts
        sizes.add((processes(), len(shared())))
    assert len(sizes) <= 2, "at most the spare one comes on the way"
    assert engine.knobs.keys() == engine.status().knobs.keys()
    sound = np.concatenate(heard)
    loud = np.abs(sound).max()
    steady = max(step(part[-round(0.1 * RATE) :]) for part in heard)
    assert step(sound) <= steady * 1.5 + 2 * loud * SLOPE
    pieces = np.abs(sound[RATE // 2 :, 0])
    pieces = pieces[: len(pieces) // 400 * 400].reshape(-1, 400).max(axis=1)  # 50 ms each
    assert pieces.min() > 0.03 * loud, "one of the two is quiet, and it is never silent on the way"


@pytest.mark.slow
def test_takes_and_other_models(engine: Engine) -> None:
    engine.send("play")
    listen(engine, 0.5)
    engine.record(True)
    meanwhile(engine, lambda: engine.load("two", seed=5))
    take = engine.record(False)
    assert take is not None
    content = json.loads(take.sidecar.read_text())
    assert (content["model"], content["seed"], content["exact"]) == ("three", 3, False)
    [[frame, model]] = content["takeovers"]
    assert model == "two"
    assert 0.2 * RATE < frame < take.frames - 0.1 * RATE
    engine.set("motion", 0.0)
    drain(engine, engine.status().heard + 2 * GAP_FADE)
    frames = drain(engine, engine.status().heard + 2000)
    take = engine.keep_recent(2000 / RATE)
    content = json.loads(take.sidecar.read_text())
    assert (content["model"], content["seed"], content["exact"], content["takeovers"]) == ("two", 5, True, [])
    assert np.abs(frames).max() > 1e-3
    np.testing.assert_array_equal(render_take(take.sidecar, "two", maker=fakes.several), frames)


@pytest.mark.slow
def test_a_model_that_cannot_play_leaves_the_other_one_playing(engine: Engine) -> None:
    engine.send("play")
    listen(engine, 0.5)
    before = (processes(), engine.status().restarts)
    for name, sentence in [
        ("refused", "^This model is a picture; choose another\\.$"),
        ("stereo", "stereo plays 2 channels at 8000 Hz, and the engine 1 at 8000 Hz; end it and start again"),
        ("fading", "fading could not be played, for its process stopped; what played plays on"),
        ("stillborn", r"that was to play stillborn ended \(exit code 7\); what played plays on"),
    ]:
        heard = np.zeros((0, 1))
        with pytest.raises(EngineError, match=sentence):
            heard = meanwhile(engine, lambda name=name: engine.load(name))  # type: ignore[misc]
        assert len(heard) == 0
        assert engine.model == Path("three")
        assert engine.status().playing
        assert np.abs(listen(engine, 0.2)).max() > 0.01
    assert engine.status().restarts == before[1]
    assert processes() <= before[0] + 1  # the spare one
    engine.load("two")
    assert engine.status().knobs.keys() == engine.knobs.keys()


@pytest.mark.slow
def test_a_spare_process_takes_over_at_once_and_hears_what_a_hanging_one_did_not(engine: Engine) -> None:
    keeper = engine._keeper
    engine.send("play")
    engine.set("motion", 0.0)
    listen(engine, 120, then=lambda: keeper.spare_pid is not None)
    spare = keeper.spare_pid
    assert spare is not None
    assert keeper.pid is not None
    os.kill(keeper.pid, signal.SIGKILL)
    heard = listen(engine, 30, then=lambda: engine.status().restarts == 1 and engine.status().sounding)
    assert keeper.pid == spare
    assert engine.status().message == "The sound engine stopped and was restarted where it was."
    heard = np.concatenate([heard, listen(engine, 0.3)])
    assert step(heard) < 0.05
    assert engine.status().knobs["motion"] == 0.0

    keeper._hasty = 0
    listen(engine, 120, then=lambda: keeper.spare_pid is not None)
    engine.send("walk", fakes.ENDLESS)
    time.sleep(0.02)
    engine.set("gain_db", -6.0)  # nobody listens to it
    engine.panic()
    listen(engine, 30, then=lambda: engine.status().restarts == 2)
    listen(engine, 5, then=lambda: engine.status().knobs["gain_db"] == -6.0)
    status = engine.status()
    assert status.message == "The sound engine did not answer and was restarted where it was."
    assert not status.playing
    assert status.knobs["gain_db"] == -6.0
    assert not listen(engine, 0.3)[RATE // 10 :].any()
    engine.send("play")
    assert np.abs(listen(engine, 2.0)).max() > 0.01


def test_panic_silences_what_was_rendered_ahead(tmp_path: Path) -> None:
    with Engine("three", maker=fakes.several, takes=tmp_path, ahead_s=1.0, spare=False) as engine:
        engine.send("play")
        listen(engine, 1.5)
        assert engine.status().fill > 0.5 * RATE
        drain(engine, engine.status().heard + 1)
        engine.panic()
        silent = drain(engine, engine.status().heard + 4000)
        assert step(silent) < 0.05
        assert not silent[FADE:].any()
        listen(engine, 1.5)
        assert not engine.status().playing
        engine.send("play")
        assert np.abs(listen(engine, 2.5)).max() > 0.01
        assert processes() <= 2  # that one, and the tracker of shared memory


def test_wishes_are_the_last_words_that_were_not_done() -> None:
    actions, wishes = make_voice().actions(), Wishes()
    for event in [
        Event(0, SET, "motion", (0.5,)), Event(0, DO, "play"), Event(0, DO, "moment", (3.0,)),
        Event(0, SET, "motion", (0.25,)), Event(0, DO, "panic"), Event(0, SET, "speed", (2.0,)),
    ]:  # fmt: skip
        wishes.note(event, actions)
    assert [e.name for e in wishes.events()] == ["motion", "speed", "panic"]
    wishes.settle(Event(9, SET, "motion", (0.5,)))
    wishes.settle(Event(9, SET, "speed", (2.0,)))
    wishes.settle(Event(9, DO, "play"))
    assert [(e.name, e.values) for e in wishes.events()] == [("motion", (0.25,)), ("panic", ())]
    wishes.settle(Event(9, DO, "panic"))
    wishes.note(Event(0, DO, "reset"), actions)
    assert wishes.events() == []


def test_what_another_instrument_is_told() -> None:
    three, two = make_voice(), make_voice(SineCodec(2))
    events = [
        Event(5, DO, "play"), Event(6, SET, "scale_3", (0.5,)), Event(7, SET, "motion", (0.5,)), Event(8, DO, "stop"),
        Event(8, DO, "walk", (1.0,)), Event(9, SET, "motion", (0.75,)), Event(9, SET, "gain_db", (1e3,)),
    ]  # fmt: skip
    told = carried(events, three.actions(), two.knobs(), two.actions())
    highest = two.knobs()["gain_db"].range.clamp(1e3)
    assert told == [Event(0, SET, "motion", (0.75,)), Event(0, SET, "gain_db", (highest,)), Event(0, DO, "stop")]
