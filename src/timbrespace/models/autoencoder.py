"""The auto-encoder, composed from a network, a bottleneck, a prior and a likelihood."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor, nn

from timbrespace.core.batch import Batch
from timbrespace.core.component import Wired
from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.core.seeds import torch_generator
from timbrespace.core.shapes import Frames, Latents, PerExample, Statistics
from timbrespace.layers.memory import Memory
from timbrespace.models.base import Model
from timbrespace.models.bottlenecks.base import Bottleneck, Coded, Contested, Divergent, Posterior
from timbrespace.models.encoding import Encoding
from timbrespace.models.likelihoods.base import Likelihood, Parameters
from timbrespace.models.networks.base import Network, check_size
from timbrespace.models.priors.base import Anchored, Prior
from timbrespace.models.refinement import refine


class AutoEncoder(Model):
    """One class for the whole family; the parts say which member it is.

    ===================  =================================  ==========================================
    member               bottleneck                         terms beside ``reconstruction``
    ===================  =================================  ==========================================
    auto-encoder         ``Deterministic``                  none
    VAE, beta-VAE        ``Gaussian``                       ``kl`` (its weight is beta)
    WAE-MMD              ``Mmd``                            ``mmd``
    WAE-GAN              ``Adversarial``                    ``adversarial``; the critic's ``critic``
    FactorVAE            ``TotalCorrelation``               ``kl``, ``total_correlation``; ``critic``
    VQ-VAE               ``VectorQuantized``, no prior      ``commitment``, ``codebook``
    ===================  =================================  ==========================================

    ``reconstruction`` is the negative log-likelihood of the target, summed over its cells. A prior that makes no
    sense with the bottleneck is refused with the reason.

    ``refinement`` is the number of optimisation steps with which :meth:`infer` sharpens the encoder's answer
    (:func:`~timbrespace.models.refinement.refine`), where the bottleneck has a variance to guide them; ``beta``
    is the final weight of the ``kl`` term relative to that of ``reconstruction``, which these steps need to
    know.

    ``centred`` helps with pictures: their mean over training examples is subtracted before the encoder and, as
    parameters of the likelihood, added after the decoder, so that a fresh model says the average picture and learns
    what differs from it.
    """

    def __init__(
        self,
        *,
        network: Network,
        bottleneck: Bottleneck,
        likelihood: Likelihood,
        prior: Prior | None = None,
        refinement: Annotated[int, Knob(0, 10_000, "steps")] = 0,
        centred: bool = False,
        beta: Wired[float] = 1.0,
    ) -> None:
        super().__init__()
        bottleneck.accept(prior)
        if centred and network.ratio:
            raise ParameterError(
                f"A {type(network).__name__} network cannot be 'centred': its inputs have no one size."
            )
        self.network = network
        self.bottleneck = bottleneck
        self.prior = prior
        self.likelihood = likelihood
        self.refinement = refinement
        self.average: Tensor
        self.start: Tensor
        self.centred = centred
        self.beta = beta
        if centred:
            size = (network.n_channels, network.n_features, network.n_frames)
            self.register_buffer("average", torch.zeros(size))
            self.register_buffer("start", torch.zeros(size[0] * likelihood.n_parameters, *size[1:]))

    @property
    def latent_dim(self) -> int:
        return self.bottleneck.latent_dim

    @property
    def ratio(self) -> int:
        return self.network.ratio

    def placed_prior(self) -> Prior | None:
        """The prior as it stands now: one that is defined through the encoder, at its pseudo-inputs' posteriors."""
        if not isinstance(self.prior, Anchored):
            return self.prior
        return self.prior.anchored(self.bottleneck(self._statistics(self.prior.pseudo_inputs)))

    def encode(self, frames: Frames, *, generator: torch.Generator | None = None) -> Encoding:
        return Encoding((self.bottleneck(self._statistics(frames), generator=generator),))

    @torch.no_grad()
    def infer(self, frames: Frames, *, refinement: int | None = None) -> Latents:
        level = self.encode(frames).levels[0]
        steps = self.refinement if refinement is None else refinement
        if steps == 0 or self.beta == 0 or (level.log_var is None and refinement is None):
            return level.z
        prior = self.placed_prior()
        if level.log_var is None or prior is None:
            raise ParameterError(
                f"refinement={steps} needs a posterior with a variance, which the {type(self.bottleneck).__name__}"
                f" bottleneck has not; use the Gaussian bottleneck or refinement=0."
            )

        def energy(z: Latents) -> PerExample:
            parameters = self._decoded(z)[..., : frames.shape[-1]]
            return self.likelihood.negative_log_likelihood(parameters, frames) - self.beta * prior.log_prob(z).sum(1)

        return refine(level, energy, beta=self.beta, steps=steps)

    def decode(self, latents: Latents) -> Frames:
        return self.likelihood.mean(self._decoded(latents))

    @torch.no_grad()
    def sample_latents(self, n: int, *, generator: torch.Generator) -> Latents:
        prior = self.placed_prior()
        if prior is None:
            raise ParameterError(
                f"This model has no prior to sample from ({type(self.bottleneck).__name__} bottleneck);"
                f" sample from what its training found instead."
            )
        steps = math.prod(self.network.grid)
        return prior.sample(n * steps, generator=generator).unflatten(0, (n, steps)).transpose(1, 2)

    @property
    def lookahead(self) -> int | None:
        return self.network.lookahead

    def decode_next(self, latents: Latents, memory: Memory) -> Frames:
        return self.likelihood.mean(self.network.decode_next(latents, memory))

    def _statistics(self, frames: Frames) -> Statistics:
        if self.centred:
            check_size(self.network, frames)  # before arithmetic stretches a smaller one
        inputs = frames - self.average if self.centred else frames
        # Networks may answer in half precision; draws and divergences need all digits.
        return self.network.encode(inputs).to(frames.dtype)

    def _decoded(self, latents: Latents) -> Parameters:
        decoded = self.network.decode(latents)
        return decoded + self.start if self.centred else decoded

    def players(self) -> dict[str, list[nn.Parameter]]:
        critic = list(self.bottleneck.critic.parameters()) if isinstance(self.bottleneck, Contested) else []
        apart = {id(p) for p in critic}
        own = [p for p in self.parameters() if p.requires_grad and id(p) not in apart]
        return {"model": own, "critic": critic} if critic else {"model": own}

    def initialise(self, batch: Batch, *, generator: torch.Generator) -> None:
        self.network.initialise(batch.x)
        if self.centred:
            self.average.copy_(batch.x.mean(0))
            self.start.copy_(self.likelihood.parameters_of(batch.target.mean(0, keepdim=True))[0])
        if isinstance(self.prior, Anchored):
            self.prior.start_from(batch.x)
        if isinstance(self.bottleneck, Coded):
            with torch.no_grad():
                self.bottleneck.initialise(self._statistics(batch.x), generator=generator)

    def losses(self, batch: Batch, player: str, *, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        if player == "critic" and isinstance(self.bottleneck, Contested):
            with torch.no_grad():
                level, prior = self.encode(batch.x, generator=generator).levels[0], self.placed_prior()
            return self.bottleneck.critic_losses(level, prior, generator=generator)
        level = self.encode(batch.x, generator=generator).levels[0]
        parameters = self._decoded(level.z)[..., : batch.target.shape[-1]]
        nll = self.likelihood.negative_log_likelihood(parameters, batch.target)
        regularisers = self.bottleneck.losses(level, self.placed_prior(), generator=generator)
        return {"reconstruction": nll.mean(), **regularisers}

    def after_step(self, batch: Batch, *, generator: torch.Generator) -> None:
        if isinstance(self.bottleneck, Coded):
            self.bottleneck.after_step(generator=generator)

    @torch.no_grad()
    def monitor(self, batch: Batch) -> dict[str, Tensor]:
        """Per example: negative log-likelihood at the posterior mean, squared error and energy of the target
        (sums over cells; their ratio is the unexplained share), latents, and KL in nats per step: per
        latent, or in one part where it is not the latents' sum.
        """
        figures = self.latent_figures(batch.x)
        parameters = self._decoded(figures["latents"])[..., : batch.target.shape[-1]]
        error, energy = self.likelihood.errors(parameters, batch.target)
        nll = self.likelihood.negative_log_likelihood(parameters, batch.target)
        return {"reconstruction": nll, "squared_error": error, "target_energy": energy, **figures}

    @torch.no_grad()
    def latent_figures(self, frames: Frames) -> dict[str, Tensor]:
        level = self.encode(frames).levels[0]
        figures = {"latents": level.z}
        if level.codes is not None:
            figures["codes"] = level.codes
        prior = self.placed_prior()
        if isinstance(self.bottleneck, Divergent):
            figures["kl_per_dimension"] = self.bottleneck.divergence(level).mean(dim=1, keepdim=True).to(level.z.dtype)
        elif level.log_var is not None and prior is not None and prior.support == "space":
            generator = torch_generator(0, "monitor", device=level.mean.device)
            figures["kl_per_dimension"] = prior.kl(level, generator=generator).mean(dim=2)
        return figures

    @torch.no_grad()
    def log_weights(self, batch: Batch, *, generator: torch.Generator) -> PerExample:
        """One importance weight per example: ``log p(x | z) + log p(z) - log q(z | x)`` at one draw z, in nats.

        Its mean is the evidence lower bound; ``log mean exp`` over many draws tends to log p(x) (Burda, Grosse,
        Salakhutdinov 2016, https://arxiv.org/abs/1509.00519). Raises :class:`ParameterError` where the parts have
        no densities.
        """
        prior = self.placed_prior()
        binary = self.likelihood.support != "binary" or bool(((batch.target == 0) | (batch.target == 1)).all())
        defined = self.likelihood.density and binary
        if not isinstance(self.bottleneck, Posterior) or prior is None or not defined:
            raise ParameterError(
                f"The likelihood of data under a model with {type(self.bottleneck).__name__},"
                f" {type(self.prior).__name__ if self.prior else 'no prior'} and {type(self.likelihood).__name__} is"
                f" not defined: it takes a posterior, a prior and a likelihood with densities, and binary data for"
                f" Bernoulli."
            )
        level = self.encode(batch.x, generator=generator).levels[0]
        parameters = self._decoded(level.z)[..., : batch.target.shape[-1]]
        nll = self.likelihood.negative_log_likelihood(parameters, batch.target)
        return (prior.log_prob(level.z) - self.bottleneck.log_posterior(level.z, level)).sum(dim=1) - nll
