"""Everything can be done without a pointer."""

from __future__ import annotations

import pytest

from tests.page.browser import LOUD, Tab, level


def test_space_plays_and_stops_wherever_the_focus_is(player: Tab) -> None:
    player.page.keyboard.press("Space")
    assert level(player.listen_until(lambda w: level(w) > LOUD)) > LOUD
    player.page.get_by_role("slider", name="Speed").focus()
    player.page.keyboard.press("Space")
    assert level(player.listen_until(lambda w: level(w) < 1e-6)) < 1e-6


def test_space_stays_with_play_after_a_click_on_another_button(player: Tab) -> None:
    player.page.get_by_role("button", name="Reset all").click()
    player.page.keyboard.press("Space")
    player.until("() => window.timbrespace.instrument.remote.status.playing")
    assert level(player.listen_until(lambda w: level(w) > LOUD)) > LOUD, "it is heard"


def test_the_map_is_walked_with_arrows(player: Tab) -> None:
    player.page.keyboard.press("m")
    player.page.keyboard.press("ArrowRight")
    first = player.ask("t.instrument.cursor")
    assert first >= 0
    player.page.keyboard.press("ArrowRight")
    second = player.ask("t.instrument.cursor")
    assert player.where(second)[0] > player.where(first)[0]
    assert level(player.listen_until(lambda w: level(w) > LOUD)) > LOUD, "it is heard"
    player.page.keyboard.press("Enter")
    player.until(f"() => window.timbrespace.instrument.remote.status.moment === {second}")
    player.until("() => window.timbrespace.instrument.remote.status.playing")
    name = player.ask("t.instrument.corpus.sound(argument)", second).rsplit(".", 1)[0]
    assert name in player.page.locator("#moment-card").inner_text()


def test_a_moment_is_heard_again_with_a(player: Tab) -> None:
    player.page.keyboard.press("m")
    player.page.keyboard.press("ArrowUp")
    player.wait(2.5)
    assert level(player.listen_until(lambda w: level(w) < 1e-6)) < 1e-6
    player.page.keyboard.press("a")
    assert level(player.listen_until(lambda w: level(w) > LOUD)) > LOUD


@pytest.mark.parametrize(
    ("key", "value"),
    [("ArrowUp", 1.05), ("ArrowLeft", 0.95), ("PageUp", 1.5), ("PageDown", 0.5), ("Home", 0.0), ("End", 5.0)],
)
def test_sliders_follow_the_pattern(player: Tab, key: str, value: float) -> None:
    slider = player.page.get_by_role("slider", name="Scale of").first
    slider.focus()
    slider.press(key)
    assert float(str(slider.get_attribute("aria-valuenow"))) == pytest.approx(value)
    assert "×" in str(slider.get_attribute("aria-valuetext"))
    player.until(f"() => Math.abs(window.timbrespace.instrument.remote.knobs.get('scale_1').value - {value}) < 1e-9")
    slider.press("Delete")
    assert float(str(slider.get_attribute("aria-valuenow"))) == 1.0


def test_numbers_are_typed_dragged_and_reset(player: Tab) -> None:
    volume = player.page.get_by_role("slider", name="Volume")
    volume.focus()
    volume.press("Enter")
    player.page.keyboard.press("Control+a")
    player.page.keyboard.type("-12,5 dB")
    player.page.keyboard.press("Enter")
    assert volume.get_attribute("aria-valuenow") == "-12.5"
    box = volume.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    player.page.mouse.move(x, y)
    player.page.mouse.down()
    player.page.mouse.move(x, y - 30, steps=5)
    player.page.mouse.up()
    assert float(str(volume.get_attribute("aria-valuenow"))) > -12.5
    volume.dblclick()
    assert volume.get_attribute("aria-valuenow") == "0"


def test_the_list_offers_what_the_map_does(player: Tab) -> None:
    player.page.get_by_role("tab", name="Dimensions").focus()
    player.page.keyboard.press("ArrowRight")
    player.page.keyboard.press("Tab")
    player.page.keyboard.press("Tab")
    player.page.keyboard.type("VIOLA")
    rows = player.page.locator("#leaf .sound")
    assert rows.count() == 1
    player.page.keyboard.press("Tab")
    player.page.keyboard.press("Enter")
    player.page.keyboard.press("Tab")
    player.page.keyboard.press("Enter")
    assert level(player.listen_until(lambda w: level(w) > LOUD)) > LOUD, "Hear"
    player.page.keyboard.press("Tab")
    player.page.keyboard.press("Enter")
    player.until("() => window.timbrespace.instrument.remote.status.playing")


def test_help_opens_and_closes(player: Tab) -> None:
    player.page.keyboard.press("?")
    assert player.page.get_by_role("dialog").is_visible()
    player.page.keyboard.press("Escape")
    assert not player.page.get_by_role("dialog").is_visible()
    assert not player.ask("t.instrument.remote.playing"), "Escape closed the help, nothing else"
