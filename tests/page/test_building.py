"""The page is built from its source alone, by a suitable Node.js."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

PAGE = Path(__file__).parent.parent.parent / "page"


@pytest.fixture
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("page_build", PAGE / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("version", "good"),
    [("v18.20.4", False), ("v20.18.9", False), ("v20.19.0", True), ("v21.7.0", False), ("v22.11.0", False),
     ("v22.12.0", True), ("v24.19.0", True), ("", False), ("node: not found", False)],
)  # fmt: skip
def test_suitable_versions_of_node(build: ModuleType, version: str, good: bool) -> None:
    assert build.suitable(version) is good


def test_lock_file_names_no_registry() -> None:
    text = (PAGE / "package-lock.json").read_text(encoding="utf-8")
    packages = json.loads(text)["packages"]
    assert not any("resolved" in entry for entry in packages.values())
    assert all("integrity" in entry for name, entry in packages.items() if name)
    assert not re.search(r"registry", text)


def test_a_page_is_current_until_its_source_changes(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, built = tmp_path / "page", tmp_path / "built"
    (source / "src").mkdir(parents=True)
    (source / "node_modules").mkdir()
    (source / "src" / "main.ts").write_text("1")
    monkeypatch.setattr(build, "SOURCE", source)
    monkeypatch.setattr(build, "BUILT", built)
    assert not build.current()
    built.mkdir()
    (built / "index.html").write_text("")
    assert build.present()
    assert not build.current()
    (built / "built-from.json").write_text(json.dumps({"source": build.digest()}))
    assert build.current()
    (source / "node_modules" / "tool.js").write_text("2")
    (source / "README.md").write_text("words")
    assert build.current()
    (source / "src" / "main.ts").write_text("2")
    assert not build.current()


def test_without_node_one_sentence_says_what_to_do(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "system_node", lambda: None)
    monkeypatch.setattr(build, "wheel_node", lambda: None)
    monkeypatch.setattr(build, "BUILT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["build.py"])
    assert build.main() == 1
    assert capsys.readouterr().err.startswith("The page needs Node.js 20.19 or newer")
    (tmp_path / "index.html").write_text("")
    assert build.main() == 0, "an older page is better than none"
    assert "The page that was built before stays." in capsys.readouterr().err
