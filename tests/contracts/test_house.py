"""The house itself: every family of parts has a contract, and nothing but final classes is exported with it."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import timbrespace
from timbrespace.core.component import Component, catalogue

TESTS = Path(__file__).parent.parent


def families() -> dict[str, type[Component]]:
    """Every abstract class below Component, in all modules of the package, by name."""
    for module in pkgutil.walk_packages(timbrespace.__path__, "timbrespace."):
        if not module.name.endswith(("__main__", "_kernels")):
            importlib.import_module(module.name)
    found: dict[str, type[Component]] = {}
    waiting = Component.__subclasses__()
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        if inspect.isabstract(cls) and cls.__module__.startswith("timbrespace."):
            found[cls.__name__] = cls
    return found


def exporting(found: dict[str, type[Component]]) -> dict[str, type[Component]]:
    """Those that are the base of a catalogue; not what some of its members share (an abstract class below it)."""
    bases = {name: family for name, family in found.items() if catalogue(family)}
    return {n: f for n, f in bases.items() if not any(issubclass(f, b) and f is not b for b in bases.values())}


def contracted(folder: Path) -> set[str]:
    """The families that a test module hands to ``members``."""
    names = set()
    for path in folder.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "members":
                names |= {argument.id for argument in node.args if isinstance(argument, ast.Name)}
    return names


def test_every_family_has_a_contract() -> None:
    missing = set(exporting(families())) - contracted(TESTS)
    assert not missing, f"no contract suite for {', '.join(sorted(missing))}: add tests/contracts/test_....py"


def test_the_known_families_are_found() -> None:
    known = {"AudioTransform", "Augmentation", "Bottleneck", "Dataset", "Likelihood", "Model", "Network"}
    assert known | {"LivePhase", "PhaseReconstruction", "Prior", "Schedule"} <= set(exporting(families()))


def test_a_new_family_would_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("@parametrize('kind', members(Network))\ndef test(kind): ...\n")
    assert contracted(tmp_path) == {"Network"}
    assert "Dataset" in set(exporting(families())) - contracted(tmp_path)


@pytest.mark.parametrize("name", sorted(exporting(families())))
def test_what_exists_is_exported(name: str) -> None:
    """A final class that its package does not export could be in no recipe and in no contract."""
    family = exporting(families())[name]
    known = set(catalogue(family).values())
    waiting = family.__subclasses__()
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        if cls.__module__.startswith("timbrespace.") and not inspect.isabstract(cls):
            assert cls in known, f"{cls.__module__}.{cls.__name__} is not in __all__ of the package of {name}"


@pytest.mark.parametrize("name", sorted(exporting(families())))
def test_abstract_or_final(name: str) -> None:
    for cls in catalogue(exporting(families())[name]).values():
        heirs = [c for c in cls.__subclasses__() if c.__module__.startswith("timbrespace.")]
        assert not heirs, f"{cls.__name__} is an implementation, and {heirs} derive from it"
