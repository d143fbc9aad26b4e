"""The ``[training]`` section of a recipe."""

from __future__ import annotations

from typing import Annotated, Literal

from timbrespace.core.component import Component
from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.training.augmentations.base import Augmentation
from timbrespace.training.schedules.base import Schedule

Precision = Literal["32-true", "bf16-mixed"]
"""Single precision throughout, or half-precision (bfloat16) matrix products with single-precision weights."""


class Training(Component):
    """How to train: budget, optimiser, weights of the loss terms.

    The loss is ``sum_k weights[k](step) * term_k / cells``: each term is weighted once, here, and the sum is
    divided by the number of cells of one example so that learning rate and clipping mean the same for any
    length. ``minutes`` are wall-clock minutes on this machine, turned into steps once by timing a few;
    ``epochs`` or ``steps`` set the budget exactly. AdamW (Loshchilov & Hutter 2019) with a cosine to
    ``final_rate`` of the learning rate; the model that is kept is the moving average of the weights with
    decay ``averaging``. ``threads`` 0 and ``precision`` ``"fastest"`` take what is fastest on this machine when the
    training begins; both are recorded and kept on resume, since another order of sums rounds differently.
    With ``live_engine`` a model whose live sound is a pure step carries its decoder for ONNX Runtime too, which
    instruments then play; making and comparing it takes some seconds at the end.
    """

    def __init__(
        self,
        *,
        weights: dict[str, Schedule],
        augmentation: Augmentation | None = None,
        minutes: Annotated[float, Knob(0.0, 1e6, "minutes")] = 5.0,
        epochs: Annotated[float, Knob(0.0, 1e9, "epochs")] | None = None,
        steps: Annotated[int, Knob(0, 1_000_000_000)] | None = None,
        batch_size: Annotated[int, Knob(1, 65_536)] = 16,
        learning_rate: Annotated[float, Knob(1e-8, 10.0)] = 1e-3,
        final_rate: Annotated[float, Knob(0.0, 1.0)] = 0.02,
        warm_up: Annotated[int, Knob(0, 1_000_000, "steps")] = 100,
        betas: tuple[float, float] = (0.9, 0.98),
        weight_decay: Annotated[float, Knob(0.0, 10.0)] = 0.01,
        clip_norm: Annotated[float, Knob(1e-6, 1e6)] = 1.0,
        averaging: Annotated[float, Knob(0.0, 0.999999)] = 0.998,
        evaluations: Annotated[int, Knob(1, 100_000)] = 20,
        checkpoint_minutes: Annotated[float, Knob(0.0, 1e4, "minutes")] = 1.0,
        precision: Precision | Literal["fastest"] = "32-true",
        threads: Annotated[int, Knob(0, 1024)] = 0,
        live_engine: bool = True,
    ) -> None:
        if not all(0.0 <= beta < 1.0 for beta in betas):
            raise ParameterError(f"Training's 'betas' are {betas[0]:g} and {betas[1]:g}; both lie in [0, 1).")
        self.weights, self.augmentation = weights, augmentation
        self.minutes, self.epochs, self.steps = minutes, epochs, steps
        self.batch_size, self.learning_rate, self.final_rate = batch_size, learning_rate, final_rate
        self.warm_up, self.betas, self.weight_decay, self.clip_norm = warm_up, betas, weight_decay, clip_norm
        self.averaging, self.evaluations = averaging, evaluations
        self.checkpoint_minutes, self.precision, self.threads = checkpoint_minutes, precision, threads
        self.live_engine = live_engine
