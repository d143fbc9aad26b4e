"""The report of a benchmark: everything is on it, its numbers are the inputs', and what is missing is said."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file
from scipy import stats

from tests.evaluation import fake_benchmark as fake
from timbrespace.core.errors import StorageError
from timbrespace.evaluation.benchmark.columns import COSTS, MEASURES
from timbrespace.evaluation.benchmark.expectations import Claim
from timbrespace.evaluation.benchmark.findings import Effect
from timbrespace.evaluation.benchmark.report import command, compose, versions, write_report
from timbrespace.evaluation.benchmark.report_charts import plane, principal_axes
from timbrespace.evaluation.benchmark.report_choice import candidates, chosen
from timbrespace.evaluation.benchmark.report_content import Content, content_of, marks, summary
from timbrespace.evaluation.benchmark.report_findings import decided, scope, sentence, supported
from timbrespace.evaluation.benchmark.report_style import SCRIPT
from timbrespace.evaluation.benchmark.report_table import decimals
from timbrespace.evaluation.benchmark.report_words import data_title
from timbrespace.evaluation.benchmark.results import Results
from timbrespace.evaluation.benchmark.statistics import Interval
from timbrespace.evaluation.benchmark.variants import Variant
from timbrespace.pictures.images import GAP

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


# the whole


def test_every_variant_data_set_and_measure_appears(page) -> None:
    tree, _ = page
    assert [s.attributes["id"] for s in tree.all("section")] == list(SECTIONS)
    for identity in ("curves", "samples", "traversals", "interpolations", "maps", "kl"):
        of_data = list(section(tree, identity).all("div", **{"class": "columns"}))
        assert of_data
        for columns in of_data:
            for i, data in enumerate(DATA):
                column = columns.one("div", **{"class": f"d{i}"})
                assert column.one("h3").text() == data_title(data)
                titles = [c.one("h4").text() for c in column.all("article")]
                assert titles == [f"{v + 1} {x.title}" for v, x in enumerate(CHOSEN)]
    heads = {h.inside[0] for h in section(tree, "table").all("th", scope="col")}
    assert {column.title for column in (MEASURES | COSTS).values()} <= heads


def test_the_page_needs_nothing_from_elsewhere(page) -> None:
    tree, text = page
    for node in tree.all("*"):
        for key in ("src", "href", "xlink:href", "srcset", "action", "data", "poster"):
            assert re.match(r"data:|#|$", node.attributes.get(key, "")), (node.name, node.attributes[key][:60])
    assert not re.search(r"url\(|@import|https?:|//[a-z]+\.", text.replace("// Tables", ""))
    assert [s.text() for s in tree.all("script")] == [" ".join(SCRIPT[8:-9].split())]
    assert not list(tree.all("link"))


def test_everything_pointed_at_is_there_and_once(page) -> None:
    tree, text = page
    identities = [n.attributes["id"] for n in tree.all("*") if "id" in n.attributes]
    assert len(identities) == len(set(identities))
    pointed = {n.attributes["href"][1:] for n in tree.all("*") if n.attributes.get("href", "").startswith("#")}
    assert pointed <= set(identities)
    assert set(re.findall(r":has\(#([\w-]+):", text)) <= set(identities)


def test_it_can_be_read_without_seeing_it(page) -> None:
    tree, _ = page
    assert all(image.attributes["alt"] for image in tree.all("img"))
    for drawing in tree.all("svg"):
        assert drawing.attributes.get("aria-label") or drawing.attributes.get("aria-hidden") == "true"
    assert all(head.attributes["scope"] in ("col", "row") for head in tree.all("th"))
    levels = [int(n.name[1]) for n in tree.all("*") if re.fullmatch("h[1-6]", n.name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert tree.one("html").attributes["lang"] == "en"


def test_each_section_says_what_one_sees(page) -> None:
    tree, _ = page
    for identity in SECTIONS:
        told = next(section(tree, identity).all("p", **{"class": "how"})).text()
        assert len(re.findall(r"[.?](?: |$)", told)) >= 2 or ";" in told, identity


def test_boxes_hide_models_and_data_without_a_script(page) -> None:
    tree, text = page
    for i in range(len(CHOSEN)):
        assert f":root:has(#show-v{i}:not(:checked)) .v{i}{{display:none}}" in text
        assert len(list(tree.all("*", **{"class": f"v{i}"}))) > 20
    assert ":root:has(#only-d1:checked) .d:not(.d1){display:none}" in text
    assert "checked" in next(n for n in tree.all("input") if n.attributes["id"] == "every").attributes


def test_hostile_words_are_only_words(tmp_path) -> None:
    bad = "<script>alert(1)</script>\"'&</style></td>"
    made = [Variant(v.name, bad + str(i), {}, v.factors, bad) for i, v in enumerate(CHOSEN[:4])]
    claims = [Claim("mse", made[0].name, made[1].name, "lower", bad)]
    grid = dataclasses.replace(fake.design(made, claims=claims), title=bad, measures=("mse", "nll"))
    out = tmp_path / "out"
    fake.make(out, grid, side=SIDE)
    file = out / "cells" / "mnist" / made[0].name / "seed-0" / "result.json"
    table = json.loads(file.read_text())
    table["curve"][bad] = table["curve"]["elbo"]
    table["cost"] |= {"precision": bad, "threads": bad, "energy": bad}
    file.write_text(json.dumps(table))
    for seed in range(3):
        fake.fail(out, f"fashion/{made[1].name}/seed-{seed}", bad)
    tree, text = report(out)
    assert "<script>alert" not in text
    assert "</script>\"'" not in text
    assert len(list(tree.all("script"))) == 1
    said = tree.text()
    assert said.count(" ".join(bad.split())) > 60
    for identity in ("table", "expectations", "curves", "setting"):
        assert bad in section(tree, identity).text(), identity


# the table


def test_means_and_intervals_are_those_of_the_inputs(page, folder) -> None:
    tree, _ = page
    copying = {data: rows(tree, "Copying", data) for data in DATA}
    for data in DATA:
        for i, variant in enumerate(CHOSEN):
            found = np.array(values(folder, data, variant.name, "mse"))
            cell = copying[data][i]["MSE"]
            assert float(cell.attributes["data-v"]) == pytest.approx(found.mean(), rel=1e-6)
            half = stats.t.ppf(0.975, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found))
            mean, told = re.fullmatch(r"([\d.]+) ± ([\d.]+)", cell.text()).groups()
            step = 10.0 ** -len(mean.partition(".")[2])
            assert float(mean) == pytest.approx(found.mean(), abs=0.51 * step)
            assert float(told) == pytest.approx(half, abs=0.51 * step)


def test_a_measure_of_examples_has_the_interval_of_seeds_and_examples(page, folder) -> None:
    tree, _ = page
    results = Results.read(folder)
    cell = rows(tree, "Probability and order", "mnist")[0]["NLL"]
    told = float(re.search(r"± ([\d.]+)", cell.text())[1])
    interval = results.interval("nll", "mnist", CHOSEN[0].name)
    assert told == pytest.approx(interval.half, rel=0.05)
    assert interval.half > 2  # twenty nats between examples, of which there are a hundred


def test_measures_that_do_not_apply_are_said_so(page) -> None:
    tree, _ = page
    order = rows(tree, "Probability and order", "mnist")
    assert order[5]["NLL"].text() == "does not apply"
    assert "data-v" not in order[5]["NLL"].attributes
    assert order[0]["NLL"].text() != "does not apply"
    assert rows(tree, "Copying", "mnist")[0]["Perplexity"].text() == "does not apply"


def test_costs_have_units_and_joules_their_label(page, folder) -> None:
    tree, _ = page
    cost = rows(tree, "Cost", "fashion")
    for i, variant in enumerate(CHOSEN):
        for name, column in COSTS.items():
            mean = np.mean(values(folder, "fashion", variant.name, name, "cost"))
            assert float(cost[i][column.title].attributes["data-v"]) == pytest.approx(mean, rel=1e-6)
        assert cost[i]["Energy"].text().endswith("unvalidated")
        assert cost[i]["Parameters"].text() == f"{1_250_000 + ALL.index(variant):,}".replace(",", " ")
    heads = [h.text() for h in section(tree, "table").all("th", scope="col")]
    assert {"Energy J ↓", "CPU time s ↓", "NLL nats ↓", "Recall ↑", "KL nats"} <= set(heads)


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


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"a": [1.0, 1.1, 1.2], "b": [2.0, 2.1, 2.2], "c": [3.0, 3.1, 3.2]}, {"a": "best"}),
        ({"a": [1.0, 1.2, 1.1], "b": [1.1, 1.1, 1.2], "c": [3.0, 3.1, 3.2]}, {"a": "tied", "b": "tied"}),
        ({"a": [1.0, 1.9, 1.1], "b": [1.1, 1.1, 1.9], "c": [1.9, 1.2, 1.3]}, {}),
    ],
)
def test_the_best_is_marked_only_where_intervals_tell(tmp_path, table, expected) -> None:
    results = of_measure(tmp_path, table)
    assert marks(results, summary(results, ["mse"]), "mnist", "mse") == expected
    tree, _ = report(results.out)
    cells = rows(tree, "Copying", "mnist")
    for i, name in enumerate(table):
        told = cells[i]["MSE"].attributes["class"].split()
        assert [word for word in told if word != "n"] == ([expected[name]] if name in expected else [])


def test_where_higher_is_better_the_highest_is_marked(tmp_path) -> None:
    results = of_measure(tmp_path, {"a": [0.5, 0.51, 0.52], "b": [0.9, 0.91, 0.92]}, "recall")
    assert marks(results, summary(results, ["recall", "kl"]), "mnist", "recall") == {"b": "best"}
    assert marks(results, summary(results, ["recall", "kl"]), "mnist", "kl") == {}


def test_one_seed_has_no_interval_and_no_winner(tmp_path) -> None:
    results = of_measure(tmp_path, {"a": [1.0], "b": [9.0]})
    for name in ("a", "b"):
        for seed in (1, 2):
            shutil.rmtree(results.out / "cells" / "mnist" / name / f"seed-{seed}")
    tree, _ = report(results.out)
    cell = rows(tree, "Copying", "mnist")[0]
    assert cell["MSE"].text() == "1.00 one seed"
    assert cell["MSE"].attributes["class"].split() == ["n"]
    assert "1 of 3 seeds" in cell["model"].text()


def test_decimals_follow_the_width() -> None:
    assert [decimals(Interval(m, m - w, m + w, 0.0, 3)) for m, w in ((97.3, 0.12), (97.3, 40), (0.012, 1e-4))] == [
        2,
        0,
        5,
    ]
    assert decimals(Interval(97.3, -np.inf, np.inf, 1.0, 1)) == 1
    assert decimals(Interval(0.5, 0.5, 0.5, 0.0, 3)) <= 5


# pictures


def decoded(image: Node) -> np.ndarray:
    data = image.attributes["src"].removeprefix("data:image/png;base64,")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def cut(picture: np.ndarray) -> np.ndarray:
    """A picture's tiles (row, column, height, width)."""
    rows, columns = ((n + GAP) // (SIDE + GAP) for n in picture.shape)
    step = SIDE + GAP
    return np.stack(
        [np.stack([picture[r * step :, c * step :][:SIDE, :SIDE] for c in range(columns)]) for r in range(rows)]
    )


def stored(out: Path, data: str, variant: Variant, seed: int = 0) -> dict[str, np.ndarray]:
    return load_file(out / "cells" / data / variant.name / f"seed-{seed}" / "pictures.safetensors")


@pytest.mark.parametrize(
    ("identity", "names"),
    [
        ("samples", ("prior_samples", "mixture_samples")),
        ("traversals", ("traversals",)),
        ("interpolations", ("interpolations", "spherical_interpolations")),
    ],
)
def test_tiles_are_the_very_bytes(page, folder, identity, names) -> None:
    tree, _ = page
    for d, data in enumerate(DATA):
        column = section(tree, identity).one("div", **{"class": f"d{d}"})
        for v, variant in enumerate(CHOSEN):
            arrays = stored(folder, data, variant)
            expected = [arrays[n] for n in names if n in arrays]
            images = list(column.one("article", **{"class": f"v{v}"}).all("img"))
            assert len(images) == len(expected)
            for image, array in zip(images, expected, strict=True):
                tiles = cut(decoded(image))
                assert (tiles.reshape(-1, SIDE, SIDE) == array.reshape(-1, SIDE, SIDE)).all()
                assert variant.title in image.attributes["alt"]
                assert data_title(data) in image.attributes["alt"]


def test_reconstructions_stand_beneath_the_originals(page, folder) -> None:
    tree, _ = page
    for d, data in enumerate(DATA):
        strips = list(
            section(tree, "reconstructions").one("div", **{"class": f"d{d}"}).all("div", **{"class": "strip"})
        )
        pictures = [cut(decoded(s.one("img")))[0] for s in strips]
        assert (pictures[0] == stored(folder, data, CHOSEN[0])["originals"]).all()
        for picture, variant in zip(pictures[1:], CHOSEN, strict=True):
            assert (picture == stored(folder, data, variant)["reconstructions"]).all()


def test_the_plane_is_shown_where_there_are_two_latents(page, folder) -> None:
    tree, _ = page
    column = section(tree, "manifold").one("div", **{"class": "d0"})
    assert [c.attributes["class"] for c in column.all("article")] == ["card v1", "card v3"]
    for v in (1, 3):
        tiles = cut(decoded(column.one("article", **{"class": f"v{v}"}).one("img")))
        assert (tiles == stored(folder, "mnist", CHOSEN[v])["manifold"]).all()
    assert "4 models have no picture here" in column.text()


def test_a_model_without_a_prior_says_so(page) -> None:
    tree, _ = page
    card = section(tree, "samples").one("div", **{"class": "d0"}).one("article", **{"class": "v5"})
    assert "no prior to draw from" in card.text()
    assert len(list(card.all("img"))) == 1


def test_other_test_images_are_noticed(copy) -> None:
    file = copy / "cells" / "mnist" / CHOSEN[2].name / "seed-0" / "pictures.safetensors"
    arrays = load_file(file)
    arrays["originals"] = arrays["originals"][::-1].copy()
    save_file(arrays, file)
    tree, _ = report(copy)
    strip = section(tree, "reconstructions").one("div", **{"class": "d0"}).one("div", **{"class": "v2"})
    assert "Not the same test images" in strip.text()
    assert len(list(strip.all("img"))) == 2


# drawings


def segments(path: Node) -> list[np.ndarray]:
    return [
        np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", piece), float) for piece in path.attributes["d"].split("M")[1:]
    ]


def test_curves_of_all_seeds_share_their_axes(page) -> None:
    tree, _ = page
    folds = list(section(tree, "curves").all("details"))
    assert [f.one("summary").text() for f in folds] == ["−ELBO (nats)", "MSE (per pixel)"]
    assert ["open" in f.attributes for f in folds] == [True, False]
    column = folds[0].one("div", **{"class": "d0"})
    panels = list(column.all("article"))
    labels = {tuple(t.text() for t in p.all("text")) for p in panels}
    assert len(labels) == 1
    assert labels.pop()[2:] == ("0", "step", "6000")
    for panel in panels:
        seeds = segments(panel.one("path", **{"class": "seeds"}))
        assert [len(s) for s in seeds] == [41, 41, 41]
    behind = column.one("defs").one("path")
    assert len(segments(behind)) == 3 * len(CHOSEN)
    broken = segments(folds[1].one("div", **{"class": "d0"}).one("article", **{"class": "v0"}).one("path"))
    assert [len(s) for s in broken] == [3, 37] * 3  # one point is unknown


def test_a_better_curve_lies_lower(page, folder) -> None:
    tree, _ = page
    column = next(section(tree, "curves").all("div", **{"class": "d0"}))
    ends = [np.mean([s[-1, 1] for s in segments(c.one("path", **{"class": "seeds"}))]) for c in column.all("article")]
    true = [
        np.mean(
            [json.loads(p.read_text())["curve"]["elbo"][-1] for p in folder.glob(f"cells/mnist/{v.name}/*/result.json")]
        )
        for v in CHOSEN
    ]
    assert np.argsort(true).tolist() == np.argsort(-np.array(ends)).tolist()


def test_maps_show_every_code_by_class_on_the_same_axes(page, folder) -> None:
    tree, _ = page
    card = section(tree, "maps").one("div", **{"class": "d0"}).one("article", **{"class": "v1"})
    drawings = list(card.all("svg"))
    arrays = stored(folder, "mnist", CHOSEN[1])
    everything, drawn = [], []
    for drawing, part in zip(drawings, ("train", "test"), strict=True):
        labels, codes = arrays[f"labels_{part}"], arrays[f"latents_{part}"]
        paths = list(drawing.all("path"))
        assert [len(p.attributes["d"].split("M")) - 1 for p in paths] == np.bincount(labels).tolist()
        drawn += [np.array(re.findall(r"M([\d.]+) ([\d.]+)", p.attributes["d"]), float) for p in paths]
        everything += [codes[labels == k] for k in range(10)]
    points, places = np.concatenate(everything), np.concatenate(drawn)
    inside = ((places > 3.1) & (places < 156.9)).all(axis=1)
    assert inside.mean() > 0.95
    for axis, sign in ((0, 1), (1, -1)):  # two latents stand as they are, and both maps have one scale
        slope, _, r, _, _ = stats.linregress(points[inside, axis], places[inside, axis])
        assert sign * slope > 0
        assert abs(r) > 0.99999
    assert "its two latents" in card.text()
    other = section(tree, "maps").one("div", **{"class": "d0"}).one("article", **{"class": "v0"})
    assert "two widest directions of 20 latents" in other.text()


def test_classes_have_names(page) -> None:
    tree, _ = page
    keys = [k.text() for k in section(tree, "maps").one("div", **{"class": "d1"}).all("span", **{"class": "key"})]
    assert keys[0] == "T-shirt"
    assert len(keys) == 10


def test_widest_directions_are_those_of_pca() -> None:
    from sklearn.decomposition import PCA

    points = np.random.default_rng(0).standard_normal((300, 6)) * np.array([1.0, 5, 2, 3, 0.5, 1])
    axes = principal_axes(points - points.mean(0))
    cosines = np.abs((PCA(2).fit(points).components_ @ axes).diagonal())
    assert cosines == pytest.approx([1, 1], abs=1e-9)
    assert (axes[np.abs(axes).argmax(0), [0, 1]] > 0).all()


def test_unseen_codes_are_placed_by_the_training_codes_alone() -> None:
    train = np.random.default_rng(1).standard_normal((200, 5)) * np.array([1.0, 4, 2, 3, 0.5])
    places, unseen = plane(train, train[:9] + 3.0)
    axes = principal_axes(train - train.mean(0))
    assert places.mean(0) == pytest.approx([0, 0], abs=1e-12)
    assert unseen == pytest.approx(places[:9] + 3.0 * axes.sum(0))
    assert (plane(train[:, :2], train[:9, :2])[1] == train[:9, :2]).all()
    assert (plane(train[:, :1], train[:9, :1])[1] == train[:9, :1] * [1, 0]).all()


def test_kl_bars_are_the_mean_of_the_seeds(page, folder) -> None:
    tree, _ = page
    column = section(tree, "kl").one("div", **{"class": "d0"})
    files = sorted((folder / "cells" / "mnist" / CHOSEN[0].name).glob("*/result.json"))
    expected = np.mean([sorted(json.loads(f.read_text())["kl_per_dimension"], reverse=True) for f in files], axis=0)
    card = column.one("article", **{"class": "v0"})
    heights = -np.array(re.findall(r"v(-?[\d.]+)h-", card.one("path").attributes["d"]), float)
    assert len(heights) == 20
    assert heights[:13] / heights[0] == pytest.approx(expected[:13] / expected[0], abs=0.005)
    assert "13 of 20 above 0.01 nats" in card.text()
    assert "No KL per dimension" in column.one("article", **{"class": "v5"}).text()


def test_prior_and_samples_are_drawn_with_their_correlation(page, folder, content) -> None:
    tree, _ = page
    found = {c.data: c for c in content.correlations}
    for d, data in enumerate(DATA):
        column = section(tree, "scatter").one("div", **{"class": f"d{d}"})
        points = list(column.all("g"))
        assert [g.one("text").text() for g in points] == ["1", "2", "3", "4", "5"]  # the sixth has no prior
        x = [np.log(np.mean(values(folder, data, v.name, "mmd_prior"))) for v in CHOSEN[:5]]
        y = [np.log(np.mean(values(folder, data, v.name, "frechet_prior"))) for v in CHOSEN[:5]]
        across, down = (np.array([float(g.one("circle").attributes[k]) for g in points]) for k in ("cx", "cy"))
        assert stats.pearsonr(across, x)[0] > 0.999
        assert stats.pearsonr(down, y)[0] < -0.999
        r = found[data].value
        said = column.text().replace("−", "-")
        assert f"{r.mean:.2f}" in said
        assert f"{r.low:.2f} … {r.high:.2f}, 5 models" in said


# words


def test_expectations_stand_beside_what_happened(page, content) -> None:
    tree, _ = page
    told = section(tree, "expectations").text()
    judged = content.judgements
    assert {(j.expectation.claim.about, j.data) for j in judged} == {("mmd_prior", d) for d in DATA}
    assert "MMD² to prior lower than 0.98 times that of VAE, weight 1, 2 latents" in told
    assert "The penalty asks for nothing else." in told
    assert "before the run" in told
    assert fake.WORDS in told
    counts = [sum(j.verdict == kind for j in judged) for kind in ("held", "did not hold", "not decided")]
    assert f"Of 2 claims, {counts[0]} held, {counts[1]} did not, {counts[2]} are not decided" in told
    for j in judged:
        assert f"{j.verdict} on {data_title(j.data)}" in told


def test_findings_are_those_that_intervals_support(page, content) -> None:
    tree, _ = page
    found = supported(content)
    assert 0 < len(found) < len(content.effects)
    for effect in found:
        first, second = decided(effect)
        assert (first and effect.first.low * effect.first.high > 0) or (
            second and effect.second.low * effect.second.high > 0
        )
    shown = [r for r in section(tree, "findings").all("tr") if list(r.all("td"))]
    assert len(shown) == len(found)
    titles = [h.text() for h in section(tree, "findings").all("h3")]
    assert set(titles) == {scope(e) for e in found}
    assert any("specific to" in t for t in titles)


def effect(first: float, second: float, p: tuple[float, float, float]) -> Effect:
    """An effect of the given size in two families, with adjusted p-values."""
    of = [Interval(m, m - 0.5, m + 0.5, 0.01, 3) for m in (first, second, first - second)]
    return Effect("mnist", "mse", "warm_up", "off", "on", ("vae", "wae"), *of, pairs=2, adjusted_p=p)


def test_an_effect_is_decided_by_its_adjusted_p_value_too() -> None:
    assert decided(effect(2, -2, (0.01, 0.2, 0.01))) == (1, 0)
    assert decided(effect(2, -2, (0.2, 0.01, 0.01))) == (0, -1)
    assert decided(effect(0.1, -2, (0.01, 0.01, 0.01))) == (0, -1)
    said = sentence(effect(2, 2, (0.01, 0.01, 1.0)))
    assert said == "Warm up on instead of off raises MSE in vae and in wae."


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (effect(2, 2, (0.01, 0.01, 1.0)), "in vae and wae alike"),
        (effect(2, -2, (0.01, 0.01, 0.01)), "opposite in vae and wae"),
        (effect(2, 0, (0.01, 1.0, 0.01)), "specific to vae"),
        (effect(0, 2, (1.0, 0.01, 0.01)), "specific to wae"),
        (effect(2, 2, (0.01, 0.2, 1.0)), "in vae; in wae it is not decided"),
    ],
)
def test_it_says_for_which_kind_of_model_an_effect_holds(case, words) -> None:
    assert scope(case) == words


