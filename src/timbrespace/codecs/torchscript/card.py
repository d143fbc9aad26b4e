"""The facts of a TorchScript model as lines to read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_ENCODING = {
    "as it is": "draws nothing",
    "mean": "draws {draws}; left at the mean, which agrees with the mean of sixteen draws",
    "seeded draw": "draws {draws}, with the same seed before every sound; no mean could be had",
}


def card(path: Path, facts: dict[str, Any]) -> str:
    """One fact to a line."""
    f = facts
    rows = {
        "file": f"{path}, {f['bytes']:,} bytes, SHA-256 {f['sha256']}",
        "sample rate": f"{f['sample_rate']:,} Hz ({_from(f['sample_rate_from'])})",
        "channels": f"{f['channels']} in, {f['channels_out']} out",
        "latents": f"{f['latent_dim']}" + _of(f["full_latent_dim"], f["latent_dim"]),
        "ratio": f"{f['ratio']} samples a step, {f['rate_hz']:.2f} steps a second",
        "parameters": f"{f['parameters']:,}",
        "methods": ", ".join(f["methods"]),
        "attributes": ", ".join(f["attributes"]) or "none",
        "buffers": ", ".join(f["buffers"]) or "none of latent_pca, latent_mean, fidelity",
        "informative": _informative(f),
        "encode": _ENCODING[f["encoding"]].format(draws=", ".join(f["encode_draws"])),
        "decode": _decode(f["decode_draws"]),
        "streaming": "yes, state is carried from piece to piece" if f["streaming"] else "no, sounds are taken whole",
        "delay": _delay(f),
        "confined": "its process " + ", ".join(f["confined"])
        if f["confined"]
        else "NOT: this system offers no limits, the model can do what you can",
    }
    return "\n".join(f"{name:<12} {text}" for name, text in rows.items())


def _from(source: str) -> str:
    return {"the file": "says the file", "given": "as given"}.get(source, "assumed, the file does not say")


def _of(full: int | None, used: int) -> str:
    return f" of the {full} it was trained with" if full and full != used else ""


def _informative(f: dict[str, Any]) -> str:
    ours, theirs = f["informative"], f["informative_by_export"]
    if ours is None:
        return "not known, the file stores no fidelity"
    counts = ", ".join(f"{n} for {level}" for level, n in ours.items())
    others = ", ".join(str(n) for n in theirs.values())
    return f"dimensions by share of variance: {counts} (RAVE's own export counts {others})"


def _decode(draws: list[str]) -> str:
    return f"draws {', '.join(draws)}, with the same seed before every sound" if draws else "draws nothing"


def _delay(f: dict[str, Any]) -> str:
    if f["delay_samples"] is None:
        return "not measurable, its resynthesis agrees too little with the sound; nothing is moved"
    steps = f["delay_steps_of_encoder"]
    return (
        f"{f['delay_samples']:,} samples by correlating {f['delay_by']} ({f['delay_correlation']:.2f}),"
        f" {steps} steps of them before the latents; moved back"
    )
