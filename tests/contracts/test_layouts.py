"""The contract of layouts: they read any folder, however damaged its descriptions are, and tell words only."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.contracts.common import check_config, make, members
from tests.datasets.collections import COLLECTIONS, damaged, descriptions_of
from timbrespace.datasets.layouts import Labels, Layout, Sol

KINDS = members(Layout)


def check_labels(layout: Layout, root: Path, names: Sequence[str]) -> Labels:
    found = layout.read(root, names)
    assert found == layout.read(root, names), "the same folder gives the same labels"
    assert found.layout == type(layout).__name__
    assert set(found.of) <= set(names), "labels of sounds that are not there"
    assert set(found.folds) <= set(names)
    for words in [*found.of.values(), found.folds]:
        assert all(label and value and value == " ".join(value.split()) for label, value in words.items())
    assert all(count > 0 for count in found.counts.values())
    table = found.summary(names)
    assert json.loads(json.dumps(table, allow_nan=False)) == table
    assert all(0 < count <= len(names) for count in table["labels"].values())
    json.dumps(table, ensure_ascii=False).encode()
    json.dumps(dict(found.of), ensure_ascii=False, default=dict).encode()
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_contract(kind: str, tmp_path: Path) -> None:
    layout = make(Layout, kind)
    check_config(layout, Layout)
    for name, write in COLLECTIONS.items():
        root, names = write(tmp_path / name)
        found = check_labels(layout, root, names)
        if name == kind:
            assert layout.recognise(root, names)
            assert set(found.of) == set(names)
            assert not found.missing
    assert check_labels(layout, tmp_path, []).summary([])["labels"] == {}


def test_every_layout_has_a_collection_and_is_recognised_in_its_own(tmp_path: Path) -> None:
    assert set(COLLECTIONS) == set(KINDS)
    for name, write in COLLECTIONS.items():
        root, names = write(tmp_path / name)
        fit = {kind for kind in KINDS if make(Layout, kind).recognise(root, names)}
        assert fit == {name, "SubFolders"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_damage_is_counted_and_no_sound_is_lost(kind: str, seed: int, tmp_path: Path) -> None:
    draw = random.Random(f"{kind} {seed}")
    root, names = COLLECTIONS[kind](tmp_path)
    whole = make(Layout, kind).read(root, names)
    for path in descriptions_of(root):
        path.write_bytes(damaged(path.read_bytes(), draw))
    found = check_labels(make(Layout, kind), root, names)
    assert set(found.of) == set(whole.of)


@pytest.mark.parametrize("kind", KINDS)
def test_descriptions_that_are_gone_cost_no_sound(kind: str, tmp_path: Path) -> None:
    root, names = COLLECTIONS[kind](tmp_path)
    whole = make(Layout, kind).read(root, names)
    for path in descriptions_of(root):
        path.unlink()
    found = check_labels(make(Layout, kind), root, names)
    assert set(found.of) == set(whole.of)
    assert found.missing or kind == "SubFolders"


class _TellsOfOthers(Layout):
    def recognise(self, root: Path, names: Sequence[str]) -> bool:
        return True

    def read(self, root: Path, names: Sequence[str]) -> Labels:
        return Labels("_TellsOfOthers", {"elsewhere.wav": {"folder": "x"}})


class _TellsEmptyWords(_TellsOfOthers):
    def read(self, root: Path, names: Sequence[str]) -> Labels:
        return Labels("_TellsEmptyWords", {name: {"bpm": ""} for name in names})


@pytest.mark.parametrize("mistake", [_TellsOfOthers, _TellsEmptyWords])
def test_contract_notices_planted_mistakes(mistake: type[Layout], tmp_path: Path) -> None:
    root, names = COLLECTIONS["Sol"](tmp_path)
    check_labels(Sol(), root, names)
    with pytest.raises(AssertionError):
        check_labels(mistake(), root, names)
