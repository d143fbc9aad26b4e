"""A small convolutional classifier of pictures, whose features judge what other models draw."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from timbrespace.core.batch import Batch
from timbrespace.core.component import Component, Wired
from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Frames
from timbrespace.layers.sampling2d import halve
from timbrespace.layers.waist2d import ChannelsLast

FEATURES = 84
"""Units of the last layer before the classes."""

Features = Float[Tensor, "batch 84"]
Logits = Float[Tensor, "batch class"]


class Classifier(Component, nn.Module):
    """Two convolutions, each halving the picture, then 120 and 84 units, then the classes.

    (After LeNet-5: LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998,
    https://doi.org/10.1109/5.726791; with rectifiers, more channels, and a first convolution that strides instead of
    pooling.) The :data:`FEATURES` units before the classes are the space in which distances between sets
    of pictures are measured. It satisfies :class:`~timbrespace.core.trainable.Trainable`: one player ``model``, one
    loss ``cross_entropy``.
    """

    def __init__(
        self,
        *,
        n_features: Wired[int],
        n_channels: Wired[int],
        n_frames: Wired[int],
        n_classes: Wired[int],
        channels: Annotated[list[int], Knob(1, 4096)] = [16, 32],  # noqa: B006  # never changed
    ) -> None:
        super().__init__()
        if len(channels) != 2:
            raise ParameterError(f"Classifier's 'channels' are {channels}; give two numbers, for example [16, 32].")
        if min(n_features, n_frames) < 4:
            raise ParameterError(
                f"Classifier halves pictures twice, and {n_features} x {n_frames} cells are too few;"
                f" give 4 x 4 or more."
            )
        if n_classes < 2:
            raise ParameterError(f"Classifier needs two classes at least, not {n_classes}; give pictures of more.")
        self.n_features, self.n_channels, self.n_frames = n_features, n_channels, n_frames
        self.n_classes, self.channels = n_classes, list(channels)
        first, second = channels
        self.body = nn.Sequential(
            ChannelsLast(),
            halve(n_channels, first),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(second * (n_features // 4) * (n_frames // 4), 120),
            nn.ReLU(),
            nn.Linear(120, FEATURES),
            nn.ReLU(),
        )
        self.head = nn.Linear(FEATURES, n_classes)

    def features(self, frames: Frames) -> Features:
        """What the classes are read from: :data:`FEATURES` numbers, none below zero, per picture."""
        return self.body(frames)

    def forward(self, frames: Frames) -> Logits:
        """Unnormalised log-probabilities of the classes."""
        return self.head(self.features(frames))

    def players(self) -> dict[str, list[nn.Parameter]]:
        return {"model": list(self.parameters())}

    def initialise(self, batch: Batch, *, generator: torch.Generator) -> None:
        """Nothing: the random start needs no data."""

    def losses(self, batch: Batch, player: str, *, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """``cross_entropy`` with the label ``class``, in nats per picture."""
        return {"cross_entropy": F.cross_entropy(self(batch.x), batch.labels["class"])}

    def after_step(self, batch: Batch, *, generator: torch.Generator) -> None:
        """Nothing moves between steps."""

    @torch.no_grad()
    def monitor(self, batch: Batch) -> dict[str, Tensor]:
        """Per picture: ``cross_entropy`` in nats, and ``correct``, 1 where the likeliest class is the right one."""
        logits, labels = self(batch.x), batch.labels["class"]
        return {
            "cross_entropy": F.cross_entropy(logits, labels, reduction="none"),
            "correct": (logits.argmax(1) == labels).float(),
        }
