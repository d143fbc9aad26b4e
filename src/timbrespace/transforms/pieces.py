"""Long sounds inverted piece by piece, so that memory does not grow with their length."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from timbrespace.core.shapes import Frames, Wave
from timbrespace.transforms.base import AudioTransform, PhaseReconstruction

PIECE_SECONDS = 32.0
"""The longest sound inverted in one go: about 150 MB of spectra at 44.1 kHz, where ten minutes would need 2 GB."""

OVERLAP_SECONDS = 2.0
"""What neighbours share: among so many places there nearly always is a quiet one, or one where both agree."""

FADE_SECONDS = 0.05


def invert_in_pieces(
    transform: AudioTransform,
    frames: Frames,
    *,
    length: int,
    phase: PhaseReconstruction | None = None,
    piece_seconds: float = PIECE_SECONDS,
) -> Wave:
    """``transform.invert(frames, length=length, phase=phase)`` in overlapping pieces of ``piece_seconds``.

    A sound that fits into one piece is inverted by the transform alone, bit for bit. Magnitudes leave the phase
    of each piece open, its sign too, so neighbours are cross-faded over 50 ms where their difference is
    smallest, with the sign that makes it so (:func:`splice`).
    """
    hop, n_frames = transform.hop_length, frames.shape[-1]
    rate = transform.sample_rate / hop
    overlap = math.ceil(OVERLAP_SECONDS * rate)
    longest = max(math.ceil(piece_seconds * rate), 2 * overlap)
    if n_frames <= longest:
        return transform.invert(frames, length=length, phase=phase)
    total = max(hop * (n_frames - 1), length)
    fade = round(FADE_SECONDS * transform.sample_rate)
    out, covered = torch.empty(0), 0
    for begin, end in _pieces(n_frames, longest, overlap):
        start, stop = hop * begin, total if end == n_frames else hop * (end - 1)
        part = transform.invert(frames[..., begin:end], length=stop - start, phase=phase)
        if not covered:
            out = part.new_empty(*part.shape[:-1], total)
        shared = out[..., start:covered]
        out[..., covered:stop] = part[..., covered - start :]
        for before, after, rest in zip(_rows(shared), _rows(part), _rows(out[..., covered:stop]), strict=True):
            rest *= splice(before, after[: covered - start], width=fade)
        covered = stop
    return out[..., :length]


def splice(before: Tensor, after: Tensor, *, width: int) -> float:
    """Fade from ``before`` to ``after``, the same stretch (time,), in place in ``before``; the sign of ``after``.

    Of all places in the middle half, the fade of ``width`` samples goes where the energy of ``before - sign *
    after`` is smallest, sign being 1 or -1. With r the correlation there and u from 0 to 1, the mixture
    ``(1 - u) before + u sign after`` is divided by ``sqrt((1 - u)² + u² + 2 u (1 - u) r)``: equal power whatever
    the phases.
    """
    n = before.shape[0]
    if n == 0:
        return 1.0
    width = min(width, n // 2)
    lowest = n // 4
    places = slice(lowest, n - lowest - width + 1)
    product = _sums(before.double() * after, width)[places]
    energy = _sums(before.double().square() + after.double().square(), width)[places]
    gap = energy - 2 * product.abs()
    place = int(gap.argmin())
    sign = -1.0 if product[place] < 0 else 1.0
    start = lowest + place
    window = slice(start, start + width)
    a, b = before[window].clone(), sign * after[window]
    norms = float(a.norm() * b.norm())
    r = float(a @ b) / norms if norms > 0 else 1.0
    u = torch.linspace(0, 1, width, dtype=before.dtype, device=before.device)
    power = ((1 - u).square() + u.square() + 2 * r * u * (1 - u)).sqrt()
    before[window] = ((1 - u) * a + u * b) / power
    before[start + width :] = sign * after[start + width :]
    return sign


def _pieces(n_frames: int, longest: int, overlap: int) -> list[tuple[int, int]]:
    """First and last-but-one frames of equally long pieces that share ``overlap`` frames."""
    count = math.ceil((n_frames - overlap) / (longest - overlap))
    edges = [round(i * (n_frames - overlap) / count) for i in range(count + 1)]
    return [(begin, end + overlap) for begin, end in itertools.pairwise(edges)]


def _sums(values: Tensor, width: int) -> Tensor:
    """Sums over ``width`` successive values, one per place."""
    total = torch.nn.functional.pad(values.cumsum(0), (1, 0))
    return total[width:] - total[:-width] if width else total[:-1] * 0


def _rows(signals: Tensor) -> list[Tensor]:
    """Views of the single signals of (batch, channel, time)."""
    return [signal for example in signals for signal in example]
