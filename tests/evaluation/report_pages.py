"""Report pages of made-up benchmarks, and how tests look at them."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.evaluation import fake_benchmark as fake
from timbrespace.evaluation.benchmark.report import command, compose, versions, write_report
from timbrespace.evaluation.benchmark.report_content import Content, content_of
from timbrespace.evaluation.benchmark.report_words import data_title
from timbrespace.evaluation.benchmark.results import Results
from timbrespace.evaluation.benchmark.variants import Variant

ALL = fake.variants()
CHOSEN = [ALL[i] for i in (0, 1, 4, 5, 16, 20)]
"""VAE and WAE-MMD with two weights each (the second with two latents), a VQ-VAE, and a plain auto-encoder."""
DATA = ("mnist", "fashion")
SIDE = 6
VOID = ("meta", "img", "input", "br")
SECTIONS = ("short", "table", "findings", "expectations", "curves", "reconstructions", "samples", "traversals",
            "interpolations", "manifold", "maps", "kl", "scatter", "choice", "setting")  # fmt: skip


@dataclass
class Node:
    """An element, its text and what it holds."""

    name: str
    attributes: dict[str, str]
    inside: list[Node | str] = field(default_factory=list)

    def all(self, name: str, **attributes: str) -> Iterator[Node]:
        """Elements of a name below, whose attributes hold these words."""
        for child in self.inside:
            if isinstance(child, Node):
                fits = all(word in child.attributes.get(key, "").split() for key, word in attributes.items())
                if (child.name == name or name == "*") and fits:
                    yield child
                yield from child.all(name, **attributes)

    def one(self, name: str, **attributes: str) -> Node:
        (found,) = self.all(name, **attributes)
        return found

    def text(self) -> str:
        return " ".join(" ".join(c if isinstance(c, str) else c.text() for c in self.inside).split())


class Tree(HTMLParser):
    """A page as a tree; a closing tag that closes something else is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open = [Node("", {})]
        self.feed(text)
        self.close()
        assert len(self.open) == 1, [n.name for n in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {k: v or "" for k, v in attrs})
        self.open[-1].inside.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].inside.append(Node(tag, {k: v or "" for k, v in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().name == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


def report(out: Path) -> tuple[Node, str]:
    path = out.parent / "report.html"
    write_report(out, path)
    text = path.read_text(encoding="utf-8")
    return Tree(text).open[0], text


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("benchmark") / "out"
    fake.make(out, fake.design(CHOSEN), data=DATA, side=SIDE)
    return out


@pytest.fixture(scope="module")
def page(content) -> tuple[Node, str]:
    text = compose(content)
    return Tree(text).open[0], text


@pytest.fixture(scope="module")
def content(folder) -> Content:
    results = Results.read(folder)
    return content_of(results, setting={"versions": versions()}, command=command(results))


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """Four variants and one column: quick to make a page of."""
    out = tmp_path_factory.mktemp("small") / "out"
    design = fake.design(CHOSEN[:4], claims=())
    fake.make(out, dataclasses.replace(design, measures=("reconstruction",), families=None), data=DATA, side=SIDE)
    return out


@pytest.fixture
def copy(small, tmp_path) -> Path:
    return Path(shutil.copytree(small, tmp_path / "out"))


def section(tree: Node, identity: str) -> Node:
    return next(s for s in tree.all("section") if s.attributes["id"] == identity)


def rows(tree: Node, heading: str, data: str) -> dict[int, dict[str, Node]]:
    """The cells of one table by variant and column."""
    found: dict[int, dict[str, Node]] = {}
    inside = section(tree, "table").inside
    at = next(i for i, n in enumerate(inside) if isinstance(n, Node) and n.name == "h3" and n.text() == heading)
    for node in inside[at + 1 :]:
        if isinstance(node, Node) and node.name == "h3":
            break
        if isinstance(node, Node) and node.name == "div" and node.one("caption").text() == data_title(data):
            heads = [h.inside[0] for h in node.one("thead").all("th")]
            for row in node.one("tbody").all("tr"):
                cells = [n for n in row.inside if isinstance(n, Node)]
                found[int(row.attributes["class"][1:])] = dict(zip(heads, cells, strict=False))
    return found


def values(out: Path, data: str, variant: str, measure: str, kind: str = "measures") -> list[float]:
    results = [json.loads(p.read_text()) for p in sorted((out / "cells" / data / variant).glob("*/result.json"))]
    return [r[kind][measure] for r in results if r[kind][measure] is not None]


def of_measure(tmp_path: Path, table: dict[str, list[float]], measure: str = "mse") -> Results:
    """A benchmark in which a measure takes these values by seed."""
    made = [Variant(name, name, {}) for name in table]
    grid = dataclasses.replace(fake.design(made, claims=()), families=None, axes={}, measures=(measure,))
    for variant in made:
        variant.factors.update(regulariser="vae", weight="1")
    out = tmp_path / "out"
    fake.make(out, grid, data=("mnist",), drawn=False)
    for name, by_seed in table.items():
        for seed, value in enumerate(by_seed):
            file = out / "cells" / "mnist" / name / f"seed-{seed}" / "result.json"
            told = json.loads(file.read_text())
            told["measures"][measure] = value
            file.write_text(json.dumps(told))
    return Results.read(out)
