"""Sound compared by its spectra at several scales: for networks whose frames are the sound itself."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Frames, PerExample
from timbrespace.models.likelihoods.base import Likelihood, Parameters


class MultiScaleSpectral(Likelihood):
    """``mean(|log(|X| + floor) - log(|Y| + floor)| + linear_weight ||X| - |Y||)``, the mean over several STFTs.

    Frames that follow each other without overlap (:class:`~timbrespace.transforms.grains.Grains` with the window
    ``"none"``) are one signal per channel, of whose samples X and Y are the STFTs of target and output: periodic Hann
    windows of ``n_ffts`` samples, half a window apart, scaled so that white noise of deviation 1 has mean square 1;
    ``floor`` is in that unit, and what lies far below it does not count. The mean is multiplied by the number of
    samples, to weigh like a sum over cells. (Yamamoto et al. 2020, https://arxiv.org/abs/1910.11480; Engel et al.,
    "DDSP", 2020, https://arxiv.org/abs/2001.04643.)

    Phases do not matter to it. It is a distance, not a density; its samples are the mean. A model is judged by the
    share of the variation of the log spectra that it leaves unexplained (:meth:`errors`).
    """

    density: ClassVar[bool] = False
    additive: ClassVar[bool] = False

    def __init__(
        self,
        *,
        n_ffts: list[int] = [512, 1024, 2048],  # noqa: B006  # copied below
        linear_weight: Annotated[float, Knob(0.0, 100.0)] = 1.0,
        floor: Annotated[float, Knob(1e-6, 1.0)] = 1e-3,
    ) -> None:
        super().__init__()
        if not n_ffts or not all(n >= 4 and n % 4 == 0 for n in n_ffts):
            raise ParameterError(
                f"MultiScaleSpectral's 'n_ffts' are {n_ffts}; give window lengths in samples, multiples of 4."
            )
        self.n_ffts = list(n_ffts)
        self.linear_weight = linear_weight
        self.floor = floor

    @property
    def n_parameters(self) -> int:
        return 1

    def negative_log_likelihood(self, parameters: Parameters, target: Frames) -> PerExample:
        distances = []
        for n_fft in self.n_ffts:
            (x, log_x), (y, log_y) = (self._spectra(s, n_fft) for s in (target, parameters))
            cells = (log_x - log_y).abs()
            if self.linear_weight > 0:
                cells = cells + self.linear_weight * (x - y).abs()
            distances.append(cells.flatten(1).mean(dim=1))
        return torch.stack(distances).mean(0) * target[0].numel()

    def errors(self, parameters: Parameters, target: Frames) -> tuple[PerExample, PerExample]:
        """Squared error of the log spectra, and the energy of those of the target about the floor; sums over cells."""
        error, energy = [], []
        for n_fft in self.n_ffts:
            (_, log_x), (_, log_y) = (self._spectra(s, n_fft) for s in (target, parameters))
            error.append((log_x - log_y).square().flatten(1).mean(1))
            energy.append((log_x - math.log(self.floor)).square().flatten(1).mean(1))
        cells = target[0].numel()
        return cells * torch.stack(error).mean(0), cells * torch.stack(energy).mean(0)

    def _spectra(self, frames: Frames, n_fft: int) -> tuple[Tensor, Tensor]:
        """Magnitudes (example, channel, bin, frame) of the samples, and their logarithms."""
        sound = frames.transpose(2, 3).flatten(2).flatten(0, 1)
        window = torch.hann_window(n_fft, device=sound.device, dtype=sound.dtype)
        spectrum = torch.stft(
            sound, n_fft, n_fft // 2, window=window, center=True, pad_mode="constant", return_complex=True
        )
        magnitude = math.sqrt(8 / 3 / n_fft) * spectrum.abs()
        magnitude = magnitude.unflatten(0, frames.shape[:2])
        return magnitude, (magnitude + self.floor).log()

    def mean(self, parameters: Parameters) -> Frames:
        return parameters

    def parameters_of(self, mean: Frames) -> Parameters:
        return mean

    def sample(self, parameters: Parameters, *, generator: torch.Generator) -> Frames:
        return parameters
