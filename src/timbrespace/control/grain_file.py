"""A path through a space, heard through the granulator, as a sound file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path as FilePath
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from timbrespace.audio.output_stage import OutputStage
from timbrespace.audio.writing import write_blocks
from timbrespace.codecs.rendering import make_path
from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.space import space_of
from timbrespace.core.errors import ParameterError
from timbrespace.core.files import refuse_existing
from timbrespace.instruments.corpus import Corpus
from timbrespace.instruments.granulator import Granulator
from timbrespace.latent.paths import Path

TAIL_S: Final = 0.6
"""After the path, until the last grain has ended."""

Array = npt.NDArray[Any]


def granulate(
    codec: SoundCodec,
    kind: str,
    out: str | FilePath,
    *,
    seconds: float = 8.0,
    knobs: Iterable[str] = (),
    start: str | FilePath | None = None,
    end: str | FilePath | None = None,
    seed: int = 0,
    force: bool = False,
) -> dict[str, Any]:
    """Lead a granulator along a path of the given ``kind`` for ``seconds`` and write what is heard, in stereo.

    The path is that of :func:`~timbrespace.codecs.rendering.make_path`; every grain is decoded from where the path is
    at its onset. ``knobs`` are settings such as ``"density=40"``. Returns where the sound is and how long.
    """
    refuse_existing(FilePath(out), force=force)
    path = make_path(codec, kind, start=start, end=end, seconds=seconds, seed=seed)
    space = space_of(codec)
    instrument = Granulator(codec, space, Corpus.of(codec, space), seed=seed)
    instrument.set("motion", 0.0)  # the path says all of where to be
    instrument.set("glide_ms", 0.0)
    for name, value in map(_setting, knobs):
        instrument.set(name, value)
    blocks = _staged(instrument, _along(instrument, path))
    write_blocks(out, blocks, instrument.sample_rate, channels=instrument.channels, force=force)
    return {"out": str(out), "seconds": len(path.points) / path.rate_hz + TAIL_S, "dropped": instrument.dropped}


def _along(instrument: Granulator, path: Path) -> Iterator[Array]:
    """Blocks (channel, time): one per point of the path, then what still rings."""
    instrument.act("play")
    steps = np.diff(np.round(np.arange(len(path.points) + 1) * instrument.sample_rate / path.rate_hz)).astype(int)
    for point, n in zip(path.points.tolist(), steps, strict=True):
        instrument.act("z", *point)
        yield instrument.render(int(n)).numpy()
    instrument.act("stop")
    yield instrument.render(round(TAIL_S * instrument.sample_rate)).numpy()


def _staged(instrument: Granulator, blocks: Iterable[Array]) -> Iterator[Array]:
    stage = OutputStage(instrument.sample_rate, channels=instrument.channels)
    for block in blocks:
        yield stage.process(torch.from_numpy(block)).numpy()


def _setting(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise ParameterError(f"A knob's setting reads name=number, as in density=40, not {text!r}.") from None
