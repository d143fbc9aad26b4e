"""Where the pictures and labels of an image data set come from: a folder of IDX files, or scikit-learn's digits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from timbrespace.core.errors import DataError
from timbrespace.datasets.idx import idx_shape, read_idx

DIGITS: Final = "digits"
"""The word for scikit-learn's digits in place of a folder."""
TRAIN, TEST = "train", "t10k"
FILES: Final = tuple(f"{part}-{what}-ubyte" for part in (TRAIN, TEST) for what in ("images-idx3", "labels-idx1"))
"""The names of the four files, without ``.gz``."""

Pictures = UInt8[Tensor, "picture feature frame"]
Labels = Int64[Tensor, " picture"]


@dataclass(frozen=True)
class Labelled:
    """Pictures (picture, height, width) as grey values 0 ... 255, and one class for each."""

    images: Pictures
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def at(self, indices: Tensor) -> Labelled:
        """Those with the given numbers."""
        return Labelled(self.images[indices], self.labels[indices])


def find_folder(path: str) -> Path:
    """The folder that holds the four files: ``path``, ``path/raw``, or the only one of ``path/*/raw``.

    Raises :class:`DataError` if there is none or more than one, naming the missing file where some are there.
    """
    root = Path(path).expanduser()
    if not root.is_dir():
        raise DataError(f"There is no folder {path}; give one with the files of MNIST, or the word {DIGITS!r}.")
    candidates = [root, root / "raw", *sorted(root.glob("*/raw"))]
    begun = [folder for folder in candidates if any(_find(folder, name) for name in FILES)]
    if not begun:
        raise DataError(f"{path} holds no {FILES[0]} or {FILES[0]}.gz; give the folder with the files of MNIST.")
    if len(begun) > 1:
        names = ", ".join(str(folder) for folder in begun)
        raise DataError(f"{path} holds {len(begun)} sets of images ({names}); give one of these folders.")
    return begun[0]


def sizes(folder: Path) -> tuple[int, int, int]:
    """Height and width of the training images, read from their header, and the number of classes."""
    _, height, width = idx_shape(_there(folder, TRAIN, "images-idx3"), axes=3)
    labels = read_idx(_there(folder, TRAIN, "labels-idx1"), axes=1)
    return height, width, int(labels.max(initial=0)) + 1


def read_part(folder: Path, part: str) -> Labelled:
    """The images and labels of ``"train"`` or ``"t10k"``.

    Raises :class:`DataError` if a file is missing or damaged, holds nothing, or their counts differ.
    """
    images, labels = _there(folder, part, "images-idx3"), _there(folder, part, "labels-idx1")
    pictures, classes = read_idx(images, axes=3), read_idx(labels, axes=1)
    if not pictures.size:
        raise DataError(f"{images.name} holds no pictures ({' x '.join(map(str, pictures.shape))}); fetch it again.")
    if len(pictures) != len(classes):
        raise DataError(
            f"{images.name} holds {len(pictures):,} images and {labels.name} {len(classes):,} labels;"
            f" give files that belong together."
        )
    return Labelled(torch.from_numpy(pictures), torch.from_numpy(classes).long())


def read_folder(folder: Path) -> tuple[Labelled, Labelled]:
    """The training and the test part, which must have images of one size and the same classes."""
    train, test = read_part(folder, TRAIN), read_part(folder, TEST)
    (a, b), (c, d) = train.images.shape[1:], test.images.shape[1:]
    if (a, b) != (c, d):
        raise DataError(f"The training images in {folder} are {a} x {b} and the test images {c} x {d}; give one size.")
    most, other = int(train.labels.max()), int(test.labels.max())
    if other > most:
        raise DataError(
            f"The test labels in {folder} go up to {other}, those for training only to {most};"
            f" give files that belong together."
        )
    return train, test


def read_digits() -> Labelled:
    """The 1,797 handwritten digits of 8 x 8 cells that come with scikit-learn, 16 levels brought to 0 ... 255.

    (Alpaydin & Kaynak 1998, "Optical Recognition of Handwritten Digits", https://doi.org/10.24432/C50P49.)
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    grey = torch.from_numpy(digits.images * (255 / 16)).round().to(torch.uint8)
    return Labelled(grey, torch.from_numpy(digits.target).long())


def _find(folder: Path, name: str) -> Path | None:
    """The file called ``name``, plain or packed; its old name has a dot in place of the second dash."""
    old = name.replace("-idx", ".idx")
    options = [folder / f"{n}{suffix}" for n in (name, old) for suffix in ("", ".gz")]
    return next((path for path in options if path.is_file()), None)


def _there(folder: Path, part: str, what: str) -> Path:
    name = f"{part}-{what}-ubyte"
    found = _find(folder, name)
    if found is None:
        raise DataError(f"{folder} holds no {name} or {name}.gz; put it beside the others or fetch the set again.")
    return found