def test_the_choice_follows_the_rule(tmp_path) -> None:
    table = {"a": [1.0, 1.1, 1.2], "b": [2.0, 2.1, 2.2], "c": [2.0, 2.3, 2.0], "d": [3.0, 3.1, 3.2]}
    results = of_measure(tmp_path, table)
    for measure in ("frechet_mixture", "mmd_prior"):
        for name in table:
            for seed in range(3):
                file = results.out / "cells" / "mnist" / name / f"seed-{seed}" / "result.json"
                told = json.loads(file.read_text())
                told["measures"][measure] = None if name == "d" and measure == "mmd_prior" else 1.0
                told["cost"]["cpu_seconds"] = {"a": 9.0, "b": 8.0, "c": 7.0, "d": 1.0}[name]
                file.write_text(json.dumps(told))
    found = candidates(Results.read(results.out))
    assert [c.variant for c in found] == ["a", "c", "b"]  # d lacks a measure; b and c are equals, c was cheaper
    assert [c.places["mnist", "mse"] for c in found] == [1, 2, 2]
    assert [c.total for c in found] == [3, 4, 4]
    assert [c.variant for c in chosen(found)] == ["a", "c"]
    tree, _ = report(results.out)
    starred = [r.one("th").text() for r in section(tree, "choice").all("tr") if list(r.all("td", **{"class": "best"}))]
    assert starred == ["1 a", "3 c"]


