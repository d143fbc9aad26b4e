"""What the curves of a training mean, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ACTIVE_VARIANCE = 0.01
"""A latent is active if the variance of its posterior mean over the data exceeds this
(Burda, Grosse, Salakhutdinov 2016, https://arxiv.org/abs/1509.00519)."""


@dataclass(frozen=True)
class Curve:
    """Evaluations in order: steps done, unexplained share on training and on validation sounds."""

    steps: Sequence[int]
    train: Sequence[float]
    validation: Sequence[float]


def when_to_stop(curve: Curve, *, what: str = "sounds") -> str:
    """One or two sentences: go on, stop, or get more sounds.

    Compares the last quarter of the validation curve with the quarter before it. A relative gain above 2 %
    means more time pays; a rise of more than 2 % above the minimum while the training share still falls
    means over-fitting. ``what`` names the examples.
    """
    if len(curve.validation) < 4:
        return "Too few evaluations to say whether more training would help."
    quarter = max(1, len(curve.validation) // 4)
    last, before = _mean(curve.validation[-quarter:]), _mean(curve.validation[-2 * quarter : -quarter])
    best = min(range(len(curve.validation)), key=curve.validation.__getitem__)
    gain = (before - last) / max(before, 1e-12)
    if curve.validation[-1] > 1.02 * curve.validation[best] and curve.train[-1] < curve.train[best]:
        return (
            f"Stop here: unseen {what} were rebuilt best at step {curve.steps[best]:,}, and since then the model only"
            f" learns its training {what} by heart. More {what} would help, more time will not."
        )
    if gain > 0.02:
        return (
            f"Still improving: the error on unseen {what} fell by {gain:.0%} over the last quarter of the training."
            f" Twice the time is worth trying."
        )
    gap = curve.validation[-1] / max(curve.train[-1], 1e-12)
    if gap > 1.5:
        return (
            f"Finished: unseen {what} no longer improve, and their error is {gap:.1f} times that of the training"
            f" {what}. More {what} would help, more time will not."
        )
    return f"Finished: unseen {what} no longer improve. A wider network or more latents could go further."


def silent_dimensions(variances: Sequence[float]) -> str:
    """A sentence about collapsed dimensions, from the variance of each posterior mean over the data."""
    silent = [i for i, variance in enumerate(variances) if variance < ACTIVE_VARIANCE]
    if not silent:
        return f"All {len(variances)} latent dimensions are in use."
    if len(silent) == len(variances):
        return (
            "Every latent dimension has collapsed: the decoder ignores the code. Lower the weight of 'kl'"
            " (--set training.weights.kl.end=...) or warm it up for longer."
        )
    names = ", ".join(str(i) for i in silent)
    return (
        f"{len(silent)} of {len(variances)} latent dimensions are silent ({names}): turning them changes nothing."
        f" Fewer latents would do, or a lower weight of 'kl'."
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
