"""Shared by all tests: one thread, no network, and shape annotations checked at every call."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

SOURCE = Path(__file__).parent.parent / "src"


def _modules() -> list[str]:
    """Every module of ours whose annotations are checked; numba and TorchScript compile theirs themselves."""
    paths = (p.relative_to(SOURCE).with_suffix("") for p in (SOURCE / "timbrespace").rglob("*.py"))
    return [
        ".".join(p.parts)
        for p in paths
        if p.name != "__init__" and not p.name.endswith("_kernels") and p.parent.name != "scripted"
    ]


def _check_shapes() -> None:
    from jaxtyping import install_import_hook

    import tests.shape_checking  # noqa: F401  # the hook looks it up by name and does not import it

    install_import_hook(_modules(), "tests.shape_checking.checked")


_check_shapes()


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real sounds, named by TIMBRESPACE_DATA; tests that need it are skipped without it."""
    folder = os.environ.get("TIMBRESPACE_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs real sounds: set TIMBRESPACE_DATA to their folder")
    return Path(folder)
