"""What goes wrong is said in one sentence, and the instrument stays as it was."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser

from tests.page.browser import LOUD, Tab, another_tab, level, module, tab
from tests.page.serving import Server, serve


def alert(player: Tab, text: str) -> None:
    """Wait for the sentence."""
    player.page.get_by_role("alert").filter(has_text=text).wait_for(timeout=20_000)


def test_a_second_tab_takes_the_sound_and_gives_it_back(player: Tab, server: Server) -> None:
    second = another_tab(player.page.context)
    second.open(server.origin + "/")
    second.sounding()
    alert(player, "The sound moved to another tab")
    player.page.keyboard.press("Space")
    assert level(second.listen_until(lambda w: level(w) > LOUD)) > LOUD, "the first is a remote of the same instrument"
    assert level(player.heard(0.3)) < 1e-6
    slider = player.page.get_by_role("slider", name="Speed")
    slider.focus()
    slider.press("Home")
    second.until("() => window.timbrespace.instrument.remote.knobs.get('speed').value === 0")
    player.page.get_by_role("button", name="Hear it here").click()
    assert level(player.listen_until(lambda w: level(w) > LOUD)) > LOUD
    alert(second, "The sound moved to another tab")
    assert player.page.get_by_role("alert").count() == 0
    assert second.troubles == []
    second.page.close()


def loudest(player: Tab) -> int:
    """The loudest moment."""
    return int(
        player.ask("t.instrument.corpus.scaleOf('is-loudness').values.reduce((b, v, i, a) => (v > a[b] ? i : b), 0)")
    )


def engines(server: Server) -> list[int]:
    """The engine's process; multiprocessing's tracker of shared memory is another."""
    found = []
    for pid in server.children():
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"spawn_main" in command and b"resource_tracker" not in command:
            found.append(pid)
    return found


def test_a_dead_engine_comes_back_with_its_state(player: Tab, server: Server) -> None:
    player.ask("t.instrument.remote.set('motion', 0)")
    player.ask("t.instrument.stay(3)")
    assert level(player.listen_until(lambda w: level(w) > LOUD)) > LOUD
    player.until("() => window.timbrespace.instrument.remote.status.moment === 3")
    for pid in engines(server):
        os.kill(pid, signal.SIGKILL)
    player.until("() => window.timbrespace.instrument.remote.status.message !== ''", seconds=10)
    alert(player, player.ask("t.instrument.remote.status.message"))
    player.page.get_by_role("button", name="Close", exact=True).click()
    assert level(player.listen_until(lambda w: level(w) > LOUD, seconds=30)) > LOUD
    assert player.ask("t.instrument.remote.value('motion')") == 0
    player.until("() => window.timbrespace.instrument.remote.status.moment === 3")


def test_a_gap_is_counted_faded_and_answered_with_more_lead(player: Tab, server: Server) -> None:
    player.ask("t.instrument.remote.set('motion', 0)")
    player.ask("t.instrument.stay(argument)", loudest(player))
    player.listen_until(lambda w: level(w) > LOUD)
    player.wait(1.0)
    underruns, lead = player.ask("[t.instrument.sound.underruns, t.instrument.sound.leadMs]")
    os.kill(server.process.pid, signal.SIGSTOP)
    player.wait(1.0)
    os.kill(server.process.pid, signal.SIGCONT)
    player.until(f"() => window.timbrespace.instrument.sound.underruns > {underruns}")
    player.sounding()
    player.wait(0.8)
    assert player.ask("t.instrument.sound.leadMs") >= min(200, lead + 15)
    wave = player.heard(2.5)[0]
    start, end = longest_silence(wave)
    assert end - start > 0.3 * player.ask("t.instrument.info.sample_rate"), "there was a gap"
    edges = wave[start - 3 : start], wave[end : end + 3]
    assert max(abs(edge).max() for edge in edges) < 0.01 * abs(wave).max(), "the sound was faded out and in"


def longest_silence(wave: np.ndarray) -> tuple[int, int]:
    """Where the longest run of zeros begins and ends."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], wave == 0, [0]]).astype(int)))
    longest = np.argmax(edges[1::2] - edges[::2])
    return int(edges[2 * longest]), int(edges[2 * longest + 1])


