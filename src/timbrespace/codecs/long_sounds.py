"""Long sounds encoded piece by piece, so that memory does not grow with their length."""

from __future__ import annotations

import torch

from timbrespace.core.shapes import Frames, Latents
from timbrespace.models.base import Model

PIECE_STEPS = 2048
"""Latent steps encoded at once: a minute and a half at 22 per second."""

CONTEXT_STEPS = 128
"""Steps read on either side of a piece and thrown away: several times what a step of any network of ours hears."""


def infer_in_pieces(model: Model, frames: Frames, *, piece_steps: int = PIECE_STEPS) -> Latents:
    """``model.infer(frames)`` in pieces of ``piece_steps`` latent steps, with context.

    Up to a piece and its context go through in one, bit for bit. Beyond, the encoder's answer is the same as in
    one go, since its reach is finite; each piece is sharpened on its own, where in one go all stop together.
    """
    step = model.ratio
    longest = piece_steps + 2 * CONTEXT_STEPS
    steps = -(-frames.shape[-1] // step) if step else 1
    if steps <= longest:
        return model.infer(frames)
    parts = []
    for begin in range(0, steps, piece_steps):
        first, last = max(0, begin - CONTEXT_STEPS), begin + piece_steps + CONTEXT_STEPS
        latents = model.infer(frames[..., first * step : last * step])
        parts.append(latents[..., begin - first : begin - first + piece_steps])
    return torch.cat(parts, dim=-1)
