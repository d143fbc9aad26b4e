"""Grain models side by side: what they rebuild of sounds that none has learned from, and what decoding costs.

    python benchmarks/grain_models.py MODEL [MODEL...] --data DIR --out FOLDER [--sounds N] [--json]

All models must have been trained on DIR with the same split. Every unseen sound (validation and test), and as many of
those learned from (``--sounds`` at most, spread evenly), is rebuilt by every model and compared with itself:

- **Log-spectral distance** in dB: per frame the root mean square over bins of ``20 log10(|X| / |Y|)``, then the mean
  over frames, of STFTs with Hann windows of 512, 1024 and 2048 samples a quarter apart (the mean of the three),
  magnitudes held 80 dB below the sound's largest or above. A tenth of it is the same with ``log10`` of powers, in bels.
- **RMSE** of the waveform, of interest only where phases are meant to be kept; spectral convergence in dB.

Differences are paired by sound; intervals are percentiles of 10,000 bootstrap draws of sounds. The folder gets a page
with pictures, players and the table (``report.html``) and ``numbers.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

import timbrespace
from timbrespace.codecs.sound import SoundCodec
from timbrespace.core.component import build
from timbrespace.datasets.base import Dataset, SoundSplit
from timbrespace.evaluation.page import escape, page, paragraph, picture, player, section, table
from timbrespace.metrics.spectral import log_spectral_distance, spectral_convergence_db, stft_magnitude
from timbrespace.pictures.curves import waveforms
from timbrespace.pictures.figure import to_png
from timbrespace.pictures.spectrogram import spectrograms
from timbrespace.training.runtime import tune_process
from timbrespace.transforms import LogMel

WINDOWS = (512, 1024, 2048)
HELD_DB = -80.0
SHOWN = 4


@dataclass(frozen=True)
class Score:
    """One sound through one model."""

    lsd_db: float
    convergence_db: float
    rmse: float


def distance_db(sound: torch.Tensor, rebuilt: torch.Tensor) -> float:
    """The log-spectral distance of the docstring above, of sounds (time,)."""
    found = []
    for n_fft in WINDOWS:
        x, y = (stft_magnitude(s, n_fft=n_fft, hop_length=n_fft // 4) for s in (sound, rebuilt))
        found.append(float(log_spectral_distance(x, y, floor=float(x.max()) * 10 ** (HELD_DB / 20))))
    return float(np.mean(found))


def scored(sound: torch.Tensor, rebuilt: torch.Tensor) -> Score:
    return Score(
        distance_db(sound, rebuilt),
        float(spectral_convergence_db(sound, rebuilt)),
        float((sound - rebuilt).square().mean().sqrt()),
    )


def rebuilt(codec: SoundCodec, sound: torch.Tensor, *, stored_phase: bool) -> torch.Tensor:
    """A sound (channel, time) through the model and back, its first channel (time,)."""
    return codec.resynthesise(sound[None], stored_phase=stored_phase)[0, 0]


def variants(codec: SoundCodec) -> dict[str, bool]:
    """The ways a model rebuilds: with phases of its own, and with the sound's where it keeps them."""
    return {"": False} | ({" + stored phase": True} if type(codec.transform).__name__ == "PhasedStft" else {})


def interval(values: np.ndarray, *, seed: int = 0) -> tuple[float, float, float]:
    """Mean and the ends of its 95 % bootstrap interval."""
    draws = np.random.default_rng(seed).integers(0, len(values), (10_000, len(values)))
    low, high = np.percentile(values[draws].mean(1), (2.5, 97.5))
    return float(values.mean()), float(low), float(high)


def decoding_ms(codec: SoundCodec, seconds: float = 4.0) -> dict[str, float]:
    """Processor milliseconds per second of sound: decoded as a whole, and live, one latent step at a time."""
    steps = round(seconds * codec.rate_hz)
    z = codec.latent["vectors"][:1].T[None].expand(1, -1, steps).contiguous()
    codec.decode(z)
    begin = time.process_time()
    codec.decode(z)
    whole = time.process_time() - begin
    stream = codec.stream()
    stream.decode(z[..., :4])
    begin = time.process_time()
    for step in z.split(1, dim=2):
        stream.decode(step)
    live = time.process_time() - begin
    return {"decode": 1000 * whole / seconds, "live": 1000 * live / seconds}


