"""Sounds and pictures of a fresh model, beside it in its bundle."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from timbrespace.audio.writing import write
from timbrespace.codecs.sound import SoundCodec
from timbrespace.core.files import atomic_file
from timbrespace.datasets.base import SoundPrepared, SplitName
from timbrespace.pictures.figure import to_png
from timbrespace.pictures.spectrogram import spectrograms


def clips(prepared: SoundPrepared, *, count: int, seconds: float, sample_rate: int) -> tuple[list[str], Tensor]:
    """Names and beginnings of a few sounds the model has not learned from, as (clip, channel, time).

    Evenly spread over the test split, else validation, else training sounds.
    """
    order: tuple[SplitName, ...] = ("test", "validation", "train")
    split = next(s for s in (prepared.split(name) for name in order) if len(s.sources))
    stride = max(1, len(split.sources) // count)
    chosen = list(range(0, len(split.sources), stride))[:count]
    length = round(seconds * sample_rate)
    sounds = [split.sound(i)[:, :length] for i in chosen]
    padded = [torch.nn.functional.pad(s, (0, length - s.shape[1])) for s in sounds]
    # Cut, for file names have at most 255 bytes; numbered where two folders hold files of one name.
    names = [Path(split.sources[i].name).stem[:48] for i in chosen]
    if len(set(names)) < len(names):
        names = [f"{n}-{name}" for n, name in enumerate(names, 1)]
    return names, torch.stack(padded)


def write_preview(codec: SoundCodec, folder: Path, names: list[str], sounds: Tensor) -> None:
    """``folder``: each clip as it was and as the model rebuilds it, and a picture of both."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, sound in zip(names, sounds, strict=True):
        rebuilt = codec.decode(codec.encode(sound[None]), length=sound.shape[-1])[0]
        write(folder / f"{name}-original.wav", sound, codec.sample_rate)
        write(folder / f"{name}-rebuilt.wav", rebuilt, codec.sample_rate)
        with torch.no_grad():
            frames = codec.transform(sound[None])
            both = (codec.transform.heard(f) for f in (frames, codec.rebuild_frames(frames)))
            rows.append([f[0, 0].numpy() for f in both])
    hop = codec.transform.hop_length / codec.sample_rate
    figure = spectrograms(rows, titles=("original", "rebuilt by the model"), names=names, seconds_per_frame=hop)
    with atomic_file(folder / "rebuilt.png") as partial:
        partial.write_bytes(to_png(figure))
