"""From a model's folder to an instrument in the browser, and to its end."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any, Final

from timbrespace.audio.writing import SUFFIXES
from timbrespace.codecs.loading import load_sound
from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.space import require_latents, space_of
from timbrespace.control.card import BLOCK, Card
from timbrespace.control.engine import Engine
from timbrespace.control.makers import VOICE, maker_of
from timbrespace.control.osc.playing import play_steered
from timbrespace.control.osc.ports import OscPorts
from timbrespace.control.osc.receiver import OscReceiver
from timbrespace.control.outputs import play_to_card, play_to_file, play_to_nothing
from timbrespace.core.codec import LiveCodec, require
from timbrespace.core.errors import BundleError, ParameterError
from timbrespace.core.version import __version__
from timbrespace.web.app import application, guarded
from timbrespace.web.atlas import Atlas
from timbrespace.web.security import Keys
from timbrespace.web.serve import bind, bind_near, run
from timbrespace.web.stage import Stage

FIRST_PORT: Final = 8000
LONGEST_S: Final = 24 * 3600.0
DEMO: Final = Path("demo") / "model"


def play(
    model: Path,
    *,
    port: int | None = None,
    seconds: float | None = None,
    seed: int = 0,
    takes: Path | None = None,
    open_page: bool = True,
    osc: OscPorts | None = None,
    instrument: str = VOICE,
    ready: Callable[[str], None] = print,
) -> None:
    """Play ``model`` in the browser until Ctrl-C, or for ``seconds``.

    ``port`` is 8000 or the next free one if not given. ``ready`` gets the address, token included, as soon as the
    first block of sound is waiting; a browser is opened where there is a screen. ``takes`` is the folder for
    recordings; on the ports ``osc`` Open Sound Control steers too; ``instrument`` names the one that is played
    (:data:`~timbrespace.control.makers.MAKERS`). Raises :class:`BundleError` or
    :class:`ParameterError` for a model that cannot be played, :class:`StorageError` for a port that is taken.
    """
    _check_seconds(seconds)
    maker = maker_of(instrument)
    with (
        asked_to_end() as ended,
        bind_near(FIRST_PORT) if port is None else bind(port) as listening,
        nullcontext() if osc is None else OscReceiver(osc) as receiver,
    ):
        keys = Keys(listening.getsockname()[1])
        engine = Engine(model, seed=seed, takes=takes, maker=maker)
        with _staged(model, engine) as stage, nullcontext() if receiver is None else receiver.steer(engine):
            if receiver is not None:
                stage.turned = receiver.turned
            app = guarded(application(stage), keys)
            ready(keys.address)
            if open_page and screen_there():
                webbrowser.open(keys.ticket_address)  # others on this machine may read a command line
            end = time.monotonic() + (float("inf") if seconds is None else seconds)
            run(app, listening, stage, ended=lambda: ended() or time.monotonic() >= end)


@contextmanager
def _staged(model: Path, engine: Engine) -> Iterator[Stage]:
    """A stage with a started engine; the space is surveyed while the engine starts."""
    codec = playable_codec(model)
    known = facts(codec, model)
    with ThreadPoolExecutor(1) as beside:
        space = beside.submit(space_of, codec)
        del codec  # its weights are the engine's business
        with engine:
            atlas = Atlas.of(space.result(), engine.arrays, sounds=engine.facts["sounds"])
            # Looking through everything that was loaded would take the collector longer than a block of sound lasts.
            gc.collect()
            gc.freeze()
            try:
                yield Stage(engine, atlas, facts=known)
            finally:
                gc.unfreeze()


def perform(
    model: Path,
    output: str,
    *,
    seconds: float | None,
    seed: int = 0,
    force: bool = False,
    osc: OscPorts | None = None,
    device: str | None = None,
    block: int = BLOCK,
    instrument: str = VOICE,
) -> dict[str, Any]:
    """Let ``model`` walk through its space into the file ``output``, on a sound ``"card"``, or to nobody if ``"none"``.

    With ``osc`` it does not walk, but goes where Open Sound Control says. The card is called ``device``, or the one
    that the system prefers, and takes blocks of ``block`` frames. ``instrument`` names what is played. Returns how it
    went, as JSON holds it.
    """
    _check_seconds(seconds)
    if output not in ("none", "card") and Path(output).suffix.lower() not in SUFFIXES:
        raise ParameterError(f"--output is 'browser', 'card', 'none' or a sound file such as take.wav, not {output!r}.")
    if output not in ("none", "card") and seconds is None:
        raise ParameterError(f"A file has an end: say how long {output} shall be, with --seconds 30.")
    engine = Engine(model, seed=seed, maker=maker_of(instrument))
    card = Card(device, block=block, say=_say) if output == "card" else None
    playable_codec(model)
    if osc is not None:
        with OscReceiver(osc) as receiver:
            out = None if output in ("none", "card") else Path(output)
            how, came = play_steered(engine, receiver, out=out, card=card, seconds=seconds, force=force)
        return {"output": output, **asdict(how), **_card_table(card), "osc": asdict(came)}
    if card is not None:
        status = play_to_card(model, card, seconds=seconds, seed=seed, engine=engine)
        return {"output": output, **asdict(status), **_card_table(card)}
    if output == "none" or seconds is None:
        status = play_to_nothing(model, seconds=seconds, seed=seed, engine=engine)
    else:
        status = play_to_file(model, output, seconds=seconds, seed=seed, force=force, engine=engine)
    return {"output": output, **asdict(status)}


def summary(status: dict[str, Any]) -> str:
    """How a performance went, in one line."""
    deadline, card = status["deadline"], status.get("card")
    line = (
        f"{status['output']}: {status['dropouts']} dropouts, rendering took {100 * deadline['p50']:.0f} % of the time"
        f" there was (p99 {100 * deadline['p99']:.0f} %)"
    )
    return line if card is None else f"{line}; {_card_line(card)}"


def _card_table(card: Card | None) -> dict[str, Any]:
    return {} if card is None else {"card": asdict(card.report())}


def _card_line(card: dict[str, Any]) -> str:
    """How a sound card did."""
    resampled = f", {1000 * card['resampling_s']:.1f} ms of it for another rate" if card["resampling_s"] else ""
    return (
        f"{card['device']} at {card['sample_rate']} Hz: {1000 * card['latency_s']:.0f} ms delay{resampled}, ran dry"
        f" {card['underflows']} times, was lost {card['lost']} times"
    )


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def chosen_model(model: Path | None) -> Path:
    """``model``, or the one that the demo made here."""
    if model is not None:
        return model
    if (DEMO / "config.json").is_file():
        return DEMO
    raise BundleError("There is no model to play here; name one, or make one first with: timbrespace demo")


def playable_codec(model: Path) -> SoundCodec:
    """The model in a folder, which must be one of sound that can be decoded as it is played."""
    codec = load_sound(model)
    require(codec, LiveCodec, purpose="Playing")
    codec.stream()  # says so if it cannot
    require_latents(codec)
    return codec


def facts(codec: SoundCodec, model: Path) -> dict[str, Any]:
    """What ``/api/info`` tells of a model."""
    config = codec.bundle.config if codec.bundle else {}
    return {
        "version": __version__,
        "model": model.resolve().name,
        "sounds": len(config.get("sounds", [])),
        "seconds": round(len(codec.latent.get("vectors", ())) / codec.rate_hz, 1),
        "latents": codec.latent_dim,
        "rate_hz": codec.rate_hz,
    }


def screen_there() -> bool:
    """Whether somebody sits at a terminal with a screen, so that a browser may be opened."""
    screen = sys.platform in ("darwin", "win32") or any(os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY"))
    return sys.stdout.isatty() and screen


def _check_seconds(seconds: float | None) -> None:
    if seconds is not None and not 0 < seconds <= LONGEST_S:
        raise ParameterError(f"Playing lasts more than 0 s and up to a day, not {seconds:g} s.")


@contextmanager
def asked_to_end() -> Iterator[Callable[[], bool]]:
    """Whether the system asked this program to end: then it ends as with Ctrl-C, and leaves nothing behind."""
    asked: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        asked.append(number)

    signals = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # What was started to be left alone (nohup) is.
    signals = [number for number in signals if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in signals}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
