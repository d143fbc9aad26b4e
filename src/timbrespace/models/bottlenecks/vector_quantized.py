"""The bottleneck of the vector-quantised auto-encoder."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Latents, Statistics
from timbrespace.layers.codebook import gathered, nearest
from timbrespace.layers.kmeans import kmeans
from timbrespace.models.bottlenecks.base import Bottleneck
from timbrespace.models.encoding import Level
from timbrespace.models.priors.base import Prior

SMOOTHING = 1e-5
"""Pseudo-count of the Laplace smoothing, in vectors: no code divides by nothing."""

MOST_VECTORS = 64
"""Vectors per code that k-means looks at: more find hardly better codes."""


class VectorQuantized(Bottleneck):
    """Each step's vector ``e`` (the statistics themselves) becomes the nearest of ``codebook_size`` codes, ``q``.

    ``z = q`` going forward, and its gradient is handed to ``e`` unchanged (straight-through); ``mean`` is ``e``,
    ``codes`` (batch, step) are the integers. With ``sg`` a value that passes no gradient on, the losses are

    - ``commitment`` = ``|e - sg[q]|^2``, which keeps the encoder near the codes; recipes weigh it with about 0.25;
    - ``codebook`` = ``|sg[e] - q|^2``, which moves the codes; only with ``update="gradient"``,

    summed over latents and steps, batch means. With ``update="ema"`` the codes are means of what they gather: with
    the share ``n_k / n`` of a batch's ``n`` vectors that code ``k`` has, and the sum ``s_k`` of these vectors,

    ``N_k <- decay N_k + (1 - decay) n_k / n``, ``m_k <- decay m_k + (1 - decay) s_k / n``,
    ``q_k = m_k / N'_k``, ``N'_k = (N_k + eps / n) sum(N) / (sum(N) + K eps / n)``, ``eps = 1e-5``:

    van den Oord's formulas with counts divided by ``n``, so that batches may differ in size.

    A code that gathers fewer than ``restart_below`` vectors per batch (moving average) moves to a random vector of the
    batch; where batches are small, fewer than half an equal share, ``n / (2 K)``. ``None`` turns this off. With
    ``start_after`` the first so many steps go unquantised (``z = e``, losses 0), and the codebook is then set from the
    last of their batches. A fresh codebook is random: :meth:`initialise` sets it by k-means.

    (van den Oord, Vinyals & Kavukcuoglu, "Neural Discrete Representation Learning", 2017,
    https://arxiv.org/abs/1711.00937; moving averages: its appendix, and Razavi, van den Oord & Vinyals, "Generating
    Diverse High-Fidelity Images with VQ-VAE-2", 2019, https://arxiv.org/abs/1906.00446; restarts: Dhariwal et al.,
    "Jukebox", 2020, https://arxiv.org/abs/2005.00341; k-means++: Arthur & Vassilvitskii 2007.)
    """

    codebook: Tensor
    shares: Tensor
    sums: Tensor
    steps: Tensor

    def __init__(
        self,
        *,
        latent_dim: Annotated[int, Knob(1, 4096)] = 64,
        codebook_size: Annotated[int, Knob(2, 65_536, "codes")] = 512,
        update: Literal["ema", "gradient"] = "ema",
        decay: Annotated[float, Knob(0.0, 0.99999)] = 0.99,
        restart_below: Annotated[float | None, Knob(0.001, 10_000.0, "vectors")] = 2.0,
        start_after: Annotated[int, Knob(0, 10_000_000, "steps")] = 0,
    ) -> None:
        super().__init__()
        self.latent_dim, self.codebook_size = latent_dim, codebook_size
        self.update, self.decay = update, decay
        self.restart_below, self.start_after = restart_below, start_after
        codes = torch.randn(codebook_size, latent_dim)
        if update == "gradient":
            self.codebook = nn.Parameter(codes)
        else:
            self.register_buffer("codebook", codes)
            self.register_buffer("sums", codes / codebook_size)
        self.register_buffer("shares", torch.full((codebook_size,), 1.0 / codebook_size))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self._left: tuple[Tensor, Tensor] | None = None

    @property
    def n_statistics(self) -> int:
        return self.latent_dim

    @property
    def quantises(self) -> bool:
        """Whether the steps that ``start_after`` leaves unquantised are over."""
        return self.start_after == 0 or int(self.steps) >= self.start_after

    def accept(self, prior: Prior | None) -> None:
        if prior is not None:
            raise ParameterError(
                f"A {type(self).__name__} bottleneck takes no prior, not {type(prior).__name__}: codes are integers,"
                f" which are compared with no density of vectors; leave the prior out, and fit a model of the codes"
                f" afterwards."
            )

    def forward(self, statistics: Statistics, *, generator: torch.Generator | None = None) -> Level:
        encoded = statistics.to(self.codebook.dtype)
        rows = encoded.detach().transpose(1, 2).reshape(-1, self.latent_dim)
        found = nearest(rows, self.codebook)
        if generator is not None and self.training and torch.is_grad_enabled():
            self._left = rows, found  # a training step: after_step() learns from it
        codes = found.reshape(statistics.shape[0], statistics.shape[2])
        if not self.quantises:
            return Level(z=encoded, mean=encoded, codes=codes)
        quantised = self._gathered(codes).detach()
        if encoded.requires_grad:
            quantised = quantised + (encoded - encoded.detach())  # exactly 0, with the gradient of ``encoded``
        return Level(z=quantised, mean=encoded, codes=codes)

    def losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        assert level.codes is not None  # forward() gives them
        terms = {"commitment": _squared_error(level.mean, level.z.detach())}
        if self.update == "gradient":
            codes = self._gathered(level.codes) if self.quantises else level.z.detach()
            terms["codebook"] = _squared_error(level.mean.detach(), codes)
        return terms

    @torch.no_grad()
    def initialise(self, vectors: Latents, *, generator: torch.Generator) -> None:
        rows = vectors.to(self.codebook.dtype).transpose(1, 2).reshape(-1, self.latent_dim)
        most = MOST_VECTORS * self.codebook_size
        if len(rows) > most:
            rows = rows[torch.randperm(len(rows), generator=generator, device=generator.device)[:most].to(rows.device)]
        self._place(kmeans(rows, self.codebook_size, generator=generator))

    @torch.no_grad()
    def after_step(self, *, generator: torch.Generator) -> None:
        left, self._left = self._left, None
        if left is None:
            return
        rows, codes = left
        self.steps += 1
        if self.start_after and int(self.steps) <= self.start_after:
            if int(self.steps) == self.start_after:
                self.initialise(rows.T[None], generator=generator)
            return
        self._average(rows, codes)
        if self.restart_below is not None:
            self._restart(rows, generator)

    def vectors_of(self, codes: Tensor) -> Latents:
        if codes.dtype not in (torch.int64, torch.int32) or codes.ndim != 2:
            raise ParameterError(
                f"Codes are whole numbers (batch, step), not {tuple(codes.shape)} of {codes.dtype}; they name vectors,"
                f" and a mean of two names is no name."
            )
        if codes.numel() and not 0 <= int(codes.min()) <= int(codes.max()) < self.codebook_size:
            wrong = int(codes.min()) if int(codes.min()) < 0 else int(codes.max())
            raise ParameterError(f"There is no code {wrong}; this codebook has 0 to {self.codebook_size - 1}.")
        return self._gathered(codes)

    def _gathered(self, codes: Tensor) -> Tensor:
        return F.embedding(codes, self.codebook).transpose(1, 2)

    def _average(self, rows: Tensor, codes: Tensor) -> None:
        """Move the shares, and by them the codes, a step towards a batch's."""
        counts, sums = gathered(rows, codes, self.codebook_size)
        n = len(rows)
        self.shares.lerp_(counts / n, 1.0 - self.decay)
        if self.update == "ema":
            self.sums.lerp_(sums / n, 1.0 - self.decay)
            total = self.shares.sum()  # 1, or a little more after restarts
            smooth = (self.shares + SMOOTHING / n) * total / (total + self.codebook_size * SMOOTHING / n)
            self.codebook.copy_(self.sums / smooth[:, None])

    def _restart(self, rows: Tensor, generator: torch.Generator) -> None:
        """Codes that gather too little move to vectors of the batch, with an equal share to begin with."""
        assert self.restart_below is not None  # after_step() asked
        draws = torch.randint(len(rows), (self.codebook_size,), generator=generator, device=generator.device)
        too_few = min(self.restart_below / len(rows), 0.5 / self.codebook_size)
        self._place(rows[draws.to(rows.device)], where=self.shares < too_few)

    def _place(self, codes: Tensor, where: Tensor | None = None) -> None:
        """Put codes in place, all or ``where`` a mask says, as if each had an equal share."""
        where = torch.ones_like(self.shares, dtype=torch.bool) if where is None else where
        self.codebook.copy_(torch.where(where[:, None], codes, self.codebook))
        self.shares.masked_fill_(where, 1.0 / self.codebook_size)
        if self.update == "ema":
            self.sums.copy_(torch.where(where[:, None], codes / self.codebook_size, self.sums))


def _squared_error(a: Latents, b: Latents) -> Tensor:
    """Sum over latents and steps, mean over the batch."""
    return (a - b).square().sum(dim=(1, 2)).mean()
