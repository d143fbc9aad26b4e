"""The documentation says what is there: commands, rooms, recipes and examples."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from timbrespace.cli import app
from timbrespace.core.version import __version__
from timbrespace.training.recipe import recipe_names

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [name for name in app if not name.startswith("-")]


def lines_to_type() -> list[str]:
    """Every `timbrespace ...` line of the README's shell blocks, without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("timbrespace ")]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    assert re.search(rf"`{command}[ `]", README), f"README.md does not mention {command}"


@pytest.mark.parametrize("line", lines_to_type())
def test_every_example_of_the_readme_parses(line: str) -> None:
    command, bound, _ = app.parse_args(shlex.split(line)[1:], exit_on_error=False, print_error=False)
    assert shlex.split(line)[1] in COMMANDS
    assert callable(command)
    assert bound.arguments


def test_python_example_of_the_readme_compiles_and_names_what_exists() -> None:
    import timbrespace

    for block in re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL):
        compile(block, "README.md", "exec")
        for name in re.findall(r"timbrespace\.(\w+)\(", block):
            assert callable(getattr(timbrespace, name))


def test_every_room_is_in_the_architecture() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = [p.name for p in (ROOT / "src" / "timbrespace").iterdir() if (p / "__init__.py").is_file()]
    assert [room for room in rooms if f"`{room}`" not in text and room != "recipes"] == []


def test_recipes_of_the_readme_exist() -> None:
    for name in re.findall(r"timbrespace train ([\w-]+)(?: |$)", README):
        assert name in recipe_names() or name == "my"


def test_no_registry_and_no_machine_is_named() -> None:
    for path in (ROOT / "constraints.txt", ROOT / "Makefile", ROOT / ".ci" / "run", ROOT / "pyproject.toml"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://|/root/|/work/", text), path


def test_constraints_fit_the_declared_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = {
        line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
    }
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=\[ ]", d)[0].lower() for d in wanted}
    assert names <= pinned, f"not pinned: {names - pinned}"
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_reference_is_what_its_generator_writes() -> None:
    from docs.generate_reference import reference

    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert text == reference(), "run: python docs/generate_reference.py"
