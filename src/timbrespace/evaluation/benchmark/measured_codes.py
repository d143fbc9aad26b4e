"""How a model's codes of the test pictures lie beside its prior."""

from __future__ import annotations

import torch
from torch import Tensor

from timbrespace.codecs.frames import FrameCodec
from timbrespace.core.seeds import torch_generator
from timbrespace.core.shapes import Latents
from timbrespace.datasets.base import Split
from timbrespace.metrics.codes import perplexity, usage
from timbrespace.metrics.divergence import mmd, sliced_wasserstein
from timbrespace.metrics.kernels import InverseMultiquadratic
from timbrespace.models.autoencoder import AutoEncoder
from timbrespace.models.bottlenecks.base import Coded
from timbrespace.training.frame_evaluation import pieces

MOST_CODES = 5000
"""Test codes compared with as many draws from the prior; of maps, whose pictures have many, as many at random."""


def code_measures(codec: FrameCodec, test: Split, *, seed: int) -> dict[str, float | None]:
    """``mmd_prior`` and ``sliced_wasserstein_prior`` of the aggregate posterior; ``perplexity``, ``code_usage``.

    One draw from each test picture's posterior is compared with draws from the prior: with seven scales of the
    inverse multiquadratic kernel in units of the prior's variance, whatever kernel the model was trained with.
    """
    model = codec.model
    if not isinstance(model, AutoEncoder):
        return {}
    drawn, codes = _encoded(model, test, seed=seed)
    if codes is not None and isinstance(model.bottleneck, Coded):
        n_codes = model.bottleneck.codebook_size
        return {"perplexity": perplexity(codes, n_codes), "code_usage": usage(codes, n_codes)}
    prior = model.placed_prior()
    if prior is None:
        return {}
    vectors = drawn.transpose(1, 2).flatten(0, 1)
    if len(vectors) > MOST_CODES:
        vectors = vectors[torch.randperm(len(vectors), generator=torch_generator(seed, "positions"))[:MOST_CODES]]
    with torch.no_grad():
        expected = prior.sample(len(vectors), generator=torch_generator(seed, "prior codes"))
        discrepancy = mmd(vectors, expected, InverseMultiquadratic(), variance=prior.variance)
    generator = torch_generator(seed, "projections")
    return {
        "mmd_prior": float(discrepancy),
        "sliced_wasserstein_prior": sliced_wasserstein(vectors, expected, generator=generator),
    }


@torch.no_grad()
def _encoded(model: AutoEncoder, test: Split, *, seed: int) -> tuple[Latents, Tensor | None]:
    drawn, codes = [], []
    for index, batch in enumerate(pieces(test, MOST_CODES)):
        level = model.encode(batch.x, generator=torch_generator(seed, "posterior", index)).levels[0]
        drawn.append(level.z)
        if level.codes is not None:
            codes.append(level.codes)
    return torch.cat(drawn), torch.cat(codes) if codes else None
