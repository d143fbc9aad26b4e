"""The map of an exploration: places of all sounds on a plane, the groups they fall into, and how far to believe it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from timbrespace.audio.descriptors import LOUDNESS, on_scale
from timbrespace.codecs.mapping import map_of
from timbrespace.core.codec import Codec
from timbrespace.core.seeds import torch_generator
from timbrespace.evaluation.explore_survey import MOMENT_SECONDS, QUIET_DB, Moments, Survey, groups_of
from timbrespace.evaluation.explore_turning import mel_db
from timbrespace.latent.clusters import Agreement, Clusters, agreement, find_clusters
from timbrespace.latent.distilled_map import MapErrors
from timbrespace.latent.maps import Pca, Umap
from timbrespace.latent.maps.faithfulness import Faithfulness, faithfulness
from timbrespace.latent.space import LatentSpace

PLACE_SECONDS, MOST_PLACES = 0.37, 4000
"""What one mark of the map stands for, and how many there are at most; more are thinned evenly."""
MOST_VALUES = 40
"""A label with more different values than these is a name and no kind."""
SILENT_LABELS = ("licence", "license")
"""What says nothing of how a sound sounds."""
HEARD_MOMENTS = 12
NEIGHBOURS = 40
"""More than UMAP's usual 15, since the places of one long note are all neighbours: they are not to part from others."""


@dataclass(frozen=True)
class Cluster:
    """One group: how many places it has; ``labels`` its commonest values of the report's label, each with the share of
    the cluster and of all places; ``deviations`` (descriptor,) of its medians from the medians of all, in standard
    deviations of all; whether it is next to silent; the number of its medoid.
    """

    size: int
    labels: list[tuple[str, float, float]]
    deviations: Tensor
    silent: bool
    medoid: int


@dataclass(frozen=True)
class Carried:
    """The map that a model carries: ``plane`` (place, 2) where it has the places, its stored errors, and what is heard:
    ``change_db`` between a moment decoded and the same sent over the map and back, ``apart_db`` between two moments.
    """

    plane: Tensor
    errors: MapErrors | None
    change_db: float
    apart_db: float


@dataclass(frozen=True)
class SpaceMap:
    """``places``, the moments on it; ``umap`` and ``pca`` (place, 2) and how faithful they are; the clusters, found in
    the space and not on the map; ``kinds``, the labels of every place by the label's name, their agreement with the
    clusters, and ``told``, the name of the label that agrees most; ``carried``, the model's own map if it has one.
    """

    places: Moments
    umap: Tensor
    pca: Tensor
    umap_faith: Faithfulness
    pca_faith: Faithfulness
    clusters: Clusters
    described: list[Cluster]
    kinds: dict[str, list[str]]
    agreements: dict[str, Agreement]
    told: str
    carried: Carried | None


def draw_map(codec: Codec, space: LatentSpace, found: Survey, *, seed: int = 0) -> SpaceMap:
    """Map moments of a third of a second, by the distances of the space, and describe the groups they fall into."""
    places = _thinned(found.moments(max(1, round(PLACE_SECONDS * codec.sample_rate / codec.ratio))))
    points = space.project(places.position)
    umap, pca = (method.embed(points, seed=seed) for method in (Umap(n_neighbors=NEIGHBOURS), Pca()))
    clusters = find_clusters(points, fitted=_apart(places), seed=seed)
    kinds = _kinds(found, places)
    agreements = {name: agreement(clusters.label, values, seed=seed) for name, values in kinds.items()}
    told = max(kinds, key=lambda name: _worth(agreements[name]))
    return SpaceMap(
        places=places,
        umap=umap,
        pca=pca,
        umap_faith=faithfulness(points, umap, seed=seed),
        pca_faith=faithfulness(points, pca, seed=seed),
        clusters=clusters,
        described=_describe(clusters, places, kinds[told]),
        kinds=kinds,
        agreements=agreements,
        told=told,
        carried=_carried(codec, found, places, seed=seed),
    )


