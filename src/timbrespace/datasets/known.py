"""Public sets of images and sounds: what they are called, where they lie, and how their files must look."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import platformdirs

from timbrespace.core.errors import DataError, did_you_mean
from timbrespace.datasets.image_files import DIGITS, find_folder
from timbrespace.datasets.intake import walk
from timbrespace.datasets.unpacking import Limits

_PIECE: Final = 1 << 20


@dataclass(frozen=True)
class RemoteFile:
    """One file as it must be: its length in bytes and its checksums; an archive also has limits for unpacking."""

    name: str
    size: int
    md5: str
    sha256: str
    limits: Limits | None = None

    @property
    def folder(self) -> str:
        """Where an archive is unpacked: its name up to the first dot."""
        return self.name.split(".", 1)[0]

    def is_at(self, path: Path) -> bool:
        """Whether ``path`` is this file, whole."""
        return self.fault(path) == ""

    def fault(self, path: Path) -> str:
        """In what the file at ``path`` differs from this one, nothing if it does not."""
        if not path.is_file():
            return "no file"
        size = path.stat().st_size
        if size != self.size:
            return f"{'more' if size > self.size else f'{size:,} bytes'} instead of {self.size:,} bytes"
        md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                md5.update(piece)
                sha256.update(piece)
        if sha256.hexdigest() != self.sha256:
            return f"wrong checksum, SHA-256 {sha256.hexdigest()[:12]}... and not {self.sha256[:12]}..."
        return "" if md5.hexdigest() == self.md5 else f"wrong checksum, MD5 {md5.hexdigest()} and not {self.md5}"


@dataclass(frozen=True)
class RemoteSet:
    """A public data set: its title, the folder it is kept in, and where its files may be had from.

    Without ``files`` nothing can be checked, and it is not fetched: ``by_hand`` says what to do instead.
    """

    title: str
    folder: str
    licence: str
    mirrors: tuple[str, ...]
    files: tuple[RemoteFile, ...]
    kind: Literal["images", "sounds"] = "images"
    by_hand: str = ""

    def whole_in(self, place: Path) -> bool:
        """Whether every file is in the folder ``place``, archives unpacked."""
        wanted = (place / (file.name if file.limits is None else file.folder) for file in self.files)
        return all(path.exists() for path in wanted)


_NSYNTH_AT: Final = ("https://storage.googleapis.com/download.magenta.tensorflow.org/datasets/nsynth",)
_NSYNTH: Final = "(Engel et al. 2017)"
_NSYNTH_TRAIN: Final = RemoteFile(
    "nsynth-train.jsonwav.tar.gz",
    23_815_298_079,
    "fde6665a93865503ba598b9fac388660",
    "15c5100fc40c3a262f9b42707c15ffed30b8fec58c0d9b88d4136f6cb1fddefe",
    Limits(entries=300_000, size=60_000_000_000),
)
_NSYNTH_VALID: Final = RemoteFile(
    "nsynth-valid.jsonwav.tar.gz",
    1_068_767_009,
    "87e94a00a19b6dbc99cf6d4c0c0cae87",
    "00dea2645fbe0069258567da30807a90825e0bab54c077d6481f253096c4e2a0",
    Limits(entries=15_000, size=3_000_000_000),
)
_NSYNTH_TEST: Final = RemoteFile(
    "nsynth-test.jsonwav.tar.gz",
    349_501_546,
    "5e6f8719bf7e16ad0a00d518b78af77d",
    "0f9ba5d62beba9ec4612f918d19f5e87a681822f1c566124f05fe8b27a51934c",
    Limits(entries=5_000, size=1_000_000_000),
)

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
    "tinysol": RemoteSet(
        title="TinySOL 6.0, 2,913 notes of 14 instruments (Cella et al. 2020)",
        folder="TinySOL",
        licence="CC BY 4.0",
        mirrors=("https://zenodo.org/records/3685367/files",),
        files=(
            RemoteFile(
                "TinySOL_metadata.csv",
                317_576,
                "a86c9bb115f69e61f2f25872e397fc4a",
                "925727f1036cb3d574856470be6b04af5c9961102902a23cc8eafc7907d040da",
            ),
            RemoteFile(
                "TinySOL.tar.gz",
                1_026_917_185,
                "36030a7fe389da86c3419e5ee48e3b7f",
                "a537e5de4f64edf0a56032369f66fc76adcb67db875e466f54cad2999e00364c",
                Limits(entries=4_000, size=4_000_000_000),
            ),
        ),
        kind="sounds",
    ),
    "nsynth": RemoteSet(
        title=f"NSynth, 305,979 notes in three parts {_NSYNTH}",
        folder="NSynth",
        licence="CC BY 4.0",
        mirrors=_NSYNTH_AT,
        files=(_NSYNTH_TEST, _NSYNTH_VALID, _NSYNTH_TRAIN),
        kind="sounds",
    ),
    "nsynth-valid": RemoteSet(
        title=f"NSynth's validation part, 12,678 notes {_NSYNTH}",
        folder="NSynth-valid",
        licence="CC BY 4.0",
        mirrors=_NSYNTH_AT,
        files=(_NSYNTH_VALID,),
        kind="sounds",
    ),
    "nsynth-test": RemoteSet(
        title=f"NSynth's test part, 4,096 notes {_NSYNTH}",
        folder="NSynth-test",
        licence="CC BY 4.0",
        mirrors=_NSYNTH_AT,
        files=(_NSYNTH_TEST,),
        kind="sounds",
    ),
    "fsl10k": RemoteSet(
        title="The Freesound Loop Dataset, 9,455 loops (Ramires et al. 2020)",
        folder="FSL10K",
        licence="per sound",
        mirrors=(),
        files=(),
        kind="sounds",
        by_hand="no public source states a checksum of it; get FSL10K.zip (8.8 GB) from https://zenodo.org/records/3967852",
    ),
}
"""What is known by name. MD5 of sounds as mirdata and HEAR 2021 state them, SHA-256 as others who fetched them do."""


def known_set(name: str) -> RemoteSet:
    """The set called ``name``; raises :class:`DataError` if there is none."""
    if name not in SETS:
        raise DataError(f"There is no data set {name!r} to fetch. {did_you_mean(name, SETS)}")
    return SETS[name]


def known_data(name_or_path: str) -> str:
    """The path behind the name of a data set; anything else is a path, and comes back as it is.

    ``digits`` stays a word. The others are looked for in ``images/`` or ``sounds/`` of the folder that TIMBRESPACE_DATA
    names, then where :func:`~timbrespace.datasets.fetching.fetch` puts them, last as a folder of that name right here;
    raises :class:`DataError` telling how to get them.
    """
    if name_or_path == DIGITS or name_or_path not in SETS:
        return name_or_path
    remote = SETS[name_or_path]
    shared = os.environ.get("TIMBRESPACE_DATA")
    places = [Path(shared).expanduser() / remote.kind / remote.folder] if shared else []
    for place in [*places, default_place(name_or_path)]:
        if _holds(remote, place):
            return str(place)
    if remote.kind == "sounds" and Path(name_or_path).is_dir():
        return name_or_path
    if not remote.files:
        raise not_fetched(name_or_path)
    raise DataError(f"{remote.title} is not on this machine; run: timbrespace data fetch {name_or_path}")


def not_fetched(name: str) -> DataError:
    """The sentence for a set that cannot be fetched, for want of a checksum."""
    remote = known_set(name)
    return DataError(
        f"{remote.title} is not fetched, for {remote.by_hand} yourself and unpack it into {default_place(name)}."
    )


def default_place(name: str) -> Path:
    """Where the set ``name`` is kept if nobody says otherwise: in the user's folder for data."""
    remote = known_set(name)
    return Path(platformdirs.user_data_dir("timbrespace", appauthor=False)) / remote.kind / remote.folder


def _holds(remote: RemoteSet, place: Path) -> bool:
    if remote.kind == "sounds":
        return place.is_dir() and remote.whole_in(place) and any(file.readable for file in walk(place))
    try:
        find_folder(str(place))
    except DataError:
        return False
    return True
