"""A journey's files: the sound, the page that shows it, its numbers, its points."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import timbrespace
from tests.bundles import bundle, own_process, sounds  # noqa: F401  # a fixture
from timbrespace.codecs.rendering import decode_file, read_latents
from timbrespace.codecs.sound import SoundCodec
from timbrespace.core.errors import ParameterError, StorageError
from timbrespace.evaluation.journey import summary, travel
from timbrespace.evaluation.journey_page import _linked
from timbrespace.latent.routes.choice import route_names
from timbrespace.pictures.way import way


@pytest.fixture
def codec() -> SoundCodec:
    return timbrespace.load(bundle())


@pytest.mark.parametrize("kind", route_names())
def test_every_route_sounds(codec: SoundCodec, tmp_path: Path, kind: str) -> None:
    found = travel(codec, kind, tmp_path / "p.wav", seconds=1.0)
    sound, rate = soundfile.read(tmp_path / "p.wav")
    assert rate == codec.sample_rate
    assert found == {"out": str(tmp_path / "p.wav"), "seconds": len(sound) / rate}
    assert found["seconds"] == pytest.approx(1.0, abs=codec.ratio / rate)
    assert np.isfinite(sound).all()
    assert 0 < np.abs(sound).max() <= 1
    assert summary(found) == f"{tmp_path / 'p.wav'}: {found['seconds']:.2f} s of sound"


def a_sound(name: str) -> Path:
    return next(sounds().glob(f"{name}*.wav"))


def with_report(codec: SoundCodec, folder: Path, kind: str = "aligned", **options: Any) -> dict[str, Any]:
    given = {"start": a_sound("snare"), "end": a_sound("viola")} | options
    return travel(
        codec, kind, folder / "p.wav", report=folder / "p.html", save_path=folder / "p.npz", model="a <b>", **given
    )


def test_the_report_tells_what_the_file_holds(codec: SoundCodec, tmp_path: Path) -> None:
    found = with_report(codec, tmp_path, settings=["hold=0.1"], seconds=2.0)
    assert summary(found).endswith(f"open {tmp_path / 'p.html'} in a browser")
    table = json.loads((tmp_path / "p.json").read_text())
    assert table == json.loads(json.dumps(found))
    assert table["route"] == {"kind": "Aligned", "mixture": None, "hold": 0.1, "by": "motion"}
    assert (table["from"], table["to"], table["seed"]) == (a_sound("snare").name, a_sound("viola").name, 0)
    steps = table["steps"]
    assert steps == round(2.0 * codec.rate_hz)
    assert {len(curve) for curve in table["curves"].values()} == {steps}
    assert len(table["map"]) == steps
    for view in ("latents", "descriptors"):
        assert table["smoothness"][view]["own"] > table["smoothness"][view]["shuffled"]["high"]
    loudness = np.array(table["curves"]["loudness"], float)
    sound = soundfile.read(tmp_path / "p.wav")[0]
    direct = [10 * np.log10(np.square(s).mean() + 1e-10) for s in np.split(sound, steps)]
    assert np.corrcoef(loudness, direct)[0, 1] > 0.8


def test_the_page_is_whole_and_safe(codec: SoundCodec, tmp_path: Path) -> None:
    with_report(codec, tmp_path, seconds=1.0)
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "a &lt;b&gt;" in page
    assert "<b>&lt" not in page
    assert page.count("<audio") == 1
    assert page.count(' class="way"') in (6, 12), "one line of six colours per map"
    for source in re.findall(r'(?:src|href)="([^"]{5})', page):
        assert source == "data:", "nothing is loaded"
    for words in ("Listen", "Where it led", "What is heard on the way", "How smooth it was", "brightness along the way",
                  "from snare"):  # fmt: skip
        assert words in page
    assert not re.search(r"\bnan\b", re.sub(r"base64,[^\"]*", "", page).lower())


def test_points_that_were_kept_sound_the_same_again(codec: SoundCodec, tmp_path: Path) -> None:
    with_report(codec, tmp_path, "lissajous", seconds=1.0)
    stored = read_latents(tmp_path / "p.npz")
    assert stored.rate_hz == codec.rate_hz
    decode_file(codec, tmp_path / "p.npz", tmp_path / "again.wav")
    assert (tmp_path / "again.wav").read_bytes() == (tmp_path / "p.wav").read_bytes()


def test_what_exists_is_kept(codec: SoundCodec, tmp_path: Path) -> None:
    for name in ("p.wav", "p.html", "p.json", "p.npz"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(StorageError, match=f"{name} exists already"):
            with_report(codec, tmp_path, seconds=1.0)
        assert [p.name for p in tmp_path.iterdir()] == [name]
        (tmp_path / name).unlink()
    with_report(codec, tmp_path, seconds=1.0)
    with_report(codec, tmp_path, seconds=1.0, force=True)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"report": "p.txt"}, "The report is an HTML file, and 'p.txt' does not end so"),
        ({"save_path": "p.txt"}, "Latents are written as .npz"),
        ({"report": "p.html", "seconds": 0.01}, "Smoothness needs a path of 4 steps or more"),
        ({"settings": ["radius=x"]}, "Circle's 'radius' expects a number"),
        ({"settings": ["axes=1,99"]}, "there is no axis 99 among them"),
        ({"seconds": float("nan")}, "not nan; give another time"),
        ({"seconds": 1e9}, "not 1e+09; give another time"),
    ],
)
def test_what_is_refused_leaves_nothing(
    codec: SoundCodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError) as refused:
        travel(codec, "circle", "p.wav", **options)
    assert sentence in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_line_on_the_map() -> None:
    places = np.random.default_rng(0).normal(size=(1000, 2))
    drawn = way(places, places[:30], horizontal="<x>", vertical="y", ends=("a", "b"), alt="it")
    assert "&lt;x&gt;" in drawn
    assert drawn.count('class="way"') == 6
    corners = [float(v) for v in re.findall(r"[ML](-?[\d.]+) ", drawn)]
    assert min(corners) >= 0
    assert max(corners) <= 440
    still = way(places[:1], places[:1], horizontal="", vertical="", ends=("a", "b"), alt="it")
    assert "nan" not in still


def test_single_values_draw_no_line() -> None:
    nan = float("nan")
    given = torch.tensor([1.0, nan, 2.0, 3.0, nan, nan, 4.0])
    assert _linked(given).isfinite().tolist() == [False, False, True, True, False, False, False]
