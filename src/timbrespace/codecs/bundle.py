"""A trained model on disk: a folder of JSON and safetensors, checked before it is believed.

``config.json`` names every part with its arguments and the SHA-256 of every tensor file; it is written
last, so a folder without it is no bundle, and with it is a whole one. Classes are looked up in our own
catalogues by name; nothing in a bundle is ever executed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from timbrespace.codecs.tensor_files import read_tensors, write_tensors
from timbrespace.core.errors import BundleError
from timbrespace.core.files import atomic_file, sha256, write_json

FORMAT = 1
CONFIG, WEIGHTS, LATENT = "config.json", "weights.safetensors", "latent.safetensors"
RECIPE, METRICS, CARD, PREVIEW, RUN = "recipe.json", "metrics.json", "card.md", "preview", "run"
PLAN = "run.json"
"""Inside ``run``: written once the first checkpoint stands, so with it there is something to resume."""


@dataclass(frozen=True)
class Bundle:
    """The folder of a trained model, with its configuration read and checked."""

    folder: Path
    config: dict[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> Bundle:
        """Read ``config.json`` of a bundle folder.

        Raises :class:`BundleError` if there is none, if it is damaged, or if its format is newer.
        """
        folder = Path(path)
        file = folder / CONFIG
        if not file.is_file():
            raise BundleError(_no_bundle(folder))
        try:
            config = json.loads(file.read_text(encoding="utf-8"))
            version = int(config["format"])
            if version <= FORMAT:
                config["files"] = _noted(config)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise BundleError(f"{file} is damaged ({error!r}); train the model again or restore the file.") from None
        if version > FORMAT:
            raise BundleError(
                f"{folder} was written by timbrespace {config.get('timbrespace', 'of a later version')} in bundle"
                f" format {version}, and this version reads up to format {FORMAT}; update timbrespace."
            )
        return cls(folder, config)

    def tensors(self, name: str) -> dict[str, Tensor]:
        """The tensors of one file, whose hash must match and whose values must be finite."""
        path = self.folder / name
        noted = self.config["files"].get(name)
        if not path.is_file() or noted is None:
            raise BundleError(f"{self.folder} lacks {name}; restore it or train again.")
        if sha256(path) != noted:
            raise BundleError(f"{path} is damaged: its SHA-256 is not the one noted in {CONFIG}; restore it.")
        tensors = read_tensors(path)
        for key, tensor in tensors.items():
            if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                raise BundleError(f"{path} holds non-finite values in {key!r}; train again.")
        return tensors

    def table(self, name: str) -> dict[str, Any]:
        """One of the JSON files beside the configuration (``recipe.json``, ``metrics.json``); empty if absent."""
        try:
            return dict(json.loads((self.folder / name).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError) as error:
            raise BundleError(f"{self.folder / name} is damaged ({error}); delete it to go on without.") from None


def write_bundle(
    folder: Path,
    *,
    kind: str,
    parts: Mapping[str, Any],
    files: Mapping[str, Mapping[str, Tensor]],
    tables: Mapping[str, Any],
    card: str,
    version: str,
    exports: Mapping[str, bytes] | None = None,
) -> Bundle:
    """Write a bundle: tensors and tables first, ``config.json`` last.

    ``parts`` are the configurations by role, ``files`` tensors by file name, ``tables`` JSON by file name, ``exports``
    the content of further files whose hash is noted.
    An older bundle in the folder stops being one before its files change.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).unlink(missing_ok=True)
    hashes = {}
    for name, tensors in files.items():
        hashes[name] = write_tensors(folder / name, tensors)
    for name, content in (exports or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(folder / name) as partial:
            partial.write_bytes(content)
        hashes[name] = hashlib.sha256(content).hexdigest()
    for name, table in tables.items():
        write_json(folder / name, table)
    with atomic_file(folder / CARD) as partial:
        partial.write_text(card, encoding="utf-8")
    config = {"format": FORMAT, "timbrespace": version, "kind": kind, **parts, "files": hashes}
    write_json(folder / CONFIG, config)
    return Bundle.open(folder)


def _noted(config: dict[str, Any]) -> dict[str, str]:
    """The SHA-256 of every tensor file by name."""
    return {str(name): str(digest) for name, digest in config["files"].items()}


def _no_bundle(folder: Path) -> str:
    if not folder.exists():
        return f"There is no {folder}; give the folder of a trained model."
    if (folder / RUN / PLAN).is_file():
        return f"{folder} holds a training that has not finished; finish it with: timbrespace resume {folder}"
    return f"{folder} is not a trained model: it has no {CONFIG}; give the folder that 'train --out' wrote."
