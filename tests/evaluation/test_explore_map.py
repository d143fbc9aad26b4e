"""The map in the report: its groups are those that can be heard, and what it says of them is true."""

from __future__ import annotations

import dataclasses
import functools
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.bundles import bundle, scratch, sounds
from tests.evaluation.test_explore import RATE, Tones, folder_of, tone
from timbrespace.audio.descriptors import NAMES, on_scale
from timbrespace.audio.writing import write
from timbrespace.codecs.loading import load_sound
from timbrespace.codecs.mapping import map_tensors
from timbrespace.evaluation.exploration import Exploration
from timbrespace.evaluation.explore import examine
from timbrespace.evaluation.explore_map import Cluster, _kinds, excerpt_of
from timbrespace.evaluation.explore_map_page import _few, cluster_in_words, the_map
from timbrespace.evaluation.explore_numbers import numbers
from timbrespace.evaluation.explore_survey import survey
from timbrespace.latent.distilling import distil
from timbrespace.latent.maps import Pca


@functools.cache
def two_worlds() -> Exploration:
    """Forty short tones in two folders: low and loud ones, high and soft ones."""
    folder = scratch() / "worlds"
    g = torch.Generator().manual_seed(1)
    for i in range(40):
        kind, hz, level = ("low", 150.0, 0.4) if i % 2 else ("high", 3000.0, 0.05)
        hz, level = hz * 1.3 ** float(torch.randn((), generator=g)), level * 1.2 ** float(torch.randn((), generator=g))
        (folder / kind).mkdir(parents=True, exist_ok=True)
        write(folder / kind / f"t{i:02}.wav", tone(hz, 1.0, level), RATE)
    return examine(Tones(), folder, name="worlds")


def test_the_groups_are_those_that_are_there() -> None:
    m = two_worlds().map
    assert len(m.described) == 2
    assert m.agreements["kind of sound"].adjusted_rand > 0.95
    assert sorted(c.labels[0][0] for c in m.described) == ["high", "low"]
    for cluster in m.described:
        word, here, everywhere = cluster.labels[0]
        assert here > 0.95
        assert everywhere == pytest.approx(m.kinds["kind of sound"].count(word) / len(m.umap))
        said = cluster_in_words(cluster)
        assert ("louder" in said) == (word == "low")
        assert ("higher-pitched" in said) == (word == "high")


def test_deviations_are_of_medians_in_deviations_of_all() -> None:
    m = two_worlds().map
    loud = on_scale(m.places.descriptors)[:, NAMES.index("loudness")]
    own = loud[m.clusters.label == 0].median()
    expected = (own - loud.median()) / loud.std(correction=0)
    assert float(m.described[0].deviations[NAMES.index("loudness")]) == pytest.approx(float(expected), abs=1e-3)


def test_the_medoid_that_is_heard_is_of_its_group() -> None:
    e = two_worlds()
    for cluster in e.map.described:
        sound = excerpt_of(e.found, e.map.places, cluster.medoid, e.codec)
        assert sound.shape == (1, RATE)  # the whole of a second, where a moment would be longer
        name = e.found.names[int(e.map.places.source[cluster.medoid])]
        assert name.startswith(cluster.labels[0][0])


def test_neighbours_on_the_map_are_alike_and_groups_lie_apart() -> None:
    m = two_worlds().map
    assert m.umap_faith.trustworthiness > 0.9
    gaps = torch.cdist(m.umap, m.umap).fill_diagonal_(torch.inf)
    near = gaps.argmin(1)
    assert float((m.clusters.label[near] == m.clusters.label).float().mean()) > 0.98


def test_the_section_and_the_numbers_say_it() -> None:
    e = two_worlds()
    text = the_map(e)
    assert text.count('class="map"') == 4
    assert text.count("<audio") == 2
    assert "fall into 2 groups" in text
    assert "They are nearly those that the labels name" in text
    table = numbers(e)["map"]
    assert table["carried"] is None
    assert [g["places"] for g in table["groups"]] == [c.size for c in e.map.described]
    assert table["agreement_with_labels"]["kind of sound"]["adjusted_rand"] > 0.95
    assert sum(g["places"] for g in table["groups"]) == table["places"]
    assert set(table["evidence"]) >= {"1", "2", "3"}
    for formula in ("trustworthiness", "groups", "agreement_with_labels", "carried"):
        assert formula in numbers(e)["formulas"]


def test_the_map_a_model_carries_is_shown_and_heard() -> None:
    codec = load_sound(bundle())
    codec.latent |= map_tensors(distil(codec.latent["vectors"], metric=codec.latent["metric"], method=Pca()))
    e = examine(codec, sounds(), name="carrier")
    carried = e.map.carried
    assert carried is not None
    assert carried.plane.shape == e.map.umap.shape
    assert carried.change_db > 0
    assert carried.apart_db > 0
    assert "The model carries a map" in the_map(e)
    assert numbers(e)["map"]["carried"]["points"] == len(codec.latent["vectors"])


def test_labels_that_are_names_or_say_nothing_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of("labelled", *(tone(200.0 * (1 + i), 1.0, 0.1) for i in range(8)))
    found = survey(Tones(), folder)
    known = found.split.sources
    labels = [{"family": "ab"[i % 2], "id": str(i), "licence": "cd"[i % 2], "all": "same"} for i in range(8)]
    labels[3].pop("family")
    labelled = [dataclasses.replace(s, labels=t) for s, t in zip(known, labels, strict=True)]
    monkeypatch.setattr(type(found.split), "sources", property(lambda self: labelled))
    kinds = _kinds(found, found.moments(10))
    assert set(kinds) == {"kind of sound", "family"}
    assert set(kinds["family"]) == {"a", "b", "unknown"}


def test_one_sound_is_one_group(tmp_path: Path) -> None:
    e = examine(Tones(), folder_of("alone", tone(200, 1.2, 0.3) * torch.linspace(0.1, 1, round(1.2 * RATE))))
    text = the_map(e)
    assert "<b>The sounds form one group</b>" in text
    assert "too few places for a map by neighbourhoods" in text
    assert numbers(e)["map"]["umap"]["trustworthiness"] is None
    assert numbers(e)["map"]["agreement_with_labels"]["kind of sound"]["adjusted_rand"] is None


def described(**changes: Tensor | bool) -> Cluster:
    return dataclasses.replace(Cluster(3, [("a", 1.0, 0.5)], torch.zeros(len(NAMES)), False, 0), **changes)


def test_groups_are_told_in_words() -> None:
    far = torch.zeros(len(NAMES))
    assert cluster_in_words(described()) == "like all sounds on average"
    far[NAMES.index("loudness")], far[NAMES.index("f0")] = 2.0, -0.5
    assert cluster_in_words(described(deviations=far)) == "much louder, lower-pitched"
    far[NAMES.index("f0")] = math.nan
    assert cluster_in_words(described(deviations=far)) == "much louder"
    assert cluster_in_words(described(silent=True)) == "next to silence"


def test_many_labels_are_too_many_colours() -> None:
    few = _few([str(i) for i in range(20)] + ["0", "1"])
    assert len(set(few)) == 8
    assert few.count("other") == 13
    assert _few(["b", "a"]) == ["b", "a"]
