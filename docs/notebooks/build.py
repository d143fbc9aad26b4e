"""Executes the notebooks: ``docs/notebooks/NAME.py`` becomes ``NAME.ipynb`` with its results.

    python docs/notebooks/build.py              # on scikit-learn's digits, as committed: about a minute
    python docs/notebooks/build.py --data mnist --out mnist.ipynb

The source is a Python file in jupytext's percent format. What belongs to the machine alone is left out of the result:
times, progress, versions, temporary places.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

HERE = Path(__file__).parent
SECONDS = 3600
"""For one cell; on MNIST the networks with convolutions take minutes."""


def read_source(path: Path) -> nbformat.NotebookNode:
    """The notebook in a percent file, without results; its cells are numbered, so that two builds agree."""
    notebook = jupytext.read(path)
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{index}"
        cell["metadata"] = {}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook["metadata"] = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook["nbformat_minor"] = max(notebook["nbformat_minor"], 5)  # cells have ids from here on
    return notebook


def execute(notebook: nbformat.NotebookNode, *, data: str) -> nbformat.NotebookNode:
    """Run every cell on the data set called ``data`` in a fresh kernel, and leave out what the machine adds."""
    with tempfile.TemporaryDirectory() as folder:
        place = {"metadata": {"path": folder}}
        client = NotebookClient(
            notebook, timeout=SECONDS, kernel_name="python3", resources=place, config=_config(folder)
        )
        client.execute(env=os.environ | {"COMPANION_DATA": data, "OMP_NUM_THREADS": "1"})
    for cell in notebook.cells:
        cell["metadata"] = {}
        if cell["cell_type"] == "code":
            cell["outputs"] = _lasting(cell["outputs"])
    notebook["metadata"]["language_info"] = {"name": "python"}
    return notebook


def _config(folder: str) -> Config:
    """The kernel is spoken to through files where there are such sockets, and through no network."""
    local = {"transport": "ipc", "ip": str(Path(folder) / "kernel")}
    return Config({} if os.name == "nt" else {"KernelManager": local})


def _lasting(outputs: list[Any]) -> list[Any]:
    """Outputs without progress, with printed lines in one piece, and figures without their addresses in text."""
    kept: list[Any] = []
    for output in outputs:
        if output.get("name") == "stderr":
            continue
        if "image/png" in output.get("data", {}):
            output["data"], output["metadata"] = {"image/png": output["data"]["image/png"]}, {}
        if kept and output["output_type"] == kept[-1]["output_type"] == "stream":
            kept[-1]["text"] += output["text"]
        else:
            kept.append(output)
    return kept


def complaints(notebook: nbformat.NotebookNode) -> list[str]:
    """Texts in the results that speak of one machine: absolute paths, addresses of objects, warnings."""
    texts = [
        str(output.get("text", "")) + str(output.get("data", {}).get("text/plain", ""))
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    ]
    return [text for text in texts if re.search(r"(^|[\s'\"(])/\w+/|at 0x[0-9a-f]+|Warning|\w:\\", text)]


def main() -> None:
    """Build every notebook beside this file, or one of them elsewhere."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="images", help="the notebook, without .py")
    parser.add_argument("--data", default="digits", help="digits, mnist or fashion")
    parser.add_argument("--out", type=Path, help="where to write; beside the source if left out")
    options = parser.parse_args()
    notebook = execute(read_source(HERE / f"{options.name}.py"), data=options.data)
    found = complaints(notebook)
    if found:
        parser.exit(1, f"The results speak of this machine, nothing is written: {found[0]}\n")
    target = options.out or HERE / f"{options.name}.ipynb"
    nbformat.validate(notebook)
    target.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    print(f"{target}: {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
