"""Look-up in a codebook: the nearest code of every vector, and what each code has gathered."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

CACHED_SCORES = 1 << 18
"""Scores worked out at a time on a processor: a mebibyte of them stays in its second-level cache."""

DEVICE_SCORES = 1 << 26
"""The same on an accelerator, where only memory limits."""


@torch.no_grad()
def nearest(vectors: Float[Tensor, "n latent"], codebook: Float[Tensor, "code latent"]) -> Int[Tensor, " n"]:
    """The index of the nearest code of each vector; among equally near ones, the first.

    ``argmin_k |x - c_k|^2 = argmax_k (x . d_k - m . d_k - |d_k|^2 / 2)`` with ``m`` the mean code and
    ``d_k = c_k - m``: one matrix product, without the square of ``x`` and, thanks to ``m``, without much of the
    rounding that a codebook far from the origin would bring. In single precision at least, under autocast too.
    """
    dtype = torch.promote_types(codebook.dtype, torch.float32)
    with torch.autocast(vectors.device.type, enabled=False):
        rows, codes = vectors.to(dtype), codebook.to(dtype)
        centre = codes.mean(dim=0)
        apart = codes - centre
        offset = -(apart @ centre) - 0.5 * apart.square().sum(dim=1)
        # torch does not annotate these two
        if torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
            return torch.addmm(offset, rows, apart.T).argmax(dim=1)
        return _blocked_argmax(rows, apart.T, offset)


def _blocked_argmax(rows: Tensor, directions: Tensor, offset: Tensor) -> Tensor:
    """``argmax(offset + rows @ directions, dim=1)``, with the scores of a block of rows at a time in memory."""
    on_cpu = rows.device.type == "cpu"
    size = max(1, (CACHED_SCORES if on_cpu else DEVICE_SCORES) // len(offset))
    scores = rows.new_empty(min(size, len(rows)), len(offset))
    best = torch.empty(len(rows), dtype=torch.int64, device=rows.device)
    for begin in range(0, len(rows), size):
        block = rows[begin : begin + size]
        torch.addmm(offset, block, directions, out=scores[: len(block)])
        if on_cpu:  # NumPy's argmax uses vector registers, torch's does not: ten times as fast
            best[begin : begin + size] = torch.from_numpy(scores[: len(block)].numpy().argmax(axis=1))
        else:
            best[begin : begin + size] = scores[: len(block)].argmax(dim=1)
    return best


@torch.no_grad()
def gathered(
    vectors: Float[Tensor, "n latent"], codes: Int[Tensor, " n"], n_codes: int
) -> tuple[Float[Tensor, " code"], Float[Tensor, "code latent"]]:
    """How many vectors each code has, and their sum."""
    counts = torch.bincount(codes, minlength=n_codes).to(vectors.dtype)
    return counts, vectors.new_zeros(n_codes, vectors.shape[1]).index_add_(0, codes, vectors)
