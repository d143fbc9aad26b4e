"""Models side by side: what the numbers say is true in cases that are known, and the page holds them."""

from __future__ import annotations

import functools
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.bundles import bundle, scratch, sounds
from tests.evaluation.test_explore import Hearing, Tones
from timbrespace.audio.writing import write
from timbrespace.core.errors import DataError, ParameterError
from timbrespace.core.seeds import numpy_generator
from timbrespace.evaluation.compare import compare, examine, named
from timbrespace.evaluation.comparison.contestant import contestant
from timbrespace.evaluation.comparison.heard import HeardPaths, RealSound, described, mean_change
from timbrespace.evaluation.comparison.rebuilding import rebuild
from timbrespace.evaluation.comparison.scores import MEASURES, Scored, differences, scored
from timbrespace.evaluation.comparison.ways import groups, read_hands, ways
from timbrespace.latent.coverage import Ground, Visits
from timbrespace.latent.mappings import Pca
from timbrespace.motion.readers.uci_gesture_phase import CHANNELS

RATE = 16_000


class Muffled(Tones):
    """The same codec, with half of its pitch range."""

    def encode(self, wave: Tensor) -> Tensor:
        latents = super().encode(wave)
        latents[:, 1] = (latents[:, 1] - 6) / 2 + 6
        return latents


def tone(pitch: float, seconds: float, level: float) -> Tensor:
    time = torch.arange(int(seconds * RATE)) / RATE
    return (level * (1 + 0.5 * torch.sin(2 * math.pi * time))[None] * torch.sin(2 * math.pi * pitch * time)[None]) / 2


@functools.cache
def tones() -> Path:
    """Twelve tones, each a sound of its own series."""
    folder = scratch() / "tones-to-compare"
    folder.mkdir()
    words = ["oak", "ash", "elm", "fir", "yew", "box", "bay", "fig", "pear", "plum", "lime", "pine"]
    for i, word in enumerate(words):
        write(folder / f"{word}.wav", tone(220 * 2 ** (i / 6), 1.6, 0.2 + 0.05 * i), RATE)
    return folder


@functools.cache
def motion() -> Path:
    """Six gestures between rests, as Gesture Phase Segmentation writes them: every joint goes in circles of its own."""
    seconds = np.arange(0, 42, 0.03)
    moving = (seconds % 7) > 2
    channels = [np.where(moving, np.sin((2 + 0.1 * k) * seconds + k), 0) for k in range(len(CHANNELS))]
    rows = [
        ",".join([*(f"{v:.4f}" for v in at), str(round(1000 * t)), "Stroke" if m else "Rest"])
        for *at, t, m in zip(*channels, seconds, moving, strict=True)
    ]
    place = scratch() / "circles.csv"
    place.write_text("\n".join([",".join([*CHANNELS, "timestamp", "phase"]), *rows]))
    return place


def test_halves_share_no_series_and_every_model_gets_the_same() -> None:
    model = contestant("tones", Tones(), tones())
    names = [set(np.array(s.names)[s.source.unique().numpy()]) for s in (model.known, model.reference)]
    assert not names[0] & names[1]
    assert len(names[0] | names[1]) == 12
    assert min(map(len, names)) == 6
    other = contestant("muffled", Muffled(), tones())
    assert torch.equal(other.known.source, model.known.source)


def test_three_sounds_cannot_be_halved(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path / f"{'abc'[i] * 3}.wav", tone(200 + 90 * i, 1.0, 0.5), RATE)
    with pytest.raises(DataError, match="needs 4 sounds or more, .* there are 3"):
        contestant("tones", Tones(), tmp_path)


def test_every_group_has_its_paths_of_the_common_duration() -> None:
    model = contestant("tones", Tones(), tones())
    hands = read_hands([motion()], count=4, seconds=4.0, seed=0)
    sent = ways(model, hands, Pca(), count=4, seconds=4.0, seed=0)
    assert list(sent) == groups(hands) == ["circles", "recordings", "corpus", "line", "walk", "noise"]
    assert {len(p.points) for paths in sent.values() for p in paths} == {round(4 * model.rate_hz)}
    known = {tuple(v) for v in model.known.vectors.tolist()}
    assert all(tuple(v) in known for p in sent["noise"] for v in p.points.tolist())


def test_too_few_gestures_are_told() -> None:
    with pytest.raises(ParameterError, match=r"holds 6 gestures of 2 to 8 s, and 9 were asked for"):
        read_hands([motion()], count=9, seconds=4.0, seed=0)


