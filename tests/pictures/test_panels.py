"""Small panels: points stand where the axes say, unknown ones nowhere, and words are safe."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from timbrespace.pictures.panels import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    SIDE,
    TOP,
    WIDTH,
    Axis,
    Point,
    axis_over,
    bar_panel,
    class_map,
    curve_panel,
    legend,
    log_ticks,
    paths_of,
    point_chart,
)

UNIT = Axis(0.0, 1.0)
BAD = '"><script>'


def numbers(path: str) -> list[tuple[float, float]]:
    return [(float(a), float(b)) for a, b in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path)]


def test_shares_of_an_axis() -> None:
    assert Axis(2, 6).share(np.array([2.0, 3.0, 6.0])) == pytest.approx([0, 0.25, 1])
    assert Axis(1, 100, True).share(np.array([1.0, 10.0, 1000.0])) == pytest.approx([0, 0.5, 1.5])
    assert np.isnan(Axis(1, 100, True).share(np.array([np.nan]))).all()


def test_an_axis_covers_its_values_and_leaves_out_the_highest() -> None:
    values = np.array([np.nan, 3.0, *np.linspace(1, 2, 98), 1000.0])
    assert axis_over(values, room=0).high == 1000
    assert axis_over(values, cut=0.05, room=0).high < 2
    assert axis_over(values, room=0.1).low == pytest.approx(1 - 0.1 * 999)
    positive = axis_over(np.array([-1.0, 0.0, 1.0, 100.0]), logarithmic=True, room=0.5)
    assert (positive.low, positive.high) == pytest.approx((0.1, 1000))


@pytest.mark.parametrize("values", [[], [np.nan], [5.0], [0.0, 0.0]])
def test_few_values_make_an_axis_too(values) -> None:
    axis = axis_over(np.array(values, float))
    assert axis.high > axis.low


def test_lines_run_inside_the_frame_and_break_where_unknown() -> None:
    x = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    path = paths_of([(x, np.array([0.0, 1.0, np.nan, 0.5, 7.0]))], UNIT, UNIT)
    assert path.count("M") == 2
    assert numbers(path) == [
        (LEFT, HEIGHT - BOTTOM),
        (LEFT + 0.25 * (WIDTH - LEFT - RIGHT), TOP),
        (LEFT + 0.75 * (WIDTH - LEFT - RIGHT), (TOP + HEIGHT - BOTTOM) / 2),
        (WIDTH - RIGHT, TOP),  # above the frame: along its border
    ]


def test_classes_keep_their_colour_mark_and_place() -> None:
    points = np.array([[0.0, 0.0], [1.0, 1.0], [0.5, 9.0]])
    drawing = ET.fromstring(class_map(points, np.array([0, 1, 1]), horizontal=UNIT, vertical=UNIT, alt="a"))
    first, second = drawing.findall("path")
    assert numbers(first.attrib["d"])[0] == (3.0, SIDE - 3)
    assert [p[:2] for p in re.findall(r"M([\d.]+) ([\d.]+)", second.attrib["d"])] == [("157", "3"), ("80", "3")]
    assert first.attrib["stroke"] != second.attrib["stroke"]
    assert legend(["a", "b"]).count(second.attrib["stroke"]) == 1


def test_bars_rise_from_zero() -> None:
    drawing = ET.fromstring(bar_panel(np.array([2.0, 1.0, 0.0]), high=2.0, alt="a"))
    path = drawing.find("path[@class='fill']")
    assert path is not None
    heights = [-float(v) for v in re.findall(r"v(-?[\d.]+)", path.attrib["d"])]
    assert heights == pytest.approx([HEIGHT - TOP - BOTTOM, (HEIGHT - TOP - BOTTOM) / 2, 0])


def test_a_point_stands_between_the_ends_of_its_intervals() -> None:
    points = [Point(str(i), BAD, (m / 1.2, m, 1.2 * m), (m / 1.1, m, 1.1 * m)) for i, m in enumerate((1.0, 3.0, 9.0))]
    drawing = ET.fromstring(point_chart(points, x_title=BAD, y_title="y", alt=BAD))
    for group in drawing.findall("g"):
        left, right, low, high = (
            float(n)
            for n in re.fullmatch(
                r"M([\d.]+) [\d.]+H([\d.]+)M[\d.]+ ([\d.]+)V([\d.]+)", group.find("path").attrib["d"]
            ).groups()
        )
        dot = group.find("circle").attrib
        assert left < float(dot["cx"]) < right
        assert high < float(dot["cy"]) < low
    places = [float(g.find("circle").attrib["cx"]) for g in drawing.findall("g")]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=0.2)  # equal ratios, equal steps


@pytest.mark.parametrize("ends", [(0.8, 30), (2.1, 5.2), (4.01, 4.3), (1e-6, 10), (1.0, 1.5)])
def test_ticks_lie_inside_and_are_a_handful(ends) -> None:
    ticks = log_ticks(Axis(*ends, True))
    assert all(ends[0] <= t <= ends[1] for t in ticks)
    assert 1 <= len(ticks) <= 12


def test_words_are_safe() -> None:
    line = [(np.arange(2.0), np.arange(2.0))]
    drawings = [
        curve_panel(line, x=UNIT, y=UNIT, behind=BAD, x_title=BAD, alt=BAD),
        bar_panel(np.ones(2), high=1, alt=BAD),
        class_map(np.zeros((1, 2)), np.zeros(1, int), horizontal=UNIT, vertical=UNIT, alt=BAD),
        legend([BAD]),
    ]
    assert not any("<script" in drawing for drawing in drawings)