def _apart(places: Moments) -> Tensor:
    """Which places (place,) are a moment of sound apart: those between are no observations of their own."""
    every = max(1, round(MOMENT_SECONDS / PLACE_SECONDS))
    return places.step // places.steps % every == 0


def excerpt_of(found: Survey, places: Moments, number: int, codec: Codec) -> Tensor:
    """The recording (channel, time) from a place on, long enough to be recognised."""
    first = int(places.step[number]) * codec.ratio
    sound = found.split.sound(int(places.source[number]))
    length = round(MOMENT_SECONDS * codec.sample_rate)
    first = max(0, min(first, sound.shape[1] - length))
    return sound[:, first : first + length]


def _thinned(moments: Moments) -> Moments:
    kept = slice(None, None, -(-len(moments.source) // MOST_PLACES))
    return Moments(
        moments.steps, moments.source[kept], moments.step[kept], moments.position[kept], moments.descriptors[kept]
    )


def _kinds(found: Survey, places: Moments) -> dict[str, list[str]]:
    """The labels of every place: what the data set knows of its sounds, and the folder or first word of their names."""
    known = [source.labels for source in found.split.sources]
    kinds = {"kind of sound": groups_of(found.names)}
    for name in sorted(set().union(*known) - set(SILENT_LABELS)):
        values = [labels.get(name, "unknown") for labels in known]
        if 2 <= len(set(values)) <= min(MOST_VALUES, max(2, len(values) // 2)):
            kinds[name] = values
    return {name: [values[i] for i in places.source.tolist()] for name, values in kinds.items()}


def _worth(agreed: Agreement) -> float:
    gain = agreed.mutual_information - agreed.by_chance
    return gain if math.isfinite(gain) else -1.0


def _describe(clusters: Clusters, places: Moments, kinds: list[str]) -> list[Cluster]:
    heard = on_scale(places.descriptors)
    middle = heard.nanmedian(dim=0).values
    spread = (heard - heard.nanmean(0)).square().nanmean(0).sqrt().clamp_min(1e-9)
    described = []
    for cluster, medoid in enumerate(clusters.medoids.tolist()):
        members = clusters.label == cluster
        own = heard[members].nanmedian(dim=0).values
        described.append(
            Cluster(
                size=int(members.sum()),
                labels=_shares([k for k, m in zip(kinds, members.tolist(), strict=True) if m], kinds),
                deviations=(own - middle) / spread,
                silent=float(own[LOUDNESS]) < QUIET_DB,
                medoid=medoid,
            )
        )
    return described


def _shares(own: list[str], everyone: list[str]) -> list[tuple[str, float, float]]:
    """The three commonest values among ``own``, with their shares there and among everyone."""
    values = sorted(set(own), key=lambda v: (-own.count(v), v))[:3]
    return [(v, own.count(v) / len(own), everyone.count(v) / len(everyone)) for v in values]


def _carried(codec: Codec, found: Survey, places: Moments, *, seed: int) -> Carried | None:
    carried = map_of(codec)
    if carried is None:
        return None
    steps = max(2, round(MOMENT_SECONDS * codec.sample_rate / codec.ratio))
    moments = found.moments(steps)
    loud = moments.audible
    drawn = loud[torch.randperm(len(loud), generator=torch_generator(seed, "carried map"))[:HEARD_MOMENTS]]
    tracks = torch.stack([found.trajectory(moments, int(m)) for m in drawn])
    both = torch.cat([tracks, carried.from_map(carried.to_map(tracks))])
    # Decoded together: spectra are held at a level below the loudest of all of them.
    own, sent = mel_db(codec.decode(both.mT.contiguous()), codec.sample_rate).chunk(2)
    return Carried(
        plane=carried.to_map(places.position),
        errors=carried.errors,
        change_db=float((own - sent).abs().mean()),
        apart_db=float((own - own.roll(1, 0)).abs().mean()) if len(drawn) > 1 else float("nan"),
    )
