"""The report of a fresh model: what it learned, how its copies sound, what lies between sounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from timbrespace.codecs.bundle import METRICS, RECIPE
from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.space import space_of
from timbrespace.core.files import atomic_file
from timbrespace.evaluation.page import commands, escape, page, paragraph, picture, player, section, table
from timbrespace.latent.paths import Path as LatentPath
from timbrespace.latent.space import LatentSpace
from timbrespace.metrics.spectral import spectral_convergence_db
from timbrespace.pictures.curves import learning_curve
from timbrespace.pictures.figure import to_png
from timbrespace.pictures.space import scatter
from timbrespace.pictures.spectrogram import spectrograms

MAX_POINTS = 6000
"""Points drawn in the picture of the space; more only make it slower."""


@dataclass(frozen=True)
class Copy:
    """A sound the model did not learn from, as it was, through the transform alone, and rebuilt by the model."""

    name: str
    original: Tensor
    transformed: Tensor
    rebuilt: Tensor


@dataclass(frozen=True)
class Journey:
    """A path through the space and its sound; a ``smooth`` one is drawn in the picture of the space."""

    name: str
    title: str
    text: str
    path: LatentPath
    sound: Tensor
    smooth: bool


def copy_of(codec: SoundCodec, name: str, sound: Tensor) -> Copy:
    """A sound (channel, time) rebuilt by the transform alone and by the model."""
    length = sound.shape[-1]
    with torch.no_grad():
        alone = codec.transform.invert(codec.transform(sound[None]), length=length)
    return Copy(name, sound, alone[0], codec.decode(codec.encode(sound[None]), length=length)[0])


def write_model_report(codec: SoundCodec, copies: list[Copy], journeys: list[Journey], path: Path) -> None:
    """Write the report of a codec that came from a bundle, as one HTML file."""
    assert codec.bundle is not None  # reports are made of stored models
    metrics, facts = codec.bundle.table(METRICS), codec.bundle.table(RECIPE)
    sections = [
        _learned(metrics, facts),
        _copies(codec, copies),
        _space(codec, journeys),
        *(_journey(codec, j) for j in journeys),
        _next(codec),
    ]
    lead = (
        f"{facts['data']['files']} sounds, {facts['data']['seconds'] / 60:.1f} minutes, became a space of"
        f" {codec.latent_dim} dimensions: every point of it is a short piece of sound, every curve a new sound."
    )
    with atomic_file(path) as partial:
        partial.write_text(page("A timbre space", lead, sections), encoding="utf-8")


def _learned(metrics: dict[str, Any], facts: dict[str, Any]) -> str:
    curve, unseen = metrics["curve"], metrics.get("test") or metrics.get("validation")
    training = facts["training"]
    rows = [
        ["steps", f"{training['steps']:,} in {training['seconds'] / 60:.1f} minutes, {training['threads']} thread(s)"],
        ["energy", escape(training["energy"])],
    ]
    if unseen:
        rows += [
            ["unseen sounds rebuilt", f"{1 - unseen['share']:.1%} of their log-mel is explained"],
            ["beside PCA", f"{unseen['ratio']:.2f} times its error, with as many numbers per second"],
            ["better than PCA on", f"{unseen['better_on']:.0%} of {unseen['sounds']} unseen sounds"],
        ]
    return section(
        "What it learned",
        paragraph(
            "A network squeezed each sound into a few numbers per moment and had to draw it again from these alone."
            " The curve shows how much of the picture of a sound (its log-mel spectrogram) it still got wrong, on"
            " sounds it learned from and on sounds it had never met. The dotted line is principal component"
            " analysis, the best that straight lines can do with as many numbers."
        ),
        picture(
            to_png(learning_curve(curve["step"], curve["train"], curve["validation"], baseline=curve["pca"])),
            "learning curve: unexplained share over training steps",
        ),
        paragraph(f"{metrics['advice']} {metrics['silent']}"),
        table(["", ""], rows),
    )


def _copies(codec: SoundCodec, copies: list[Copy]) -> str:
    rows = []
    for c in copies:
        convergence = [
            float(spectral_convergence_db(c.original.flatten(), v.flatten())) for v in (c.transformed, c.rebuilt)
        ]
        rows.append(
            [
                escape(c.name),
                player(c.original, codec.sample_rate, f"{c.name}, original"),
                player(c.transformed, codec.sample_rate, f"{c.name}, transform alone")
                + f"<small>{convergence[0]:.1f} dB</small>",
                player(c.rebuilt, codec.sample_rate, f"{c.name}, rebuilt") + f"<small>{convergence[1]:.1f} dB</small>",
            ]
        )
    pictures = [[_mel(codec, v) for v in (c.original, c.transformed, c.rebuilt)] for c in copies]
    hop = codec.transform.hop_length / codec.sample_rate
    titles = ("original", "transform alone", "rebuilt from the latents")
    figure = spectrograms(pictures, titles=titles, names=[c.name for c in copies], seconds_per_frame=hop)
    return section(
        "Copies of sounds it had never met",
        paragraph(
            "Left the sound as it was. In the middle what the spectrogram alone keeps: fine pitch and phase are"
            " already gone there. Right what comes back from the latents. The number is the spectral convergence:"
            " the error relative to the sound, in dB; lower is closer, 0 means nothing is right."
        ),
        table(["sound", "original", "transform alone", "rebuilt"], rows),
        picture(to_png(figure), "spectrograms of originals and copies"),
    )


def _space(codec: SoundCodec, journeys: list[Journey]) -> str:
    vectors, sources = codec.latent["vectors"], codec.latent["source"]
    stride = -(-len(vectors) // MAX_POINTS)
    space = space_of(codec)
    points = _project(space, vectors[::stride])
    names = codec.bundle.config["sounds"] if codec.bundle is not None else []
    groups = [group_of(names[int(s)]) for s in sources[::stride]]
    share = (space.variances / space.variances.sum()).tolist()
    axes = (f"{space.names[0]}: {share[0]:.0%} of what is heard", f"{space.names[1]}: {share[1]:.0%}")
    paths = {j.name: _project(space, j.path.points) for j in journeys if j.smooth}
    return section(
        "The space",
        paragraph(
            "Each dot is 46 milliseconds of a training sound, seen along the two directions in which the sounds differ"
            " most to the ear. Sounds of a kind lie together; silence and quiet tails gather in one place. The dark"
            " line is the walk below."
        ),
        picture(to_png(scatter(points, groups, axes=axes, paths=paths)), "latents of the training sounds, by kind"),
    )


def _journey(codec: SoundCodec, journey: Journey) -> str:
    hop = codec.transform.hop_length / codec.sample_rate
    figure = spectrograms(
        [[_mel(codec, journey.sound)]], titles=[""], names=[journey.name], seconds_per_frame=hop, width=9.0
    )
    return section(
        journey.title,
        paragraph(journey.text),
        player(journey.sound, codec.sample_rate, journey.title),
        picture(to_png(figure), f"spectrogram of {journey.title}"),
    )


def _next(codec: SoundCodec) -> str:
    folder = codec.bundle.folder if codec.bundle is not None else "MODEL"
    return section(
        "Go on with your own sounds",
        commands(
            "timbrespace train temporal-vae --data YOUR_FOLDER --minutes 10 --out runs/mine\n"
            "timbrespace resynth runs/mine SOUND.wav -o copy.wav\n"
            "timbrespace path runs/mine line --from A.wav --to B.wav --seconds 8 -o between.wav\n"
            f"timbrespace path {folder} walk --seconds 20 --seed 7 -o walk.wav\n"
            f"timbrespace explore {folder} --data YOUR_FOLDER -o space.html\n"
            f"timbrespace play {folder}"
        ),
    )


def group_of(name: str) -> str:
    """The kind of a generated sound by its path: a loop's role, a note's family, or a hit."""
    parts = Path(name).parts
    if parts[0] == "loops":
        words = parts[-1].split("-")
        return f"loop: {words[1] if len(words) > 2 else words[0]}"
    if parts[0] == "notes" and len(parts) > 2:
        return f"note: {parts[1]}"
    return parts[0] if len(parts) > 1 else "sound"


def _project(space: LatentSpace, vectors: Tensor) -> np.ndarray:
    return space.project(vectors)[..., :2].numpy()


def _mel(codec: SoundCodec, sound: Tensor) -> np.ndarray:
    with torch.no_grad():
        return codec.transform(sound[None])[0, 0].numpy()
