"""The contract of data sets, and proof that it notices mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from tests.bundles import sounds
from tests.contracts.common import members
from timbrespace.core.batch import Batch
from timbrespace.core.component import build, catalogue
from timbrespace.datasets.base import SPLITS, Dataset, Prepared, SoundPrepared, SoundSplit, Source, Split, SplitName
from timbrespace.datasets.folder import SoundFolder
from timbrespace.datasets.images import Images

SMALL: dict[str, Any] = {
    "sample_rate": 22_050,
    "chunk_length": 8_192,
    "crop_length": 6_144,
    "validation": 0.2,
    "test": 0.2,
    "loops": 1,
    "notes": 4,
    "hits": 6,
}
"""Settings for tests; a data set gets those that are arguments of its constructor."""
FOLDER = {name: SMALL[name] for name in ("sample_rate", "chunk_length", "crop_length", "validation", "test")}


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIMBRESPACE_CACHE", str(tmp_path / "cache"))


def small(kind: str, **settings: Any) -> Dataset:
    arguments = catalogue(Dataset)[kind].arguments()
    if kind not in SOUNDS:
        return build(Dataset, {"kind": kind, **settings}, wired={"path": "digits"})
    table = {name: value for name, value in (SMALL | settings).items() if name in arguments}
    return build(Dataset, {"kind": kind, **table}, wired={"path": str(sounds())})


SOUNDS = [kind for kind in members(Dataset) if "chunk_length" in catalogue(Dataset)[kind].arguments()]


def check_prepared(dataset: Dataset) -> None:
    prepared, again = dataset.prepare(), dataset.prepare()
    assert prepared.fingerprint == again.fingerprint
    assert len(prepared.fingerprint) >= 32
    assert prepared.summary()["fingerprint"] == prepared.fingerprint
    splits = {name: prepared.split(name) for name in SPLITS}
    assert len(splits["train"]) > 0
    for name, split in splits.items():
        if len(split):
            _batches_are_what_they_seem(split, prepared.split(name), again.split(name))
    if isinstance(prepared, SoundPrepared):
        _check_sounds(prepared)
    else:
        assert dataset.provides().keys() >= {"n_features", "n_channels", "n_frames"}
        _pictures_are_as_provided(dataset, splits)


def _check_sounds(prepared: SoundPrepared) -> None:
    splits = {name: prepared.split(name) for name in SPLITS}
    _series_stay_together(splits)
    for name, split in splits.items():
        assert all(source.split == name for source in split.sources)
        assert prepared.split(name).sources == split.sources
        if len(split):
            _every_sample_is_in_a_chunk(split)
        for index, source in enumerate(split.sources):
            assert split.sound(index).shape[1] == source.frames > 0
            assert torch.isfinite(split.sound(index)).all()
    _summary_counts(prepared, splits)


def _pictures_are_as_provided(dataset: Dataset, splits: dict[SplitName, Split]) -> None:
    """Frames of the size that networks are built for, in [0, 1], and not the same ones in two splits."""
    provided = dataset.provides()
    seen: dict[bytes, SplitName] = {}
    twice = 0
    for name, split in splits.items():
        x = split.batch(range(len(split))).x
        assert x.shape[1:] == (provided["n_channels"], provided["n_features"], provided["n_frames"])
        assert x.min() >= 0
        assert x.max() <= 1
        twice += sum(seen.setdefault(row.numpy().tobytes(), name) != name for row in x)
    assert twice < 0.01 * len(seen), "pictures are in two splits"  # small binary ones may agree by chance


def _series_stay_together(splits: dict[SplitName, SoundSplit]) -> None:
    seen: dict[str, str] = {}
    names: set[str] = set()
    for name, split in splits.items():
        for source in split.sources:
            assert source.name not in names, f"{source.name} is there twice"
            names.add(source.name)
            assert seen.setdefault(source.series, name) == name, f"series {source.series} is in two splits"


def _batches_are_what_they_seem(split: Split, *others: Split) -> None:
    indices = [len(split) - 1, 0, len(split) // 2]
    batch = split.batch(indices)
    assert len(batch) == 3
    assert batch.x.dtype == torch.float32
    assert torch.isfinite(batch.x).all()
    for other in (split, *others):
        assert torch.equal(batch.x, other.batch(indices).x), "without a generator a batch is always the same"
    for row, index in enumerate(indices):
        assert torch.equal(batch.x[row], split.batch([index]).x[0]), "an example does not depend on its batch"
    for values in batch.labels.values():
        assert values.shape[0] == 3
    drawn = [split.batch(indices, generator=torch.Generator().manual_seed(s)) for s in (5, 5, 6)]
    assert torch.equal(drawn[0].x, drawn[1].x), "the same generator gives the same batch"
    assert all(len(d) == 3 and torch.isfinite(d.x).all() for d in drawn)
    assert all(torch.equal(d.labels[name], values) for d in drawn for name, values in batch.labels.items())


def _every_sample_is_in_a_chunk(split: SoundSplit) -> None:
    """Every tenth of a second of every sound is found, sample for sample, in the chunks."""
    chunks = [split.batch([i]).x[0] for i in range(len(split))]
    channels = chunks[0].shape[0]
    heard = torch.cat([c[0] for c in chunks])
    found = {round(v, 7) for v in heard.double().tolist()}
    for index in range(len(split.sources)):
        sound = split.sound(index)
        assert sound.shape[0] == channels
        missing = [i for i, v in enumerate(sound[0].double().tolist()) if round(v, 7) not in found]
        assert len(missing) <= sound.shape[1] // 1000, f"{split.sources[index].name} is not whole in the chunks"


def _summary_counts(prepared: Prepared, splits: dict[SplitName, SoundSplit]) -> None:
    summary = prepared.summary()
    for name, split in splits.items():
        assert summary["splits"][name]["chunks"] == len(split)
        assert summary["splits"][name]["files"] == len(split.sources)


@pytest.mark.parametrize("kind", members(Dataset))
def test_contract(kind: str) -> None:
    check_prepared(small(kind))


@pytest.mark.parametrize("kind", members(Dataset))
def test_configuration_builds_the_same_data(kind: str) -> None:
    dataset = small(kind)
    again = build(Dataset, dataset.config())
    assert again.config() == dataset.config()
    assert again.prepare().fingerprint == dataset.prepare().fingerprint


@pytest.mark.parametrize("kind", SOUNDS)
def test_whole_chunks_have_their_length(kind: str) -> None:
    split = small(kind).prepare().split("train")
    generator = torch.Generator().manual_seed(0)
    assert split.batch([0, 1]).x.shape[2:] == (SMALL["chunk_length"],)
    assert split.batch([0, 1], generator=generator).x.shape[2:] == (SMALL["crop_length"],)


class _Changed(SoundSplit):
    """A split of the real data set, to be broken."""

    def __init__(self, right: SoundSplit) -> None:
        self.right = right

    def __len__(self) -> int:
        return len(self.right)

    def batch(self, indices: Sequence[int], *, generator: torch.Generator | None = None) -> Batch:
        return self.right.batch(indices, generator=generator)

    def own_examples(self, batch_size: int) -> int:
        return self.right.own_examples(batch_size)

    @property
    def sources(self) -> list[Source]:
        return self.right.sources

    def sound(self, index: int) -> Tensor:
        return self.right.sound(index)


class _IgnoresIndices(_Changed):
    def batch(self, indices: Sequence[int], *, generator: torch.Generator | None = None) -> Batch:
        return self.right.batch(range(len(indices)), generator=generator)


class _AlwaysDraws(_Changed):
    def batch(self, indices: Sequence[int], *, generator: torch.Generator | None = None) -> Batch:
        return self.right.batch(indices, generator=generator or torch.default_generator)


class _ForgetsTheGenerator(_Changed):
    def batch(self, indices: Sequence[int], *, generator: torch.Generator | None = None) -> Batch:
        return self.right.batch(indices, generator=generator and torch.default_generator)


class _DropsTheTail(_Changed):
    def __len__(self) -> int:
        return max(1, len(self.right) - 2)


class _CutsSounds(_Changed):
    def sound(self, index: int) -> Tensor:
        return self.right.sound(index)[:, :-1]


class _Leaks(_Changed):
    """Sources of the training split under other names, as if they had been told apart by file."""

    @property
    def sources(self) -> list[Source]:
        return [Source(f"copy-of-{s.name}", "kick-amber", s.split, s.frames) for s in self.right.sources]


class _BrokenData(SoundPrepared):
    def __init__(self, right: SoundPrepared, split: type[_Changed], salt: str = "") -> None:
        self.right, self.kind, self.salt = right, split, salt

    @property
    def fingerprint(self) -> str:
        return self.right.fingerprint + self.salt

    @property
    def skipped(self) -> list[Any]:
        return self.right.skipped

    def split(self, name: SplitName) -> SoundSplit:
        return self.kind(self.right.split(name))

    def summary(self) -> dict[str, Any]:
        return self.right.summary() | {"fingerprint": self.fingerprint}


class _Broken(SoundFolder):
    kind: ClassVar[type[_Changed]] = _Changed
    restless: ClassVar[bool] = False
    calls = 0

    def prepare(self, *, progress: Any = None) -> Any:
        self.calls += 1
        return _BrokenData(super().prepare(progress=progress), self.kind, str(self.calls) if self.restless else "")


def broken(kind: type[_Changed] = _Changed, *, restless: bool = False) -> _Broken:
    dataset = _Broken(path=str(sounds()), **FOLDER)
    dataset.__class__ = type("Broken", (_Broken,), {"kind": kind, "restless": restless})
    return dataset


@pytest.mark.parametrize(
    "mistake", [_IgnoresIndices, _AlwaysDraws, _ForgetsTheGenerator, _DropsTheTail, _CutsSounds, _Leaks]
)
def test_contract_notices_planted_mistakes(mistake: type[_Changed]) -> None:
    check_prepared(broken())
    with pytest.raises(AssertionError):
        check_prepared(broken(mistake))


def test_contract_notices_a_restless_fingerprint() -> None:
    with pytest.raises(AssertionError):
        check_prepared(broken(restless=True))


class _ChangedPictures(Split):
    """A split of the real pictures, to be broken."""

    def __init__(self, right: Split, name: SplitName) -> None:
        self.right, self.name = right, name

    def __len__(self) -> int:
        return len(self.right)

    def batch(self, indices: Sequence[int], *, generator: torch.Generator | None = None) -> Batch:
        return self.right.batch(indices, generator=generator)

    def own_examples(self, batch_size: int) -> int:
        return self.right.own_examples(batch_size)


class _DrawsAtEachPreparation(_ChangedPictures):
    def __init__(self, right: Split, name: SplitName) -> None:
        super().__init__(right, name)
        self.mask = (torch.rand(1, 1, 8, 8) < 0.5).float()

    def batch(self, indices: Sequence[int], *, generator: torch.Generator | None = None) -> Batch:
        return Batch.of(self.right.batch(indices, generator=generator).x * self.mask)


class _ShufflesLabels(_ChangedPictures):
    def batch(self, indices: Sequence[int], *, generator: torch.Generator | None = None) -> Batch:
        batch = self.right.batch(indices, generator=generator)
        labels = batch.labels["class"]
        return Batch(batch.x, batch.x, {"class": labels if generator is None else labels.flip(0)})


class _LeavesTheRange(_ChangedPictures):
    def batch(self, indices: Sequence[int], *, generator: torch.Generator | None = None) -> Batch:
        return Batch.of(2 * self.right.batch(indices, generator=generator).x)


class _ServesTestPictures(_ChangedPictures):
    """The test split holds training pictures."""

    def batch(self, indices: Sequence[int], *, generator: torch.Generator | None = None) -> Batch:
        split = Images("digits", binarise="none").prepare().split("train") if self.name == "test" else self.right
        return split.batch(indices, generator=generator)


class _OtherPictures(Prepared):
    def __init__(self, right: Prepared, kind: type[_ChangedPictures]) -> None:
        self.right, self.kind = right, kind

    @property
    def fingerprint(self) -> str:
        return self.right.fingerprint

    @property
    def skipped(self) -> list[Any]:
        return self.right.skipped

    def split(self, name: SplitName) -> Split:
        return self.kind(self.right.split(name), name)

    def summary(self) -> dict[str, Any]:
        return self.right.summary()


class _OtherImages(Images):
    kind: ClassVar[type[_ChangedPictures]] = _ChangedPictures

    def prepare(self, *, progress: Any = None) -> Any:
        return _OtherPictures(super().prepare(progress=progress), self.kind)


@pytest.mark.parametrize("mistake", [_DrawsAtEachPreparation, _ShufflesLabels, _LeavesTheRange, _ServesTestPictures])
def test_contract_notices_planted_mistakes_of_pictures(mistake: type[_ChangedPictures]) -> None:
    for kind in (_ChangedPictures, mistake):
        dataset = _OtherImages("digits", binarise="none")
        dataset.__class__ = type("Other", (_OtherImages,), {"kind": kind})
        if kind is _ChangedPictures:
            check_prepared(dataset)
        else:
            with pytest.raises(AssertionError):
                check_prepared(dataset)
