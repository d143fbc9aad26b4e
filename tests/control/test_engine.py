"""The engine renders what the instrument renders, when it was told to, and outlives its process."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from tests.control import fakes
from tests.instruments.fakes import make_voice
from timbrespace.audio.output_stage import OutputStage
from timbrespace.control.engine import Engine
from timbrespace.control.outputs import performance, play_to_file, play_to_nothing
from timbrespace.control.sidecar import render_take
from timbrespace.control.tape import GAP_FADE
from timbrespace.core.errors import DataError, EngineError, ParameterError, StorageError

RATE = 8000


def listen(engine: Engine, seconds: float, *, then: Callable[[], bool] = lambda: False) -> np.ndarray:
    """What is heard at the pace of a clock, for a time or until something has happened."""
    start, taken, heard = time.perf_counter(), 0, [np.zeros((0, engine.channels), np.float32)]
    while (now := time.perf_counter() - start) < seconds and not then():
        frames = engine.read_exactly(max(0, round(now * engine.sample_rate) - taken))
        taken += len(frames)
        heard.append(frames)
        time.sleep(0.005)
    return np.concatenate(heard)


def drain(engine: Engine, until: int) -> np.ndarray:
    """Frames up to sample ``until``, as fast as they come."""
    heard = []
    deadline = time.monotonic() + 20
    while (left := until - engine.status().heard) > 0 and time.monotonic() < deadline:
        heard.append(engine.read(left))
        time.sleep(0.001)
    return np.concatenate(heard)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with Engine("no-model", maker=fakes.fatal, takes=tmp_path / "takes", seed=3) as running:
        yield running


def test_the_whole_life_of_an_engine(engine: Engine) -> None:
    """One engine for all that does not end it: starting costs seconds."""
    describes_itself(engine)
    acts_on_the_sample(engine)
    refuses_nonsense(engine)
    records_what_was_heard(engine)
    meters(engine)
    plays_at_the_pace_of_a_clock(engine)


def describes_itself(engine: Engine) -> None:
    voice = make_voice()
    assert (engine.sample_rate, engine.channels) == (RATE, 1)
    assert dict(engine.knobs) == dict(voice.knobs())
    assert engine.actions == dict(voice.actions())
    assert engine.facts == voice.facts()
    for name, array in voice.arrays().items():
        np.testing.assert_array_equal(engine.arrays[name], array)
    status = engine.status()
    assert status.running
    assert not status.playing
    assert status.fill >= 0.06 * RATE
    assert status.codec_latency_s == pytest.approx(100 / RATE)
    assert status.knobs == {name: dial.default for name, dial in voice.knobs().items()}
    assert not engine.read(10).any()


def acts_on_the_sample(engine: Engine) -> None:
    """Against the instrument itself, played in this process."""
    first = engine.status().rendered + 2000
    engine.send("play", at=first)
    engine.send("walk", 5, at=first + 777)
    assert engine.set("gain_db", -6.0, at=first + 2001) == -6.0
    heard = drain(engine, first + 4000)[-4000 - 500 :]
    voice, stage = make_voice(seed=3), OutputStage(RATE, channels=1)
    blocks = [torch.zeros(1, 500)]
    for until, name, values in [(0, "play", ()), (777, "walk", (5,)), (2001, "gain_db", (-6.0,)), (4000, "", ())]:
        blocks.append(voice.render(until - sum(b.shape[1] for b in blocks[1:])))
        if name == "gain_db":
            voice.set(name, *values)
        elif name:
            voice.act(name, *values)
    expected = stage.process(torch.cat(blocks, dim=1)).numpy().T
    assert np.abs(expected).max() > 0.01
    np.testing.assert_array_equal(heard, expected)


def refuses_nonsense(engine: Engine) -> None:
    before = engine.status()
    for value in (math.nan, 1e30, -math.inf):
        with pytest.raises(ParameterError, match="'motion' takes 0 to 1, not"):
            engine.set("motion", value)
        with pytest.raises(ParameterError, match="'place' needs a sensible number for y"):
            engine.send("place", 0, 1, 0.0, value)
    with pytest.raises(ParameterError, match="Did you mean 'motion'?"):
        engine.set("motin", 1.0)
    with pytest.raises(ParameterError, match="takes 4 .* and 1 came"):
        engine.send("place", 1)
    assert engine.set("motion", 7.0) == 1.0
    engine.send("moment", 10_000)  # only the instrument knows how many there are
    listen(engine, 2.0, then=lambda: engine.status().refused == before.refused + 9)
    after = engine.status()
    assert after.refused == before.refused + 9
    assert after.message == "A moment is a whole number from 0 to 29, not 10000; nothing was done."
    assert after.playing
    assert after.restarts == 0


def records_what_was_heard(engine: Engine) -> None:
    drain(engine, engine.status().heard + 3 * GAP_FADE)  # so that no gap is near
    engine.record(True)
    engine.record(True)  # a second request changes nothing
    heard = [drain(engine, engine.status().heard + round(0.2 * RATE))]
    engine.send("place", 0, 1, 1.0, 1.0)
    engine.set("bias_2", 1.0)
    heard.append(drain(engine, engine.status().heard + round(0.5 * RATE)))
    assert engine.status().recording_s == 0.7
    take = engine.record(False)
    assert take is not None
    assert engine.record(False) is None
    sound = np.concatenate(heard)
    recent = engine.keep_recent(0.3)
    for kept, frames in [(take, sound), (recent, sound[-round(0.3 * RATE) :])]:
        written, rate = soundfile.read(kept.path, dtype="int32", always_2d=True)
        assert rate == RATE
        assert kept.frames == len(frames)
        np.testing.assert_array_equal(written >> 8, np.rint(frames.astype(np.float64) * 2**31).astype(int) >> 8)
        content = json.loads(kept.sidecar.read_text())
        assert content["exact"]
        assert content["gaps"] == []
        np.testing.assert_array_equal(render_take(kept.sidecar, "no-model", maker=fakes.sines), frames)
    np.testing.assert_array_equal(engine.recent(0.1), sound[-round(0.1 * RATE) :])


def meters(engine: Engine) -> None:
    status = engine.status()
    assert 0 < status.deadline.p50 <= status.deadline.p99 <= status.deadline.max
    assert status.cpu > 0
    assert len(status.place) == 3
    assert status.peak[0] == np.abs(engine.recent(0.1)).max()
    assert status.sounding


def plays_at_the_pace_of_a_clock(engine: Engine) -> None:
    start = time.perf_counter()
    blocks = list(performance(engine, seconds=0.5, events=None, seed=1))
    assert time.perf_counter() - start > 0.5
    assert sum(len(b) for b in blocks) == round(0.5 * RATE)
    assert np.abs(np.concatenate(blocks)).max() > 0.01


def test_death_and_silence_are_noticed_and_the_state_comes_back(engine: Engine) -> None:
    """A process that is killed, one that hangs, one that fails: each is replaced, and then no more."""
    engine.send("play")
    engine.send("moment", 12)
    engine.set("motion", 0.0)
    listen(engine, 1.0, then=lambda: engine.status().moment == 12)
    before = listen(engine, 0.5)[-256:]
    keeper = engine._keeper
    assert keeper.pid is not None
    os.kill(keeper.pid, signal.SIGKILL)
    keeper._hasty = 0
    while keeper._open:  # noticed at once
        time.sleep(0.005)
    assert engine.set("speed", 3.0) == 3.0
    assert engine.set("speed", 2.0) == 2.0
    heard = listen(engine, 30, then=lambda: engine.status().restarts == 1 and engine.status().sounding)
    listen(engine, 5, then=lambda: engine.status().knobs["speed"] == 2.0)
    status = engine.status()
    assert status.knobs["speed"] == 2.0, "what is asked while the engine is restarted is not lost"
    assert status.message == "The sound engine stopped and was restarted where it was."
    assert status.dropouts >= 1
    assert np.abs(np.diff(heard[:, 0])).max() < 0.05
    assert status.knobs["motion"] == 0.0
    after = listen(engine, 0.5)[-256:]
    np.testing.assert_allclose(np.sort(after, axis=0), np.sort(before, axis=0), atol=3e-3)

    drain(engine, engine.status().heard + 2 * GAP_FADE)
    frames = drain(engine, engine.status().heard + 1000)
    take = engine.keep_recent(1000 / RATE)
    np.testing.assert_array_equal(render_take(take.sidecar, "no-model", maker=fakes.sines), frames)

    keeper._hasty = 0
    engine.send("walk", fakes.ENDLESS)
    start = time.monotonic()
    while keeper.restarts == 1 and keeper.pid is not None and time.monotonic() - start < 3:
        time.sleep(0.02)
    assert time.monotonic() - start < 2.5  # killed well within a second of its last word
    listen(engine, 30, then=lambda: engine.status().restarts == 2)
    assert engine.status().message == "The sound engine did not answer and was restarted where it was."

    engine.send("walk", fakes.WRONG)
    listen(engine, 30, then=lambda: engine.status().restarts == 3)
    assert "as at the beginning, for it had done so before" in engine.status().message
    assert engine.status().knobs["motion"] == 1.0
    assert not engine.status().playing

    engine.send("walk", fakes.DEADLY)
    listen(engine, 30, then=lambda: not engine.status().running)
    assert "stopped again and again" in engine.status().message
    assert not listen(engine, 0.1)[-100:].any()
    with pytest.raises(EngineError, match="again and again"):
        engine.send("play")


def test_what_is_not_rendered_in_time_is_counted(tmp_path: Path) -> None:
    with Engine("no-model", maker=fakes.slow, takes=tmp_path) as engine:
        engine.send("play")
        listen(engine, 0.2)
        engine.record(True)
        heard = listen(engine, 1.0)
        status = engine.status()
        assert status.dropouts >= 2
        assert status.missing > 1000
        assert status.deadline.p50 > 1
        assert np.abs(np.diff(heard[:, 0])).max() < 0.05
        take = engine.record(False)
        assert take is not None
        content = json.loads(take.sidecar.read_text())
        assert not content["exact"]
        assert sum(n for at, n in content["gaps"] if at >= 0) > 1000


def test_a_model_that_says_what_is_wrong_is_quoted() -> None:
    with pytest.raises(EngineError, match=r"^This model is a picture; choose another\.$"):
        Engine("no-model", maker=fakes.refused).start()


def test_a_fault_of_ours_is_admitted() -> None:
    with pytest.raises(EngineError, match=r"could not make an instrument of no-model \(FileNotFoundError\('a bug'\)"):
        Engine("no-model", maker=fakes.mistaken).start()


def test_a_model_that_kills_its_process_gets_a_second_chance_and_no_third(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"ended twice \(exit code 7\); look at the model"):
        Engine(tmp_path, maker=fakes.stillborn).start()
    assert (tmp_path / "starts").read_text() == "xx"


def test_the_process_ends_with_its_owner_and_leaves_nothing(tmp_path: Path) -> None:
    """Killed without a chance to say goodbye; the shared memory goes with it."""
    script = (
        "import time\nfrom tests.control import fakes\nfrom timbrespace.control.engine import Engine\n"
        "if __name__ == '__main__':\n"
        "    engine = Engine('x', maker=fakes.sines).start()\n"
        "    print(engine._keeper.pid, engine._rings[0].name, flush=True)\n    time.sleep(60)\n"
    )
    file = tmp_path / "owner.py"
    file.write_text(script)
    root = Path(__file__).parents[2]
    owner = subprocess.Popen(
        [sys.executable, str(file)], stdout=subprocess.PIPE, text=True, cwd=root, stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(root)},
    )  # fmt: skip
    assert owner.stdout is not None
    pid, name = owner.stdout.readline().split()
    owner.kill()
    owner.wait()
    owner.stdout.close()
    deadline = time.monotonic() + 10
    while (Path(f"/proc/{pid}").exists() or Path(f"/dev/shm/{name}").exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()
    assert not Path(f"/dev/shm/{name}").exists()


def test_a_forgotten_engine_ends_with_the_program_without_a_word() -> None:
    root = Path(__file__).parents[2]
    script = (
        "from tests.control import fakes\nfrom timbrespace.control.engine import Engine\n"
        "engine = Engine('x', maker=fakes.sines).start()\nengine.send('play')\nprint(engine._rings[0].name)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=root, timeout=60,
        env=os.environ | {"PYTHONPATH": str(root)},
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stderr == ""
    assert not Path(f"/dev/shm/{done.stdout.strip()}").exists()


def test_outputs(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    score = [(0.0, "moment", (6.0,)), (0.0, "motion", (0.0,)), (0.1, "play", ())]
    status = play_to_file("x", out, seconds=0.6, events=score, engine=Engine("x", maker=fakes.sines))
    sound, rate = soundfile.read(out, always_2d=True)
    assert (len(sound), rate) == (round(0.6 * RATE), RATE)
    first = int(np.flatnonzero(np.abs(sound[:, 0]) > 1e-5)[0])
    assert round(0.1 * RATE) < first < round(0.12 * RATE)
    assert np.abs(sound[-20:]).max() < 0.01
    assert status.dropouts == 0
    with pytest.raises(StorageError, match="exists already"):
        play_to_file("x", out, seconds=1.0)
    with pytest.raises(ParameterError, match="lasts more than 0 s"):
        play_to_nothing("x", seconds=math.nan)


def test_an_interrupted_performance_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    engine = Engine("x", maker=fakes.sines).start()
    engine.start = lambda: engine  # type: ignore[method-assign]  # it may take long; the interrupt comes while it plays
    threading.Timer(1.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    play_to_file("x", out, seconds=60.0, engine=engine)
    frames = soundfile.info(out).frames
    assert 0 < frames < 50 * RATE
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_side_cars_that_are_none_are_refused(tmp_path: Path) -> None:
    for name, text, sentence in [
        ("a.json", "{", "is no side-car"),
        ("b.json", "{}", "is no side-car"),
        ("c.json", '{"format": 99}', "later version"),
    ]:
        (tmp_path / name).write_text(text)
        with pytest.raises(DataError, match=sentence):
            render_take(tmp_path / name, "x")
    with pytest.raises(DataError, match="cannot be read"):
        render_take(tmp_path / "none.json", "x")


def test_an_engine_that_was_not_started_says_so() -> None:
    with pytest.raises(EngineError, match="call start"):
        Engine("x").read(5)
    with pytest.raises(ParameterError, match="0.005 to 10 s ahead"):
        Engine("x", ahead_s=0.0)
