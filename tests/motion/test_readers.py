"""Each layout of file: what is read equals what was written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.motion import files
from timbrespace.core.errors import DataError
from timbrespace.motion.readers.landmarks import LANDMARKS
from timbrespace.motion.reading import read_motion
from timbrespace.motion.track import gestures


def test_uci_gestures_lie_between_rests_and_a_full_minute_is_no_pause(tmp_path: Path) -> None:
    track = read_motion(files.uci(tmp_path / "a1_raw.csv"))
    assert track.values.shape == (200, 18)
    assert track.rate_hz == pytest.approx(1000 / 33)
    assert track.names[:3] == ("lhx", "lhy", "lhz")
    assert [(s.start, s.end) for s in track.stretches] == [(20, 100), (150, 200)]
    assert [g.label for g in gestures(track)] == ["a1_raw gesture 1", "a1_raw gesture 2"]
    assert track.values[:, 0].numpy() == pytest.approx(np.sin(np.arange(200) / 15), abs=1e-5)


def test_uci_stamps_that_no_clock_shows_are_milliseconds(tmp_path: Path) -> None:
    text = files.uci(tmp_path / "a.csv", rows=160).read_text("utf-8-sig").splitlines()
    rows = [line.split(",") for line in text[1:]]
    for i, row in enumerate(rows):
        row[-2] = str(5_770_000 + 33 * i)  # 77 s after the minute
    (tmp_path / "b.csv").write_text("\n".join([text[0], *(",".join(r) for r in rows)]))
    track = read_motion(tmp_path / "b.csv")
    assert "times are column timestamp in ms" in track.notes
    assert len(track.values) == 160


def test_uci_pause_is_cut_out_and_ends_a_gesture(tmp_path: Path) -> None:
    text = files.uci(tmp_path / "a.csv", start=100_000).read_text("utf-8-sig").splitlines()
    rows = [line.split(",") for line in text[1:]]
    for row in rows[60:]:
        row[-2] = str(int(row[-2]) + 10_000)
    (tmp_path / "b.csv").write_text("\n".join([text[0], *(",".join(r) for r in rows)]))
    track = read_motion(tmp_path / "b.csv")
    assert [(s.start, s.end) for s in track.stretches] == [(20, 60), (60, 100), (150, 200)]
    assert any("a pause of more than 2 s" in n for n in track.notes)


@pytest.mark.parametrize("hop", [1, 2, 5])
def test_point_history_gives_back_the_recording_it_was_cut_from(tmp_path: Path, hop: int) -> None:
    points = files.circle(151)
    path = files.point_history(tmp_path / "h.csv", [(1, points, hop), (2, 0.5 * points, 1)])
    track = read_motion(path)
    assert track.apart
    assert track.names == ("x", "y")
    assert {s.name.split(" row")[0] for s in track.stretches} == {"class 1", "class 2"}
    covered = 16 + hop * ((len(points) - 16) // hop)
    assert track.values[:covered].numpy() == pytest.approx(points[:covered] - points[0], abs=1e-6)
    assert len(track.values) == covered + 151


def test_point_history_lost_finger_is_a_gap_and_short_recordings_are_left_out(tmp_path: Path) -> None:
    points = files.circle(120) + 0.4
    points[50:54] = 0.0  # where the program puts a finger it does not see
    path = files.point_history(tmp_path / "h.csv", [(0, points, 1), (3, files.circle(17, turns=0.2), 1)])
    track = read_motion(path)
    lost = track.values.isnan().any(1).nonzero().flatten().tolist()
    assert lost == [50, 51, 52, 53]
    assert len(gestures(track)) == 1
    assert any("4 frames in which the finger was lost" in n for n in track.notes)
    assert any("1 recordings shorter than 1 s" in n for n in track.notes)


HEADERS = {
    "x0,y0,z0": [f"{a}{i}" for i in range(21) for a in "xyz"],
    "landmark_0_x": [f"landmark_{i}_{a}" for i in range(21) for a in "xyz"],
    "WRIST_X": [f"{n.upper()}_{a.upper()}" for n in LANDMARKS for a in "xyz"],
    "0_x": [f"{i}_{a}" for i in range(21) for a in "xyz"],
}


@pytest.mark.parametrize("header", list(HEADERS.values()), ids=list(HEADERS))
def test_landmarks_by_name(tmp_path: Path, header: list[str]) -> None:
    points = files.hands()
    rows = np.concatenate([np.arange(40)[:, None] * 0.04, points.reshape(40, -1)], axis=1)
    rows[7, 1:] = 0.0
    track = read_motion(files.table(tmp_path / "l.csv", rows, ",".join(["time", *header])))
    assert track.rate_hz == pytest.approx(25)
    assert track.names[:4] == ("wrist_x", "wrist_y", "wrist_z", "thumb_cmc_x")
    assert track.values[7].isnan().all()
    assert track.values[8].numpy() == pytest.approx(points[8].reshape(-1), abs=1e-5)
    assert "1 frames without a hand are gaps" in track.notes


@pytest.mark.parametrize("axes", [2, 3])
def test_landmarks_without_names(tmp_path: Path, axes: int) -> None:
    points = files.hands(axes=axes)
    track = read_motion(files.table(tmp_path / "l.csv", points.reshape(40, -1)), rate_hz=25)
    assert track.names[-1] == "pinky_tip_" + "xyz"[axes - 1]
    assert track.rate_hz == 25
    assert track.values.numpy() == pytest.approx(points.reshape(40, -1), abs=1e-5)


def test_landmarks_as_tasks_write_them(tmp_path: Path) -> None:
    points = files.hands()
    track = read_motion(files.tasks_json(tmp_path / "l.json", points, lost=(3, 4)))
    assert track.rate_hz == pytest.approx(25)
    assert track.values.isnan().any(1).nonzero().flatten().tolist() == [3, 4]
    assert track.values[10].numpy() == pytest.approx(points[10].reshape(-1), abs=1e-6)


@pytest.mark.parametrize(
    "document",
    [
        {"rate_hz": 50, "names": ["a", "b"], "values": [[1, 2], [3, None], [5, 6]]},
        {"fps": 50, "names": ["a", "b"], "frames": [{"landmarks": [[1, 2]]}, [3, None], [[5, 6]]]},
    ],
)
def test_plain_json(tmp_path: Path, document: dict[str, object]) -> None:
    (tmp_path / "m.json").write_text(json.dumps(document))
    track = read_motion(tmp_path / "m.json")
    assert track.rate_hz == 50
    assert track.names == ("a", "b")
    assert track.values[:, 0].tolist() == [1, 3, 5]
    assert bool(track.values[1, 1].isnan())


@pytest.mark.parametrize(
    ("arrays", "shape", "rate"),
    [
        ({"values": files.circle(), "rate_hz": 60.0, "names": np.array(["a", "b"])}, (120, 2), 60),
        ({"x": files.circle()[:, 0]}, (120, 1), 30),
        ({"other": np.zeros(3), "hand": files.hands()}, (40, 63), 30),
        ({"values": files.circle(), "time": np.arange(120) / 100}, (120, 2), 100),
    ],
)
def test_arrays(tmp_path: Path, arrays: dict[str, np.ndarray], shape: tuple[int, int], rate: float) -> None:
    np.savez(tmp_path / "m.npz", **arrays)
    track = read_motion(tmp_path / "m.npz")
    assert track.values.shape == shape
    assert track.rate_hz == pytest.approx(rate)


def test_single_array(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", files.circle())
    assert read_motion(tmp_path / "m.npy", columns=["2"]).names == ("2",)


def test_arrays_of_objects_are_not_unpacked(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", values=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match=r"m\.npz cannot be read as NumPy arrays of numbers"):
        read_motion(tmp_path / "m.npz")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none.csv", None, "There is no file"),
        ("empty.csv", b"", "holds no rows"),
        ("comments.csv", b"# x,y\n# 1,2\n", "holds no rows"),
        ("header.csv", b"x,y\n", "holds a header and no rows"),
        ("words.csv", b"a,b\nred,green\nblue,red\n", "no column of numbers"),
        ("times.csv", b"time\n0\n1\n", "no column of numbers"),
        ("ragged.csv", b"x,y,z\n1,2\n3,4\n", "No row of .* has as many cells"),
        ("binary.csv", b"\x89PNG\0\0\0", "is no text"),
        ("bad.json", b"[1, 2", "is no valid JSON"),
        ("deep.json", b"[" * 100_000, "is no valid JSON|holds no frames"),
        ("empty.json", b"{}", "holds no frames"),
        ("words.json", b'[["a", "b"]]', "holds no frames"),
        ("cut.npz", b"PK\x03\x04 and no more", "cannot be read as NumPy arrays"),
        ("cut.npy", b"\x93NUMPY\x01", "cannot be read as NumPy arrays"),
        ("short.csv", ("0," + ",".join(["0"] * 32) + "\n").encode() * 2, "no recording of 1 s or more"),
    ],
)
def test_bad_files_get_a_sentence(tmp_path: Path, name: str, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=sentence) as raised:
        read_motion(tmp_path / name)
    assert "\n" not in str(raised.value)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder"):
        read_motion(tmp_path)
    with pytest.raises(DataError, match=r"empty; give a motion"):
        np.savez(tmp_path / "m.npz", values=np.zeros((0, 3)))
        read_motion(tmp_path / "m.npz")


def test_damaged_files_give_numbers_or_a_sentence(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    np.savez(tmp_path / "m.npz", values=files.circle(20))
    sources = [
        files.uci(tmp_path / "u.csv", rows=160),
        files.point_history(tmp_path / "p.csv", [(1, files.circle(60), 1)]),
        files.tasks_json(tmp_path / "j.json", files.hands(4)),
        tmp_path / "m.npz",
    ]
    for source in sources:
        whole = np.frombuffer(source.read_bytes(), dtype=np.uint8)
        for _ in range(25):
            damaged = whole[: generator.integers(1, len(whole) + 1)].copy()
            at = generator.integers(0, len(damaged), size=4)
            damaged[at] = generator.integers(0, 256, size=4)
            (tmp_path / "damaged").write_bytes(damaged.tobytes())
            try:
                assert read_motion(tmp_path / "damaged").values.numel() > 0
            except DataError as error:
                assert "\n" not in str(error)  # noqa: PT017  # either is right


def test_real_gesture_phase(real_data: Path) -> None:
    files_found = sorted((real_data / "motion" / "uci_gesture_phase").glob("*_raw.csv"))
    tracks = [read_motion(f) for f in files_found]
    assert [len(gestures(t)) for t in tracks] == [9, 9, 12, 3, 7]
    assert [round(t.seconds, 1) for t in tracks] == [65.5, 52.3, 62.4, 35.9, 47.7]
    assert not any("pause" in n for t in tracks for n in t.notes)


def test_real_point_history(real_data: Path) -> None:
    track = read_motion(real_data / "motion" / "mediapipe_point_history" / "point_history.csv")
    assert len(track.values) == 5709
    assert "5296 overlapping rows were joined into 14 recordings of 5709 frames" in track.notes
    assert len(gestures(track)) == 46