def test_it_says_how_to_get_it_again(page, folder) -> None:
    tree, _ = page
    told = section(tree, "setting").text()
    assert "timbrespace bench autoencoders images.toml --data mnist --data fashion --seeds 3 -o out" in told
    assert re.search(r"torch \d", told)
    assert "threads 1" in told
    assert "precision float32" in told
    assert "energy unvalidated" in told


# what is missing


def test_a_benchmark_before_its_first_result(tmp_path) -> None:
    out = tmp_path / "out"
    fake.make(out, fake.design(CHOSEN), side=SIDE, drawn=False)
    for file in out.glob("cells/*/*/*/result.json"):
        file.unlink()
    tree, _ = report(out)
    assert "0 of 36 trainings are finished" in section(tree, "short").text()
    assert section(tree, "table").text().count("Not trained yet.") == 4 * 2 * len(CHOSEN)
    for identity, words in {
        "findings": "No difference has an interval",
        "curves": "No training has left a learning curve yet.",
        "reconstructions": "No model has left pictures of test images yet.",
        "samples": "Not trained yet.",
        "manifold": "No finished model has two latents.",
        "maps": "Not trained yet.",
        "kl": "No model has left its KL per dimension.",
        "scatter": "Fewer than three finished models",
        "choice": "No model is chosen yet",
        "setting": "nothing recorded yet",
    }.items():
        assert words in section(tree, identity).text(), identity
    assert "not decided" in section(tree, "expectations").text()


