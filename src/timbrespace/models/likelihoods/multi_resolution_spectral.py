"""How each row moves along the frames, compared in spectra of several resolutions."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Frames, PerExample
from timbrespace.metrics.spectral import stft_magnitude
from timbrespace.models.likelihoods.base import Likelihood, Parameters


class MultiResolutionSpectral(Likelihood):
    """A distance of magnitude spectra: for each window length ``mean(||X| - |Y|| + log_weight |log|X|/|Y||)``.

    Every row (channel, feature) is a signal along the frames; X and Y are STFTs of target and output with periodic
    Hann windows of ``n_ffts`` frames, four per window, scaled so that white noise of deviation 1 has mean square 1.
    Logarithms are taken of ``|X| + floor``, so that silence has a finite gradient. The mean over the windows is
    multiplied by the number of cells, to weigh like a sum over cells. (Yamamoto et al. 2020,
    https://arxiv.org/abs/1910.11480; in the form of Engel et al., "DDSP", 2020, https://arxiv.org/abs/2001.04643,
    which needs no division by the target's energy.)

    Magnitudes do not know the sign of a row, nor where in a window something happens: ``direct`` adds that many times
    the absolute error of the cells themselves, ``None`` nothing. It is a distance, not a density: the samples are the
    mean.
    """

    density: ClassVar[bool] = False

    def __init__(
        self,
        *,
        n_ffts: list[int] = [4, 8, 16],  # noqa: B006  # copied below
        log_weight: Annotated[float, Knob(0.0, 100.0)] = 1.0,
        floor: Annotated[float, Knob(1e-6, 1.0)] = 1e-2,
        direct: Annotated[float | None, Knob(1e-3, 1e3)] = 1.0,
    ) -> None:
        super().__init__()
        if not n_ffts or not all(n >= 2 for n in n_ffts):
            raise ParameterError(
                f"MultiResolutionSpectral's 'n_ffts' are {n_ffts}; give window lengths of 2 frames or more."
            )
        self.n_ffts = list(n_ffts)
        self.log_weight = log_weight
        self.floor = floor
        self.direct = direct

    @property
    def n_parameters(self) -> int:
        return 1

    def negative_log_likelihood(self, parameters: Parameters, target: Frames) -> PerExample:
        distance = torch.stack([self._distance(target, parameters, n) for n in self.n_ffts]).mean(0)
        if self.direct is not None:
            distance = distance + self.direct * (parameters - target).abs().mean(dim=(1, 2, 3))
        return distance * target[0].numel()

    def _distance(self, target: Tensor, output: Tensor, n_fft: int) -> PerExample:
        scale = math.sqrt(8 / 3 / n_fft)  # one over the root of the window's energy
        x, y = (scale * stft_magnitude(s, n_fft=n_fft, hop_length=max(1, n_fft // 4)) for s in (target, output))
        cells = (x - y).abs()
        if self.log_weight > 0:
            cells = cells + self.log_weight * ((x + self.floor).log() - (y + self.floor).log()).abs()
        return cells.mean(dim=(1, 2, 3, 4))

    def mean(self, parameters: Parameters) -> Frames:
        return parameters

    def parameters_of(self, mean: Frames) -> Parameters:
        return mean

    def sample(self, parameters: Parameters, *, generator: torch.Generator) -> Frames:
        return parameters
