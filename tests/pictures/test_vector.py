"""Pictures as SVG: every point is there once, in its colour, and the text is safe."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest

from timbrespace.pictures.image import heat_png
from timbrespace.pictures.vector import Layer, kind_layers, ramp_layers, scatter, small_curve, staircase

LABELS = ("low", "", "", "", "", "high")


def points(n: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((n, 2))


def test_a_ramp_holds_every_point_once_from_low_to_high() -> None:
    values = np.random.default_rng(1).standard_normal(600)
    layers = ramp_layers(np.stack([values, values], axis=1), values, LABELS)
    assert [len(layer.points) for layer in layers] == [100] * 6
    assert all(a.points.max() <= b.points.min() for a, b in pairwise(layers))


def test_unknown_values_are_a_layer_of_their_own() -> None:
    values = np.array([1.0, np.nan, 2.0, np.nan, 3.0])
    layers = ramp_layers(points(5), values, LABELS)
    assert layers[0].label == "none"
    assert len(layers[0].points) == 2
    assert sum(len(layer.points) for layer in layers) == 5
    assert sum(len(layer.points) for layer in ramp_layers(points(2), np.full(2, np.nan), LABELS)) == 2


def test_kinds_come_by_size_and_differ_in_shape_and_colour() -> None:
    layers = kind_layers(points(6), ["a", "b", "b", "c", "b", "c"])
    assert [layer.label for layer in layers] == ["b", "c", "a"]
    assert len({layer.mark for layer in layers}) == len({layer.colour for layer in layers}) == 3


def test_a_scatter_is_valid_and_shows_every_point() -> None:
    text = scatter([Layer("<b>&", points(50), "#123456")], horizontal="x", vertical="y", legend="l", alt='a "map"')
    root = ET.fromstring(text.replace("&nbsp;", " "))
    path = next(e for e in root.iter("path") if e.get("stroke") == "#123456")
    assert len(re.findall("M", path.get("d") or "")) == 50
    assert "<b>&" not in text
    assert "&lt;b&gt;&amp;" in text


def test_points_far_out_stay_inside_the_frame() -> None:
    text = scatter(
        [Layer("x", np.array([[0.0, 0.0]] * 400 + [[1e9, -1e9]]), "#123456")],
        horizontal="", vertical="", legend="", alt="",
    )  # fmt: skip
    x = [float(v) for v in re.findall(r"M([-\d.]+) ", text)]
    assert 0 <= min(x) <= max(x) <= 440


@pytest.mark.parametrize("curves", [np.full((2, 5), np.nan), np.array([[1.0, np.nan, 2.0, 3.0, 4.0]]), np.ones((1, 5))])
def test_curves_with_gaps_are_valid(curves: np.ndarray) -> None:
    text = small_curve(np.arange(5.0), curves, low=1.0, high=4.0, title="pitch", ends=("1", "4"), logarithmic=True)
    ET.fromstring(text)
    assert "nan" not in text
    assert ("no pitch" in text) == (not np.isfinite(curves).any())


def test_a_gap_breaks_the_line() -> None:
    text = small_curve(
        np.arange(5.0), np.array([[1.0, 2.0, np.nan, 3.0, 4.0]]), low=1.0, high=4.0, title="", ends=("", "")
    )
    path = next(e for e in ET.fromstring(text).iter("path"))
    assert (path.get("d") or "").count("M") == 2


def test_the_staircase_marks_every_fidelity() -> None:
    text = staircase([0.5, 0.8, 0.95, 1.0], [(0.8, 2), (0.9, 3), (0.95, 3), (0.99, 4)], alt="shares")
    root = ET.fromstring(text)
    assert len([e for e in root.iter("rect") if e.get("class") == "bar"]) == 4
    texts = [e.text for e in root.iter("text")]
    assert texts[:8] == ["80 %", "2", "90 %", "3", "95 %", "3", "99 %", "4"]
    heights = [float(e.get("y") or 0) for e in root.iter("text")][:8:2]
    assert all(a - b >= 9.9 for a, b in pairwise(heights))  # legible, one above the other


def test_a_matrix_becomes_a_picture_low_rows_at_the_bottom() -> None:
    import io

    from matplotlib.image import imread

    values = np.zeros((3, 4))
    values[0, 0] = 1.0
    pixels = imread(io.BytesIO(heat_png(values)))
    assert pixels.shape[:2] == (3, 4)
    assert pixels[2, 0, :3].sum() > pixels[0, 0, :3].sum()
