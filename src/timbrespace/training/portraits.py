"""What TensorBoard shows of a model while it learns."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from timbrespace.models.base import Model
from timbrespace.pictures.figure import to_rgb
from timbrespace.pictures.space import scatter
from timbrespace.pictures.spectrogram import spectrograms
from timbrespace.training.board import Board
from timbrespace.training.journal import Portrait
from timbrespace.transforms.base import AudioTransform


class SoundPortrait(Portrait):
    """A few unseen sounds (clip, channel, time), rebuilt each time, so that one hears the model learn."""

    def __init__(self, transform: AudioTransform, clips: Tensor) -> None:
        self.transform, self.clips = transform, clips

    @torch.no_grad()
    def draw(self, board: Board, step: int, model: Model, *, first: bool) -> None:
        frames = self.transform(self.clips)
        level = model.encode(frames.to(next(model.parameters()).device)).levels[0]
        rebuilt = model.decode(level.z)[..., : frames.shape[-1]].cpu()
        heard = (self.transform.heard(f) for f in (frames, rebuilt))
        rows = [[f[0].numpy(), r[0].numpy()] for f, r in zip(*heard, strict=True)]
        names = [f"clip {i + 1}" for i in range(len(rows))]
        hop = self.transform.hop_length / self.transform.sample_rate
        figure = spectrograms(rows, titles=("original", "rebuilt"), names=names, seconds_per_frame=hop)
        board.image("unseen sounds", to_rgb(figure), step)
        _draw_latents(board, step, level.mean.cpu(), names)
        sound = self.transform.invert(rebuilt, length=self.clips.shape[-1])
        for name, original, copy in zip(names, self.clips, sound, strict=True):
            if first:
                board.audio(f"{name}/original", original, step, self.transform.sample_rate)
            board.audio(f"{name}/rebuilt", copy, step, self.transform.sample_rate)


class FramePortrait(Portrait):
    """A few unseen pictures (picture, channel, feature, frame) above their copies, and many latents by label."""

    def __init__(self, frames: Tensor, labels: Tensor, *, shown: int = 16) -> None:
        self.frames, self.labels, self.shown = frames, labels, shown

    @torch.no_grad()
    def draw(self, board: Board, step: int, model: Model, *, first: bool) -> None:
        latents = model.infer(self.frames.to(next(model.parameters()).device), refinement=0)
        rebuilt = model.decode(latents[: self.shown]).cpu()
        rows = [torch.cat(list(f[:, 0]), dim=1) for f in (self.frames[: self.shown], rebuilt)]
        picture = (torch.cat(rows).clamp(0, 1) * 255).byte()
        board.image("unseen pictures", picture[..., None].expand(-1, -1, 3).numpy(), step)
        _draw_latents(board, step, latents.cpu(), [str(int(label)) for label in self.labels])


def _draw_latents(board: Board, step: int, latents: Tensor, names: list[str]) -> None:
    """A scatter of latents (example, latent, step) on the two that vary most, coloured by name."""
    points = latents.transpose(1, 2)
    groups = np.repeat(names, points.shape[1]).tolist()
    widest = points.flatten(0, 1).var(0).argsort(descending=True)[:2]
    if len(widest) == 2:
        axes = (f"latent {int(widest[0])}", f"latent {int(widest[1])}")
        board.image("latents", to_rgb(scatter(points.flatten(0, 1)[:, widest].numpy(), groups, axes=axes)), step)
