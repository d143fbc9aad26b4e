"""What an ONNX file of ours is, to read."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from timbrespace.codecs.onnx_session import OnnxHalf


def onnx_facts(path: Path) -> dict[str, Any]:
    """The facts that a file states, with its size and its states; raises :class:`BundleError` where it is not ours."""
    half = OnnxHalf.open(path)
    states = [list(s.shape) for s in half.initial()]
    return asdict(half.facts) | {"bytes": path.stat().st_size, "states": states}


def onnx_card(path: Path, facts: dict[str, Any]) -> str:
    """The facts as lines."""
    late = 1000 * facts["latency"] / facts["sample_rate"]
    return "\n".join(
        [
            f"{path}: the {facts['kind']} of a model, one latent step a call (ONNX format {facts['format']})",
            f"  {facts['sample_rate']} Hz, channels: {facts['channels']}, latents: {facts['latent_dim']},"
            f" {facts['ratio']} samples per step",
            f"  latency: {facts['latency']} samples ({late:.1f} ms)",
            f"  states: {', '.join('x'.join(map(str, s)) for s in facts['states']) or 'none'}",
            f"  bytes: {facts['bytes']:,}",
        ]
    )
