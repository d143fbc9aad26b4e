"""The demonstration and its report, on a tiny model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from tests.bundles import own_process  # noqa: F401  # a fixture: trainings change settings of the whole process
from timbrespace.core.errors import StorageError
from timbrespace.evaluation import demo
from timbrespace.evaluation.model_report import group_of
from timbrespace.evaluation.page import page, player, section

pytestmark = pytest.mark.usefixtures("own_process")


def tiny_demo(out: Path, monkeypatch: pytest.MonkeyPatch, *, force: bool = False) -> dict[str, object]:
    """The demo with fewer sounds and a small network; everything else is the real thing."""
    small = ["training.steps=4", "training.threads=1", "training.precision=32-true", "model.network.width=16"]
    train, library = demo.train, demo.write_library

    def quick(recipe: str, data: Path, **options: object) -> object:
        options["settings"] = [*options["settings"], *small]  # type: ignore[misc]  # a list
        options["minutes"] = None  # it would replace the steps
        return train(recipe, data, **options)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(demo, "train", quick)
    monkeypatch.setattr(demo, "write_library", lambda folder, **o: library(folder, loops=12, notes=8, hits=8, **o))
    return demo.run_demo(out, minutes=1.0, force=force)


def test_demo_writes_a_report_with_pictures_and_sounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRESPACE_CACHE", str(tmp_path / "cache"))
    result = tiny_demo(tmp_path / "demo", monkeypatch)
    text = Path(str(result["report"])).read_text(encoding="utf-8")
    assert text.count("<img ") >= 6
    assert text.count("<audio ") >= 6
    assert not re.search(r'(src|href)="(?!data:)', text), "the report is one file and needs no network"
    words = re.sub(r"base64,[\w+/=]+", "", text)
    assert not re.search(r"\b(nan|inf)\b", words)
    for name in ("line", "slerp", "walk"):
        assert (tmp_path / "demo" / f"{name}.wav").stat().st_size > 100_000
    assert list((tmp_path / "demo" / "rebuilt").glob("*-rebuilt.wav"))


def test_an_interrupted_demo_can_be_repeated_and_foreign_folders_are_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    demo._prepare(out, force=False)
    (out / "sounds").mkdir()  # killed while sounds were made
    with pytest.raises(StorageError, match="holds a demo already; .*--force"):
        demo._prepare(out, force=False)
    demo._prepare(out, force=True)
    assert [p.name for p in out.iterdir()] == [demo.MARKER]
    foreign = tmp_path / "photos"
    foreign.mkdir()
    (foreign / "cat.jpg").write_bytes(b"x")
    with pytest.raises(StorageError, match="holds something else than a demo"):
        demo._prepare(foreign, force=True)
    with pytest.raises(StorageError, match="is a file; --out names the folder"):
        demo._prepare(foreign / "cat.jpg", force=True)
    assert (foreign / "cat.jpg").exists()


def test_text_is_escaped_and_sound_survives() -> None:
    html = page("<b>", "a & b", [section("x < y", player(torch.zeros(1, 100), 44_100, 'quote "'))])
    assert "<b>" not in html.split("<body>")[1]
    assert "x &lt; y" in html
    assert "data:audio/flac;base64,ZkxhQ" in html, "base64 of fLaC"


def test_kinds_are_read_from_names() -> None:
    assert group_of("loops/dub-chords-096-1.flac") == "loop: chords"
    assert group_of("notes/bowed/cello/cello-c3.flac") == "note: bowed"
    assert group_of("hits/clap-amber-1.flac") == "hits"
    assert group_of("mine.wav") == "sound"
