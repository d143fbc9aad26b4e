"""The auto-encoder, composed from a network, a bottleneck, a prior and a likelihood."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from timbrespace.core.batch import Batch
from timbrespace.core.component import Wired
from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.core.seeds import torch_generator
from timbrespace.core.shapes import Frames, Latents, PerExample
from timbrespace.layers.memory import Memory
from timbrespace.models.base import Model
from timbrespace.models.bottlenecks.base import Bottleneck
from timbrespace.models.encoding import Encoding
from timbrespace.models.likelihoods.base import Likelihood
from timbrespace.models.networks.base import Network
from timbrespace.models.priors.base import Prior
from timbrespace.models.refinement import refine


class AutoEncoder(Model):
    """One class for the whole family; the parts say which member it is.

    ``Deterministic`` bottleneck: an auto-encoder. ``Gaussian`` bottleneck with a ``Normal`` prior: the VAE;
    with a weight other than 1 on its ``kl`` term: the beta-VAE. Losses: ``reconstruction`` (negative
    log-likelihood) and whatever the bottleneck names.

    ``refinement`` is the number of optimisation steps with which :meth:`infer` sharpens the encoder's answer
    (:func:`~timbrespace.models.refinement.refine`), where the bottleneck has a variance to guide them; ``beta``
    is the final weight of the ``kl`` term relative to that of ``reconstruction``, which these steps need to
    know.
    """

    def __init__(
        self,
        *,
        network: Network,
        bottleneck: Bottleneck,
        prior: Prior,
        likelihood: Likelihood,
        refinement: Annotated[int, Knob(0, 10_000, "steps")] = 0,
        beta: Wired[float] = 1.0,
    ) -> None:
        super().__init__()
        self.network = network
        self.bottleneck = bottleneck
        self.prior = prior
        self.likelihood = likelihood
        self.refinement = refinement
        self.beta = beta

    @property
    def latent_dim(self) -> int:
        return self.bottleneck.latent_dim

    @property
    def ratio(self) -> int:
        return self.network.ratio

    def encode(self, frames: Frames, *, generator: torch.Generator | None = None) -> Encoding:
        return Encoding((self.bottleneck(self.network.encode(frames), generator=generator),))

    @torch.no_grad()
    def infer(self, frames: Frames, *, refinement: int | None = None) -> Latents:
        level = self.encode(frames).levels[0]
        steps = self.refinement if refinement is None else refinement
        if steps == 0 or self.beta == 0 or (level.log_var is None and refinement is None):
            return level.mean
        if level.log_var is None:
            raise ParameterError(
                f"refinement={steps} needs a posterior with a variance, which the {type(self.bottleneck).__name__}"
                f" bottleneck has not; use the Gaussian bottleneck or refinement=0."
            )

        def energy(z: Latents) -> PerExample:
            parameters = self.network.decode(z)[..., : frames.shape[-1]]
            prior = self.prior.log_prob(z).sum(dim=1)
            return self.likelihood.negative_log_likelihood(parameters, frames) - self.beta * prior

        return refine(level, energy, beta=self.beta, steps=steps)

    def decode(self, latents: Latents) -> Frames:
        return self.likelihood.mean(self.network.decode(latents))

    @property
    def lookahead(self) -> int | None:
        return self.network.lookahead

    def decode_next(self, latents: Latents, memory: Memory) -> Frames:
        return self.likelihood.mean(self.network.decode_next(latents, memory))

    def players(self) -> dict[str, list[nn.Parameter]]:
        return {"model": [p for p in self.parameters() if p.requires_grad]}

    def initialise(self, batch: Batch, *, generator: torch.Generator) -> None:
        self.network.initialise(batch.x)

    def losses(self, batch: Batch, player: str, *, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        level = self.encode(batch.x, generator=generator).levels[0]
        parameters = self.network.decode(level.z)[..., : batch.target.shape[-1]]
        nll = self.likelihood.negative_log_likelihood(parameters, batch.target)
        return {"reconstruction": nll.mean(), **self.bottleneck.losses(level, self.prior, generator=generator)}

    def after_step(self, batch: Batch) -> None:
        """Nothing moves between steps in this family's Gaussian and deterministic members."""

    @torch.no_grad()
    def monitor(self, batch: Batch) -> dict[str, Tensor]:
        """Per example: negative log-likelihood at the posterior mean, squared error and energy of the target
        (sums over cells; their ratio is the unexplained share), latents, and KL per latent in nats per step.
        """
        level = self.encode(batch.x).levels[0]
        parameters = self.network.decode(level.z)[..., : batch.target.shape[-1]]
        figures = {
            "reconstruction": self.likelihood.negative_log_likelihood(parameters, batch.target),
            "squared_error": (self.likelihood.mean(parameters) - batch.target).square().sum(dim=(1, 2, 3)),
            "target_energy": batch.target.square().sum(dim=(1, 2, 3)),
            "latents": level.mean,
        }
        if level.log_var is not None:
            generator = torch_generator(0, "monitor", device=level.mean.device)
            figures["kl_per_dimension"] = self.prior.kl(level, generator=generator).mean(dim=2)
        return figures
