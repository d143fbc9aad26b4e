"""From a prepared data set to the batch of any step."""

from __future__ import annotations

import math

import numpy as np
import torch

from timbrespace.core.batch import Batch
from timbrespace.core.seeds import numpy_generator, torch_generator
from timbrespace.datasets.base import Split
from timbrespace.training.augmentations.base import Augmentation
from timbrespace.transforms.base import AudioTransform


class Examples:
    """The batches of a training: ``batch(step)`` depends on (seed, step) alone.

    The split's own examples are visited in a fresh order each epoch, without gaps: batch ``s`` holds positions
    ``s * n`` onwards of all epochs' orders laid end to end, ``n`` being how many of a batch are its own.
    """

    def __init__(
        self,
        split: Split,
        transform: AudioTransform | None,
        *,
        batch_size: int,
        seed: int,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.split, self.transform, self.augmentation = split, transform, augmentation
        self.own, self.seed = split.own_examples(batch_size), seed
        self._orders: dict[int, np.ndarray] = {}

    @property
    def steps_per_epoch(self) -> float:
        """Steps in which every one of the split's own examples is seen once."""
        return len(self.split) / self.own

    def indices(self, step: int) -> list[int]:
        """Which examples make up the batch of ``step``."""
        first, last = step * self.own, (step + 1) * self.own
        chosen: list[int] = []
        while first < last:
            epoch, place = divmod(first, len(self.split))
            chosen += self._order(epoch)[place : place + last - first].tolist()
            first = step * self.own + len(chosen)
        return chosen

    def _order(self, epoch: int) -> np.ndarray:
        """The order of one epoch; the last two are kept, since drawing one anew takes as long as a small step."""
        if epoch not in self._orders:
            order = numpy_generator(self.seed, "order", epoch).permutation(len(self.split))
            self._orders = {e: o for e, o in self._orders.items() if e == epoch - 1} | {epoch: order}
        return self._orders[epoch]

    def batch(self, step: int) -> Batch:
        """The batch of ``step``, varied by the data set (crops) and the augmentation."""
        generator = torch_generator(self.seed, "batch", step)
        batch = self.split.batch(self.indices(step), generator=generator)
        if self.transform is None:
            return batch
        wave = batch.x
        if self.augmentation is not None:
            wave = self.augmentation.vary_wave(wave, generator=generator)
        frames = inner_frames(self.transform, wave)
        if self.augmentation is not None:
            frames = self.augmentation.vary_frames(frames, generator=generator)
        return Batch(x=frames, target=frames, labels=batch.labels, condition=batch.condition)

    def sample(self, n_examples: int) -> Batch:
        """About ``n_examples`` unvaried examples spread over the split, for data-dependent initialisation."""
        stride = max(1, math.ceil(len(self.split) / n_examples))
        batch = self.split.batch(range(0, len(self.split), stride))
        if self.transform is None:
            return batch
        return Batch.of(torch.cat([inner_frames(self.transform, wave[None]) for wave in batch.x]))


@torch.no_grad()
def inner_frames(transform: AudioTransform, wave: torch.Tensor) -> torch.Tensor:
    """Frames of crops of sound, without those at the ends whose window reaches beyond the crop.

    A crop's border is not an onset, and should not look like one to the model. The last one goes too, so that a
    crop of whole hops leaves a round number of frames.
    """
    frames = transform(wave)
    margin = transform.border_frames
    inner = frames.shape[-1] - 2 * margin - 1
    return frames[..., margin : margin + inner] if inner >= 1 else frames