def unseen_and_seen(codec: SoundCodec, data: Path, most: int) -> dict[str, list[tuple[str, torch.Tensor]]]:
    """Names and sounds: all unseen ones, and as many that were learned from, spread evenly."""
    assert codec.bundle is not None
    (sections,) = codec.bundle.table("recipe.json")["recipe"].values()
    prepared = build(Dataset, sections["data"], wired={"path": str(data.resolve())}).prepare()
    known = set(codec.bundle.config["sounds"])

    def listed(split: SoundSplit) -> list[tuple[str, torch.Tensor]]:
        return [(s.name, split.sound(i)) for i, s in enumerate(split.sources)]

    train, *others = (prepared.split(n) for n in ("train", "validation", "test"))  # type: ignore[arg-type]  # their names
    unseen = [pair for split in others for pair in listed(split)]
    if known & {name for name, _ in unseen}:
        raise SystemExit(
            "These models learned from sounds that this split calls unseen; give the folder of the training."
        )
    seen = listed(train)
    count = min(most, len(unseen))
    return {group: some[:: max(1, len(some) // count)][:count] for group, some in (("unseen", unseen), ("seen", seen))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--sounds", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    tune_process(threads=1)
    codecs = {m.resolve().name: timbrespace.load(m) for m in given.models}
    first = next(iter(codecs.values()))
    groups = unseen_and_seen(first, given.data, given.sounds)
    ways = {f"{n}{v}": (c, s) for n, c in codecs.items() for v, s in variants(c).items()}
    scores: dict[str, dict[str, list[Score]]] = {w: {} for w in ways}
    copies: dict[str, list[torch.Tensor]] = {}
    for way, (codec, stored) in ways.items():
        for group, sounds in groups.items():
            made = [rebuilt(codec, sound, stored_phase=stored) for _, sound in sounds]
            scores[way][group] = [scored(s[0], r) for (_, s), r in zip(sounds, made, strict=True)]
            if group == "unseen":
                copies[way] = made
    numbers = tabulated(scores, ways)
    given.out.mkdir(parents=True, exist_ok=True)
    report = written(numbers, groups["unseen"], copies, first.sample_rate, ways)
    (given.out / "report.html").write_text(report, encoding="utf-8")
    (given.out / "numbers.json").write_text(json.dumps(numbers, indent=1), encoding="utf-8")
    (given.out / "spectra.png").write_bytes(spectra(groups["unseen"], copies, first.sample_rate))
    print(json.dumps(numbers) if given.json else told(numbers))


def tabulated(scores: dict[str, dict[str, list[Score]]], ways: dict[str, tuple[SoundCodec, bool]]) -> dict[str, Any]:
    """Means with intervals per model, and paired differences to the last one."""
    reference = list(ways)[-1]
    rows: dict[str, Any] = {}
    for way, (codec, _) in ways.items():
        row: dict[str, Any] = {
            "sounds": len(scores[way]["unseen"]),
            "latents_per_second": codec.latent_dim * codec.rate_hz,
            "parameters": sum(p.numel() for p in codec.model.parameters()),
            "latency_ms": 1000 * codec.stream().latency / codec.sample_rate,
            "cpu_ms_per_second": decoding_ms(codec),
        }
        for group, found in scores[way].items():
            for name in asdict(found[0]):
                row[f"{name}_{group}"] = interval(np.array([getattr(s, name) for s in found]))
        ours, theirs = (np.array([s.lsd_db for s in scores[w]["unseen"]]) for w in (way, reference))
        row["lsd_against_last"] = {"difference_db": interval(ours - theirs), "closer_on": float((ours < theirs).mean())}
        rows[way] = row
    return {"models": rows, "reference": reference}


def told(numbers: dict[str, Any]) -> str:
    lines = []
    for way, row in numbers["models"].items():
        mean, low, high = row["lsd_db_unseen"]
        gap = row["lsd_against_last"]
        difference = ", ".join(f"{v:+.2f}" for v in gap["difference_db"])
        lines.append(
            f"{way:<28} LSD unseen {mean:.2f} dB [{low:.2f}, {high:.2f}], seen {row['lsd_db_seen'][0]:.2f};"
            f" convergence {row['convergence_db_unseen'][0]:.1f} dB; RMSE {row['rmse_unseen'][0]:.4f};"
            f" against {numbers['reference']}: {difference} dB, closer on {gap['closer_on']:.0%};"
            f" {row['latents_per_second']:.0f} numbers/s, {row['parameters']:,} parameters,"
            f" {row['latency_ms']:.1f} ms, CPU ms per s: whole {row['cpu_ms_per_second']['decode']:.0f},"
            f" live {row['cpu_ms_per_second']['live']:.0f}"
        )
    return "\n".join(lines)


def chosen(sounds: list[tuple[str, torch.Tensor]]) -> list[int]:
    return list(range(0, len(sounds), max(1, len(sounds) // SHOWN)))[:SHOWN]


def spectra(sounds: list[tuple[str, torch.Tensor]], copies: dict[str, list[torch.Tensor]], rate: int) -> bytes:
    """Log-mel pictures of a few unseen sounds and their copies."""
    mel = LogMel(rate, n_fft=1024, hop_length=256, n_mels=64, gain=100.0)
    names = [Path(sounds[i][0]).stem[:20] for i in chosen(sounds)]
    rows = []
    for i in chosen(sounds):
        shown = [s[: 2 * rate] for s in (sounds[i][1][0], *(made[i] for made in copies.values()))]
        rows.append([mel.log_features(s[None, None])[0, 0].numpy() for s in shown])
    titles = ["original", *copies]
    return to_png(spectrograms(rows, titles=titles, names=names, seconds_per_frame=256 / rate, width=2.6))


def written(
    numbers: dict[str, Any],
    sounds: list[tuple[str, torch.Tensor]],
    copies: dict[str, list[torch.Tensor]],
    rate: int,
    ways: dict[str, tuple[SoundCodec, bool]],
) -> str:
    """The page: the table, pictures of spectra and of single grains, and everything to hear."""
    head = ["model", "LSD unseen, dB", "LSD seen, dB", "against the last", "convergence, dB", "CPU ms/s, live"]
    rows = [
        [
            way,
            "{:.2f} [{:.2f}, {:.2f}]".format(*row["lsd_db_unseen"]),
            f"{row['lsd_db_seen'][0]:.2f}",
            "{:+.2f} [{:+.2f}, {:+.2f}]".format(*row["lsd_against_last"]["difference_db"]),
            f"{row['convergence_db_unseen'][0]:.1f}",
            f"{row['cpu_ms_per_second']['live']:.0f}",
        ]
        for way, row in numbers["models"].items()
    ]
    heard = []
    for i in chosen(sounds):
        name, sound = sounds[i]
        players = [player(sound[:1], rate, label=f"{name}: original")]
        players += [player(made[i][None], rate, label=f"{name}: {way}") for way, made in copies.items()]
        heard += [f"<h3>{escape(name)}</h3>", *players]
    parts = [
        section("What is rebuilt", table(head, rows), paragraph((__doc__ or "").split("\n\n")[2])),
        section("Spectra", picture(spectra(sounds, copies, rate), "Unseen sounds, original and rebuilt (log-mel).")),
        section("Grains", picture(grains(sounds, copies, rate), "512 samples of unseen sounds: originals and copies.")),
        section("To hear", *heard),
    ]
    return page("Grain models side by side", f"{len(sounds)} sounds that none of {len(ways)} has learned from.", parts)


def grains(sounds: list[tuple[str, torch.Tensor]], copies: dict[str, list[torch.Tensor]], rate: int) -> bytes:
    """Single grains, as they were and as each model makes them, at each sound's loudest place."""
    lines = {}
    for i in chosen(sounds)[:2]:
        sound = sounds[i][1][0]
        start = max(0, min(int(sound.abs().argmax()), len(sound) - 512))
        stem = Path(sounds[i][0]).stem[:16]
        for way, wave in (("original", sound), *((w, made[i]) for w, made in copies.items())):
            lines[f"{stem}: {way}"] = wave[start : start + 512].numpy()
    return to_png(waveforms(lines, seconds=512 / rate))


if __name__ == "__main__":
    main()
