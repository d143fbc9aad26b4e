"""Examples of a taught mapping, from a file: times in a gesture and what is heard there."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from timbrespace.codecs.recordings import read_for
from timbrespace.core.codec import Codec
from timbrespace.core.errors import DataError
from timbrespace.motion.table import read_table, read_text

MAX_EXAMPLES = 1000
TIME, SOUND, MOMENT, LATENTS = "time", "sound", "at", "latents"


def read_examples(codec: Codec, file: str | Path) -> dict[str, Any]:
    """``times`` and ``latents`` for the mapping ``taught``. Raises :class:`DataError`.

    A JSON list of ``{"time": 1.2, "sound": "a.wav", "at": 0.5}`` or ``{"time": 1.2, "latents": [...]}``, or a CSV with
    the columns time, sound and perhaps at, or time and one column per latent. ``time`` is in seconds of the gesture;
    sounds are looked for beside the file. ``at`` is the second of the sound that is meant; without it the sound is
    heard as what is most typical of it, the step nearest to its mean.
    """
    path = Path(file)
    text = read_text(path)
    entries = _from_json(text, path) if text.lstrip()[:1] in ("[", "{") else _from_table(text, path)
    if not 0 < len(entries) <= MAX_EXAMPLES:
        raise DataError(f"{path} holds {len(entries)} examples; give between 1 and {MAX_EXAMPLES}.")
    encoded: dict[str, Tensor] = {}
    times, latents = [], []
    for i, entry in enumerate(entries, start=1):
        where = f"Example {i} of {path}"
        times.append(_number(entry.get(TIME), f"{where} has no 'time' in seconds"))
        if LATENTS in entry:
            latents.append(_latents(entry[LATENTS], codec.latent_dim, where))
            continue
        name = entry.get(SOUND)
        if not isinstance(name, str) or not name:
            raise DataError(f"{where} has neither 'sound', a file, nor 'latents', a list of numbers; add one.")
        if name not in encoded:
            encoded[name] = codec.encode(read_for(codec, path.parent / name))[0].T
        latents.append(_moment(encoded[name], entry.get(MOMENT), codec, where))
    return {"times": tuple(times), "latents": tuple(latents)}


def _from_json(text: str, path: Path) -> list[dict[str, Any]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no valid JSON ({str(error)[:80]}); write it again.") from None
    entries = document.get("examples") if isinstance(document, dict) else document
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise DataError(f'{path} holds no list of examples such as {{"time": 1.2, "sound": "a.wav"}}; write one.')
    return entries


def _from_table(text: str, path: Path) -> list[dict[str, Any]]:
    table = read_table(text, where=str(path))
    names = {n.casefold(): n for n in table.names}
    if TIME not in names or len(names) < 2:
        raise DataError(f"{path} has no column 'time' beside 'sound' or one column per latent; name its columns.")
    columns: dict[str, Any] = {TIME: table.numbers(names[TIME])[0]}
    if SOUND in names:
        columns[SOUND] = table.column(names[SOUND])
        if MOMENT in names:
            columns[MOMENT] = table.numbers(names[MOMENT])[0]
    else:
        numbers = [table.numbers(n)[0] for n in table.names if n.casefold() != TIME]
        columns[LATENTS] = [list(row) for row in zip(*numbers, strict=True)]
    return [{key: column[row] for key, column in columns.items()} for row in range(table.rows)]


def _number(value: Any, sentence: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or not (math.isfinite(number) and number >= 0):
        raise DataError(f"{sentence} from zero up; give one.")
    return number


def _latents(values: Any, size: int, where: str) -> tuple[float, ...]:
    good = isinstance(values, list) and all(isinstance(v, int | float) and math.isfinite(v) for v in values)
    if not good or len(values) != size:
        raise DataError(f"{where} needs {size} finite numbers as latents, as this model has; give as many.")
    return tuple(float(v) for v in values)


def _moment(steps: Tensor, at: Any, codec: Codec, where: str) -> tuple[float, ...]:
    """The latents of a sound at a time, or its most typical ones."""
    if at is None or at == "" or (isinstance(at, float) and math.isnan(at)):
        chosen = int(torch.cdist(steps.mean(0, keepdim=True), steps).argmin())
    else:
        chosen = int(_number(at, f"{where} has an 'at' that is no time") * codec.sample_rate / codec.ratio)
    if chosen >= len(steps):
        raise DataError(f"{where} is at {at} s of a sound that ends before; give an earlier 'at'.")
    return tuple(float(v) for v in steps[chosen])