def test_a_half_finished_benchmark_says_what_is_missing(copy) -> None:
    names = [v.name for v in CHOSEN]
    shutil.rmtree(copy / "cells" / "mnist" / names[0])
    for seed in range(3):
        fake.fail(copy, f"fashion/{names[1]}/seed-{seed}", "Five steps in a row were not finite.")
    shutil.rmtree(copy / "cells" / "mnist" / names[2] / "seed-1")
    (copy / "cells" / "mnist" / names[3] / "seed-0" / "pictures.safetensors").unlink()
    for seed in range(3):
        (copy / "cells" / "fashion" / names[3] / f"seed-{seed}" / "pictures.safetensors").write_bytes(b"torn")
    tree, _ = report(copy)
    assert "17 of 24 trainings are finished" in section(tree, "short").text()
    assert "3 trainings failed" in section(tree, "short").text()
    mnist, fashion = rows(tree, "Copying", "mnist"), rows(tree, "Copying", "fashion")
    assert "Not trained yet." in mnist[0]["Reconstruction"].text()
    assert "Five steps in a row were not finite." in fashion[1]["Reconstruction"].text()
    assert "2 of 3 seeds" in mnist[2]["model"].text()
    samples = section(tree, "samples")
    assert "Not trained yet." in samples.one("div", **{"class": "d0"}).one("article", **{"class": "v0"}).text()
    assert "Failed: Five steps" in samples.one("div", **{"class": "d1"}).one("article", **{"class": "v1"}).text()
    assert len(list(samples.one("div", **{"class": "d0"}).one("article", **{"class": "v3"}).all("img"))) == 2  # seed 1
    assert "not there" in samples.one("div", **{"class": "d1"}).one("article", **{"class": "v3"}).text()
    assert "seeds 0, 1" in section(tree, "reconstructions").text()
    assert f"fashion/{names[1]}/seed-2" in section(tree, "setting").text()


