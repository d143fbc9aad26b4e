from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timbrespace.core.errors import ParameterError
from timbrespace.datasets.shards import StoredSound
from timbrespace.datasets.splitting import Shares, assign, split_sounds

TENTHS = Shares(0.1, 0.1)
lengths = st.dictionaries(st.text("abcdef", min_size=1, max_size=5), st.integers(1, 10_000), min_size=3, max_size=60)


def sounds(frames: dict[str, int]) -> list[StoredSound]:
    offsets = np.cumsum([0, *frames.values()]).tolist()
    return [StoredSound(n, o, f, "") for (n, f), o in zip(frames.items(), offsets, strict=False)]


@given(lengths, st.integers(0, 5), st.sampled_from([0.01, 0.1, 0.3, 0.45]))
@settings(max_examples=200, deadline=None)
def test_every_wanted_split_has_something(frames, seed, share):
    splits = assign(frames, Shares(share, share), seed)
    assert set(splits) == set(frames)
    assert set(splits.values()) == {"train", "validation", "test"}


@given(lengths, st.integers(0, 5))
@settings(max_examples=50, deadline=None)
def test_shares_of_zero_stay_empty(frames, seed):
    assert set(assign(frames, Shares(0.0, 0.0), seed).values()) == {"train"}
    assert set(assign(frames, Shares(0.2, 0.0), seed).values()) == {"train", "validation"}


@pytest.mark.parametrize("seed", range(10))
def test_shares_are_met_by_duration(seed):
    generator = np.random.default_rng(seed)
    frames = {f"s{i}": int(generator.lognormal(10, 1)) for i in range(200)}
    splits = assign(frames, TENTHS, seed)
    for split in ("validation", "test"):
        share = sum(f for n, f in frames.items() if splits[n] == split) / sum(frames.values())
        assert 0.07 < share < 0.13


@pytest.mark.parametrize("seed", range(10))
def test_a_new_series_moves_only_those_at_the_borders(seed):
    frames = {f"s{i}": 1_000 + i for i in range(100)}
    before = assign(frames, TENTHS, seed)
    after = assign({**frames, "new": 1_500}, TENTHS, seed)
    assert sum(before[n] != after[n] for n in frames) <= 4


def test_the_seed_decides_and_order_does_not():
    frames = {f"s{i}": 1_000 for i in range(50)}
    assert assign(frames, TENTHS, 0) == assign(dict(reversed(frames.items())), TENTHS, 0)
    assert assign(frames, TENTHS, 0) != assign(frames, TENTHS, 1)


def test_one_huge_series_trains():
    splits = assign({"huge": 10**9, **{f"s{i}": 1_000 for i in range(30)}}, TENTHS, 0)
    assert splits["huge"] == "train"
    assert set(splits.values()) == {"train", "validation", "test"}


def test_series_stay_together():
    frames = {f"{kind}{take}.wav": 1_000 for kind in ("kick", "snare", "hat", "tom", "clap") for take in range(6)}
    pieces, by = split_sounds(sounds(frames), TENTHS, 0)
    assert by == "series"
    found: dict[str, set[str]] = {}
    for piece in pieces:
        found.setdefault(piece.series, set()).add(piece.split)
    assert len(found) == 5
    assert all(len(s) == 1 for s in found.values())


def test_too_few_series_are_split_by_file():
    pieces, by = split_sounds(sounds({f"rec{i}.wav": 1_000 for i in range(40)}), TENTHS, 0)
    assert by == "file"
    assert sorted(p.split for p in pieces) == ["test"] * 4 + ["train"] * 32 + ["validation"] * 4


def test_too_few_files_are_cut_in_time():
    pieces, by = split_sounds(sounds({"a.wav": 1_000, "b.wav": 501}), TENTHS, 0)
    assert by == "time"
    assert [(p.name, p.split, p.offset, p.frames) for p in pieces[:3]] == [
        ("a.wav (train part)", "train", 0, 800),
        ("a.wav (validation part)", "validation", 800, 100),
        ("a.wav (test part)", "test", 900, 100),
    ]
    assert sum(p.frames for p in pieces) == 1_501
    whole, _ = split_sounds(sounds({"a.wav": 1_000}), Shares(0.0, 0.0), 0)
    assert [(p.name, p.split, p.frames) for p in whole] == [("a.wav", "train", 1_000)]


@pytest.mark.parametrize(("validation", "test"), [(0.5, 0.5), (-0.1, 0.1), (0.1, 1.0)])
def test_shares_must_leave_something(validation, test):
    with pytest.raises(ParameterError, match="their sum stays below 1"):
        Shares(validation, test)
