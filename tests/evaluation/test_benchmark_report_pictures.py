"""Pictures and drawings of a benchmark's report are the stored ones."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file
from scipy import stats

from tests.evaluation.report_pages import CHOSEN, DATA, SIDE, Node, report, section, values
from timbrespace.evaluation.benchmark.report_charts import plane, principal_axes
from timbrespace.evaluation.benchmark.report_words import data_title
from timbrespace.evaluation.benchmark.variants import Variant
from timbrespace.pictures.images import GAP


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
