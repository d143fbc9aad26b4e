"""Files are there and whole, or not there."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from timbrespace.core.errors import StorageError
from timbrespace.core.files import PARTIAL, atomic_file, atomic_folder, exclusive, sweep, write_json


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError, match="half"), atomic_file(target) as partial:
        partial.write_text("new")
        raise RuntimeError("half way")
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_the_suffix_is_kept_for_libraries_that_look_at_it(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "a.wav") as partial:
        assert partial.suffix == ".wav"
        partial.write_bytes(b"x")
    assert (tmp_path / "a.wav").read_bytes() == b"x"


def test_full_disk_is_one_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match="The disk is full: .*a.bin could not be written"),
        atomic_file(tmp_path / "a.bin"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device that is always full")
def test_a_really_full_device(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="disk is full"), atomic_file(tmp_path / "a.bin") as partial:
        partial.symlink_to("/dev/full")
        with partial.open("wb", buffering=0) as file:
            file.write(b"x" * 4096)


def test_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="does not exist"), atomic_file(tmp_path / "no" / "a.bin") as partial:
        partial.write_bytes(b"x")


def test_folder_replaces_only_when_whole(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with atomic_folder(target) as partial:
        (partial / "a").write_text("1")
    with pytest.raises(StorageError, match="exists already; .*--force"), atomic_folder(target):
        pass
    with pytest.raises(RuntimeError), atomic_folder(target, force=True) as partial:
        raise RuntimeError
    assert (target / "a").read_text() == "1"
    with atomic_folder(target, force=True) as partial:
        (partial / "b").write_text("2")
    assert [p.name for p in target.iterdir()] == ["b"]
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_sweep_removes_only_strays(tmp_path: Path) -> None:
    (tmp_path / f".x{PARTIAL}1.bin").write_text("")
    (tmp_path / f".y{PARTIAL}2").mkdir()
    (tmp_path / "keep").write_text("")
    assert sweep(tmp_path) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["keep"]


def test_json_refuses_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant|Out of range"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


WRITER = """
import sys
from pathlib import Path
from timbrespace.core.files import atomic_file
n = 0
while True:
    n += 1
    with atomic_file(Path(sys.argv[1])) as partial:
        with partial.open("wb") as file:
            for _ in range(64):
                file.write(bytes([n % 256]) * 65536)
"""


def test_killed_writers_never_leave_half_a_file(tmp_path: Path) -> None:
    target = tmp_path / "state.bin"
    for round_number in range(5):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(target)])
        while not target.exists():
            time.sleep(0.01)
        time.sleep(0.03 + 0.037 * round_number)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        content = target.read_bytes()
        assert len(content) == 64 * 65536
        assert len(set(content)) == 1, "a mixture of two writes"


def _hold(path: Path, ready: object, done: object) -> None:
    with exclusive(path, sentence="taken"):
        ready.set()  # type: ignore[attr-defined]  # an Event
        done.wait(10)  # type: ignore[attr-defined]  # an Event


def test_exclusive_refuses_a_second_process(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(tmp_path / "lock", ready, done))
    process.start()
    assert ready.wait(60)
    with pytest.raises(StorageError, match="taken"), exclusive(tmp_path / "lock", sentence="taken"):
        pass
    done.set()
    process.join()
    with exclusive(tmp_path / "lock", sentence="taken"):
        pass
