"""How a map is distilled into two small networks."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import numpy_generator, torch_generator
from timbrespace.latent.correlation import independent_units
from timbrespace.latent.distilled_map import DistilledMap, MapErrors
from timbrespace.latent.maps import MapMethod, Umap
from timbrespace.latent.maps.faithfulness import faithfulness
from timbrespace.latent.maps.planes import principal_plane
from timbrespace.latent.space import LatentSpace

FEWEST = 100
MOST = 8192
"""Vectors learned from; more are thinned evenly."""
HELD_OUT = 0.2
STEPS, BATCH, RATE = 800, 512, 4e-3
BACK = 2.0
"""Weight of what comes back from the map, beside the error on the map. A plane cannot hold a space: with the weight 0
the map is the method's, with more it gives up some of that to tell more of the space (and, as it happens, keeps
neighbours of unseen sounds better)."""
SHAKEN = 0.3
"""Noise on what the networks see, in the data's standard deviations: unseen sounds land better for it."""
CROWD = 10


def distil(
    vectors: Float[Tensor, "n latent"],
    *,
    source: Tensor | None = None,
    metric: Tensor | None = None,
    method: MapMethod | None = None,
    seed: int = 0,
) -> DistilledMap:
    """The map of ``vectors`` as networks both ways, with its errors.

    ``method`` (UMAP) draws a map of at most :data:`MOST` vectors, in the distances of ``metric`` (identity if None).
    Both networks learn together, by Adam with the learning rate of one cycle: ``|f(x) - p|² + 2 |g(f(x)) - x|²``,
    means over coordinates (after T. Sainburg, L. McInnes and T. Gentner, "Parametric UMAP embeddings", 2021, who
    reconstruct as well, but learn the method's own loss). A fifth of the sounds (``source`` (n,)), or of runs of
    successive vectors where there are few, is held out for the errors.
    """
    space = LatentSpace.fit(vectors, metric=metric)
    if len(vectors) < FEWEST or space.informative(1.0) == 0:
        raise ParameterError(f"A map is distilled from {FEWEST} different vectors or more; these are {len(vectors)}.")
    thinned = slice(None, None, -(-len(vectors) // MOST))
    x = space.project(vectors[thinned].float())
    scale = x.square().mean().sqrt()
    x = x / scale
    held = _held_out(len(x), None if source is None else source[thinned], seed)
    places = (method or Umap()).embed(x, seed=seed)
    made = DistilledMap(space.mean, space.axes / scale, space.directions.T * scale)
    _learn(made, x[~held], places[~held], torch_generator(seed, "distil"))
    made.errors = _errors(made, x, places, held)
    return made.requires_grad_(requires_grad=False).eval()


def _held_out(n: int, source: Tensor | None, seed: int) -> Tensor:
    """Which of the vectors (n,) are held out: whole sounds or runs, one at least and not all."""
    units = torch.from_numpy(independent_units(n, source))
    count = int(units.max()) + 1
    chosen = numpy_generator(seed, "distil", "held out").permutation(count)[: max(1, round(HELD_OUT * count))]
    return torch.isin(units, torch.from_numpy(chosen))


def _learn(made: DistilledMap, x: Tensor, places: Tensor, generator: torch.Generator) -> None:
    made.initialise(generator)
    optimiser = torch.optim.Adam(made.parameters(), lr=RATE, betas=(0.9, 0.99))
    pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS)
    with torch.enable_grad():
        for step in range(STEPS):
            # First the place, then what comes back: both at once may settle in a map of the networks' own.
            weight = BACK * min(1.0, 2 * step / STEPS)
            drawn = torch.randint(len(x), (BATCH,), generator=generator)
            truth = x[drawn]
            seen = made.forth(truth + SHAKEN * torch.randn(truth.shape, generator=generator))
            loss = (seen - places[drawn]).square().mean() + weight * (made.back(seen) - truth).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            pace.step()


@torch.no_grad()
def _errors(made: DistilledMap, x: Tensor, places: Tensor, held: Tensor) -> MapErrors:
    known, unseen = x[~held], x[held]
    at, at_known = made.forth(unseen), made.forth(known)
    near = torch.cdist(at, at_known).topk(min(CROWD, len(known)), dim=1, largest=False).indices
    total = (unseen - known.mean(0)).square().sum()

    def share(guess: Tensor) -> float:
        return 1 - float((guess - unseen).square().sum() / total)

    own, method = faithfulness(unseen, at), faithfulness(unseen, places[held])
    off, spread = (at - places[held]).square().mean(), places.square().mean()
    return MapErrors(
        map_error=float((off / spread).sqrt()),
        explained=share(made.back(at)),
        nearest=share(known[near[:, 0]]),
        nearest_ten=share(known[near].mean(1)),
        plane=share(_through_plane(x)[held]),
        trustworthiness=own.trustworthiness,
        continuity=own.continuity,
        method_trustworthiness=method.trustworthiness,
        method_continuity=method.continuity,
        held_out=float(len(unseen)),
        points=float(len(x)),
    )


def _through_plane(x: Tensor) -> Tensor:
    """Every vector as its principal plane has it."""
    mean, plane = x.mean(0), principal_plane(x)
    return mean + plane @ torch.linalg.lstsq(plane.double(), (x - mean).double(), driver="gelsd").solution.float()
