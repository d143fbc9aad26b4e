"""Public sets of images: what they are called, where they lie, and how their files must look."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

from timbrespace.core.errors import DataError, did_you_mean
from timbrespace.datasets.image_files import DIGITS, find_folder


@dataclass(frozen=True)
class RemoteFile:
    """One file as it must be: its length in bytes and its checksums."""

    name: str
    size: int
    md5: str
    sha256: str

    def is_at(self, path: Path) -> bool:
        """Whether ``path`` is this file, whole."""
        if not path.is_file() or path.stat().st_size != self.size:
            return False
        return self.matches(path.read_bytes())

    def matches(self, content: bytes) -> bool:
        """Whether ``content`` is this file's."""
        known = (self.size, self.md5, self.sha256)
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        return (len(content), md5, hashlib.sha256(content).hexdigest()) == known


@dataclass(frozen=True)
class RemoteSet:
    """A public data set: its title, the folder it is kept in, and where its files may be had from."""

    title: str
    folder: str
    licence: str
    mirrors: tuple[str, ...]
    files: tuple[RemoteFile, ...]


SETS: Final[dict[str, RemoteSet]] = {
    "mnist": RemoteSet(
        title="MNIST, 70,000 handwritten digits (LeCun, Cortes, Burges 1998)",
        folder="MNIST",
        licence="CC BY-SA 3.0",
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "https://storage.googleapis.com/cvdf-datasets/mnist",
        ),
        files=(
            RemoteFile(
                "train-images-idx3-ubyte.gz",
                9_912_422,
                "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            RemoteFile(
                "train-labels-idx1-ubyte.gz",
                28_881,
                "d53e105ee54ea40749a09fcbcd1e9432",
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            RemoteFile(
                "t10k-images-idx3-ubyte.gz",
                1_648_877,
                "9fb629c4189551a2d022fa330f9573f3",
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            RemoteFile(
                "t10k-labels-idx1-ubyte.gz",
                4_542,
                "ec29112dd5afa0611ce80d1b7f02629c",
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
    ),
    "fashion": RemoteSet(
        title="Fashion-MNIST, 70,000 pictures of clothes (Xiao, Rasul, Vollgraf 2017)",
        folder="FashionMNIST",
        licence="MIT",
        mirrors=(
            "https://fashion-mnist.s3.eu-central-1.amazonaws.com",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
        ),
        files=(
            RemoteFile(
                "train-images-idx3-ubyte.gz",
                26_421_880,
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            RemoteFile(
                "train-labels-idx1-ubyte.gz",
                29_515,
                "25c81989df183df01b3e8a0aad5dffbe",
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            RemoteFile(
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "bef4ecab320f06d8554ea6380940ec79",
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            RemoteFile(
                "t10k-labels-idx1-ubyte.gz",
                5_148,
                "bb300cfdad3c16e7a12a480ee83cd310",
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
    ),
}
"""What can be fetched, by name."""


def known_set(name: str) -> RemoteSet:
    """The set called ``name``; raises :class:`DataError` if there is none."""
    if name not in SETS:
        raise DataError(f"There is no data set {name!r} to fetch. {did_you_mean(name, SETS)}")
    return SETS[name]


def known_data(name_or_path: str) -> str:
    """The path behind the name of a data set; anything else is a path, and comes back as it is.

    ``digits`` stays a word. The others are looked for in ``images/`` of the folder that TIMBRESPACE_DATA names, then
    where :func:`~timbrespace.datasets.fetching.fetch` puts them; raises :class:`DataError` telling how to fetch them.
    """
    if name_or_path == DIGITS or name_or_path not in SETS:
        return name_or_path
    folder = SETS[name_or_path].folder
    shared = os.environ.get("TIMBRESPACE_DATA")
    places = [Path(shared).expanduser() / "images" / folder] if shared else []
    for place in [*places, default_place(name_or_path)]:
        if _holds_images(place):
            return str(place)
    raise DataError(f"{SETS[name_or_path].title} is not on this machine; run: timbrespace data fetch {name_or_path}")


def default_place(name: str) -> Path:
    """Where the set ``name`` is kept if nobody says otherwise: in the user's folder for data."""
    return Path(platformdirs.user_data_dir("timbrespace", appauthor=False)) / "images" / known_set(name).folder


def _holds_images(place: Path) -> bool:
    try:
        find_folder(str(place))
    except DataError:
        return False
    return True
