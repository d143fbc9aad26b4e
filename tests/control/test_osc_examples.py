"""What examples/ and docs/osc.md say is so."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from docs.generate_osc import INSTRUMENTS, page

from tests.control.test_osc_receiver import Line
from timbrespace.control.osc.meters import METERS, WEKINATOR
from timbrespace.control.parameters import tree

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def test_the_page_of_addresses_is_what_its_generator_writes() -> None:
    assert (ROOT / "docs" / "osc.md").read_text(encoding="utf-8") == page(), "run: python docs/generate_osc.py"


def test_the_table_names_every_example() -> None:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    files = [p for p in EXAMPLES.rglob("*") if p.is_file() and p.parent != EXAMPLES and "__pycache__" not in p.parts]
    assert len(files) == 10
    assert [p.name for p in files if f"`{p.relative_to(EXAMPLES).as_posix()}`" not in text] == []


@pytest.mark.parametrize("program", ["with_python_osc.py", "with_a_socket.py"])
def test_programs_move_an_instrument(program: str) -> None:
    line = Line()
    line.receiver.steer(line.engine)
    command = [sys.executable, str(EXAMPLES / "python" / program), "--port", str(line.ports.port), "--seconds", "0.5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    asked, counts = line.engine.asked, line.receiver.counts
    line.close()
    assert done.stderr == ""
    assert counts.refused == {}
    assert (asked[0], asked[-1]) == (("play", ()), ("stop", ()))
    moved = {values for name, values in asked if name in ("xy", "coord")}
    assert len(moved) > 4  # of those sent; a crowded machine hands over fewer, the last of each block
    assert all(0 <= v <= 1 for values in moved for v in values)
    if program == "with_python_osc.py":
        assert "/ts/out/pos 0.50 -1.00" in done.stdout


@pytest.mark.parametrize("patch", ["osc.maxpat", "nn.maxpat"])
def test_patches_for_max_hang_together(patch: str) -> None:
    """They cannot be opened here; that they are JSON whose cords end at inlets and outlets can be looked at."""
    patcher = json.loads((EXAMPLES / "max" / patch).read_text(encoding="utf-8"))["patcher"]
    boxes = {entry["box"]["id"]: entry["box"] for entry in patcher["boxes"]}
    assert len(boxes) == len(patcher["boxes"]) > 10
    for entry in patcher["lines"]:
        (source, outlet), (target, inlet) = (entry["patchline"][end] for end in ("source", "destination"))
        assert 0 <= outlet < boxes[source]["numoutlets"]
        assert 0 <= inlet < boxes[target]["numinlets"]


def test_addresses_in_the_examples_exist() -> None:
    known = {address for _, knobs, actions in INSTRUMENTS for address in tree(knobs, actions)}
    known |= {meter.address for meter in (*METERS, WEKINATOR)}
    found: set[str] = set()
    for path in EXAMPLES.rglob("*.*"):
        if path.suffix in (".scd", ".md", ".maxpat", ".pd", ".py"):
            found |= set(re.findall(r"(?<![\w.])/(?:ts|wek|1)/[\w/]+", path.read_text(encoding="utf-8")))
    assert len(found) > 20
    unknown = {address for address in found if address.removesuffix("n") + "1" not in known} - known
    assert unknown <= {"/ts/turn/NAME", "/ts/coord/"}, unknown
