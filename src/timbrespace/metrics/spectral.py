"""Distances between spectra, in the units people quote.

All functions take the reference first and reduce over the last two axes (row, frame), or over everything
where said; leading axes (batch, channel) stay. Lower is better.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError

DB_PER_NEPER = 20.0 / math.log(10.0)
"""8.686: one unit of natural logarithm of amplitude, in decibels."""

RESOLUTIONS = ((512, 128), (1024, 256), (2048, 512))
"""``(n_fft, hop_length)`` of the multi-resolution distance."""

# Axes without names: that both shapes agree is checked here, in words.
Magnitude = Float[Tensor, "... _row _frame"]
Signal = Float[Tensor, "... _time"]


def stft_magnitude(wave: Signal, *, n_fft: int = 2048, hop_length: int = 512) -> Tensor:
    """``|STFT|`` (..., bin, frame): centred periodic Hann window, zeros outside; differentiable."""
    if not 1 <= hop_length <= n_fft:
        raise ParameterError(f"'hop_length' is {hop_length}; give 1 to 'n_fft' ({n_fft}) samples.")
    window = torch.hann_window(n_fft, device=wave.device, dtype=wave.dtype)
    flat = wave.reshape(-1, wave.shape[-1])
    x = torch.stft(flat, n_fft, hop_length, window=window, pad_mode="constant", return_complex=True).abs()
    return x.reshape(*wave.shape[:-1], *x.shape[1:])


def spectral_convergence_db(reference: Signal, estimate: Signal, *, n_fft: int = 2048, hop_length: int = 512) -> Tensor:
    """``20 log10(‖|X| - |Y|‖ / ‖|X|‖)`` in dB, one value per signal (N. Sturmel and L. Daudet 2011).

    X and Y are the STFTs of ``reference`` and ``estimate`` (..., time), the norm is Frobenius'. 0 dB is what
    silence scores, -20 dB an error of a tenth. Equal signals give -inf, a silent reference +inf or NaN.
    """
    _same_shape(reference, estimate)
    x = stft_magnitude(reference, n_fft=n_fft, hop_length=hop_length)
    y = stft_magnitude(estimate, n_fft=n_fft, hop_length=hop_length)
    return magnitude_convergence_db(x, y)


def magnitude_convergence_db(reference: Magnitude, estimate: Magnitude) -> Tensor:
    """:func:`spectral_convergence_db` of magnitudes (..., row, frame) computed before."""
    _same_shape(reference, estimate)
    return 20.0 * torch.log10(_convergence(reference, estimate))


def log_mel_distance_db(reference: Magnitude, estimate: Magnitude, *, gain: float = 1.0) -> Tensor:
    """``8.686 mean |log(1 + gain x) - log(1 + gain y)|`` in dB, of mel magnitudes x and y (..., band, frame).

    Levels well below 1 / ``gain`` count little, so silence does not decide; state the gain with the figure.
    """
    _same_shape(reference, estimate)
    difference = torch.log1p(gain * reference) - torch.log1p(gain * estimate)
    return DB_PER_NEPER * difference.abs().mean(dim=(-2, -1))


def log_spectral_distance(reference: Magnitude, estimate: Magnitude, *, floor: float = 1e-5) -> Tensor:
    """Log-spectral distance in dB: per frame the root mean square over rows of ``20 log10(x / y)``, then the mean.

    Magnitudes x and y (..., row, frame) are held at ``floor`` or above (A. H. Gray and J. D. Markel 1976).
    """
    _same_shape(reference, estimate)
    ratio = reference.clamp_min(floor).log() - estimate.clamp_min(floor).log()
    return DB_PER_NEPER * ratio.square().mean(dim=-2).sqrt().mean(dim=-1)


def multi_resolution_stft(
    reference: Signal,
    estimate: Signal,
    *,
    resolutions: Sequence[tuple[int, int]] = RESOLUTIONS,
    floor: float = 1e-7,
) -> Tensor:
    """Mean over ``resolutions`` of spectral convergence plus mean ``|log |X| - log |Y||``, per signal.

    The loss of R. Yamamoto, E. Song, J.-M. Kim 2020 (Parallel WaveGAN), without units; magnitudes are held at
    ``floor`` or above. Differentiable; the gradient at equal signals is zero, not NaN.
    """
    _same_shape(reference, estimate)
    terms = []
    for n_fft, hop_length in resolutions:
        x = stft_magnitude(reference, n_fft=n_fft, hop_length=hop_length).clamp_min(floor)
        y = stft_magnitude(estimate, n_fft=n_fft, hop_length=hop_length).clamp_min(floor)
        terms.append(_convergence(x, y) + (x.log() - y.log()).abs().mean(dim=(-2, -1)))
    return torch.stack(terms).mean(dim=0)


def _convergence(reference: Tensor, estimate: Tensor) -> Tensor:
    # vector_norm has a zero subgradient at zero, sqrt of a sum has not.
    error = torch.linalg.vector_norm(reference - estimate, dim=(-2, -1))
    scale: Tensor = torch.linalg.vector_norm(reference, dim=(-2, -1))
    return torch.div(error, scale)


def _same_shape(reference: Tensor, estimate: Tensor) -> None:
    if reference.shape != estimate.shape:
        raise ParameterError(
            f"The reference has shape {tuple(reference.shape)}, the estimate {tuple(estimate.shape)};"
            " cut or pad them to the same."
        )
