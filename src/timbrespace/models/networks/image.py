"""What networks for pictures of one size share."""

from __future__ import annotations

from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import Frames, Latents
from timbrespace.layers.memory import Memory
from timbrespace.models.networks.base import CANNOT_STREAM, Network, Parameters, check_size


class ImageNetwork(Network):
    """A network for frames of one size (``n_channels``, ``n_features``, ``n_frames``); it knows no time."""

    def __init__(
        self,
        *,
        n_features: int,
        n_channels: int,
        n_frames: int,
        n_statistics: int,
        latent_dim: int,
        n_parameters: int,
    ) -> None:
        super().__init__()
        self.n_features, self.n_channels, self.n_frames = n_features, n_channels, n_frames
        self.n_statistics, self.latent_dim, self.n_parameters = n_statistics, latent_dim, n_parameters
        self.lookahead = None
        self.grid = ()

    @property
    def ratio(self) -> int:
        return 0

    def check(self, frames: Frames) -> None:
        """Raise :class:`~timbrespace.core.errors.ParameterError` for pictures of another size."""
        check_size(self, frames)

    def decode_next(self, latents: Latents, memory: Memory) -> Parameters:
        raise ParameterError(CANNOT_STREAM)

    def initialise(self, frames: Frames) -> None:
        """Nothing: the random start needs no data."""


def smallest_map(size: tuple[int, int], channels: list[int], *, kind: str) -> tuple[int, int]:
    """Height and width after one halving per number in ``channels``.

    Raises :class:`~timbrespace.core.errors.ParameterError` where there is no number, or a side does not halve.
    """
    if not channels:
        raise ParameterError(f"{kind}'s 'channels' is empty; give one number per halving, for example [32, 64].")
    factor = 2 ** len(channels)
    if size[0] % factor or size[1] % factor:
        raise ParameterError(
            f"{kind} halves pictures once per number of 'channels' {channels}, and {size[0]} x {size[1]} do not divide"
            f" by {factor}; give fewer channels or pictures whose sides are multiples of {factor}."
        )
    return size[0] // factor, size[1] // factor
