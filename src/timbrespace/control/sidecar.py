"""What stands beside a take, and how the take is rendered again from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from timbrespace.audio.output_stage import OutputStage
from timbrespace.codecs.bundle import CONFIG
from timbrespace.control.makers import Maker, latent_voice
from timbrespace.control.messages import SET
from timbrespace.control.process import QUANTUM, Renderer
from timbrespace.control.session import Event, Session
from timbrespace.core.errors import DataError, ParameterError
from timbrespace.core.files import sha256
from timbrespace.core.version import __version__
from timbrespace.instruments.base import Dial

FORMAT: Final = 1

Array = npt.NDArray[Any]


def describe(
    sessions: Sequence[Session], *, sample_rate: int, start: int, frames: int, gaps: Sequence[tuple[int, int]]
) -> dict[str, Any]:
    """The side-car of ``frames`` rendered from sample ``start`` on.

    It holds all events since the instrument began, samples counted from there. ``exact`` says whether rendering
    them again gives the take: not where sound was missing or faded (``gaps``, frame in the take and length of what
    was put in), and not where another instrument took over on the way: ``takeovers`` hold the frame and the model.
    What follows one is rendered by that other instrument, of which the side-car holds nothing more.
    """
    session = [s for s in sessions if s.joined <= start][-1]
    others = [s for s in sessions if start < s.joined < start + frames]
    first = start - session.origin
    return {
        "format": FORMAT,
        "timbrespace": __version__,
        "model": session.model.name,
        "model_sha256": fingerprint(session.model),
        "seed": session.seed,
        "threads": 1,
        "sample_rate": sample_rate,
        "start": first,
        "frames": frames,
        "exact": not others and not gaps,
        "gaps": [list(gap) for gap in gaps],
        "takeovers": [[_frame(s.joined - start, gaps), s.model.name] for s in others],
        "knobs": knobs_at(first, session, session.knobs),
        "events": [e.row() for e in session.events if e.sample < first + frames],
    }


def _frame(sample: int, gaps: Sequence[tuple[int, int]]) -> int:
    """The frame of a take at which its rendered ``sample`` is heard, with what was put in before."""
    for at, n in gaps:
        if 0 <= at <= sample:
            sample += n
    return sample


def knobs_at(sample: int, session: Session, knobs: Mapping[str, Dial]) -> dict[str, float]:
    """Where the knobs stood at a sample of the session: at the last value each got since everything was reset."""
    resting = {name: dial.default for name, dial in knobs.items()}
    values = dict(resting)
    for event in session.events:
        if event.sample > sample:
            break
        if event.kind == SET:
            values[event.name] = event.values[0]
        elif session.actions[event.name].state == "all":
            values = dict(resting)
    return values


def render_take(sidecar: str | Path, model: str | Path, *, maker: Maker = latent_voice) -> Array:
    """The frames (frame, channel) of a take, rendered again from its side-car with the model it was played on.

    In a process set up as the engine's is, with one thread (``tune_process(threads=1)``), on the same machine,
    they are those that were heard, bit for bit, where the side-car says ``exact``.
    """
    content = _read(Path(sidecar))
    found = fingerprint(Path(model))
    if found != content["model_sha256"]:
        raise ParameterError(
            f"{Path(sidecar).name} was played on another model, {content['model']!r}; give that one, not {model}."
        )
    instrument = maker(Path(model), int(content["seed"]))
    renderer = Renderer(instrument, OutputStage(instrument.sample_rate, channels=instrument.channels))
    for row in content["events"]:
        renderer.queue.add(Event.of(row))
    start, end = int(content["start"]), int(content["start"]) + int(content["frames"])
    kept = []
    while renderer.sample < end:
        while (event := renderer.queue.due(renderer.sample)) is not None:
            event.apply(instrument)
        first = renderer.sample
        block = renderer.next_frames(min(QUANTUM, end - first))
        kept.append(block[max(0, start - first) :])
    return np.concatenate(kept) if kept else np.zeros((0, instrument.channels), np.float32)


def fingerprint(model: Path) -> str:
    """The SHA-256 of a bundle's configuration, which names those of all its tensors; empty for what is none."""
    file = model / CONFIG
    return sha256(file) if file.is_file() else ""


def _read(sidecar: Path) -> dict[str, Any]:
    try:
        content = json.loads(sidecar.read_text(encoding="utf-8"))
        if int(content["format"]) > FORMAT:
            raise DataError(f"{sidecar} was written by a later version of timbrespace; update it.")
        for key in ("seed", "start", "frames"):
            content[key] = int(content[key])
        content["events"], content["model"], content["model_sha256"]
    except OSError as error:
        raise DataError(f"{sidecar} cannot be read ({error.strerror}); give the .json beside a take.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{sidecar} is no side-car of a take ({error!r}); give the .json beside a take.") from None
    return dict(content)
