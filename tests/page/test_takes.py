"""A take is the sound that was heard, sample for sample."""

from __future__ import annotations

import io

import numpy as np
import soundfile
from scipy.signal import fftconvolve

from tests.page.browser import LOUD, Tab, Wave, level

ROUNDING = 2.0**-23
"""One step of 24 bits."""


def where_in(whole: Wave, part: Wave) -> int:
    """At which sample of ``whole`` ``part`` begins: the highest correlation of the first channels."""
    template = part[0] - part[0].mean()
    match = fftconvolve(whole[0], template[::-1], mode="valid")
    energy = np.sqrt(np.maximum(fftconvolve(whole[0] ** 2, np.ones(len(template)), mode="valid"), 1e-9))
    return int(np.argmax(match / energy))


def newest_take(player: Tab, count: int) -> Wave:
    """The wave (channel, time) of the newest take, once there are ``count``."""
    player.until(f"() => window.timbrespace.instrument.takes.length >= {count}")
    player.page.get_by_role("tab", name="Takes").click()
    href = player.page.get_by_role(
        "link", name=f"Download Take {player.ask('t.instrument.takes.length')}"
    ).get_attribute("href")
    data = player.download(str(href))
    info = soundfile.info(io.BytesIO(data))
    assert info.subtype == "PCM_24"
    wave, rate = soundfile.read(io.BytesIO(data), dtype="float64", always_2d=True)
    assert rate == player.ask("t.instrument.info.sample_rate")
    return wave.T


def play_about(player: Tab) -> None:
    """Something that never repeats."""
    player.page.get_by_role("button", name="Walk", exact=True).click()
    player.listen_until(lambda w: level(w) > LOUD)
    player.wait(0.4)


def test_recording_gives_the_sound_that_was_heard(player: Tab) -> None:
    play_about(player)
    takes, underruns = player.ask("t.instrument.takes.length"), player.underruns()
    player.map.focus()
    player.page.keyboard.press("r")
    player.wait(2.5)
    player.page.keyboard.press("r")
    player.wait(0.6)
    heard = player.heard(6.0)
    take = newest_take(player, takes + 1)
    rate = player.ask("t.instrument.info.sample_rate")
    assert 2.0 < take.shape[1] / rate < 4.0
    middle = take[:, rate // 2 : rate // 2 + rate]
    at = where_in(heard, middle)
    begin, end = max(0, at - rate // 2), min(heard.shape[1], at - rate // 2 + take.shape[1])
    overlap = heard[:, begin:end]
    recorded = take[:, begin - (at - rate // 2) :][:, : overlap.shape[1]]
    assert overlap.shape[1] > 1.8 * rate
    if player.underruns() > underruns:
        heard_part = np.abs(middle - heard[:, at : at + rate])  # a gap in this tab is no gap in the take
        assert np.median(heard_part) <= ROUNDING
    else:
        assert level(overlap) > LOUD
        assert np.abs(recorded - overlap).max() <= 1.01 * ROUNDING


def test_the_last_minute_can_be_kept_afterwards(player: Tab) -> None:
    play_about(player)
    player.wait(1.5)
    takes = player.ask("t.instrument.takes.length")
    player.page.get_by_role("button", name="last 60 s").click()
    kept = newest_take(player, takes + 1)
    heard = player.heard(8.0)
    rate = player.ask("t.instrument.info.sample_rate")
    assert 1.5 < kept.shape[1] / rate <= 60.5
    last = kept[:, -rate // 2 :]
    at = where_in(heard, last)
    assert np.median(np.abs(heard[:, at : at + rate // 2] - last)) <= ROUNDING


def test_a_take_can_be_played_in_the_page(player: Tab) -> None:
    play_about(player)
    takes = player.ask("t.instrument.takes.length")
    player.page.get_by_role("button", name="last 60 s").click()
    newest_take(player, takes + 1)
    player.page.get_by_role("button", name="Play Take").first.click()
    player.page.get_by_role("button", name="Stop Take").first.wait_for()
    player.until("() => !document.querySelector('audio').paused")
    player.page.get_by_role("button", name="Stop Take").first.click()
    player.until("() => document.querySelector('audio').paused")
    assert player.ask("document.querySelector('audio').currentTime") > 0, "it was played"
