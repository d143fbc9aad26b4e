"""Hands on the map and the sliders change what the worklet gives to the device."""

from __future__ import annotations

import numpy as np
import pytest

from tests.page.browser import LOUD, Tab, Wave, level
from tests.page.spectra import distance

RATE = "t.instrument.info.sample_rate"
SETTLED_S = 1.0
FAR = 3.0
"""A change is heard if the spectrum moves three times as far as it does by itself."""


def extremes(tab: Tab, axis: int = 0) -> tuple[int, int]:
    """Moments near the two ends of an axis, away from the outermost."""
    values = np.array(tab.ask("[...t.instrument.corpus.scales[argument].shown]", axis))
    order = np.argsort(values)
    return int(order[len(order) // 20]), int(order[-1 - len(order) // 20])


def frozen(tab: Tab) -> None:
    """Without motion, a place is one steady sound: what changes then is what we change."""
    tab.ask("t.instrument.remote.set('motion', 0)")
    tab.ask("t.instrument.remote.set('glide_ms', 0)")


def steady(tab: Tab) -> Wave:
    """Half a second of what is heard, once it has settled."""
    tab.wait(SETTLED_S)
    return tab.heard(0.5)


def test_hovering_plays_the_moment(player: Tab) -> None:
    assert level(player.heard(0.3)) < 1e-5, "silent before"
    player.page.mouse.move(*player.where(extremes(player)[1]))
    wave = player.listen_until(lambda w: level(w) > LOUD)
    assert level(wave) > LOUD
    player.page.mouse.move(5, 5)
    silent = player.listen_until(lambda w: level(w) < 1e-5)
    assert level(silent) < 1e-5, "and then it is over"


def test_dragging_changes_the_sound(player: Tab) -> None:
    low, high = extremes(player)
    frozen(player)
    start, end = player.where(low), player.where(high)
    player.page.mouse.move(*start)
    player.page.mouse.down()
    player.page.mouse.move(start[0] + 8, start[1])
    before, again = steady(player), steady(player)
    player.page.mouse.move(*end, steps=20)
    after = steady(player)
    place = player.ask("t.instrument.remote.status.place")
    player.page.mouse.up()
    rate = player.ask(RATE)
    by_itself, by_hand = distance(before, again, rate), distance(before, after, rate)
    print(f"spectrum moved {by_hand:.1f} dB by the drag, {by_itself:.1f} dB without")
    assert level(before) > LOUD
    aimed = [player.ask("t.instrument.corpus.scales[argument[0]].values[argument[1]]", (axis, high)) for axis in (0, 1)]
    assert place[:2] == pytest.approx(aimed, abs=0.05), "the place is the point under the pointer"
    assert by_hand > FAR * by_itself
    assert by_hand > 1.0


def test_a_slider_changes_the_sound(player: Tab) -> None:
    frozen(player)
    player.ask("t.instrument.stay(argument)", extremes(player)[0])
    before, again = steady(player), steady(player)
    slider = player.page.get_by_role("slider", name="Bias of").first
    slider.focus()
    slider.press("End")
    after = steady(player)
    rate = player.ask(RATE)
    by_itself, by_hand = distance(before, again, rate), distance(before, after, rate)
    print(f"spectrum moved {by_hand:.1f} dB by the slider, {by_itself:.1f} dB without")
    assert by_hand > FAR * by_itself
    assert by_hand > 1.0


def test_listening_along_an_axis_goes_down_up_and_back(player: Tab) -> None:
    player.ask("t.instrument.remote.set('bias_2', 0.5)")
    player.page.get_by_role("button", name="Listen along").nth(1).click()
    seen: list[float] = []
    for _ in range(24):
        player.wait(0.2)
        value, listening = player.ask("[t.instrument.remote.value('bias_2'), t.instrument.listening]")
        seen += [value] if not seen or seen[-1] != value else []
        if listening < 0:
            break
    assert seen == [-2, 0, 2, 0.5]
    player.until("() => !window.timbrespace.instrument.remote.status.playing")


def test_a_click_stays_at_the_moment(player: Tab) -> None:
    frozen(player)
    moment = extremes(player)[0]
    player.page.mouse.click(*player.where(moment))
    player.until("() => window.timbrespace.instrument.remote.status.playing")
    chosen = player.ask("t.instrument.moment")
    near = np.hypot(*np.subtract(player.where(chosen), player.where(moment)))
    assert near < 1.0
    axes = "t.instrument.corpus.scales.filter((s) => s.axis >= 0)"
    target = player.ask(f"{axes}.map((s) => s.values[argument])", chosen)
    player.wait(0.6)
    np.testing.assert_allclose(player.ask("t.instrument.remote.status.place"), target, atol=1e-3)


def test_a_walk_walks_and_a_line_goes_to_and_fro(player: Tab) -> None:
    frozen(player)
    player.page.get_by_role("button", name="Walk", exact=True).click()
    places = []
    for _ in range(4):
        player.wait(0.6)
        places.append(player.ask("t.instrument.remote.status.place"))
    assert np.abs(np.diff(np.array(places), axis=0)).sum(axis=1).min() > 0
    first, second = extremes(player)
    player.page.get_by_role("button", name="Line", exact=True).click()
    player.page.get_by_label("Seconds from A to B").fill("2")
    player.page.get_by_label("Seconds from A to B").press("Enter")
    player.page.mouse.click(*player.where(first))
    player.page.mouse.click(*player.where(second))
    ends = sorted(float(player.ask("t.instrument.corpus.scales[0].values[argument]", m)) for m in (first, second))
    seen: list[float] = []
    for _ in range(10):
        player.wait(0.25)
        seen.append(player.ask("t.instrument.remote.status.place[0]"))
    assert min(seen) < ends[0] + 0.35 * (ends[1] - ends[0])
    assert max(seen) > ends[1] - 0.35 * (ends[1] - ends[0])
    player.page.get_by_role("button", name="Point", exact=True).click()
    player.wait(0.5)
    held = player.ask("t.instrument.remote.status.place.slice(0, 2)")
    player.wait(0.5)
    assert player.ask("t.instrument.remote.status.place.slice(0, 2)") == pytest.approx(held, abs=1e-6)


def test_panic_silences_at_once(player: Tab) -> None:
    player.ask("t.instrument.stay(0)")
    assert level(player.listen_until(lambda w: level(w) > LOUD)) > LOUD
    player.page.keyboard.press("Escape")
    player.wait(1.0)
    assert level(player.heard(0.3)) < 1e-6


def test_descriptors_as_axes_play_from_moment_to_moment(player: Tab) -> None:
    options = player.ask("t.instrument.corpus.descriptors.map((s) => s.key)")
    player.page.get_by_label("Horizontal axis").select_option(options[0])
    player.page.get_by_label("Vertical axis").select_option(options[1])
    player.wait(0.2)
    box = player.map.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    player.page.mouse.move(*middle)
    player.page.mouse.down()
    player.page.mouse.move(middle[0] + 60, middle[1], steps=6)
    player.page.mouse.up()
    player.until(
        "() => window.timbrespace.instrument.remote.status.playing && window.timbrespace.instrument.moment >= 0"
    )
    nearest = player.ask("t.instrument.moment")
    assert np.hypot(*np.subtract(player.where(nearest), (middle[0] + 60, middle[1]))) < 80


def test_the_view_moves_and_comes_home(player: Tab) -> None:
    at = player.where(3)
    player.page.mouse.move(at[0] + 50, at[1])
    player.page.mouse.wheel(0, -400)
    player.wait(0.2)
    nearer = player.where(3)
    assert abs(nearer[0] - at[0] - 50) > 1.5 * 50
    player.page.get_by_role("button", name="Whole map").click()
    player.wait(0.1)
    assert player.where(3) == pytest.approx(at, abs=0.5)
