"""The motion's plane onto the plane of the data, and from there always to what was really heard."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.knob import Knob
from timbrespace.latent.mappings.base import Mapping
from timbrespace.latent.mappings.principal import principal
from timbrespace.latent.paths import Path, Points
from timbrespace.latent.surroundings import Surroundings
from timbrespace.motion.track import Track

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


class Corpus(Mapping):
    """Where the hand points to on the map of the data's first two axes, the sounds that lie there.

    The motion's first two principal components are scaled to the data's standard deviations (times ``amount``). For
    every step, ``candidates`` are the points of the data nearest on this plane; of these a chain is chosen that
    costs least in ``d_plane² + continuity d_space²`` (Viterbi 1967): near to the hand, and without leaps to other
    sounds that happen to lie below the same place. The chain is averaged over ``smoothing`` seconds, which may lead
    out of the data, and led back: a step is the mean of the ``neighbours`` points of the data nearest to it in the
    whole space, weighted by ``1 - d / d'``, with d' the distance of the next one, so that none leaps in or out. Such a
    mean stays among the data where a straight map into the space would leave them.
    """

    def __init__(
        self,
        *,
        amount: Annotated[float, Knob(0.0, 10.0)] = 1.0,
        candidates: Annotated[int, Knob(1, 256)] = 32,
        neighbours: Annotated[int, Knob(1, 256)] = 8,
        continuity: Annotated[float, Knob(0.0, 100.0)] = 0.5,
        smoothing: Annotated[float, Knob(0.0, 10.0, "s")] = 0.05,
    ) -> None:
        self.amount, self.candidates, self.neighbours = amount, candidates, neighbours
        self.continuity, self.smoothing = continuity, smoothing

    def points(self, track: Track, surroundings: Surroundings) -> Points:
        space = surroundings.space
        data = space.project(surroundings.vectors).double().numpy()
        plane = principal(track, most=min(2, data.shape[1]))
        targets = self.amount * plane * space.deviations[: plane.shape[1]]
        near, distances = _nearest(data[:, : plane.shape[1]], targets, self.candidates)
        chain = near[np.arange(len(near)), _chain(data[near], distances**2, self.continuity)]
        led = Path(torch.from_numpy(data[chain]).float(), track.rate_hz).smooth(self.smoothing).points
        among, distances = _nearest(data, led, self.neighbours + 1)
        weights = torch.from_numpy(_weights(distances)).float()
        return (weights[..., None] * surroundings.vectors[torch.from_numpy(among)]).sum(1)


def _nearest(data: Array, targets: Float[Tensor, "step axis"], count: int) -> tuple[np.ndarray, Array]:
    """Indices (step, count) of the nearest points and their distances; of all there are, if these are fewer."""
    from scipy.spatial import cKDTree

    if data.shape[1] == 0:  # nothing moves: the middle of the data
        data, targets = np.zeros((len(data), 1)), torch.zeros(len(targets), 1)
    k = min(count, len(data))
    distances, indices = cKDTree(data).query(targets.double().numpy(), k=range(1, k + 1))
    return np.asarray(indices), np.asarray(distances)


def _weights(distances: Array) -> Array:
    """``1 - d / d'``, d' being the last of the distances (step, neighbour), of sum one; equal if none is left."""
    last = distances[:, -1:]
    weights = 1 - distances / np.maximum(last, 1e-12)
    total = weights.sum(1, keepdims=True)
    equal = np.full(distances.shape, 1 / distances.shape[1])
    return np.where(total > 1e-9, weights / np.maximum(total, 1e-9), equal)


def _chain(candidates: Array, costs: Array, continuity: float) -> np.ndarray:
    """Which candidate (step, candidate, axis) to take at each step, by dynamic programming."""
    squares = np.square(candidates).sum(2)
    total, back = costs[0].copy(), np.zeros(costs.shape, dtype=np.int64)
    for t in range(1, len(costs)):
        # |a - b|² by its three terms: one small product of matrices instead of a table of differences.
        leap = squares[t - 1][:, None] + squares[t] - 2 * candidates[t - 1] @ candidates[t].T
        through = total[:, None] + continuity * leap
        back[t] = through.argmin(0)
        total = through.min(0) + costs[t]
    chosen = np.empty(len(costs), dtype=np.int64)
    chosen[-1] = int(total.argmin())
    for t in range(len(costs) - 1, 0, -1):
        chosen[t - 1] = back[t, chosen[t]]
    return chosen
