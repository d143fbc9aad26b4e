"""What a way through a space may go by: the space, the sounds in it, and the recordings it begins and ends with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.latent.paths import Trajectory
from timbrespace.latent.space import LatentSpace


@dataclass(frozen=True)
class Surroundings:
    """``vectors`` (n, latent), the latents of sounds one after the other, and ``source`` (n,), the sound of each.

    ``start`` and ``end`` are the latents (step, latent) of two recordings, or nothing where none was given.
    ``descriptors`` (n, descriptor) is what is heard at each vector, NaN where undefined, and ``names`` are those of the
    sounds, by the numbers in ``source``: both as far as they are known.
    """

    space: LatentSpace
    vectors: Float[Tensor, "n latent"]
    source: Tensor
    start: Tensor | None = None
    end: Tensor | None = None
    descriptors: Float[Tensor, "n descriptor"] | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        size = len(self.space.mean)
        for name in ("vectors", "start", "end"):
            points = getattr(self, name)
            if points is not None and (points.ndim != 2 or points.shape[1] != size or not len(points)):
                raise ParameterError(
                    f"The latents in {name!r} are points (step, {size}) of a space of {size}, at least one, not shape"
                    f" {tuple(points.shape)}."
                )
            if points is not None and not bool(points.isfinite().all()):
                raise ParameterError(f"The latents in {name!r} are not all finite; the model or the sound is damaged.")
        if self.source.shape != (len(self.vectors),):
            raise ParameterError(
                f"{len(self.vectors)} vectors need as many sources, not shape {tuple(self.source.shape)}."
            )

    @cached_property
    def sounds(self) -> tuple[Trajectory, ...]:
        """The latents (step, latent) of each sound, in the order in which they are held."""
        cuts = (self.source.diff() != 0).nonzero().flatten() + 1
        return self.vectors.tensor_split(cuts)

    def ends(self, generator: torch.Generator) -> tuple[Trajectory, Trajectory]:
        """The recordings a path leads between; one that was not given is drawn from the sounds.

        Two drawn ones differ where there is more than one sound.
        """
        order = torch.randperm(len(self.sounds), generator=generator).tolist()
        start = self.sounds[order[0]] if self.start is None else self.start
        end = self.sounds[order[-1]] if self.end is None else self.end
        return start, end
