"""A map that a model carries with it: two small networks, from the space to the plane and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor, nn

from timbrespace.core.errors import BundleError

HIDDEN = 48
"""Units in both hidden layers of both networks: some thousand parameters for a usual space."""
LAYERS = 3


@dataclass(frozen=True)
class MapErrors:
    """What the map loses, on points of sounds that its networks were not trained on.

    ``map_error``: root mean squared distance on the map from where the method had placed the point, as a share of the
    map's spread (root mean squared distance from its centre). ``explained``: the share of a point's variance in the
    space that is told by its place on the map, ``1 - |z - from_map(to_map(z))|² / |z - mean|²``, distances in the
    space's metric; beside it the shares for ``nearest`` (the training point nearest on the map), ``nearest_ten``
    (the mean of ten) and ``plane`` (the principal plane, linear both ways). ``trustworthiness`` and ``continuity`` of
    the network's map (:func:`~timbrespace.latent.maps.faithfulness.faithfulness`), and of the method's own map of the
    same points. ``held_out`` and ``points`` are counts.
    """

    map_error: float
    explained: float
    nearest: float
    nearest_ten: float
    plane: float
    trustworthiness: float
    continuity: float
    method_trustworthiness: float
    method_continuity: float
    held_out: float
    points: float


class DistilledMap(nn.Module):
    """``to_map(z) = f(A (z - mean))`` and ``from_map(p) = B g(p) + mean``.

    f and g are perceptrons with two hidden layers of SiLU units. ``axes`` A (latent, latent) takes latents to
    coordinates in which distances are those of the space's metric and the mean square is 1, ``directions`` B is its
    inverse. Nothing but tensor operations, so that it can be scripted, traced and exported.
    """

    mean: Tensor
    axes: Tensor
    directions: Tensor

    def __init__(self, mean: Tensor, axes: Tensor, directions: Tensor, *, hidden: int = HIDDEN) -> None:
        super().__init__()
        latent = len(mean)
        self.register_buffer("mean", mean)
        self.register_buffer("axes", axes)
        self.register_buffer("directions", directions)
        self.forth = _perceptron(latent, hidden, 2)
        self.back = _perceptron(2, hidden, latent)
        self.errors: MapErrors | None = None

    def forward(self, z: Tensor) -> Tensor:
        """:meth:`to_map` by the name that exports look for."""
        return self.to_map(z)

    def to_map(self, z: Float[Tensor, "... latent"]) -> Float[Tensor, "... 2"]:
        """Places on the map of latent vectors; most lie within 3 of the origin."""
        return self.forth((z - self.mean) @ self.axes.mT)

    def from_map(self, places: Float[Tensor, "... 2"]) -> Float[Tensor, "... latent"]:
        """Latent vectors that lie at places of the map."""
        return self.back(places) @ self.directions.mT + self.mean

    def initialise(self, generator: torch.Generator) -> None:
        """Draw all weights: uniform with variance 1 / (3 inputs), torch's default, from the generator alone."""
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                bound = 1 / math.sqrt(layer.in_features)
                nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)

    def tensors(self) -> dict[str, Tensor]:
        """What a file stores; see :meth:`from_tensors`."""
        table = {name: tensor.detach() for name, tensor in self.state_dict().items()}
        if self.errors is not None:
            table["errors"] = torch.tensor(astuple(self.errors), dtype=torch.float64)
        return table

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> DistilledMap:
        """The map that :meth:`tensors` stored; raises :class:`BundleError` where they do not fit together."""
        table = dict(tensors)
        errors = table.pop("errors", None)
        try:
            if not table["axes"].shape == table["directions"].shape == (len(table["mean"]),) * 2:
                raise ValueError("its axes are not those of its mean")
            made = cls(table["mean"], table["axes"], table["directions"], hidden=len(table["forth.0.bias"]))
            made.load_state_dict(table, assign=True)
            made.errors = None if errors is None else MapErrors(*_numbers(errors))
        except (KeyError, RuntimeError, TypeError, ValueError, IndexError) as error:
            reason = str(error).splitlines()[0]
            raise BundleError(f"The map stored with this model does not fit together ({reason}); restore it.") from None
        return made.requires_grad_(requires_grad=False).eval()


def _numbers(errors: Tensor) -> list[float]:
    values = [float(v) for v in errors.tolist()]
    if len(values) != len(fields(MapErrors)):
        raise ValueError(f"{len(values)} errors are noted, and there are {len(fields(MapErrors))}")
    return values


def _perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    # Without memory for a moment, so that building draws nothing from the global generator.
    sizes = [inputs, *[hidden] * (LAYERS - 1), outputs]
    layers: list[nn.Module] = []
    for i in range(LAYERS):
        layers += [nn.utils.skip_init(nn.Linear, sizes[i], sizes[i + 1]), nn.SiLU()]
    return nn.Sequential(*layers[:-1])
