"""What a finished training on pictures is worth, in numbers that go into the bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from timbrespace.codecs.frames import FrameCodec
from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import torch_generator
from timbrespace.datasets.base import Split
from timbrespace.metrics.codes import active_units
from timbrespace.metrics.likelihood_bound import Estimate, importance_weighted_nll
from timbrespace.models.autoencoder import AutoEncoder
from timbrespace.models.base import Model
from timbrespace.training.frame_evaluation import pieces

NLL_EXAMPLES, NLL_SAMPLES = 1000, 100
"""What a training affords itself: a second of work for a small network. The benchmark takes more."""


@dataclass(frozen=True)
class SplitFigures:
    """Per test example: nats at the posterior mean, mean squared error, latents, and where there is one the KL per
    latent in nats, summed over steps.
    """

    reconstruction: Tensor
    mse: Tensor
    latents: Tensor
    kl_per_dimension: Tensor | None


def split_figures(model: Model, split: Split, *, limit: int = 1_000_000) -> SplitFigures:
    """Deterministic figures of a split's first examples."""
    gathered: dict[str, list[Tensor]] = {}
    cells = 1
    for batch in pieces(split, limit):
        cells = batch.target[0].numel()
        for name, values in model.monitor(batch).items():
            gathered.setdefault(name, []).append(values)
    figures = {name: torch.cat(parts) for name, parts in gathered.items()}
    kl, latents = figures.get("kl_per_dimension"), figures["latents"]
    return SplitFigures(
        figures["reconstruction"],
        figures["squared_error"] / cells,
        latents,
        None if kl is None else kl * latents.shape[2],  # a model tells nats per latent step
    )


def likelihood(model: Model, split: Split, *, examples: int, samples: int, seed: int) -> tuple[Estimate, Tensor] | None:
    """Importance-weighted NLL over a split's first ``examples``, and -ELBO per example from the same draws.

    Nothing for a model under which data have no likelihood, or whose draws fall where its prior has no density: the
    bound is infinite then.
    """
    if not isinstance(model, AutoEncoder):
        return None
    parts = []
    for index, batch in enumerate(pieces(split, examples)):
        generator = torch_generator(seed, "importance", index)
        try:
            parts.append(torch.stack([model.log_weights(batch, generator=generator) for _ in range(samples)]))
        except ParameterError:
            return None
        if not parts[-1].isfinite().all():
            return None
    log_weights = torch.cat(parts, dim=1)
    return importance_weighted_nll(log_weights), -log_weights.mean(0)


def assess_frames(codec: FrameCodec, split: Split, *, seed: int) -> dict[str, Any]:
    """The figures of ``metrics.json``: reconstruction, bounds on the likelihood, use of the latents."""
    found = split_figures(codec.model, split)
    flat = found.latents.transpose(0, 1).flatten(1)
    test: dict[str, Any] = {
        "pictures": len(split),
        "reconstruction_nats": float(found.reconstruction.mean()),
        "mse": float(found.mse.mean()),
        "active_units": active_units(flat.T),
    }
    bound = likelihood(codec.model, split, examples=NLL_EXAMPLES, samples=NLL_SAMPLES, seed=seed)
    if bound is not None:
        estimate, minus_elbo = bound
        test |= {
            "minus_elbo_nats": float(minus_elbo.mean()),
            "nll_nats": estimate.mean,
            "nll_standard_error": estimate.standard_error,
            "nll_samples": NLL_SAMPLES,
            "nll_pictures": len(minus_elbo),
        }
    kl = found.kl_per_dimension
    return {
        "test": test,
        "latent_variances": [float(v) for v in flat.double().var(1, unbiased=False)],
        "kl_per_dimension_nats": [] if kl is None else [float(v) for v in kl.mean(0)],
    }
