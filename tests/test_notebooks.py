"""The notebooks are what their sources say, run on the embedded digits, and show what they promise."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from docs.notebooks.build import complaints, execute, read_source

FOLDER = Path(__file__).parent.parent / "docs" / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
REBUILD = "run: python docs/notebooks/build.py"
PROBE = """
print(json.dumps({
    "bounds": list(bounds.values()),
    "gap": gap,
    "samples": vae_samples,
    "shortest": shortest,
    "neighbours": list(neighbours.values()),
    "betas": {str(b): sum(c.bundle.table("metrics.json")["kl_per_dimension_nats"]) for b, c in betas.items()},
    "mse": {str(b): c.bundle.table("metrics.json")["test"]["mse"] for b, c in betas.items()},
    "networks": {name: codec.bundle.table("metrics.json")["test"]["nll_nats"] for name, codec in networks.items()},
    "compared": compared,
    "codes": used,
    "kept": len(kept),
    "linear": loss,
}))
"""
"""Run after the last cell: the numbers on which the text relies."""


def committed(name: str) -> Any:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def printed(notebook: Any) -> list[str]:
    """The words of every printed output, without their numbers, which other processors round otherwise."""
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", []) if o["output_type"] == "stream"]
    return [" ".join(re.sub(r"-?\d[\d,.]*(e[+-]\d+)?", "#", o["text"]).split()) for o in outputs]


def pictures(notebook: Any) -> int:
    return sum("image/png" in o.get("data", {}) for cell in notebook.cells for o in cell.get("outputs", []))


def test_there_is_the_image_companion() -> None:
    assert "images" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_committed_notebook_has_the_cells_of_its_source(name: str) -> None:
    source, notebook = read_source(FOLDER / f"{name}.py"), committed(name)
    cells = [[(c["cell_type"], c["id"], c["source"]) for c in n.cells] for n in (source, notebook)]
    assert cells[0] == cells[1], REBUILD


@pytest.mark.parametrize("name", NAMES)
def test_committed_notebook_was_run_whole_and_names_no_machine(name: str) -> None:
    notebook = committed(name)
    code = [cell for cell in notebook.cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1)), REBUILD
    assert {o["output_type"] for cell in code for o in cell["outputs"]} == {"stream", "display_data"}
    assert all(cell["metadata"] == {} for cell in notebook.cells)
    assert complaints(notebook) == []
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 3_000_000
    nbformat.validate(notebook)


def test_every_section_of_the_companion_ends_with_an_exercise() -> None:
    text = "\n".join(c["source"] for c in read_source(FOLDER / "images.py").cells if c["cell_type"] == "markdown")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert len(sections) == 13
    assert [s.splitlines()[0] for s in sections if "**Exercise" not in s.split("\n\n")[-1]] == []


@pytest.mark.parametrize(
    ("text", "speaks"),
    [
        ("written to /home/somebody/models", True),
        ("<Figure at 0x7f00aa>", True),
        ("UserWarning: slow", True),
        ("C:\\models", True),
        ("1,079 pictures, 8 x 8; 3/4 of them", False),
    ],
)
def test_results_that_speak_of_one_machine_are_found(text: str, speaks: bool) -> None:
    cell = nbformat.v4.new_code_cell("print()", outputs=[nbformat.v4.new_output("stream", name="stdout", text=text)])
    assert bool(complaints(nbformat.v4.new_notebook(cells=[cell]))) is speaks


def test_progress_goes_and_printed_lines_come_in_one_piece() -> None:
    source = "import sys\nprint('a', flush=True)\nprint('0:07 left', file=sys.stderr, flush=True)\nprint('b')"
    notebook = execute(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]), data="digits")
    assert [output["text"] for output in notebook.cells[0]["outputs"]] == ["a\nb\n"]


@pytest.mark.slow
def test_companion_runs_on_digits_and_shows_what_its_text_says() -> None:
    source = read_source(FOLDER / "images.py")
    source.cells.append(nbformat.v4.new_code_cell(PROBE))
    notebook = execute(source, data="digits")
    found = json.loads(notebook.cells.pop()["outputs"][0]["text"])
    before = committed("images")
    assert pictures(notebook) == pictures(before) >= 11
    assert printed(notebook) == printed(before), REBUILD
    check_the_vae(found)
    check_the_family(found)


def check_the_vae(found: dict[str, Any]) -> None:
    """The bound tightens, the model beats a coin per cell, and samples are as good as the text has them."""
    assert found["bounds"] == sorted(found["bounds"], reverse=True)
    assert 0 < found["gap"] < 2
    assert 18 < found["bounds"][-1] < 25 < 64 * math.log(2)
    assert found["samples"]["frechet_reconstruction"] < found["samples"]["frechet_mixture"]
    assert found["samples"]["frechet_mixture"] < found["samples"]["frechet_prior"]
    assert found["shortest"]["straight"] < found["shortest"]["spherical"]
    assert 0.2 < found["neighbours"][0] < found["neighbours"][1]
    kl, mse = list(found["betas"].values()), list(found["mse"].values())
    assert kl == sorted(kl, reverse=True)
    assert mse == sorted(mse)
    assert max(found["networks"].values()) < 25


def check_the_family(found: dict[str, Any]) -> None:
    """The WAE's codes lie nearer to the prior, codes are in use, and the smallest network learns."""
    compared = found["compared"]
    assert compared["mmd_prior"][1] < 0.7 * compared["mmd_prior"][0]
    assert compared["mse"][1] < compared["mse"][0]
    assert compared["frechet_mixture"][1] < compared["frechet_prior"][1]
    assert found["codes"]["code_usage"] > 0.9
    assert found["codes"]["perplexity"] > 16
    assert found["kept"] == 9
    assert found["linear"] < 28
