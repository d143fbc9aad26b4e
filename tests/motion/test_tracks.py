"""Tracks, their gestures, and libraries of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.motion import files
from timbrespace.core.errors import DataError, ParameterError
from timbrespace.motion import Stretch, Track, draw, gestures, gestures_in
from timbrespace.motion.track import gesture


def marked() -> Track:
    values = torch.arange(40.0).reshape(20, 2)
    return Track(values, ("x", "y"), 10.0, "m", (Stretch(2, 5, "gesture 1"), Stretch(9, 20, "gesture 2")))


def test_gestures_are_cut_at_their_marks() -> None:
    first, second = gestures(marked())
    assert first.label == "m gesture 1"
    assert first.values.tolist() == marked().values[2:5].tolist()
    assert second.seconds == pytest.approx(1.1)
    assert not second.stretches
    alone = Track(torch.zeros(3, 1), ("x",), 1.0)
    assert gestures(alone) == [alone]


def test_a_gesture_by_number_or_name() -> None:
    assert gesture(marked(), 2).label == "m gesture 2"
    assert gesture(marked(), "Gesture 1").label == "m gesture 1"
    with pytest.raises(DataError, match="holds 2 gestures, 1 to 2, and none of number 0"):
        gesture(marked(), 0)
    with pytest.raises(DataError, match="No gesture of m is called 'gestur 3'. Did you mean 'gesture"):
        gesture(marked(), "gestur 3")


def test_cut_keeps_the_marks_inside() -> None:
    assert marked().cut(4, 12, label="c").stretches == (Stretch(0, 1, "gesture 1"), Stretch(5, 8, "gesture 2"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"values": torch.zeros(0, 2)}, r"needs values \(step, channel\)"),
        ({"names": ("x",)}, "2 channels need as many names, not 1"),
        ({"rate_hz": 0.0}, "positive number of steps per second, not 0"),
    ],
)
def test_wrong_tracks(change: dict[str, object], sentence: str) -> None:
    given = {"values": torch.zeros(4, 2), "names": ("x", "y"), "rate_hz": 1.0, **change}
    with pytest.raises(ParameterError, match=sentence):
        Track(**given)  # type: ignore[arg-type]  # that is the test


def test_a_library_of_a_folder(tmp_path: Path) -> None:
    files.uci(tmp_path / "a_raw.csv")
    files.point_history(tmp_path / "h.csv", [(1, files.circle(300), 1)])
    (tmp_path / "readme.txt").write_text("no motion at all")
    (tmp_path / "manifest.csv").write_text("path,licence\na_raw.csv,free\n")
    found = gestures_in(tmp_path)
    assert [g.label for g in found] == ["a_raw gesture 1", "a_raw gesture 2", "h class 1 row 1", "h class 1 row 136"]
    assert [g.label for g in gestures_in(tmp_path, least_seconds=2.0)] == [g.label for g in found if g.seconds >= 2]
    with pytest.raises(DataError, match="none of 100 to 200 s"):
        gestures_in(tmp_path, least_seconds=100.0, most_seconds=200.0)
    with pytest.raises(DataError, match="holds no frames|no column of numbers|holds no rows|No row"):
        gestures_in(tmp_path / "manifest.csv")


def test_extent_is_that_of_the_known_values() -> None:
    values = torch.tensor([[0.0, 1.0], [2.0, 1.0], [torch.nan, 1.0]])
    assert Track(values, ("x", "y"), 1.0).extent == pytest.approx(1.0)
    assert Track(torch.full((3, 1), torch.nan), ("x",), 1.0).extent == 0.0


def test_hands_that_are_held_still_are_left_out(tmp_path: Path) -> None:
    still = 0.5 + 0.001 * files.circle(100)
    path = files.point_history(tmp_path / "h.csv", [(0, still, 1), (1, files.circle(100), 1), (2, files.circle(90), 1)])
    assert [g.label[:9] for g in gestures_in(path)] == ["h class 1", "h class 2"]
    assert len(gestures_in(path, least_extent=0.0)) == 3


def test_draws_depend_on_the_seed_alone() -> None:
    library = [Track(torch.zeros(2, 1), ("x",), 1.0, str(i)) for i in range(30)]
    drawn = [g.label for g in draw(library, 10, seed=3)]
    assert drawn == [g.label for g in draw(library, 10, seed=3)]
    assert drawn == sorted(drawn, key=int)
    assert len(set(drawn)) == 10
    assert drawn != [g.label for g in draw(library, 10, seed=4)]
    with pytest.raises(ParameterError, match="30 gestures are there, and 31 were asked for"):
        draw(library, 31)


def test_real_library(real_data: Path) -> None:
    uci = gestures_in(real_data / "motion" / "uci_gesture_phase")
    tips = gestures_in(real_data / "motion" / "mediapipe_point_history")
    assert len(uci) == 39
    assert len(tips) == 33
    assert not any("class 0" in g.label for g in tips), "the class of fingers that stop"