def test_a_lost_connection_comes_back_with_everything_as_it_was(player: Tab) -> None:
    player.ask("t.instrument.stay(2)")
    player.ask("t.instrument.remote.set('speed', 2)")
    player.page.get_by_role("tab", name="Sounds").click()
    player.until("() => window.timbrespace.instrument.remote.status.playing")
    player.ask("t.instrument.remote.socket.close()")
    alert(player, "The sound engine is gone; trying again.")
    player.until("() => window.timbrespace.instrument.remote.connected")
    assert level(player.listen_until(lambda w: level(w) > LOUD)) > LOUD
    assert player.page.get_by_role("alert").count() == 0
    assert player.page.get_by_role("tab", name="Sounds").get_attribute("aria-selected") == "true"
    assert player.ask("t.instrument.remote.value('speed')") == 2


def test_a_server_that_ends_is_waited_for_and_another_one_is_told_apart(browser: Browser, tmp_path: Path) -> None:
    command = [*module("tests.web.dev_server"), "--port"]
    with tab(browser) as waiting:
        with serve([*command, "0"], folder=tmp_path) as first:
            waiting.open(first.address)
            port = first.origin.rsplit(":", 1)[1]
        alert(waiting, "The sound engine is gone; trying again.")
        with serve([*command, port], folder=tmp_path):
            alert(waiting, "The instrument was started anew")
            assert waiting.page.get_by_role("alert").filter(has_text="trying again").count() == 0


def test_without_audio_worklets_the_page_is_a_remote(browser: Browser, server: Server) -> None:
    with tab(browser) as deaf:
        deaf.page.add_init_script("delete window.AudioWorkletNode")
        deaf.open(server.address)
        alert(deaf, "no AudioWorklet")
        deaf.ask("t.instrument.remote.play(false)")
        deaf.until("() => window.timbrespace.instrument.remote.status?.playing === false")
        deaf.page.get_by_role("button", name="Play", exact=True).click()
        deaf.until("() => window.timbrespace.instrument.remote.status.playing")
        deaf.page.get_by_role("button", name="Stop", exact=True).click()
        deaf.until("() => !window.timbrespace.instrument.remote.status.playing")
        assert deaf.troubles == []


def test_a_browser_that_waits_for_a_gesture_is_told_so(browser: Browser, server: Server) -> None:
    with tab(browser) as shy:
        shy.page.add_init_script(
            """const resume = AudioContext.prototype.resume;
            let touched = false;
            addEventListener('pointerdown', () => (touched = true), { capture: true });
            const State = Object.getOwnPropertyDescriptor(BaseAudioContext.prototype, 'state');
            AudioContext.prototype.resume = function () { return touched ? resume.call(this) : this.suspend(); };
            const Original = AudioContext;
            window.AudioContext = class extends Original { constructor(o) { super(o); void this.suspend(); } };"""
        )
        shy.open(server.address)
        shy.page.get_by_text("Click anywhere to hear.").wait_for()
        shy.page.mouse.click(640, 20)
        shy.sounding()
        assert shy.page.get_by_text("Click anywhere to hear.").count() == 0


def test_what_the_server_refuses_is_said_and_can_be_closed(player: Tab) -> None:
    player.ask("t.instrument.remote.act('moment', 1e9)")
    player.page.get_by_role("alert").first.wait_for()
    sentence = player.page.get_by_role("alert").first.inner_text()
    assert sentence.strip().endswith(".")
    player.page.get_by_role("button", name="Close", exact=True).click()
    assert player.page.get_by_role("alert").count() == 0


def test_numbers_that_are_none_change_nothing(player: Tab) -> None:
    for value in ("NaN", "Infinity", "'loud'"):
        player.ask(f"t.instrument.remote.set('gain_db', {value})")
    player.ask("t.instrument.remote.set('gain_db', 1e30)")
    assert player.ask("t.instrument.remote.value('gain_db')") == 12
    player.ask("t.instrument.stay(0)")
    wave = player.listen_until(lambda w: level(w) > LOUD)
    assert abs(wave).max() <= 1.0