def test_the_same_sound_scores_as_itself() -> None:
    recorded = [tone(220 * 2 ** (i / 5), 2.0, 0.3 + 0.05 * i) for i in range(10)]
    real = RealSound.of(recorded, RATE)
    same = HeardPaths.of(recorded, real, RATE)
    scores = same.scores(real)
    assert scores["descriptor_coverage"] == 1
    assert scores["descriptor_overlap"] > 0.97
    assert scores["frechet"] == pytest.approx(0, abs=1e-6)
    for row in same.against(real).values():
        assert row["distance"] == pytest.approx(0, abs=1e-9)
        assert row["change"] == pytest.approx(1, abs=1e-6)
    one = HeardPaths.of(recorded[:1] * 10, real, RATE)
    assert one.scores(real)["descriptor_coverage"] < 0.5
    assert one.scores(real)["frechet"] > 1


def test_change_does_not_count_the_step_from_one_sound_to_the_next() -> None:
    curves = torch.tensor([[0.0], [1.0], [9.0], [10.0]])
    assert mean_change(curves, torch.tensor([0, 0, 1, 1]))[0] == pytest.approx(1)
    assert described(torch.zeros(1, 8192), RATE).shape == (4, 6)


def test_intervals_hold_their_value_and_bounds() -> None:
    model = contestant("tones", Tones(), tones())
    sent = ways(model, [], Pca(), count=6, seconds=1.0, seed=0)
    recorded = [tone(220 * 2 ** (i / 5), 1.0, 0.4) for i in range(10)]
    real = RealSound.of(recorded, RATE)
    for paths in sent.values():
        visits = Visits.of(model.ground, [model.known.space.project(p.points) for p in paths])
        heard = HeardPaths.of([Tones().decode(p.latents())[0] for p in paths], real, RATE)
        for measure, s in zip(
            MEASURES, scored(model.ground, real, visits, heard, seed=0, draws=50).values(), strict=True
        ):
            assert (s.low <= s.value + 1e-9 and s.value <= s.high + 1e-9) or measure.name in ("recall", "frechet")
            assert 0 <= s.low <= s.high <= measure.most


def test_a_bootstrap_of_paths_covers_a_share_of_independent_paths() -> None:
    """Paths whose points are all inside or all outside, half of each: the interval is that of a binomial share."""
    ground = Ground.fit(torch.randn(400, 2, generator=torch.Generator().manual_seed(0)), torch.arange(400))
    recorded = [tone(300, 0.6, 0.4), tone(500, 0.6, 0.5)]
    real = RealSound.of(recorded, RATE)
    places = [torch.zeros(10, 2) + (100.0 if k % 2 else 0.0) for k in range(40)]
    heard = HeardPaths.of([recorded[k % 2] for k in range(40)], real, RATE)
    found = scored(ground, real, Visits.of(ground, places), heard, seed=0)["outside"]
    assert found.value == 0.5
    assert found.high - found.low == pytest.approx(2 * 1.96 * math.sqrt(0.25 / 40), rel=0.15)


def table_of(**means: float) -> dict[tuple[str, str], dict[str, Scored]]:
    """Normal draws of deviation 1 about a mean, the same for all measures."""
    return {
        ("model", name): {
            m.name: Scored(mean, mean - 2, mean + 2, mean + numpy_generator(i, m.name).standard_normal(400))
            for m in MEASURES
        }
        for i, (name, mean) in enumerate(means.items())
    }


def test_only_differences_that_survive_holm_are_decided() -> None:
    """A difference of 2.6 deviations has p = 0.009: decided alone, undecided among nine."""
    table = table_of(a=0.0, b=2.6 * math.sqrt(2), c=12.0)
    near = differences(table, [(("model", "b"), ("model", "a"))])
    assert not any(d.decided for d in near)
    far = differences(table, [(("model", "c"), ("model", "a"))])
    assert all(d.decided and d.value == 12 and d.low > 0 for d in far)


def test_rebuilding_a_tone_is_better_than_losing_it() -> None:
    class Silent(Tones):
        def decode(self, latents: Tensor, *, length: int | None = None) -> Tensor:
            return 1e-6 * super().decode(latents, length=length)

    recorded = [tone(440, 1.0, 0.5), tone(330, 1.0, 0.5)]
    good, silent = (rebuild(contestant("x", codec, tones()), recorded, RATE, kept=1) for codec in (Tones(), Silent()))
    for name in good.errors:
        assert (good.errors[name] < silent.errors[name]).all(), name
    assert len(good.sounds) == 1
    assert good.sounds[0].shape == (1, RATE)
    assert good.encode_cost > 0


