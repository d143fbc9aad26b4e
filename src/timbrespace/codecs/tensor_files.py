"""Tensors on disk: safetensors files, whole or not there, known by their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from timbrespace.core.errors import BundleError
from timbrespace.core.files import atomic_file


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Write tensors by name, atomically; returns the SHA-256 of the file.

    They are made into bytes first: safetensors' own writing hides the operating system's refusal (a full
    disk) in an error of its own.
    """
    from safetensors.torch import save

    # Cloned, for safetensors refuses tensors that share memory.
    content = save({name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()})
    with atomic_file(path) as partial:
        partial.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file; raises :class:`BundleError` if it is no safetensors file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise BundleError(f"{path} is no safetensors file ({error}); restore it or train again.") from None
