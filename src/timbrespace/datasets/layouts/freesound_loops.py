"""The layout of the Freesound Loop Dataset: loops, and what several people heard in them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from timbrespace.datasets.layouts.base import Labels, Layout, Words, without_zeros
from timbrespace.datasets.layouts.descriptions import list_of, only_words, read_table, words_of

_PIECES: Final = ("metadata.json", "parent_genres.json", "annotations", "ac_analysis", "fs_analysis")
_HOME: Final = "FSL10K"
_SOUND: Final = re.compile(r"(\d+)(?:_.*)?")
_NUMBERS: Final = re.compile(r"\d+(?:_\d+)?")
_ANSWER: Final = re.compile(r"sound-(\d+)")
_MODES: Final = {"maj": "major", "min": "minor"}


class FreesoundLoops(Layout):
    """The Freesound Loop Dataset, FSL10K (Ramires et al. 2020, "The Freesound Loop Dataset and Annotation Tool").

    ``audio/`` with sounds called ``<id>_<user>.wav.wav`` (any ending), ``metadata.json``, ``parent_genres.json``,
    ``annotations/<annotator>/sound-<id>.json``, ``ac_analysis/`` and ``fs_analysis/``; any of them may be missing.

    Labels: name, username, licence, pack; from people bpm, signature, key, mode, well_cut, genres, instrumentation,
    annotators (how many); from programs estimated_bpm and estimated_key. Of several annotators the most frequent answer
    counts, and a tie keeps all of them with ``|`` between; of genres and instruments count those that at least half of
    the annotators named, with commas between. Answers kept for later do not count, and ``discarded`` is ``yes`` where
    more than half of the annotators found no loop. Without annotation, bpm is the one that the sound's own description
    tells (metadata), and genres those of ``parent_genres.json``.
    """

    def recognise(self, root: Path, names: Sequence[str]) -> bool:
        home = _home(root)
        numbered = sum(_SOUND.fullmatch(PurePosixPath(name).stem) is not None for name in names)
        return 2 * numbered > len(names) and (home / "audio").is_dir() and any((home / p).exists() for p in _PIECES)

    def read(self, root: Path, names: Sequence[str]) -> Labels:
        home, counts = _home(root), Counter[str]()
        ids = {name: _id(name) for name in names}
        here = set(ids.values())
        about = read_table(home / _PIECES[0], counts) if (home / _PIECES[0]).exists() else {}
        genres = read_table(home / _PIECES[1], counts) if (home / _PIECES[1]).exists() else {}
        answers = _answers(home, here, counts)
        estimates = {name: _estimate(home, PurePosixPath(name).stem, counts) for name in names}
        counts["rows without files"] = len(about.keys() - here)
        of = {}
        for name, sound in ids.items():
            if sound not in about and (home / "fs_analysis" / f"{sound}.json").exists():
                about[sound] = read_table(home / "fs_analysis" / f"{sound}.json", counts)
            counts["files without rows"] += not about.get(sound)
            counts["files without annotations"] += sound not in answers
            counts["files without analysis"] += not estimates[name]
            told, heard = _told(about.get(sound), genres.get(sound)), _heard(answers.get(sound, []))
            of[name] = {**told, **heard, **estimates[name]}
        missing = tuple(piece for piece in _PIECES if not (home / piece).exists())
        return Labels(type(self).__name__, of, {}, without_zeros(counts), missing)


def _home(root: Path) -> Path:
    return root / _HOME if not (root / "audio").is_dir() and (root / _HOME).is_dir() else root


def _id(name: str) -> str:
    """The sound's number at Freesound, its whole stem if that is no number."""
    stem = PurePosixPath(name).stem
    found = _SOUND.fullmatch(stem)
    return found.group(1) if found else stem


def _told(about: Any, genres: Any) -> Words:
    """What the metadata tells."""
    row = about if isinstance(about, dict) else {}
    own = row.get("annotations")
    return only_words(
        name=words_of(row.get("name")),
        username=words_of(row.get("username")),
        licence=words_of(row.get("license")),
        pack=words_of(row.get("pack_name")),
        bpm=_tempo(own.get("bpm")) if isinstance(own, dict) else "",
        genres=", ".join(sorted(list_of(genres))),
    )


def _estimate(home: Path, stem: str, counts: Counter[str]) -> Words:
    """What programs found: Audio Commons' analysis."""
    named = _NUMBERS.match(stem)
    path = home / "ac_analysis" / f"{named.group() if named else stem}_analysis.json"
    found = read_table(path, counts) if path.exists() else {}
    return only_words(estimated_bpm=_tempo(found.get("tempo")), estimated_key=words_of(found.get("tonality")))


def _answers(home: Path, here: set[str], counts: Counter[str]) -> dict[str, list[dict[str, Any]]]:
    """The finished annotations of each sound that is here, by annotators in order of their names."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(home.glob("annotations/*/*.json")):
        sound = _ANSWER.fullmatch(path.stem)
        if sound is None or sound.group(1) not in here:
            counts["annotations without files"] += 1
            continue
        answer = read_table(path, counts)
        if answer.get("save_for_later") is True:
            counts["unfinished annotations"] += 1
        elif answer:
            found.setdefault(sound.group(1), []).append(answer)
    return found


def _heard(answers: list[dict[str, Any]]) -> Words:
    """What people heard, all annotators together."""
    if not answers:
        return {}
    loops = [a for a in answers if a.get("discard") is not True]
    return only_words(
        bpm=_most(_tempo(a.get("bpm")) for a in loops if a.get("defined_tempo") is not False),
        signature=_most(words_of(a.get("signature")) for a in loops),
        key=_most(_key(a.get("key")) for a in loops),
        mode=_most(_mode(a.get("mode")) for a in loops if _key(a.get("key")) != "none"),
        well_cut=_most(words_of(a.get("well_cut")) for a in loops),
        genres=_half([list_of(a.get("genres")) for a in loops]),
        instrumentation=_half([_instruments(a.get("instrumentation")) for a in loops]),
        discarded="yes" if 2 * len(loops) < len(answers) else "",
        annotators=str(len(answers)),
    )


def _most(values: Iterable[str]) -> str:
    """The most frequent value; a tie keeps all, in order."""
    votes = Counter(value for value in values if value)
    return " | ".join(sorted(v for v, count in votes.items() if count == max(votes.values())))


def _half(lists: list[list[str]]) -> str:
    """The words in at least half of the lists, in order."""
    votes = Counter(word for words in lists for word in words)
    return ", ".join(sorted(word for word, count in votes.items() if 2 * count >= len(lists)))


def _instruments(value: Any) -> list[str]:
    return [words_of(name) for name, heard in value.items() if heard is True] if isinstance(value, dict) else []


def _tempo(value: Any) -> str:
    """Beats per minute in words, nothing for none."""
    try:
        number = float(words_of(value))
    except ValueError:
        return ""
    return f"{number:g}" if 0 < number < 10_000 else ""


def _key(value: Any) -> str:
    """A key in capitals (``C#``); ``none`` where there is no pitch."""
    word = words_of(value)
    return "none" if word.lower() == "none" else word[:1].upper() + word[1:]


def _mode(value: Any) -> str:
    """``major``, ``minor`` or what else was written."""
    word = words_of(value).lower()
    return _MODES.get(word, word)
