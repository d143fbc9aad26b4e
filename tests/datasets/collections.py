"""Small collections in the layouts of published ones; the sounds are empty files unless somebody fills them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SOL = """\
Path,Fold,Family,Instrument (abbr.),Instrument (in full),Technique (abbr.),Technique (in full),Pitch,Pitch ID,\
Dynamics,Dynamics ID,Instance ID,String ID (if applicable),Needed digital retuning
Winds/Flute/ordinario/Fl-ord-C#4-mf-N-T14d.wav,0,Winds,Fl,Flute,ord,ordinario,C#4,61,mf,2,0,,TRUE
Winds/Flute/ordinario/Fl-ord-D4-mf-N-N.wav,1,Winds,Fl,Flute,ord,ordinario,D4,62,mf,2,0,,FALSE
Strings/Violin/ordinario/Vn-ord-G#5-ff-4c-N.wav,2,Strings,Vn,Violin,ord,ordinario,G#5,80,ff,4,0,4.0,FALSE
Brass/Trumpet_C/ordinario/TpC-ord-A4-pp-N-R100u.wav,3,Brass,TpC,Trumpet in C,ord,ordinario,A4,69,pp,0,0,,TRUE
Brass/Trumpet_C/ordinario/TpC-ord-B4-pp-N-N.wav,4,Brass,TpC,Trumpet in C,ord,ordinario,B4,71,pp,0,0,,FALSE
"""
HOUSE = "house / techno"
Made = tuple[Path, list[str]]


def put(root: Path, names: list[str]) -> Made:
    """Empty files called ``names``."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root, sorted(names)


def describe(path: Path, data: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def answer(**changes: Any) -> dict[str, Any]:
    """What one annotator says about a loop."""
    heard = {"percussion": True, "bass": False, "chords": False, "melody": False, "fx": False, "vocal": False}
    return {
        "discard": False, "save_for_later": False, "instrumentation": heard, "defined_tempo": True, "bpm": "120",
        "signature": "4/4", "well_cut": True, "key": "c#", "mode": "min", "genres": [HOUSE], "comments": "",
    } | changes  # fmt: skip


def sound_entry(number: int, **changes: Any) -> dict[str, Any]:
    """What Freesound knows about a loop."""
    return {
        "id": number, "name": f"loop {number}", "username": "somebody", "license": "CC0", "tags": ["loop"],
        "pack_name": "a pack", "annotations": {"bpm": 100.0},
    } | changes  # fmt: skip


def freesound_loops(root: Path) -> Made:
    numbers = [11, 12, 13]
    for number in numbers:
        describe(root / "fs_analysis" / f"{number}.json", sound_entry(number))
        describe(root / "ac_analysis" / f"{number}_7_analysis.json", {"tempo": 119.6, "tonality": "C# minor"})
        describe(root / "annotations" / "anna" / f"sound-{number}.json", answer())
    describe(root / "metadata.json", {str(n): sound_entry(n) for n in numbers})
    describe(root / "parent_genres.json", {str(n): ["bass music"] for n in numbers})
    return put(root, [f"audio/wav/{n}_7.wav" for n in numbers])


def sol(root: Path) -> Made:
    made = put(root, [row.split(",")[0] for row in SOL.splitlines()[1:]])
    (root / "TinySOL_metadata.csv").write_text(SOL, encoding="utf-8")
    return made


def nsynth_entry(note: str) -> dict[str, Any]:
    instrument, midi, velocity = note.rsplit("-", 2)
    family, source, _ = instrument.rsplit("_", 2)
    return {
        "instrument_str": instrument, "instrument_family_str": family, "instrument_source_str": source,
        "pitch": int(midi), "velocity": int(velocity), "note_str": note, "qualities_str": ["bright", "reverb"],
    }  # fmt: skip


def nsynth(root: Path) -> Made:
    notes = {
        "train": ["synth_lead_synthetic_000-060-100", "bass_electronic_018-061-025"],
        "valid": ["vocal_acoustic_001-062-127"],
        "test": ["organ_electronic_104-063-050"],
    }
    for part, names in notes.items():
        describe(root / f"nsynth-{part}" / "examples.json", {name: nsynth_entry(name) for name in names})
    return put(root, [f"nsynth-{part}/audio/{name}.wav" for part, names in notes.items() for name in names])


def sub_folders(root: Path) -> Made:
    return put(root, ["drums/kicks/deep.wav", "drums/snares/dry.wav", "pad.wav", "voices/choir.wav"])


COLLECTIONS: dict[str, Callable[[Path], Made]] = {
    "FreesoundLoops": freesound_loops,
    "NSynth": nsynth,
    "Sol": sol,
    "SubFolders": sub_folders,
}
"""By layout: writes a collection into a folder; what comes back is the folder and its sounds' names."""


def descriptions_of(root: Path) -> Iterator[Path]:
    yield from sorted([*root.rglob("*.json"), *root.rglob("*.csv")])


def damaged(content: bytes, draw: random.Random) -> bytes:
    """Description files as they are found: cut off, of another type, with stray bytes, or deep as a well."""
    cut = content[: draw.randrange(len(content))]
    kinds = [
        cut,
        cut + b"\0\xff\xfe" + content[len(cut) :],
        b"",
        b"[" * 100_000,
        b'["a list", 3]',
        b"null",
        content.replace(b": ", b": [").replace(b",", b"],"),
        json.dumps(_twisted(content, draw)).encode(),
        content.replace(b",", b',"'),
        b"\xef\xbb\xbf" + content,
        content.decode().encode("utf-16"),
        b"\x80" * 300,
    ]
    return draw.choice(kinds)


def _twisted(content: bytes, draw: random.Random) -> Any:
    """The same structure with values of wrong types."""
    odd = [None, -1, 1e308, float("nan"), "\ud800", "a\nb\x07", [], [[]], {}, {"x": 1}, True, 10**30, "x" * 10_000]

    def twist(value: Any) -> Any:
        if draw.random() < 0.3:
            return draw.choice(odd)
        if isinstance(value, dict):
            return {key: twist(inner) for key, inner in value.items()}
        return [twist(inner) for inner in value] if isinstance(value, list) else value

    try:
        return twist(json.loads(content))
    except ValueError:
        return odd[3:]
