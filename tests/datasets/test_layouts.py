"""What each layout tells, word for word, and what it makes of collections that are not as they should be."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.datasets.collections import HOUSE, SOL, answer, describe, freesound_loops, nsynth, put, sol, sound_entry
from timbrespace.core.errors import ParameterError
from timbrespace.datasets.intake import list_files
from timbrespace.datasets.layouts import FreesoundLoops, NSynth, Sol, SubFolders
from timbrespace.datasets.layouts.choosing import check_layout, read_labels
from timbrespace.datasets.layouts.descriptions import read_rows, read_table, words_of
from timbrespace.datasets.layouts.pitches import midi_of, note_of

LOOP = "audio/wav/11_7.wav"
FLUTE = "Winds/Flute/ordinario/Fl-ord-C#4-mf-N-T14d.wav"


# Freesound loops


def test_a_loop_is_what_people_and_metadata_say(tmp_path: Path) -> None:
    found = FreesoundLoops().read(*freesound_loops(tmp_path))
    assert dict(found.of[LOOP]) == {
        "name": "loop 11", "username": "somebody", "licence": "CC0", "pack": "a pack", "bpm": "120",
        "genres": HOUSE, "signature": "4/4", "key": "C#", "mode": "minor", "well_cut": "yes",
        "instrumentation": "percussion", "annotators": "1", "estimated_bpm": "119.6", "estimated_key": "C# minor",
    }  # fmt: skip
    assert (found.counts, found.missing, found.folds) == ({}, (), {})


def test_several_annotators_vote(tmp_path: Path) -> None:
    root, names = freesound_loops(tmp_path)
    both = {"percussion": True, "bass": True}
    describe(root / "annotations/ben/sound-11.json", answer(bpm="60", genres=[HOUSE, "hip hop"], instrumentation=both))
    two = FreesoundLoops().read(root, names).of[LOOP]
    assert two["bpm"] == "120 | 60", "a tie keeps both"
    assert two["genres"] == f"hip hop, {HOUSE}"
    assert two["instrumentation"] == "bass, percussion"
    describe(root / "annotations/cleo/sound-11.json", answer(bpm=60, key="none", mode="none"))
    three = FreesoundLoops().read(root, names).of[LOOP]
    assert (three["bpm"], three["genres"], three["key"], three["annotators"]) == ("60", HOUSE, "C#", "3")


def test_answers_that_do_not_count(tmp_path: Path) -> None:
    root, names = freesound_loops(tmp_path)
    describe(root / "annotations/anna/sound-11.json", answer(save_for_later=True))
    describe(root / "annotations/anna/sound-12.json", answer(discard=True, bpm="7"))
    describe(root / "annotations/anna/sound-13.json", answer(defined_tempo=False, key="none"))
    found = FreesoundLoops().read(root, names)
    assert found.counts == {"unfinished annotations": 1, "files without annotations": 1}
    later, discarded, free = (found.of[name] for name in names)
    assert (later["bpm"], later["genres"]) == ("100", "bass music"), "what the metadata tells instead"
    assert (discarded["discarded"], discarded["bpm"]) == ("yes", "100")
    assert (free["bpm"], free["key"]) == ("100", "none")
    assert "mode" not in free


def test_pieces_of_loops_may_be_missing(tmp_path: Path) -> None:
    root, names = freesound_loops(tmp_path)
    (root / "metadata.json").unlink()
    (root / "ac_analysis/11_7_analysis.json").unlink()
    (root / "fs_analysis/12.json").unlink()
    describe(root / "annotations/anna/sound-99.json", answer())
    (root / "annotations/anna/notes.json").write_text("{}")
    (root / "annotations/anna/sound-13.json").write_text('{"bpm": "12')
    found = FreesoundLoops().read(root, names)
    assert found.missing == ("metadata.json",)
    assert found.counts == {
        "annotations without files": 2, "files without annotations": 1, "files without analysis": 1,
        "files without rows": 1, "unreadable files": 1,
    }  # fmt: skip
    assert found.of[LOOP]["name"] == "loop 11", "each sound's own description stands in"
    assert "name" not in found.of["audio/wav/12_7.wav"]


def test_rows_without_files_and_files_without_rows(tmp_path: Path) -> None:
    root, names = freesound_loops(tmp_path)
    describe(root / "metadata.json", {"11": sound_entry(11), "98": sound_entry(98), "99": "gone"})
    _, names = put(root, [*names, "audio/wav/14_7.wav", "audio/wav/odd name.wav"])
    found = FreesoundLoops().read(root, names)
    assert found.counts == {
        "rows without files": 2, "files without rows": 2, "files without annotations": 2, "files without analysis": 2,
    }  # fmt: skip
    assert found.of["audio/wav/odd name.wav"] == {}
    assert FreesoundLoops().recognise(root, names)


def test_sounds_may_have_two_endings(tmp_path: Path) -> None:
    """As in the published collection: ``492982_5187472.wav.wav``."""
    root, names = freesound_loops(tmp_path)
    _, twice = put(root, [f"{name}.wav" for name in names])
    found = FreesoundLoops().read(root, twice)
    assert found.counts == {}
    assert found.of[f"{LOOP}.wav"]["estimated_bpm"] == "119.6"


def test_loops_lie_in_a_folder_of_their_own_or_are_none(tmp_path: Path) -> None:
    _, names = freesound_loops(tmp_path / "FSL10K")
    inner = [f"FSL10K/{name}" for name in names]
    assert FreesoundLoops().recognise(tmp_path, inner)
    assert FreesoundLoops().read(tmp_path, inner).of[inner[0]]["bpm"] == "120"
    describe(tmp_path / "mine" / "metadata.json", {})
    assert not FreesoundLoops().recognise(*put(tmp_path / "mine", ["audio/kick.wav", "audio/snare.wav"]))


# Notes of Studio On Line


def test_a_note_is_what_the_table_says(tmp_path: Path) -> None:
    root, names = sol(tmp_path)
    found = Sol().read(root, names)
    assert found.of[FLUTE] == {
        "family": "Winds", "instrument": "Flute", "technique": "ordinario", "pitch": "C#4", "midi": "61",
        "dynamics": "mf", "retuned": "yes", "fold": "0",
    }  # fmt: skip
    assert found.of["Brass/Trumpet_C/ordinario/TpC-ord-B4-pp-N-N.wav"]["instrument"] == "Trumpet in C"
    assert sorted(found.folds.values()) == ["0", "1", "2", "3", "4"]
    assert found.counts == {"rows that differ from the file's name": 2}, "both trumpets: the folder says Trumpet_C"


def test_a_note_is_what_its_name_says_without_a_table(tmp_path: Path) -> None:
    root, names = sol(tmp_path)
    with_table = Sol().read(root, names).of
    (root / "TinySOL_metadata.csv").unlink()
    found = Sol().read(root, names)
    for name in names:
        known = {k: v for k, v in with_table[name].items() if k not in ("fold", "instrument")}
        assert {k: v for k, v in found.of[name].items() if k != "instrument"} == known
    assert (found.folds, found.missing) == ({}, ("table of notes",))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Strings/Violin/pizz/Vn-pizz-bartok-G#3-ff-4c.wav", ("Violin", "pizz", "G#3", "56", "ff", None)),
        ("Winds/Oboe/x/Ob-ord-Bb4-p-N-T23u_R100d.wav", ("Oboe", "x", "Bb4", "70", "p", "yes")),
        ("BTb-ord-A#1-X-1-N.flac", (None, "ord", "A#1", "34", None, "no")),
        ("ordinario/Fl-ord-C-1-N.wav", (None, "ordinario", None, None, None, None)),
        ("Winds/Flute/ordinario/breath.wav", ("Flute", "ordinario", None, None, None, None)),
    ],
)
def test_names_of_notes(name: str, expected: tuple[str | None, ...], tmp_path: Path) -> None:
    words = Sol().read(tmp_path, [name]).of[name]
    keys = ("instrument", "technique", "pitch", "midi", "dynamics", "retuned")
    assert tuple(words.get(key) for key in keys) == expected


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + SOL.encode(),
        SOL.replace("\n", "\r\n").encode(),
        SOL.replace(",", ";").encode(),
        SOL.replace("Winds/", "TinySOL2020/Winds/").replace("Flute/ord", "Flute\\ord").encode(),
        SOL.encode("utf-16"),
        SOL.encode() + "Winds/Flûte/ordinario/Fl-ord-E4-mf-N-N.wav,1\n".encode("latin-1"),
        SOL.encode() + b"\n,,,\n" + b"short\n",
    ],
    ids=["mark", "crlf", "semicolons", "from above", "utf-16", "latin-1", "odd rows"],
)
def test_tables_as_they_come(content: bytes, tmp_path: Path) -> None:
    root, names = sol(tmp_path)
    (root / "TinySOL_metadata.csv").write_bytes(content)
    found = Sol().read(root, names)
    assert (found.of[FLUTE]["fold"], found.of[FLUTE]["retuned"]) == ("0", "yes")
    assert found.counts.get("files without rows", 0) == 0


def test_rows_and_notes_that_miss_each_other(tmp_path: Path) -> None:
    root, names = sol(tmp_path)
    _, more = put(root, [*names[1:], "Winds/Flute/ordinario/Fl-ord-E4-mf-N-N.wav"])
    found = Sol().read(root, more)
    assert (found.counts["rows without files"], found.counts["files without rows"]) == (1, 1)
    assert found.of["Winds/Flute/ordinario/Fl-ord-E4-mf-N-N.wav"]["midi"] == "64"


def test_other_tables_are_no_tables_of_notes(tmp_path: Path) -> None:
    root, names = sol(tmp_path)
    (root / "TinySOL_metadata.csv").write_text("a,b\n1,2\n")
    assert Sol().read(root, names).missing == ("table of notes",)


# NSynth


def test_a_note_of_nsynth(tmp_path: Path) -> None:
    root, names = nsynth(tmp_path)
    found = NSynth().read(root, names)
    lead = "nsynth-train/audio/synth_lead_synthetic_000-060-100.wav"
    assert found.of[lead] == {
        "instrument": "synth_lead_synthetic_000", "family": "synth_lead", "source": "synthetic", "midi": "60",
        "pitch": "C4", "velocity": "100", "qualities": "bright, reverb",
    }  # fmt: skip
    assert Counter(found.folds.values()) == {"train": 2, "validation": 1, "test": 1}
    for path in root.rglob("examples.json"):
        path.write_text("{")
    named = NSynth().read(root, names)
    assert named.of[lead] == {k: v for k, v in found.of[lead].items() if k != "qualities"}
    assert named.counts == {"unreadable files": 3, "files without rows": 4}


def test_one_part_of_nsynth_on_its_own(tmp_path: Path) -> None:
    nsynth(tmp_path)
    root = tmp_path / "nsynth-test"
    found = NSynth().read(root, ["audio/organ_electronic_104-063-050.wav"])
    assert dict(found.folds) == {"audio/organ_electronic_104-063-050.wav": "test"}
    assert found.counts == {}


# Any folder, and the choice


def test_folders_are_labels(tmp_path: Path) -> None:
    found = SubFolders().read(tmp_path, ["a.wav", "x/b.wav", "x/y/z/c.wav"])
    assert found.of == {
        "a.wav": {"folder": "."},
        "x/b.wav": {"folder": "x"},
        "x/y/z/c.wav": {"folder": "z", "group": "x"},
    }


def test_the_layout_is_chosen_or_asked_for(tmp_path: Path) -> None:
    root, names = sol(tmp_path)
    assert read_labels(root, names).layout == "Sol"
    assert read_labels(root, names, layout="SubFolders").of[FLUTE] == {"folder": "ordinario", "group": "Winds"}
    assert read_labels(root, names, layout="none").of == {}
    assert read_labels(root, ["one.wav"]).layout == "SubFolders"
    assert read_labels(root, []).layout == "SubFolders"
    with pytest.raises(ParameterError, match="There is no layout 'NSinth'. Did you mean 'NSynth'?"):
        check_layout("NSinth")


# Descriptions and pitches


def test_words_are_words() -> None:
    assert [words_of(v) for v in (True, 120.0, 7, " a\n b\x07", None, [], float("inf"), 10**40)] == [
        "yes", "120", "7", "a b", "", "", "", "",
    ]  # fmt: skip
    assert words_of("\ud800x").encode()
    assert len(words_of("x" * 1000)) == 200


def test_unreadable_descriptions_are_counted(tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    assert read_table(tmp_path / "none.json", counts) == {}
    assert read_table(tmp_path, counts) == {}
    deep = tmp_path / "deep.json"
    deep.write_text('{"a":' * 100_000)
    assert read_table(deep, counts) == {}
    assert read_rows(tmp_path / "none.csv", counts) == []
    long = tmp_path / "long.csv"
    long.write_text("Path\nok\n" + "x" * 200_000)
    assert read_rows(long, counts) == [{"Path": "ok"}]
    assert counts == {"unreadable files": 5}


def test_notes_by_name_and_number() -> None:
    assert all(midi_of(note_of(midi)) == midi for midi in range(128))
    assert (midi_of("C4"), midi_of("A#2"), midi_of("Bb2"), midi_of("C-1"), midi_of("B9")) == (60, 46, 46, 0, None)
    assert (note_of(128), note_of(-1)) == ("", "")


# Real collections


def labels_of(root: Path, layout: str) -> list[dict[str, str]]:
    names = [file.name for file in list_files(root) if file.readable]
    found = read_labels(root, names)
    assert found.layout == layout
    assert list(found.of) == names
    return [dict(found.of[name]) for name in names]


def test_the_real_layouts_are_read_whole(real_data: Path) -> None:
    loops = labels_of(real_data / "lookalikes" / "FSL10K", "FreesoundLoops")
    assert all({"bpm", "genres", "key", "licence", "username", "annotators"} <= set(words) for words in loops)
    bass, flute = labels_of(real_data / "lookalikes" / "TinySOL", "Sol")
    assert bass == {
        "family": "Strings", "instrument": "Contrabass", "technique": "ordinario", "pitch": "A2", "midi": "45",
        "dynamics": "mf", "retuned": "no", "fold": "4",
    }  # fmt: skip
    assert (flute["midi"], flute["retuned"]) == ("60", "yes")
    nsynth_notes = labels_of(real_data / "nsynth-mini", "NSynth")
    assert {words["midi"] for words in nsynth_notes} == {"60"}
    assert len({words["family"] for words in nsynth_notes}) >= 8


def test_the_real_notes_by_table_and_by_name(real_data: Path) -> None:
    root = real_data / "notes"
    notes = labels_of(root, "Sol")
    assert len(notes) == 916
    assert Counter(len(words) for words in notes) == {8: 739, 7: 177}, "177 notes without dynamics"
    names = [file.name for file in list_files(root) if file.readable]
    for name, words in zip(names, notes, strict=True):
        told = Sol().read(Path("/nowhere"), [name]).of[name]
        assert {k: v for k, v in words.items() if k != "licence"} == told
    assert len(json.dumps(notes)) > 100_000


def test_names_say_what_the_real_table_says(real_data: Path) -> None:
    """The complete table of TinySOL, against what the 2,913 names alone say."""
    table = real_data / "lookalikes" / "TinySOL" / "TinySOL_metadata.csv"
    rows = read_rows(table, Counter())
    assert len(rows) == 2913
    for row in rows:
        words = Sol().read(Path("/nowhere"), [row["Path"]]).of[row["Path"]]
        told = {"TRUE": "yes", "FALSE": "no"}[row["Needed digital retuning"]]
        assert (words["pitch"], words["midi"], words["dynamics"], words["retuned"], words["family"]) == (
            row["Pitch"], row["Pitch ID"], row["Dynamics"], told, row["Family"],
        )  # fmt: skip
