"""Groups that the data fall into by themselves, and how far they are the groups that have names."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import derived_seed, numpy_generator
from timbrespace.latent.space import LatentSpace

MOST_CLUSTERS = 12
"""More are no longer a help to anyone who looks at a map."""
FIDELITY, MOST_AXES = 0.95, 8
"""Clusters are looked for on the principal axes that hold this share of the variance, and on no more than these."""
MOST_FITTED = 4096
"""Points that mixtures are fitted to; more are thinned evenly."""
FEWEST_EACH, FEWEST_MEMBERS = 8, 4
"""Points per cluster that there have to be on average, for so many clusters to be tried, and in every single one: fewer
are stray points, which go to the likeliest of the others."""
RIDGE = 1e-3
"""Added to each variance, where that of the widest axis is 1."""
MEDOID_AMONG = 1000
SHUFFLES = 20


@dataclass(frozen=True)
class Clusters:
    """``label`` (n,) the cluster of every point, 0 being the largest; ``medoids`` (cluster,) the numbers of the points
    nearest to all others of their cluster; ``evidence`` the criterion by number of components tried, lower is better.
    """

    label: Tensor
    medoids: Tensor
    evidence: dict[int, float]

    @property
    def sizes(self) -> list[int]:
        """Points in each cluster."""
        return torch.bincount(self.label, minlength=len(self.medoids)).tolist()


@dataclass(frozen=True)
class Agreement:
    """Of clusters with labels: ``adjusted_rand`` is 1 for the same groups and 0 by chance (L. Hubert and P. Arabie
    1985); ``mutual_information`` is normalised by the mean entropy, 0 to 1, and ``by_chance`` its mean over
    shuffled labels, which is above 0. NaN where all points have one label.
    """

    adjusted_rand: float
    mutual_information: float
    by_chance: float


def find_clusters(
    points: Float[Tensor, "n axis"], *, fitted: Bool[Tensor, " n"] | None = None, seed: int = 0
) -> Clusters:
    """The groups of points, as many as the data support, perhaps one.

    Gaussian mixtures of 1 to :data:`MOST_CLUSTERS` components, with full and with diagonal covariances, are fitted on
    the principal axes; the one with the least integrated completed likelihood criterion is taken,
    ``ICL = -2 log likelihood + parameters log n - 2 sum_i sum_k r_ik log r_ik`` with r the responsibilities (C.
    Biernacki, G. Celeux and G. Govaert, "Assessing a mixture model for clustering with the integrated completed
    likelihood", 2000). Unlike the Bayesian criterion alone, it does not cover one group that is not normal with many
    that overlap. ``fitted`` (n,) says which points the mixtures are fitted to, all if None: leave out what is no
    observation of its own, such as the next moment of the same note, or every long note becomes a group.
    """
    if not bool(torch.isfinite(points).all()):
        raise ParameterError("Clusters are looked for among finite points; these hold NaN or infinite values.")
    if not len(points):
        raise ParameterError("Clusters are looked for among one point or more; there are none.")
    label, evidence = np.zeros(len(points), np.int64), {1: 0.0}
    chosen = torch.ones(len(points), dtype=torch.bool) if fitted is None else fitted
    if int(chosen.sum()) >= 2 * FEWEST_EACH and bool((points != points[0]).any()):
        label, evidence = _mixtures(_reduced(points), chosen.numpy(), derived_seed(seed, "clusters") % 2**32)
    _, label, counts = np.unique(label, return_inverse=True, return_counts=True)
    rank = np.empty(len(counts), np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    labels = torch.from_numpy(rank[label])
    medoids = torch.tensor([_medoid(points, (labels == k).nonzero().flatten()) for k in range(len(counts))])
    return Clusters(labels, medoids, evidence)


def agreement(clusters: Tensor, labels: Sequence[str], *, seed: int = 0) -> Agreement:
    """How far clusters (n,) are the groups that n labels name."""
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    if len(clusters) != len(labels):
        raise ParameterError(f"{len(clusters)} clustered points need as many labels, not {len(labels)}.")
    if len(set(labels)) < 2:
        return Agreement(float("nan"), float("nan"), float("nan"))
    found = clusters.numpy()
    named = np.unique(np.asarray(labels), return_inverse=True)[1]
    generator = numpy_generator(seed, "agreement")
    chance = [normalized_mutual_info_score(generator.permutation(named), found) for _ in range(SHUFFLES)]
    return Agreement(
        float(adjusted_rand_score(named, found)),
        float(normalized_mutual_info_score(named, found)),
        float(np.mean(chance)),
    )


def _reduced(points: Tensor) -> np.ndarray:
    """Coordinates on the first principal axes, in units of the widest one's deviation."""
    space = LatentSpace.fit(points.float())
    kept = max(1, min(MOST_AXES, space.informative(FIDELITY)))
    return (space.project(points.float())[:, :kept] / space.deviations[0].clamp_min(1e-30)).double().numpy()


def _mixtures(points: np.ndarray, chosen: np.ndarray, draw: int) -> tuple[np.ndarray, dict[int, float]]:
    """The label of every point by the best mixture, and the better criterion of both shapes for each count."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    fitted = points[chosen]
    fitted = fitted[:: -(-len(fitted) // MOST_FITTED)]
    different = len(np.unique(fitted, axis=0))
    best, lowest = None, np.inf
    evidence: dict[int, float] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a mixture that could be a little better still compares
        for count in range(1, min(MOST_CLUSTERS, different, len(fitted) // FEWEST_EACH) + 1):
            for shape in ("full", "diag"):
                mixture = GaussianMixture(count, covariance_type=shape, reg_covar=RIDGE, random_state=draw)
                criterion = _completed(mixture.fit(fitted), fitted)
                evidence[count] = min(criterion, evidence.get(count, np.inf))
                if criterion < lowest:
                    best, lowest = mixture, criterion
    if best is None:
        return np.zeros(len(points), np.int64), evidence
    members = np.bincount(best.predict(fitted), minlength=best.n_components)
    likely = best.predict_proba(points) + 1e-300 * best.weights_  # where all others are impossible, the commonest
    return np.where(members >= FEWEST_MEMBERS, likely, -1.0).argmax(1), evidence


def _completed(mixture: object, points: np.ndarray) -> float:
    """The criterion: the Bayesian one and twice the entropy of the responsibilities."""
    share = mixture.predict_proba(points)  # type: ignore[attr-defined]  # scikit-learn has no types
    return float(mixture.bic(points) - 2 * (share * np.log(np.maximum(share, 1e-300))).sum())  # type: ignore[attr-defined]


def _medoid(points: Tensor, members: Tensor) -> int:
    some = members[:: -(-len(members) // MEDOID_AMONG)]
    return int(members[torch.cdist(points[members].float(), points[some].float()).sum(1).argmin()])
