"""Pictures as a data set: splits, binarisation, layouts, and one sentence for everything that does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from tests.datasets.idx_files import NAMES, classes, idx_bytes, pictures, write, write_set
from timbrespace.core.errors import DataError, ParameterError
from timbrespace.datasets import Images
from timbrespace.datasets.base import SPLITS
from timbrespace.datasets.binarising import binarise
from timbrespace.datasets.images import PreparedImages


def prepared(folder: Path, **settings: Any) -> PreparedImages:
    return Images(str(folder), **{"validation": 10, **settings}).prepare()


# Splits


def test_splits_hold_the_files_pictures_with_their_labels(tmp_path: Path) -> None:
    data = prepared(write_set(tmp_path), binarise="none")
    train, validation, test = (data.split(name) for name in SPLITS)
    assert (len(train), len(validation), len(test)) == (30, 10, 12)
    labels = dict(zip((p.tobytes() for p in pictures(40)), classes(40).tolist(), strict=True))
    images = torch.cat([train.images, validation.images])
    for image, label in zip(images, torch.cat([train.labels, validation.labels]), strict=True):
        assert labels.pop(image.numpy().tobytes()) == int(label)
    assert not labels, "every training picture trains or validates"
    np.testing.assert_array_equal(test.images.numpy(), pictures(12, seed=1))
    assert test.labels.tolist() == classes(12).tolist()


def test_the_permutation_mixes_and_never_changes(tmp_path: Path) -> None:
    """Guards results: another order would be other data for every seed."""
    data = prepared(write_set(tmp_path))
    assert data.split("train").labels.tolist()[:12] == [0, 2, 3, 2, 3, 3, 0, 0, 1, 0, 1, 3]
    assert data.split("validation").labels.tolist() == [2, 0, 2, 0, 0, 0, 3, 2, 1, 0]


def test_a_limit_keeps_validation_and_the_first_of_training(tmp_path: Path) -> None:
    whole, few = prepared(write_set(tmp_path)), prepared(tmp_path, limit=7)
    assert torch.equal(few.split("train").images, whole.split("train").images[:7])
    for name in ("validation", "test"):
        assert torch.equal(few.split(name).images, whole.split(name).images)
    assert few.fingerprint != whole.fingerprint
    assert len(prepared(tmp_path, limit=30).split("train")) == 30


def test_validation_may_be_empty_if_asked_for(tmp_path: Path) -> None:
    data = prepared(write_set(tmp_path), validation=0)
    assert len(data.split("validation")) == 0
    assert len(data.split("train")) == 40
    assert data.split("validation").batch([]).x.shape == (0, 1, 6, 5)


def test_fingerprint_follows_pictures_labels_and_settings(tmp_path: Path) -> None:
    seen = {prepared(write_set(tmp_path)).fingerprint}
    assert prepared(write_set(tmp_path, packed=True)).fingerprint in seen, "packing changes nothing"
    seen.add(prepared(tmp_path, binarise="none").fingerprint)
    seen.add(prepared(tmp_path, validation=9).fingerprint)
    write(tmp_path / NAMES["test", "labels"], idx_bytes(classes(12)[::-1].copy()))
    seen.add(prepared(tmp_path).fingerprint)
    changed = pictures(40)
    changed[3, 2, 1] ^= 1
    write(tmp_path / NAMES["train", "images"], idx_bytes(changed))
    seen.add(prepared(tmp_path).fingerprint)
    assert len(seen) == 5


def test_summary_counts(tmp_path: Path) -> None:
    data = prepared(write_set(tmp_path))
    assert data.skipped == []
    assert data.summary() == {
        "path": str(tmp_path),
        "size": [6, 5],
        "classes": 4,
        "binarise": "dynamic",
        "splits": {"train": {"images": 30}, "validation": {"images": 10}, "test": {"images": 12}},
        "skipped": [],
        "fingerprint": data.fingerprint,
    }


# The embedded digits


def test_digits_are_scikit_learns() -> None:
    dataset = Images("digits", binarise="none")
    assert dataset.provides() == {"n_features": 8, "n_channels": 1, "n_frames": 8, "n_classes": 10}
    splits = [dataset.prepare().split(name) for name in SPLITS]
    assert [len(split) for split in splits] == [1079, 359, 359]
    digits = load_digits()
    known = {
        np.round(image * 255 / 16).astype(np.uint8).tobytes(): int(label)
        for image, label in zip(digits.images, digits.target, strict=True)
    }
    for split in splits:
        assert split.images.max() == 255
        for image, label in zip(split.images, split.labels, strict=True):
            assert known[image.numpy().tobytes()] == int(label)
        assert torch.bincount(split.labels, minlength=10).min() >= 25, "every digit is in every split"


def test_digits_obey_validation_and_limit() -> None:
    data = Images("digits", validation=50, limit=100).prepare()
    assert [len(data.split(name)) for name in SPLITS] == [100, 50, 359]


# Batches


def test_grey_pictures_are_exact(tmp_path: Path) -> None:
    split = prepared(write_set(tmp_path), binarise="none").split("test")
    for generator in (None, torch.Generator()):
        batch = split.batch([3, 0], generator=generator)
        assert batch.x.shape == (2, 1, 6, 5)
        assert torch.equal(batch.x[:, 0], split.images[[3, 0]].float() / 255)
        assert batch.target is batch.x
        assert batch.labels["class"].tolist() == [3, 0]
        assert batch.labels["class"].dtype == torch.int64


def test_binary_pictures_are_drawn_anew_for_each_generator_and_once_without(tmp_path: Path) -> None:
    split = prepared(write_set(tmp_path)).split("test")
    fixed, again = split.batch(range(12)).x, prepared(tmp_path).split("test").batch(range(12)).x
    assert torch.equal(fixed, again)
    drawn = [split.batch(range(12), generator=torch.Generator().manual_seed(s)).x for s in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], fixed)
    assert set(drawn[0].unique().tolist()) == {0.0, 1.0}
    assert drawn[0].dtype == fixed.dtype == torch.float32


def test_splits_have_draws_of_their_own(tmp_path: Path) -> None:
    write_set(tmp_path, train=22, test=12)
    for part, count in (("train", 22), ("test", 12)):  # all alike, and half grey
        write(tmp_path / NAMES[part, "images"], idx_bytes(np.full((count, 6, 5), 128, np.uint8)))
    data = prepared(tmp_path)
    drawn = [data.split(name).batch(range(10)).x for name in SPLITS]
    assert not torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0][0], drawn[0][1])


def test_binarisation_has_the_grey_value_as_probability() -> None:
    """Every grey value: the frequency in 40,000 draws lies within 4.5 standard deviations, 0 and 255 never vary."""
    n = 40_000
    grey = torch.arange(256, dtype=torch.uint8).repeat(n, 1)
    drawn = binarise(grey, generator=torch.Generator().manual_seed(0)).double()
    p = torch.arange(256).double() / 255
    assert torch.equal(drawn[:, 0], torch.zeros(n).double())
    assert torch.equal(drawn[:, 255], torch.ones(n).double())
    z = (drawn.mean(0) - p)[1:-1] / (p * (1 - p) / n).sqrt()[1:-1]
    assert float(z.abs().max()) < 4.5
    assert float(z.square().mean()) == pytest.approx(1.0, abs=0.4), "neither too even nor too wild"
    assert abs(float(z.mean())) < 4.5 / 254**0.5, "no bias over all grey values"


def test_binarisation_draws_cells_independently() -> None:
    grey = torch.full((3000, 64), 100, dtype=torch.uint8)
    drawn = binarise(grey, generator=torch.Generator().manual_seed(3))
    correlation = torch.corrcoef(drawn.T) - torch.eye(64)
    assert float(correlation.abs().max()) < 5.5 / 3000**0.5


@pytest.mark.parametrize("shape", [(0, 4, 4), (1, 1, 1), (3, 7, 5)])
def test_binarisation_of_any_shape(shape: tuple[int, ...]) -> None:
    drawn = binarise(torch.full(shape, 255, dtype=torch.uint8), generator=torch.Generator())
    assert torch.equal(drawn, torch.ones(shape))


# Where the files lie


@pytest.mark.parametrize("inside", ["", "raw", "MNIST/raw"])
@pytest.mark.parametrize("packed", [False, True])
def test_layouts(tmp_path: Path, inside: str, packed: bool) -> None:
    write_set(tmp_path / inside, packed=packed)
    assert len(prepared(tmp_path).split("train")) == 30
    assert Images(str(tmp_path)).provides() == {"n_features": 6, "n_channels": 1, "n_frames": 5, "n_classes": 4}


def test_the_old_names_are_known(tmp_path: Path) -> None:
    for path in list(write_set(tmp_path).iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert len(prepared(tmp_path).split("test")) == 12


def test_plain_files_come_before_packed_ones(tmp_path: Path) -> None:
    write_set(tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"something else")
    assert len(prepared(tmp_path).split("train")) == 30


# What does not fit


def broken_by(folder: Path, part: str, what: str, content: bytes | None) -> None:
    path = write_set(folder) / NAMES[part, what]
    path.unlink() if content is None else path.write_bytes(content)


@pytest.mark.parametrize(
    ("part", "what", "content", "sentence"),
    [
        ("train", "images", None, r"holds no train-images-idx3-ubyte or train-images-idx3-ubyte\.gz; put it beside"),
        ("test", "labels", None, "holds no t10k-labels-idx1-ubyte or .*gz; put it beside the others"),
        ("train", "labels", idx_bytes(classes(39)), "train-images-.* holds 40 images and train-labels-.* 39 labels;"),
        ("test", "images", idx_bytes(pictures(13)), "t10k-images-.* holds 13 images and t10k-labels-.* 12 labels;"),
        ("test", "images", idx_bytes(pictures(12, height=7)), "are 6 x 5 and the test images 7 x 5; give one size"),
        ("test", "labels", idx_bytes(classes(12, 9)), "test labels in .* go up to 8, those for training only to 3;"),
        ("train", "images", idx_bytes(pictures(40))[:-9], "train-images-.* is truncated: .* 1,200 bytes, .* 1,191;"),
        ("test", "images", idx_bytes(pictures(0)), r"t10k-images-.* holds no pictures \(0 x 6 x 5\)"),
        ("train", "images", idx_bytes(pictures(40, width=0)), r"holds no pictures \(40 x 6 x 0\)"),
        ("train", "images", idx_bytes(classes(40)), "begins with 00000801, not with 00000803, .* of images"),
        ("train", "labels", idx_bytes(pictures(40)), "begins with 00000803, not with 00000801, .* of labels"),
    ],
)
def test_damaged_sets_get_one_sentence(
    tmp_path: Path, part: str, what: str, content: bytes | None, sentence: str
) -> None:
    broken_by(tmp_path, part, what, content)
    with pytest.raises(DataError, match=sentence) as caught:
        prepared(tmp_path)
    assert str(caught.value).count(". ") == 0, "one sentence"


def test_folders_without_a_set_or_with_several_get_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no folder .*nowhere; give one with the files of MNIST, or the word"):
        prepared(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"holds no train-images-idx3-ubyte or train-images-idx3-ubyte\.gz; give the"):
        Images(str(tmp_path)).provides()
    write_set(tmp_path / "MNIST" / "raw")
    write_set(tmp_path / "FashionMNIST" / "raw")
    with pytest.raises(DataError, match=r"holds 2 sets of images \(.*FashionMNIST.raw, .*MNIST.raw\); give one"):
        prepared(tmp_path)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"validation": 40}, "validation=40 leaves none of the 40 training images in .*; give at most 39"),
        ({"limit": 31}, "limit=31 is more than the 30 training images that .* has beside 10 for validation"),
    ],
)
def test_more_than_there_is_gets_one_sentence(tmp_path: Path, settings: dict[str, int], sentence: str) -> None:
    write_set(tmp_path)
    with pytest.raises(DataError, match=sentence):
        prepared(tmp_path, **settings)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"binarise": "static"}, "expects one of 'dynamic', 'none', not 'static'"),
        ({"validation": -1}, "'validation' is -1, outside its range"),
        ({"limit": 0}, "'limit' is 0, outside its range"),
    ],
)
def test_settings_out_of_range_get_one_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        Images("digits", **settings)


# The real thing


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST"])
def test_real_sets(real_data: Path, name: str) -> None:
    dataset = Images(str(real_data / "images" / name))
    assert dataset.provides() == {"n_features": 28, "n_channels": 1, "n_frames": 28, "n_classes": 10}
    data = dataset.prepare()
    train, validation, test = (data.split(n) for n in SPLITS)
    assert (len(train), len(validation), len(test)) == (58_000, 2000, 10_000)
    assert torch.bincount(test.labels).tolist()[:3] == ([980, 1135, 1032] if name == "MNIST" else [1000] * 3)
    grey = test.images.float().mean() / 255
    assert float(test.batch(range(10_000)).x.mean()) == pytest.approx(float(grey), abs=1e-3)