@functools.cache
def report() -> tuple[dict[str, Any], str]:
    place = scratch() / "compared.html"
    found = compare([bundle(), Tones()], tones(), place, gestures=[motion()], paths=4, seconds=4.0)
    return found, place.read_text()


def test_the_page_holds_the_numbers_and_plays_the_paths() -> None:
    found, text = report()
    hearing = Hearing()
    hearing.feed(text)
    assert all(a.startswith("data:") for a in hearing.addresses)
    groups_there = 6
    assert len(hearing.players) == 3 * 3 + groups_there * 3 * 2
    for model in ("model", "Tones"):
        for group in ("circles", "recordings", "walk", "noise"):
            assert f"{found['coverage'][model][group]['precision'][0]:.2f}" in text
    assert "TimbreError" not in text
    assert not re.search(r"\bnan\b", re.sub(r"base64,[^\"]*", "", text).lower())
    stored = json.loads((scratch() / "compared.json").read_text())
    assert stored["coverage"] == found["coverage"]


def test_numbers_know_the_models_and_the_same_seed_gives_the_same() -> None:
    found, _ = report()
    assert found["models"]["Tones"]["latent_dim"] == 3
    assert found["models"]["Tones"]["collapsed"] == 1
    assert found["hands"] == {"circles": found["hands"]["circles"]}
    assert len(found["hands"]["circles"]) == 4
    first, again = (
        examine({"tones": Tones()}, tones(), paths=4, seconds=1.0, seed=3).results["tones", "walk"].scores["precision"]
        for _ in range(2)
    )
    assert first.value == again.value
    assert np.array_equal(first.draws, again.draws)


def test_models_of_one_name_are_told_apart() -> None:
    assert list(named([Tones(), Tones(), Muffled()])) == ["Tones", "Tones (2)", "Muffled"]


@pytest.mark.parametrize(
    ("models", "options", "sentence"),
    [
        ([], {}, "A comparison needs a model"),
        ([Tones()], {"paths": 2}, "takes 4 paths or more of 0.5 to 60 s in each group, not 2 of 4 s"),
        ([Tones()], {"seconds": 0.0}, "not 12 of 0 s"),
        ([Tones()], {"mapping": "pcaa"}, "There is no mapping 'pcaa'"),
        ([Tones()], {"out": "report.txt"}, "does not end so; name it report.html"),
    ],
)
def test_wrong_arguments_get_one_sentence(
    tmp_path: Path, models: list[Any], options: dict[str, Any], sentence: str
) -> None:
    out = tmp_path / options.pop("out", "report.html")
    with pytest.raises(ParameterError, match=sentence):
        compare(models, tones(), out, **options)
    assert not list(tmp_path.iterdir())


def test_nothing_is_replaced_unless_asked(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("mine")
    with pytest.raises(Exception, match="--force"):
        compare([Tones()], sounds(), tmp_path / "report.html")
    assert (tmp_path / "report.json").read_text() == "mine"


def test_a_source_called_like_a_baseline_has_a_name_of_its_own(tmp_path: Path) -> None:
    for place in (tmp_path / "a" / "walk.csv", tmp_path / "b" / "walk.csv"):
        place.parent.mkdir()
        place.write_text(motion().read_text())
    hands = read_hands([tmp_path / "a" / "walk.csv", tmp_path / "b" / "walk.csv"], count=4, seconds=4.0, seed=0)
    assert [h.name for h in hands] == ["walk (2)", "walk (3)"]


def test_recordings_begin_with_another_sound_each_until_all_had_their_turn() -> None:
    model = contestant("tones", Tones(), tones())
    sent = ways(model, [], Pca(), count=6, seconds=1.0, seed=0)["recordings"]
    assert len({tuple(p.points[0].tolist()) for p in sent}) == 6


def test_descriptors_that_stay_alike_do_not_lower_what_real_sound_scores_itself() -> None:
    recorded = [tone(300, 1.0, 0.4)] * 3 + [tone(220 * 2 ** (i / 5), 1.0, 0.4) for i in range(6)]
    real = RealSound.of(recorded, RATE)
    itself = HeardPaths.of(recorded, real, RATE).scores(real)
    assert itself["descriptor_overlap"] == pytest.approx(1)
    assert itself["descriptor_coverage"] == 1


def test_taught_hands_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="maps hands by pca, range or corpus; 'taught' needs examples"):
        compare([Tones()], tones(), tmp_path / "report.html", mapping="taught")
