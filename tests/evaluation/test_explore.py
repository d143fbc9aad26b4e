"""The report of a space: what it says is true, what it holds can be heard, and what it refuses it refuses in words."""

from __future__ import annotations

import base64
import functools
import io
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from torch import Tensor

import timbrespace
from tests.bundles import bundle, copy_of_bundle, scratch, sounds
from timbrespace.audio.descriptors import NAMES
from timbrespace.audio.writing import write
from timbrespace.codecs.space import space_of
from timbrespace.core.errors import BundleError, DataError, ParameterError, StorageError
from timbrespace.evaluation.exploration import Exploration
from timbrespace.evaluation.explore import examine, explore
from timbrespace.evaluation.explore_listening import POINTS, _moved, representative
from timbrespace.evaluation.explore_survey import groups_of, survey
from timbrespace.evaluation.explore_turning import in_words

RATE = 16_000


class Tones:
    """A codec with nothing but the protocol: latents are log level, log frequency and one that never moves."""

    sample_rate, channels, ratio, latent_dim = RATE, 1, 512, 3

    def encode(self, wave: Tensor) -> Tensor:
        steps = -(-wave.shape[-1] // self.ratio)
        padded = torch.nn.functional.pad(wave, (0, steps * self.ratio - wave.shape[-1]))
        pieces = padded.reshape(len(wave), steps, self.ratio)
        level = pieces.square().mean(2).clamp_min(1e-8).log() / 2
        crossings = (pieces[..., 1:].sign() != pieces[..., :-1].sign()).float().mean(2)
        return torch.stack([level, (crossings * RATE / 2).clamp_min(50).log(), torch.zeros_like(level)], dim=1)

    def decode(self, latents: Tensor, *, length: int | None = None) -> Tensor:
        level, pitch = (latents[:, i].repeat_interleave(self.ratio, dim=1) for i in (0, 1))
        phase = (2 * math.pi * pitch.double().exp() / RATE).cumsum(1)
        return (level.exp() * math.sqrt(2) * phase.sin()).float()[:, None, :length]


class Hearing(HTMLParser):
    """Collects the players of a page, its pictures and every address it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.players: list[tuple[str, bytes]] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        for key in ("src", "href"):
            if key in found:
                self.addresses.append(str(found[key])[:40])
        if tag == "audio":
            content = base64.b64decode(str(found["src"]).split(",", 1)[1])
            self.players.append((str(found["aria-label"]), content))


def tone(hz: float, seconds: float, level: float) -> Tensor:
    return (level * torch.sin(2 * math.pi * hz * torch.arange(round(seconds * RATE)) / RATE))[None]


@functools.cache
def tones() -> Path:
    """Thirty tones of many pitches and levels, in two folders."""
    folder = scratch() / "tones"
    generator = torch.Generator().manual_seed(0)
    for i in range(30):
        hz = 100 * 20 ** float(torch.rand((), generator=generator))
        level = 0.02 * 25 ** float(torch.rand((), generator=generator))
        swell = torch.linspace(0.5, 1.0, round(1.6 * RATE))
        kind = "low" if hz < 450 else "high"
        (folder / kind).mkdir(parents=True, exist_ok=True)
        write(folder / kind / f"tone{i:02}.wav", tone(hz, 1.6, level) * swell, RATE)
    return folder


@functools.cache
def seen() -> Exploration:
    return examine(Tones(), tones(), name="tones")


@functools.cache
def report() -> tuple[dict[str, Any], str]:
    """The report of the tiny model, made once."""
    out = scratch() / "report.html"
    found = explore(bundle(), sounds(), out)
    return found, out.read_text(encoding="utf-8")


def test_the_report_is_one_file_that_loads_nothing_and_plays() -> None:
    found, text = report()
    page = Hearing()
    page.feed(text)
    assert all(a.startswith("data:") for a in page.addresses)
    assert "http://" not in text
    assert "https://" not in text
    listened = found["listening"]
    axes = [name for name in listened if name.startswith("axis")]
    assert len(axes) == 3
    assert len(page.players) == 6 * len(listened) + 2 * 4 + len(found["map"]["groups"])
    for label, content in page.players:
        wave, rate = soundfile.read(io.BytesIO(content))
        assert rate == 22_050, label
        assert len(wave) > 0.3 * rate, label
        assert abs(wave).max() <= 1.1, label  # bounded before it was compressed, which rounds
    assert any(abs(soundfile.read(io.BytesIO(c))[0]).max() > 0.01 for _, c in page.players)


def test_what_a_musician_needs_is_said() -> None:
    found, text = report()
    counts = found["informative"]
    assert f"<b>{counts['0.8']} of the 4 dimensions hold 80 %</b>" in text
    for words in (
        "Words used on this page",
        "Smoothness",
        "Listen along axis 1",
        "The sounds at the ends",
        "collapsed",
    ):
        assert words in text
    assert text.count('class="map"') == 4 + 4
    assert "prefers-color-scheme: dark" in text


def test_the_numbers_lie_beside_it_and_are_json() -> None:
    found, _ = report()
    stored = json.loads((scratch() / "report.json").read_text(encoding="utf-8"))
    assert stored == json.loads(json.dumps(found))
    assert stored["latent_dim"] == len(stored["axes"]) == len(stored["fidelity"]) == 4
    assert set(stored["explained"]) == set(NAMES)
    assert stored["data"]["sounds"] == 14
    for name in ("informative", "smoothness", "heard_db", "correlations"):
        assert name in stored["formulas"]
    low, r, high = (stored["axes"][0]["spearman"]["loudness"][i] for i in (1, 0, 2))
    assert -1 <= low <= r <= high <= 1


def test_axes_are_the_instruments_where_the_sounds_are_the_models_own() -> None:
    found, _ = report()
    space = space_of(timbrespace.load(bundle()))
    assert found["axes_of"] == "training sounds"
    assert [a["name"] for a in found["axes"]] == list(space.names)
    assert [a["variance"] for a in found["axes"]] == pytest.approx(space.variances.tolist(), rel=1e-3)
    assert [a["low"] for a in found["axes"]] == pytest.approx(space.low.tolist(), rel=1e-2, abs=1e-2)


def test_a_codec_with_nothing_but_the_protocol_is_understood() -> None:
    """Its space is known exactly: level and frequency, and one latent that never moves."""
    e = seen()
    assert not e.trained
    assert e.space.collapsed == (2,)
    assert e.space.informative(0.99) == 2
    assert sorted(e.space.names[:2]) != ["axis 1", "axis 2"]
    assert float(e.directions.explained[NAMES.index("loudness")]) > 0.9
    assert float(e.directions.explained[NAMES.index("f0")]) > 0.9
    assert len(e.axes) == 2  # the third has no extent


def test_what_turning_does_is_what_the_codec_does() -> None:
    e = seen()
    loud, pitch = NAMES.index("loudness"), NAMES.index("f0")
    for axis in (0, 1):
        step = float(e.space.deviations[axis])
        level, octave = (float(v) for v in e.space.axes[axis, :2])
        assert float(e.turning.effect[axis, loud]) == pytest.approx(20 / math.log(10) * step * level, abs=0.3)
        assert float(e.turning.effect[axis, pitch]) == pytest.approx(step * octave, abs=0.03)
    assert float(e.turning.heard_db[2]) == pytest.approx(0.0, abs=0.02)
    assert float(e.turning.heard_db[0]) > 1.0


def test_a_journey_moves_one_coordinate_evenly_and_is_smooth() -> None:
    e = seen()
    for axis, journey in enumerate(e.axes):
        assert journey.curves.shape[1:] == (POINTS, len(NAMES))
        assert len(journey.stops) == 5
        assert float(journey.at[0]) < 0 < float(journey.at[-1])
        loudness = journey.curves[0, :, NAMES.index("loudness")]
        slope = float(e.space.axes[axis, 0] * e.space.deviations[axis]) * 20 / math.log(10)
        torch.testing.assert_close(loudness.diff(), slope * journey.at.diff(), atol=0.15, rtol=0.05)
        assert journey.smooth.axis > 0.95
        assert journey.smooth.axis > journey.smooth.noise
        assert abs(journey.smooth.shuffled) < 0.15
        assert journey.glide.shape == (1, round(6.0 * RATE / 512) * 512)


def test_a_moved_moment_keeps_its_motion_and_all_but_one_coordinate() -> None:
    track = torch.randn(12, 3, generator=torch.Generator().manual_seed(1))
    way = torch.tensor([0.6, 0.0, 0.8])
    targets = torch.tensor([-2.0, 0.5, 3.0])
    moved = _moved(track, way, targets)
    torch.testing.assert_close(moved.mean(1) @ way, targets)
    torch.testing.assert_close(moved.diff(dim=1), track.diff(dim=0).expand(3, -1, -1), atol=1e-5, rtol=0)
    across = torch.tensor([[0.8, 0.0, -0.6], [0.0, 1.0, 0.0]]).T
    torch.testing.assert_close(moved @ across, (track @ across).expand(3, -1, -1), atol=1e-5, rtol=0)


def test_the_ends_and_the_middle_are_where_they_are_said_to_be() -> None:
    e = seen()
    position = e.space.project(e.moments.position)
    for axis, (low, high) in enumerate(e.ends[:2]):
        assert float(position[low, axis]) == float(position[:, axis].min())
        assert float(position[high, axis]) == float(position[:, axis].max())
    distances = torch.cdist(position, position).sum(1)
    assert representative(e.space, e.moments) == int(distances.argmin())


def test_the_same_seed_gives_the_same_numbers(tmp_path: Path) -> None:
    first, second = (explore(Tones(), tones(), tmp_path / f"{i}.html", seed=3) for i in (1, 2))
    for found in (first, second):
        found.pop("report"), found.pop("took_seconds")
    assert first == second
    assert (tmp_path / "1.html").read_bytes() == (tmp_path / "2.html").read_bytes()


def test_kinds_are_folders_or_first_words() -> None:
    assert groups_of(["a/x.wav", "b/y.wav", "a/z.wav"]) == ["a", "b", "a"]
    assert groups_of(["Kick-1.wav", "kick_2.wav", "808.wav", "Snare Hot.wav"]) == ["kick", "kick", "808", "snare"]
    many = groups_of([f"{chr(97 + i)}{'x' * i}.wav" for i in range(12)] + ["a.wav"])
    assert len(set(many)) <= 8
    assert "other" in many


def test_progress_is_told() -> None:
    told: list[str] = []
    examine(Tones(), tones(), progress=lambda done, total, what: told.append(what))
    assert {"encoding the sounds", "turning every axis", "listening along the axes"} <= set(told)


def test_effects_are_told_as_people_say_them() -> None:
    assert in_words("centroid", math.log(1.5)) == "+50 %"
    assert in_words("f0", -math.log(2)) == "-12.0 semitones"
    assert in_words("contrast", 1.25) == "+1.2 dB"


@functools.cache
def folder_of(name: str, *waves: Tensor) -> Path:
    folder = scratch() / name
    folder.mkdir(exist_ok=True)
    for i, wave in enumerate(waves):
        write(folder / f"{i}.wav", wave, RATE)
    return folder


def test_one_sound_is_enough(tmp_path: Path) -> None:
    sweep = tone(200, 1.2, 0.3) * torch.linspace(0.1, 1, round(1.2 * RATE))
    found = explore(Tones(), folder_of("one", sweep), tmp_path / "one.html")
    assert found["data"]["sounds"] == 1
    assert "1 sound" in (tmp_path / "one.html").read_text(encoding="utf-8")


def test_folders_without_usable_sound_are_refused(tmp_path: Path) -> None:
    def refused(folder: Path, match: str) -> None:
        with pytest.raises(DataError, match=match):
            explore(Tones(), folder, tmp_path / "r.html")

    refused(tmp_path / "nowhere", "does not exist")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "is empty")
    refused(folder_of("silent", torch.zeros(1, RATE)), "it is silent")
    refused(folder_of("short", tone(300, 0.1, 0.3)), "at least 1 s is needed")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("x")
    refused(tmp_path / "texts", "but no sound")
    assert not (tmp_path / "r.html").exists()


def test_a_space_where_nothing_differs_is_refused(tmp_path: Path) -> None:
    class Deaf(Tones):
        def encode(self, wave: Tensor) -> Tensor:
            return torch.zeros_like(super().encode(wave))

    with pytest.raises(DataError, match="at the same place of this space"):
        explore(Deaf(), tones(), tmp_path / "r.html")


def test_latents_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    class Broken(Tones):
        def encode(self, wave: Tensor) -> Tensor:
            return super().encode(wave) * math.nan

    with pytest.raises(BundleError, match=r"latents of high/tone\d+.wav are not all finite"):
        explore(Broken(), tones(), tmp_path / "r.html")


def test_other_models_are_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "model.ts").write_text("a program")
    with pytest.raises(BundleError, match=r"model.ts is a TorchScript file, a program of whoever made it"):
        explore(tmp_path / "model.ts", tones(), tmp_path / "r.html")
    with pytest.raises(BundleError, match="give the folder of a trained model"):
        explore(tmp_path / "none", tones(), tmp_path / "r.html")
    other = copy_of_bundle(tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"kind": "FrameModel"}))
    with pytest.raises(BundleError, match="a model of unknown kind 'FrameModel'"):
        explore(other, tones(), tmp_path / "r.html")


def test_nothing_is_overwritten_and_places_are_checked_first(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("mine")
    with pytest.raises(StorageError, match=r"a.json exists already; .* add --force"):
        explore(Tones(), tones(), tmp_path / "a.html")
    (tmp_path / "b.html").write_text("mine")
    with pytest.raises(StorageError, match=r"b.html exists already"):
        explore(Tones(), tones(), tmp_path / "b.html")
    with pytest.raises(ParameterError, match="'c.pdf' does not end so; name it report.html"):
        explore(Tones(), tones(), tmp_path / "c.pdf")
    with pytest.raises(StorageError, match="does not exist; make it first"):
        explore(Tones(), tones(), tmp_path / "no" / "d.html")
    explore(Tones(), tones(), tmp_path / "b.html", force=True)
    assert (tmp_path / "b.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert (tmp_path / "a.json").read_text() == "mine"


def test_names_of_files_cannot_write_into_the_page(tmp_path: Path) -> None:
    folder = tmp_path / "evil"
    folder.mkdir()
    for i, hz in enumerate((200.0, 400.0, 800.0)):
        write(folder / f"<script>alert({i})&.wav", tone(hz, 1.6, 0.1 * (i + 1)), RATE)
    explore(Tones(), folder, tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert re.search(r"&lt;script&gt;alert\(\d\)&amp;.wav", text)


def test_sounds_left_out_are_told(tmp_path: Path) -> None:
    folder = folder_of("some", tone(200, 1.6, 0.2), tone(500, 1.6, 0.1), torch.zeros(1, RATE))
    found = explore(Tones(), folder, tmp_path / "r.html")
    assert found["data"]["skipped"] == ["2.wav: it is silent (peak below -90 dBFS)"]
    assert "Not used: 2.wav: it is silent" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_moments_are_cut_from_sounds_without_gaps() -> None:
    found = survey(Tones(), tones())
    moments = found.moments(10)
    assert len(moments.source) == sum(len(z) // 10 for z in found.latents)
    number = 7
    track = found.trajectory(moments, number)
    torch.testing.assert_close(track.mean(0), moments.position[number])
    sound = found.excerpt(moments, number, ratio=512)
    torch.testing.assert_close(Tones().encode(sound[None])[0].T, track)
    assert found.moments(10_000).steps == max(len(z) for z in found.latents)
