"""Pictures with labels as a data set: MNIST, Fashion-MNIST and their like, or scikit-learn's digits."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import torch
from torch import Tensor

from timbrespace.core.batch import Batch
from timbrespace.core.component import Wired
from timbrespace.core.errors import DataError
from timbrespace.core.knob import Knob
from timbrespace.core.seeds import torch_generator
from timbrespace.datasets.base import SPLITS, Dataset, Prepared, Progress, Skipped, Split, SplitName
from timbrespace.datasets.binarising import binarise
from timbrespace.datasets.image_files import (
    DIGITS,
    Labelled,
    Labels,
    Pictures,
    find_folder,
    read_digits,
    read_folder,
    sizes,
)

Binarise = Literal["dynamic", "none"]
_SEED: Final = 0
"""Of the permutations and of the fixed draws: all models see the same pictures."""
_MOST: Final = 1_000_000_000


class ImageSplit(Split):
    """The pictures of one split, in memory as bytes.

    ``images`` (picture, height, width) are the grey values 0 ... 255, ``labels`` their classes.
    """

    def __init__(self, name: SplitName, part: Labelled, binarise: Binarise) -> None:
        self.name, self.binarise = name, binarise
        self.images: Pictures = part.images
        self.labels: Labels = part.labels

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, indices: Sequence[int], *, generator: torch.Generator | None = None) -> Batch:
        """Pictures by index as ``x`` (batch, 1, height, width) in [0, 1], their own target, with the label ``class``.

        ``binarise="dynamic"``: each cell is 1 with its grey value as probability, else 0. With a ``generator`` it is
        drawn from that; without, once for the whole split, so that every model is judged on the same pictures.
        """
        chosen = torch.tensor(indices, dtype=torch.int64)
        x = self._pictures(chosen, generator)[:, None]
        return Batch(x=x, target=x, labels={"class": self.labels.index_select(0, chosen)})

    def own_examples(self, batch_size: int) -> int:
        return batch_size

    def _pictures(self, chosen: Tensor, generator: torch.Generator | None) -> Tensor:
        if self.binarise == "dynamic" and generator is None:
            return self._fixed.index_select(0, chosen).float()
        grey = self.images.index_select(0, chosen)
        if self.binarise == "dynamic" and generator is not None:
            return binarise(grey, generator=generator)
        return grey / 255

    @functools.cached_property
    def _fixed(self) -> Pictures:
        """One draw of every picture, 0 or 1."""
        pieces = self.images.split(4096)  # the draws pass through floats: not all at once
        generator = torch_generator(_SEED, "binarise", self.name)
        drawn = [binarise(piece, generator=generator).to(torch.uint8) for piece in pieces]
        return torch.cat(drawn)


class PreparedImages(Prepared):
    """Pictures, split."""

    def __init__(self, parts: dict[SplitName, Labelled], binarise: Binarise, path: str) -> None:
        self._splits = {name: ImageSplit(name, parts[name], binarise) for name in SPLITS}
        self._binarise, self._path = binarise, path

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the settings and over every picture and label, split by split."""
        digest = hashlib.sha256(json.dumps([self._binarise, [len(self._splits[n]) for n in SPLITS]]).encode())
        for split in self._splits.values():
            digest.update(split.images.numpy().data)
            digest.update(split.labels.numpy().data)
        return digest.hexdigest()

    @property
    def skipped(self) -> list[Skipped]:
        return []

    def split(self, name: SplitName) -> ImageSplit:
        return self._splits[name]

    def summary(self) -> dict[str, Any]:
        train = self._splits["train"]
        return {
            "path": self._path,
            "size": list(train.images.shape[1:]),
            "classes": int(train.labels.max()) + 1,
            "binarise": self._binarise,
            "splits": {name: {"images": len(split)} for name, split in self._splits.items()},
            "skipped": [],
            "fingerprint": self.fingerprint,
        }


class Images(Dataset):
    """Labelled pictures of one size, each one channel: height as features, width as frames.

    ``path`` is a folder with the four IDX files of MNIST or of a data set in its format (Fashion-MNIST, KMNIST),
    packed or not, directly or in ``raw``; or the word ``digits`` for the 1,797 digits of 8 x 8 cells that come with
    scikit-learn.

    A fixed permutation orders the training images: the last ``validation`` of them validate, the first ``limit``
    (all others if None) train. The test images are the test split. Of the digits a fifth are the test images, and no
    more than another fifth validate. ``binarise`` is explained at :meth:`ImageSplit.batch`.
    """

    def __init__(
        self,
        path: Wired[str],
        *,
        binarise: Binarise = "dynamic",
        validation: Annotated[int, Knob(0, _MOST, "images")] = 2000,
        limit: Annotated[int | None, Knob(1, _MOST, "images")] = None,
    ) -> None:
        self.path, self.binarise = path, binarise
        self.validation, self.limit = validation, limit

    def provides(self) -> dict[str, Any]:
        """What networks and classifiers need to know, from the files' headers and the labels."""
        height, width, classes = (8, 8, 10) if self.path == DIGITS else sizes(find_folder(self.path))
        return {"n_features": height, "n_channels": 1, "n_frames": width, "n_classes": classes}

    def prepare(self, *, progress: Progress | None = None) -> PreparedImages:
        """Read everything into memory, or raise :class:`DataError` saying what is wrong with which file."""
        if progress is not None:
            progress(0, 1, "reading the images")
        if self.path == DIGITS:
            everything = read_digits()
            order, fifth = _permutation(len(everything)), len(everything) // 5
            known, test = everything.at(order[:-fifth]), everything.at(order[-fifth:])
            validation = min(self.validation, fifth)
        else:
            known, test = read_folder(find_folder(self.path))
            known, validation = known.at(_permutation(len(known))), self.validation
        train = self._training(known, validation)
        parts: dict[SplitName, Labelled] = {
            "train": train,
            "validation": known.at(torch.arange(len(known) - validation, len(known))),
            "test": test,
        }
        if progress is not None:
            progress(1, 1, "done")
        return PreparedImages(parts, self.binarise, self.path)

    def _training(self, known: Labelled, validation: int) -> Labelled:
        left = len(known) - validation
        if left < 1:
            raise DataError(
                f"validation={validation} leaves none of the {len(known):,} training images in {self.path};"
                f" give at most {len(known) - 1}."
            )
        if self.limit is not None and self.limit > left:
            raise DataError(
                f"limit={self.limit} is more than the {left:,} training images that {self.path} has beside"
                f" {validation:,} for validation; give at most {left} or none."
            )
        return known.at(torch.arange(left if self.limit is None else self.limit))


def _permutation(count: int) -> Tensor:
    return torch.randperm(count, generator=torch_generator(_SEED, "permutation", count))
