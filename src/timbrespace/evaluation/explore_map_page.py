"""The section of the report that shows the map and the groups the sounds fall into."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from timbrespace.audio.descriptors import DESCRIPTORS, NAMES
from timbrespace.evaluation.exploration import Exploration
from timbrespace.evaluation.explore_map import Carried, Cluster, excerpt_of
from timbrespace.evaluation.explore_words import adjective, decimal, most_telling
from timbrespace.evaluation.page import compact_player, escape, paragraph, section, table
from timbrespace.latent.clusters import MOST_CLUSTERS
from timbrespace.pictures.vector import KINDS, MARKS, Layer, kind_layers, ramp_layers, scatter

TOLD = 0.4
"""A cluster is told to be brighter if its median is so many standard deviations of all places above theirs."""
MUCH = 1.2
SHARE_TOLD = 0.1
BRIGHTNESS = NAMES.index("centroid")
AGREES, AGREES_LITTLE = 0.5, 0.1
"""Adjusted Rand indices from which clusters are said to be the groups with names, and a little so."""


def the_map(e: Exploration) -> str:
    """The map by neighbourhoods, coloured by cluster and by kind, beside the principal plane; the clusters in words."""
    m = e.map
    length = m.places.steps * e.codec.ratio / e.codec.sample_rate
    return section(
        "The map",
        paragraph(
            f"Every mark is {length:.2f} seconds of sound. Here all axes count: marks that lie together sound alike as"
            " far as the space can tell. Which group lies beside which means a little, how far apart two groups are"
            " means less, and left, right, up and down mean nothing. The last picture is the shadow that the space"
            " throws on its two longest directions: true to distances, blind to all other directions."
        ),
        f'<div class="maps">{"".join(_figures(e))}</div>',
        f"<p>{_belief(e)}</p>",
        f"<p>{_groups(e)}</p>",
        f'<div class="wide groups">{_table(e)}</div>',
        f"<p>{_carried(m.carried)}</p>" if m.carried else "",
    )


def _figures(e: Exploration) -> list[str]:
    m = e.map
    clusters, nowhere = m.clusters.label.numpy(), {"horizontal": "", "vertical": ""}
    kinds = m.kinds[m.told]
    pictures = [
        scatter(_cluster_layers(m.umap.numpy(), clusters), legend="group:", alt="the map by group", **nowhere),
        scatter(kind_layers(m.umap.numpy(), _few(kinds)), legend=f"{m.told}:", alt=f"the map by {m.told}", **nowhere),
    ]
    if m.carried:
        plane = m.carried.plane.numpy()
        words = "the model's own map; group:"
        pictures.append(scatter(_cluster_layers(plane, clusters), legend=words, alt="the model's own map", **nowhere))
    else:
        d = DESCRIPTORS[BRIGHTNESS]
        ramp = ramp_layers(m.umap.numpy(), m.places.descriptors[:, BRIGHTNESS].numpy(), (d.low, "", "", "", "", d.high))
        pictures.append(scatter(ramp, legend=f"{d.title}:", alt=f"the map by {d.title}", **nowhere))
    shadow = _cluster_layers(m.pca.numpy(), clusters)
    pictures.append(scatter(shadow, legend="the shadow; group:", alt="the principal plane by group", **nowhere))
    return pictures


def _cluster_layers(points: np.ndarray, clusters: np.ndarray) -> list[Layer]:
    """One layer per cluster, none like another in both colour and mark."""
    return [
        Layer(str(k + 1), points[clusters == k], KINDS[k % len(KINDS)], _mark(k))
        for k in range(int(clusters.max()) + 1)
    ]


def _few(kinds: Sequence[str], most: int = 8) -> list[str]:
    """Labels with all but the commonest called "other"."""
    names = sorted(set(kinds), key=lambda k: (-kinds.count(k), k))
    kept = set(names if len(names) <= most else names[: most - 1])
    return [k if k in kept else "other" for k in kinds]


def _belief(e: Exploration) -> str:
    map_, shadow = e.map.umap_faith, e.map.pca_faith
    if not math.isfinite(map_.trustworthiness):
        return "<b>There are too few places for a map by neighbourhoods</b>: it is the shadow."
    return (
        f"<b>How far to believe it:</b> are marks that lie together truly alike? {_percent(map_.trustworthiness)}"
        f" <small>(trustworthiness; the shadow {_percent(shadow.trustworthiness)})</small>. Do sounds that are alike"
        f" lie together? {_percent(map_.continuity)} <small>(continuity; the shadow {_percent(shadow.continuity)})"
        "</small>. Places drawn at random have about 50 % of both."
    )


def _groups(e: Exploration) -> str:
    number = len(e.map.described)
    if number == 1:
        return "<b>The sounds form one group</b>: the space has no gaps that would part them."
    if number == MOST_CLUSTERS:
        found = (
            f"<b>The sounds form a continuum more than groups</b>: the {number} below share it out, and no more were"
            " looked for."
        )
    else:
        found = f"<b>The sounds fall into {number} groups</b> by themselves, in the space with all its axes."
    return f"{found} {_agreements(e)}"


def _agreements(e: Exploration) -> str:
    """How far the groups are those with names: a sentence for the label that agrees most, figures for all."""
    told = {name: a for name, a in e.map.agreements.items() if math.isfinite(a.adjusted_rand)}
    if e.map.told not in told:
        return ""
    best = told[e.map.told].adjusted_rand
    much = "are nearly" if best >= AGREES else "are only partly" if best >= AGREES_LITTLE else "are not"
    figures = (
        f"{escape(name)} {decimal(a.adjusted_rand, 2)} (mutual information {a.mutual_information:.2f}, by chance"
        f" {a.by_chance:.2f})"
        for name, a in sorted(told.items(), key=lambda pair: -pair[1].mutual_information)
    )
    return (
        f"They {much} those that the labels name. <small>Agreement (adjusted Rand index, 1 is the same, 0 is chance)"
        f" with {'; '.join(figures)}.</small>"
    )


def _table(e: Exploration) -> str:
    rows = []
    for number, cluster in enumerate(e.map.described):
        where = _where(e, cluster.medoid)
        sound = excerpt_of(e.found, e.map.places, cluster.medoid, e.codec)
        rows.append(
            [
                f'<span class="key"><svg viewBox="-5 -5 10 10" aria-hidden="true"><path d="M0 0{_mark(number)}"'
                f' stroke="{KINDS[number % len(KINDS)]}" stroke-width="{6 if _mark(number) == "h0" else 2}"'
                f' class="points"/></svg></span><b>group {number + 1}</b>'
                f"<br><small>{100 * cluster.size / len(e.map.umap):.0f} % of all</small>",
                cluster_in_words(cluster),
                _labels(cluster),
                compact_player(sound, e.codec.sample_rate, f"group {number + 1}: {where}")
                + f"<small>{escape(where)}</small>",
            ]
        )
    return table(["", "sounds here are", f"by {e.map.told}", "the most typical one"], rows)


def _mark(cluster: int) -> str:
    return MARKS[(cluster + cluster // len(KINDS)) % len(MARKS)]


def cluster_in_words(cluster: Cluster) -> str:
    """How a cluster differs from all sounds: "much louder, brighter"."""
    if cluster.silent:
        return "next to silence"
    strength = cluster.deviations.abs().nan_to_num(0.0)
    told = []
    for index in most_telling(strength * (strength >= TOLD)):
        word = adjective(DESCRIPTORS[index], float(cluster.deviations[index]))
        told.append(f"much {word}" if float(strength[index]) >= MUCH and not word.startswith("more") else word)
    return ", ".join(told) or "like all sounds on average"


def _labels(cluster: Cluster) -> str:
    told = [
        f"{escape(value)} {100 * here:.0f} % <small>(of all {100 * everywhere:.0f} %)</small>"
        for value, here, everywhere in cluster.labels
        if here >= SHARE_TOLD
    ]
    return "<br>".join(told) or f"many kinds, none above {100 * SHARE_TOLD:.0f} %"


def _where(e: Exploration, place: int) -> str:
    seconds = int(e.map.places.step[place]) * e.codec.ratio / e.codec.sample_rate
    return f"{e.found.names[int(e.map.places.source[place])]} at {seconds:.1f} s"


def _carried(carried: Carried | None) -> str:
    if carried is None:
        return ""
    heard = (
        f" Sent over the map and back, a sound changes by {carried.change_db:.1f} dB"
        + (f"; two sounds differ by {carried.apart_db:.1f} dB" if math.isfinite(carried.apart_db) else "")
        + "."
    )
    errors = carried.errors
    told = (
        f" For sounds it was not made of, it tells {_percent(max(errors.explained, 0.0))} of where a sound lies, and is"
        f" {_percent(errors.map_error)} of its size off the map it learned from (trustworthiness"
        f" {_percent(errors.trustworthiness)}, continuity {_percent(errors.continuity)})."
        if errors
        else ""
    )
    return f"<b>The model carries a map</b>, made when it was trained: two numbers in place of many.{told}{heard}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if math.isfinite(share) and share > 0.9 else f"{100 * share:.0f} %"
