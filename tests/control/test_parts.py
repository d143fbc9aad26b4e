"""The engine's small parts: meters, history, patches, events, messages, takes."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.instruments.fakes import make_voice
from timbrespace.control.history import History
from timbrespace.control.liveness import SILENT_TICKS, STARVED_TICKS, Pulse, Watch, starved
from timbrespace.control.messages import DO, SET, hear, hear_arrays, tell, tell_arrays
from timbrespace.control.meters import Deadline, DeadlineMeter
from timbrespace.control.patch import Patch
from timbrespace.control.session import Event, Queue, Session, last_words
from timbrespace.control.sidecar import knobs_at
from timbrespace.control.takes import Recorder, give_up, take_path, write_take
from timbrespace.core.errors import EngineError, ParameterError, StorageError

blocks = st.lists(st.integers(0, 60), min_size=1, max_size=12)


def ramp(first: int, n: int) -> np.ndarray:
    return np.arange(first, first + n, dtype=np.float32)[:, None]


def test_a_crowded_process_is_not_taken_for_a_hanging_one() -> None:
    """Wanting to run and not being let is no fault; spinning, sleeping, and being unknown to the system are."""
    before = Pulse("R", 10.0)
    assert starved(before, Pulse("R", 10.2), seconds=1.0)
    assert not starved(before, Pulse("R", 10.9), seconds=1.0)
    assert not starved(before, Pulse("S", 10.0), seconds=1.0)
    assert not starved(None, Pulse("R", 10.0), seconds=1.0)
    assert not starved(before, None, seconds=1.0)


def test_the_pulse_of_this_process() -> None:
    first, second = Pulse.of(os.getpid()), Pulse.of(os.getpid())
    if first is None or second is None:
        pytest.skip("needs /proc, where Linux tells how a process is")
    assert first.state == "R"
    assert 0 < first.seconds <= second.seconds
    assert first.seconds == pytest.approx(sum(os.times()[:2]), abs=1.0)
    assert Pulse.of(2**30) is None


def test_patience_with_a_silent_process(monkeypatch: pytest.MonkeyPatch) -> None:
    pulses = {"now": Pulse("S", 1.0)}
    monkeypatch.setattr(Pulse, "of", classmethod(lambda cls, pid: pulses["now"]))

    def looks(watch: Watch) -> int:
        return next(n for n in range(1, 1000) if watch.hangs(heard=False))

    assert looks(Watch(1)) == SILENT_TICKS
    pulses["now"] = Pulse("R", 1.0)
    assert looks(Watch(1)) == STARVED_TICKS
    watch = Watch(1)
    assert not any(watch.hangs(heard=False) for _ in range(SILENT_TICKS - 1))
    assert not watch.hangs(heard=True)
    assert not any(watch.hangs(heard=False) for _ in range(SILENT_TICKS - 1))


def test_the_meter_gathers_whole_periods() -> None:
    meter = DeadlineMeter(100, sample_rate=1000)
    assert meter.summary() == Deadline()
    for _ in range(9):
        for seconds in (0.0, 0.0, 0.0, 0.02):  # three copies and a decoding: 20 ms for 100 ms
            meter.add(seconds, 25)
    meter.add(0.08, 100)
    summary = meter.summary()
    assert summary.p50 == pytest.approx(0.2)
    assert summary.max == pytest.approx(0.8)
    assert summary.p99 == pytest.approx(np.percentile([0.2] * 9 + [0.8], 99))


def test_the_meter_forgets_what_is_long_ago() -> None:
    meter = DeadlineMeter(10, sample_rate=1000, window=5)
    for seconds in [1.0] + [0.001] * 5:
        meter.add(seconds, 10)
    assert meter.summary().max == pytest.approx(0.1)


@given(sizes=blocks, asked=st.integers(0, 80))
@settings(max_examples=60, deadline=None)
def test_history_keeps_the_last_frames(sizes: list[int], asked: int) -> None:
    history = History(50, channels=1)
    total = 0
    for n in sizes:
        history.add(ramp(total, n))
        total += n
    expected = ramp(0, total)[max(0, total - min(asked, 50)) :] if asked else ramp(0, 0)
    np.testing.assert_array_equal(history.last(asked), expected)
    assert history.total == total


def test_whole_blocks_are_left_alone() -> None:
    patch = Patch(1000, channels=1)
    for first in (0, 30):
        np.testing.assert_array_equal(patch.fill(ramp(first, 30), 30), ramp(first, 30))


def test_a_gap_is_held_faded_and_left_without_a_click() -> None:
    patch = Patch(1000, channels=1)
    ones = np.ones((30, 1), np.float32)
    out = np.concatenate(
        [patch.fill(ones, 30), patch.fill(ones[:10], 30), patch.fill(ones[:0], 15), patch.fill(ones, 30)]
    )[:, 0]
    assert (out[:40] == 1).all()
    fade = 0.5 * (1 + np.cos(np.linspace(0, np.pi, 20)))
    np.testing.assert_allclose(out[40:60], fade, atol=1e-6)
    assert not out[60:75].any()
    np.testing.assert_allclose(out[75:80], 0.5 * (1 - np.cos(np.linspace(0, np.pi, 5))), atol=1e-6)
    assert (out[80:] == 1).all()


@given(sizes=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=10))
@settings(max_examples=60, deadline=None)
def test_patches_are_as_long_as_asked_and_bounded(sizes: list[tuple[int, int]]) -> None:
    patch = Patch(1000, channels=2)
    for there, lacking in sizes:
        out = patch.fill(np.ones((there, 2), np.float32), there + lacking)
        assert out.shape == (there + lacking, 2)
        assert (out >= 0).all()
        assert (out <= 1).all()


def test_events_go_through_json() -> None:
    event = Event(5, DO, "place", (0.0, 1.0, 0.1, -2.5))
    assert Event.of(json.loads(json.dumps(event.row()))) == event


@pytest.mark.parametrize("row", [[], [1, "do"], ["1", "do", "play"], [1, "be", "play"], [1, "set", "gain_db", "loud"]])
def test_rows_that_are_no_events_are_refused(row: list[object]) -> None:
    with pytest.raises(ParameterError, match="An event is a row"):
        Event.of(row)


def test_events_act_on_instruments() -> None:
    voice = make_voice()
    Event(0, SET, "motion", (0.25,)).apply(voice)
    Event(0, DO, "play").apply(voice)
    assert voice.get("motion") == 0.25
    assert voice.playing
    with pytest.raises(ParameterError, match="A knob is set to one number, not 2"):
        Event(0, SET, "motion", (0.25, 1.0)).apply(voice)


def test_the_queue_is_in_order_of_samples_then_of_arrival() -> None:
    queue = Queue()
    for sample, name in [(5, "a"), (3, "b"), (5, "c"), (9, "d"), (3, "e")]:
        queue.add(Event(sample, DO, name))
    assert queue.until_next(0) == 3
    assert queue.due(2) is None
    assert [e.name for e in iter(lambda: queue.due(5), None)] == ["b", "e", "a", "c"]
    assert queue.until_next(20) == 0
    assert len(queue) == 1


def test_the_essence_of_a_session_brings_another_instrument_there() -> None:
    session = Session(0, make_voice().actions())
    for kind, name, *values in [
        (SET, "gain_db", -3.0), (DO, "walk", 1.0), (DO, "reset"), (SET, "motion", 0.1), (SET, "motion", 0.5),
        (DO, "play"), (DO, "audition", 3.0), (DO, "moment", 4.0), (DO, "place", 0.0, 1.0, 0.1, 0.2), (DO, "stop"),
        (DO, "play"),
    ]:  # fmt: skip
        session.note(Event(7, str(kind), str(name), tuple(float(v) for v in values)))
    assert [(e.name, e.values) for e in session.essence()] == [
        ("motion", (0.5,)),
        ("place", (0.0, 1.0, 0.1, 0.2)),
        ("play", ()),
    ]


def test_floods_leave_their_last_word() -> None:
    def place(x: float, axis: float = 1.0) -> Event:
        return Event(7, DO, "place", (0.0, axis, x, x))

    def knob(value: float, name: str = "motion") -> Event:
        return Event(7, SET, name, (value,))

    flood = [place(1.0), knob(0.1), place(2.0), knob(0.2), place(3.0, 2.0), knob(0.3, "speed"), place(4.0), knob(0.5)]
    actions = make_voice().actions()
    assert last_words(flood, actions) == [place(3.0, 2.0), knob(0.3, "speed"), place(4.0), knob(0.5)]
    reset, play = Event(7, DO, "reset"), Event(7, DO, "play")
    kept = [knob(0.1), reset, knob(0.2), play, play]
    assert last_words(kept, actions) == kept


def test_a_reset_keeps_playing() -> None:
    session = Session(0, make_voice().actions())
    for kind, name in [(DO, "play"), (SET, "motion"), (DO, "reset")]:
        session.note(Event(7, kind, name, (0.5,) if kind == SET else ()))
    assert [e.name for e in session.essence()] == ["play"]


def test_messages_and_arrays_arrive() -> None:
    a, b = multiprocessing.Pipe()
    tell(a, DO, name="play", values=[1.5])
    assert hear(b) == {"kind": DO, "name": "play", "values": [1.5]}
    arrays = {"x": np.arange(6.0).reshape(2, 3), "empty": np.zeros((0, 4), np.int32)}
    tell_arrays(a, arrays)
    for name, array in hear_arrays(b).items():
        np.testing.assert_array_equal(array, arrays[name])
    with pytest.raises(ValueError, match="not JSON compliant"):
        tell(a, DO, values=[math.nan])


def test_a_recorder_writes_what_it_is_given(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    sound = generator.uniform(-1, 1, (5000, 2)).astype(np.float32)
    recorder = Recorder(tmp_path / "a.wav", sample_rate=8000, channels=2, start=0)
    for first in range(0, 5000, 333):
        recorder.add(sound[first : first + 333])
    assert not (tmp_path / "a.wav").exists()
    recorder.finish()
    written, rate = soundfile.read(tmp_path / "a.wav", dtype="int32", always_2d=True)
    assert rate == 8000
    assert recorder.frames == 5000
    np.testing.assert_array_equal(written >> 8, np.rint(sound.astype(np.float64) * 2**31).astype(int) >> 8)


def test_what_the_disk_refuses_is_one_sentence(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "nowhere" / "a.wav", sample_rate=8000, channels=1, start=0)
    recorder.add(ramp(0, 10) / 100)
    with pytest.raises(StorageError, match="does not exist; make it first"):
        recorder.finish()
    recorder.add(ramp(0, 10))
    assert recorder.error is not None


def test_a_name_is_reserved_before_its_sound_is_there(tmp_path: Path) -> None:
    now = datetime(2026, 5, 4, 3, 2, 1)
    first, second = (take_path(tmp_path, now=now) for _ in range(2))
    assert first != second
    recorder = Recorder(first, sample_rate=8000, channels=1, start=0)
    recorder.add(ramp(0, 5000) / 5000)
    third = take_path(tmp_path, now=now)
    write_take(third, ramp(0, 100) / 100, sample_rate=8000)
    recorder.finish()
    assert soundfile.info(third).frames == 100
    assert soundfile.info(first).frames == 5000
    give_up(second)
    assert take_path(tmp_path, now=now) == second


def test_the_knobs_of_a_take_are_those_since_the_last_reset() -> None:
    voice = make_voice()
    session = Session(0, voice.actions())
    for row in (
        [0, "set", "gain_db", -20.0],
        [50, "set", "motion", 0.5],
        [100, "do", "reset"],
        [150, "set", "motion", 0.25],
    ):
        session.note(Event.of(row))
    knobs = {name: dial.default for name, dial in voice.knobs().items()}
    assert knobs_at(60, session, voice.knobs()) == knobs | {"gain_db": -20.0, "motion": 0.5}
    assert knobs_at(120, session, voice.knobs()) == knobs
    assert knobs_at(200, session, voice.knobs()) == knobs | {"motion": 0.25}


def test_takes_do_not_replace_each_other(tmp_path: Path) -> None:
    now = datetime(2026, 5, 4, 3, 2, 1)
    for name in ("take-20260504-030201.wav", "take-20260504-030201-2.wav", "take-20260504-030201-3.wav"):
        path = take_path(tmp_path / "takes", now=now)
        assert path.name == name
        write_take(path, ramp(0, 3) / 10, sample_rate=8000)
    with pytest.raises(EngineError, match="Nothing was heard yet"):
        write_take(tmp_path / "empty.wav", ramp(0, 0), sample_rate=8000)


def test_what_is_late_on_a_crowded_machine_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    pulses = {"now": Pulse("R", 1.0)}
    monkeypatch.setattr(Pulse, "of", classmethod(lambda cls, pid: pulses["now"]))
    watch = Watch(1)
    assert not any(watch.hangs(heard=False) for _ in range(3 * SILENT_TICKS))
    pulses["now"] = Pulse("D", 1.0)
    assert not any(watch.hangs(heard=False) for _ in range(SILENT_TICKS))
    pulses["now"] = Pulse("S", 1.0)
    assert not any(watch.hangs(heard=False) for _ in range(SILENT_TICKS - 1))
    assert watch.hangs(heard=False)
