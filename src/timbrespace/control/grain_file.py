"""A path through a space as files: heard through the granulator, and as a sound table."""

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
from timbrespace.export.sound_table import write_table
from timbrespace.instruments.corpus import Corpus
from timbrespace.instruments.granulator import Granulator
from timbrespace.latent.paths import Path

CLOSING_S: Final = 0.02
TAIL_S: Final = 0.6
"""After the path, until the last grain has ended."""

Array = npt.NDArray[Any]


def grains_to_files(
    codec: SoundCodec,
    kind: str,
    *,
    out: FilePath | None = None,
    table: FilePath | None = None,
    seconds: float = 8.0,
    knobs: Iterable[str] = (),
    start: FilePath | None = None,
    end: FilePath | None = None,
    seed: int = 0,
    force: bool = False,
) -> dict[str, Any]:
    """Lead a granulator along a path of the given ``kind`` into ``out``, and write the path's sound table to ``table``.

    The path is that of :func:`~timbrespace.codecs.rendering.make_path` and lasts ``seconds``. In ``out``, in stereo,
    every grain is decoded from where the path is at its onset; ``knobs`` are settings such as ``"density=40"``. The
    table is the path decoded once and closed into a loop, whose last 20 ms fade into the first (a quarter of it at
    most). Returns what was written. Raises :class:`ParameterError` where neither is asked for.
    """
    if out is None and table is None:
        raise ParameterError("Nothing is to be written: say where, with -o grains.wav or --table table.wav.")
    for file in (out, table):
        if file is not None:
            refuse_existing(file, force=force)
    settings = [_setting(text) for text in knobs]
    path = make_path(codec, kind, start=start, end=end, seconds=seconds, seed=seed)
    done: dict[str, Any] = {}
    if out is not None:
        done |= {"out": str(out), **_granulated(codec, path, out, settings, seed=seed, force=force)}
    if table is not None:
        done |= {"table": str(table), **_tabled(codec, path, kind, table, seed=seed, force=force)}
    return done


def _granulated(
    codec: SoundCodec, path: Path, out: FilePath, knobs: Iterable[tuple[str, float]], *, seed: int, force: bool
) -> dict[str, Any]:
    space = space_of(codec)
    instrument = Granulator(codec, space, Corpus.of(codec, space), seed=seed)
    instrument.set("motion", 0.0)  # the path says all of where to be
    instrument.set("glide_ms", 0.0)
    for name, value in knobs:
        instrument.set(name, value)
    blocks = _staged(instrument, _along(instrument, path))
    write_blocks(out, blocks, instrument.sample_rate, channels=instrument.channels, force=force)
    seconds = len(path.points) / path.rate_hz + TAIL_S
    return {"seconds": round(seconds, 3), "dropped": instrument.dropped}


def _tabled(codec: SoundCodec, path: Path, kind: str, table: FilePath, *, seed: int, force: bool) -> dict[str, Any]:
    folder = codec.bundle.folder if codec.bundle is not None else FilePath()
    crossfade = min(round(CLOSING_S * codec.sample_rate), codec.ratio * len(path.points) // 4)
    about = {"kind": kind, "seconds": len(path.points) / path.rate_hz}
    written = write_table(
        codec, path.points.numpy(), table, crossfade=crossfade, model=folder, path=about, seed=seed, force=force
    )
    return {"sidecar": str(written.sidecar), "frames": written.frames}


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