def test_pictures_may_lack_any_part(copy) -> None:
    for i, file in enumerate(sorted(copy.glob("cells/mnist/*/seed-*/pictures.safetensors"))):
        arrays = load_file(file)
        for name in list(arrays)[i % 3 :: 3]:
            del arrays[name]
        save_file(arrays, file)
    tree, _ = report(copy)
    assert len(list(section(tree, "traversals").all("article"))) == 2 * 4


def test_codes_of_any_shape_have_a_map(copy) -> None:
    shapes = [(40, 1), (40, 3, 5), (0, 4), (40, 4)]
    for variant, shape in zip(CHOSEN[:4], shapes, strict=True):
        file = copy / "cells" / "mnist" / variant.name / "seed-0" / "pictures.safetensors"
        arrays = load_file(file)
        for part in ("train", "test"):
            arrays[f"latents_{part}"] = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
            arrays[f"labels_{part}"] = np.arange(shape[0]) % 10
        if variant is CHOSEN[3]:
            arrays["latents_test"][7, 1] = np.nan
        save_file(arrays, file)
    tree, _ = report(copy)
    cards = list(section(tree, "maps").one("div", **{"class": "d0"}).all("article"))
    assert "nan" not in str(cards)
    assert [len(list(card.all("svg"))) for card in cards] == [2, 2, 0, 0]
    assert "two widest directions of 15 latents" in cards[1].text()
    assert all("not all finite numbers" in card.text() for card in cards[2:])


def test_what_is_no_benchmark_is_refused(tmp_path, small) -> None:
    with pytest.raises(StorageError, match="holds no benchmark"):
        write_report(tmp_path, tmp_path / "report.html")
    with pytest.raises(StorageError, match=r"does not exist; make it first"):
        write_report(small, tmp_path / "nowhere" / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_the_same_folder_makes_the_same_page(small, tmp_path) -> None:
    for name in ("one", "two"):
        write_report(small, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
