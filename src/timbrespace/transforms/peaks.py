"""Phase by following peaks, as a reconstruction of whole sounds."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.transforms.base import PhaseReconstruction
from timbrespace.transforms.fourier import WindowName, analysis_window, check_stft
from timbrespace.transforms.magnitude_steps import LockedSynthesis


class Peaks(PhaseReconstruction):
    """Single pass spectrogram inversion: every peak turns at its own frequency and takes its bins along.

    See :class:`~timbrespace.layers.peak_locking.PeakLocking` for the rule. Each frame needs the one before and nothing
    else, and tensor operations alone: this is the phase of exported models. It is quick and smooth for tones;
    transients lose what :class:`~timbrespace.transforms.pghi.Pghi` keeps. ``window`` is that of the analysis.
    """

    def __init__(
        self,
        *,
        reach: Annotated[int, Knob(1, 64, "bins")] = 8,
        threshold_db: Annotated[float, Knob(-60.0, 60.0, "dB")] = 0.0,
        window: WindowName = "hann",
    ) -> None:
        self.reach, self.threshold_db, self.window = reach, threshold_db, window

    @torch.no_grad()
    def reconstruct(self, magnitude: Tensor, *, n_fft: int, hop_length: int, length: int | None = None) -> Tensor:
        check_stft(n_fft, hop_length, where="Peaks")
        if magnitude.shape[-2] != n_fft // 2 + 1:
            raise ParameterError(
                f"The magnitude has {magnitude.shape[-2]} bins (axis -2), but 'n_fft' {n_fft} makes {n_fft // 2 + 1};"
                " give the 'n_fft' it was made with."
            )
        n_frames = magnitude.shape[-1]
        n_samples = hop_length * max(n_frames - 1, 0) if length is None else length
        window = torch.from_numpy(analysis_window(self.window, n_fft))
        step = LockedSynthesis(window, hop_length, reach=self.reach, threshold_db=self.threshold_db)
        ahead = -(-n_fft // hop_length)  # silent frames, until all that was said has been heard
        x = torch.nan_to_num(magnitude.detach().to("cpu", torch.float32), nan=0.0, posinf=0.0).clamp_min(0.0)
        rows = torch.nn.functional.pad(x, (0, ahead)).reshape(-1, x.shape[-2], n_frames + ahead)
        sounds = [self._one(step, row[None], n_samples) for row in rows]
        return torch.cat(sounds).reshape(*magnitude.shape[:-2], n_samples).to(magnitude.device)

    def _one(self, step: LockedSynthesis, magnitude: Tensor, length: int) -> Tensor:
        sound, *_ = step(magnitude, *step.initial())
        sound = sound[:, step.latency :]
        return torch.nn.functional.pad(sound, (0, max(0, length - sound.shape[1])))[:, :length]
