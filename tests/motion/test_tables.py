"""Tables and times: delimiters, headers, decimal commas, irregular and broken clocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.motion import files
from timbrespace.core.errors import DataError, ParameterError
from timbrespace.motion.reading import read_motion
from timbrespace.motion.table import MAX_COLUMNS, read_table
from timbrespace.motion.timing import regular


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " ", "   "])
@pytest.mark.parametrize("header", [True, False])
def test_delimiters_and_headers(tmp_path: Path, delimiter: str, header: bool) -> None:
    names = delimiter.join(["left", "up"]) if header else ""
    track = read_motion(files.table(tmp_path / "m.txt", files.circle(), names, delimiter=delimiter))
    assert track.names == (("left", "up") if header else ("1", "2"))
    assert track.values.numpy() == pytest.approx(files.circle(), abs=1e-5)


def test_decimal_comma(tmp_path: Path) -> None:
    lines = [";".join(f"{v:.4f}".replace(".", ",") for v in row) for row in files.circle()]
    (tmp_path / "m.csv").write_text("x;y\n" + "\n".join(lines))
    assert read_motion(tmp_path / "m.csv").values.numpy() == pytest.approx(files.circle(), abs=1e-4)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "m.csv").write_bytes("höhe,y\r\n1,2\r\n3,4\r\n5,7\r\n".encode(encoding))
    assert read_motion(tmp_path / "m.csv").names == ("höhe", "y")


def test_comments_quotes_and_double_names() -> None:
    table = read_table('# made by hand\n"x","x",""\n1,"2",3\n\n4,5,6\n', where="m.csv")
    assert table.names == ("x", "x (2)", "3")
    assert table.numbers("x (2)")[0].tolist() == [2, 5]


def test_text_columns_are_left_out_and_said() -> None:
    rows = "\n".join(f"{i / 7:.3f},walk,{'lost' if i == 3 else i * 0.1}" for i in range(20))
    table = read_table("x,phase,y\n" + rows, where="m.csv")
    assert table.numbers("y")[1] == 1


def test_notes_on_text(tmp_path: Path) -> None:
    rows = "\n".join(f"{np.sin(i):.3f},walk,{'lost' if i == 3 else i * 0.1}" for i in range(20))
    (tmp_path / "m.csv").write_text("x,phase,y\n" + rows + "\n1\n")
    track = read_motion(tmp_path / "m.csv")
    assert track.names == ("x", "y")
    assert "column phase holds text and was left out" in track.notes
    assert "column y has 1 cells of text, taken for gaps" in track.notes
    assert any(n.startswith("1 of 21 rows have another number of cells") for n in track.notes)
    assert bool(track.values[3, 1].isnan())


@pytest.mark.parametrize(
    ("column", "rate", "note"),
    [
        ("time", 25.0, "times are column time in s"),
        ("time_ms", 25.0, "times are column time_ms in ms"),
        ("Timestamp [us]", 25.0, "times are column Timestamp [us] in us"),
        ("frame", 30.0, "column frame counts rows and gives no time"),
    ],
)
def test_times_by_name(tmp_path: Path, column: str, rate: float, note: str) -> None:
    unit = {"time": 0.04, "time_ms": 40, "Timestamp [us]": 40_000, "frame": 1}[column]
    rows = np.concatenate([files.circle(), unit * np.arange(120)[:, None]], axis=1)
    lines = [",".join(f"{v:.9g}" for v in row) for row in rows]
    (tmp_path / "m.csv").write_text("\n".join([f"x,y,{column}", *lines]))
    track = read_motion(tmp_path / "m.csv")
    assert track.rate_hz == pytest.approx(rate)
    assert track.names == ("x", "y")
    assert note in track.notes


def test_time_by_monotony_where_nothing_is_named(tmp_path: Path) -> None:
    rows = np.concatenate([0.02 * np.arange(120)[:, None], files.circle()], axis=1)
    track = read_motion(files.table(tmp_path / "m.csv", rows))
    assert track.rate_hz == pytest.approx(50)
    assert track.names == ("2", "3")


def test_a_hand_that_rises_unevenly_is_no_clock(tmp_path: Path) -> None:
    rows = np.stack([np.linspace(0, 1, 60) ** 3 + 1e-3 * np.arange(60), np.ones(60)], axis=1)
    assert read_motion(files.table(tmp_path / "m.csv", rows)).names == ("1", "2")


def test_dates(tmp_path: Path) -> None:
    lines = [f"2024-05-01T10:00:{i * 0.05:06.3f},{np.sin(i / 5):.4f}" for i in range(100)]
    (tmp_path / "m.csv").write_text("time,x\n" + "\n".join(lines))
    assert read_motion(tmp_path / "m.csv").rate_hz == pytest.approx(20)


def test_irregular_times_become_a_constant_rate() -> None:
    generator = np.random.default_rng(1)
    times = np.cumsum(generator.choice([0.03, 0.031, 0.05], p=[0.2, 0.6, 0.2], size=400))
    even = regular(np.stack([np.sin(3 * times), 2 * times], axis=1), times)
    at = times[0] + np.arange(len(even.values)) / even.rate_hz
    assert even.rate_hz == pytest.approx(1 / 0.031)
    assert even.values[:, 1] == pytest.approx(2 * at, abs=1e-9)
    assert even.values[:, 0] == pytest.approx(np.sin(3 * at), abs=3e-3)


def test_missing_rows_are_unknown_and_pauses_are_cut_out() -> None:
    times = np.concatenate([np.arange(50) * 0.02, 1.98 + np.arange(50) * 0.02, 10 + np.arange(50) * 0.02])
    even = regular(times[:, None], times)
    assert even.cuts == (149,)
    assert np.isnan(even.values[50:99, 0]).all()
    assert np.isnan(even.values).sum() == 49
    assert even.values[149, 0] == pytest.approx(10)


def test_unordered_repeated_and_useless_times() -> None:
    times = np.arange(40) * 0.02
    times[[5, 6]] = times[[6, 5]]
    times[20] = times[19]
    even = regular(np.arange(40.0)[:, None], times)
    assert even.notes == (
        "2 rows were out of order in time and were sorted",
        "1 rows without a time of their own were left out",
    )
    still = regular(np.arange(40.0)[:, None], np.zeros(40))
    assert still.rate_hz == 30
    assert "the times do not rise" in still.notes[0]


def test_columns_by_name_number_and_neighbour(tmp_path: Path) -> None:
    rows = np.concatenate([0.04 * np.arange(60)[:, None], files.circle(60), np.ones((60, 1))], axis=1)
    path = files.table(tmp_path / "m.csv", rows, "time,handX,handY,score")
    assert read_motion(path, columns=["handY", "handx"]).names == ("handY", "handX")
    assert read_motion(path, columns=["3", "2"]).names == ("handY", "handX")  # columns of the file
    with pytest.raises(ParameterError, match="no column 'hand_X' of numbers in m.*Did you mean 'handX'"):
        read_motion(path, columns=["hand_X"])
    with pytest.raises(ParameterError, match="named twice"):
        read_motion(path, columns=["handX", "handX"])
    with pytest.raises(ParameterError, match="no column '9'"):
        read_motion(path, columns=["9"])


def test_limits(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 5,000 columns"):
        read_table(",".join(["1"] * 5000), where="wide.csv")
    assert MAX_COLUMNS < 5000
    with pytest.raises(ParameterError, match="rows a second, not -1"):
        read_motion(tmp_path / "m.csv", rate_hz=-1)
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(2**28)
    with pytest.raises(DataError, match="268,435,456 bytes"):
        read_motion(tmp_path / "large.csv")


def test_rows_in_bursts_are_not_steps_of_a_nanosecond() -> None:
    """Four rows two nanoseconds apart every half second: their median distance would make 110 GiB of steps."""
    times = (np.arange(60)[:, None] * 0.5 + np.arange(4) * 2e-9).ravel()
    even = regular(np.sin(times)[:, None], times)
    assert len(even.values) <= 2 * len(times)
    assert any("bursts" in note for note in even.notes)
