"""The report's drawings: learning curves, latent maps by class, KL per dimension, prior against sample quality."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from timbrespace.evaluation.benchmark.columns import COLUMNS
from timbrespace.evaluation.benchmark.columns import heading as column_heading
from timbrespace.evaluation.benchmark.findings import Correlation
from timbrespace.evaluation.benchmark.report_content import PRIOR_MEASURE, SAMPLE_MEASURE, Content, Trained
from timbrespace.evaluation.benchmark.report_layout import by_data, cards, fold, missing, note
from timbrespace.evaluation.benchmark.report_pictures import NO_PICTURES, Album
from timbrespace.evaluation.benchmark.report_words import CURVE_TITLES, class_names, data_title
from timbrespace.evaluation.benchmark.variants import Variant
from timbrespace.pictures.panels import (
    Axis,
    Point,
    axis_over,
    bar_panel,
    class_map,
    curve_panel,
    legend,
    paths_of,
    point_chart,
)

NOT_CURVES = ("step", "seconds")
FIRST_CURVES = ("nll", "elbo", "reconstruction", "mse", "unexplained")
"""The first of these that was recorded is shown unfolded."""
MOST_POINTS = 1000
"""Of a latent map; more would be a blot."""
EDGE = 0.005
"""The share of points at either end of a map's axis that are drawn at its border."""
Line = tuple[np.ndarray, np.ndarray]


def curves(content: Content) -> str:
    """Small multiples of every recorded curve, the most telling one unfolded."""
    names = sorted({n for c in content.cells for n in c.curve if n not in NOT_CURVES})
    names.sort(key=lambda n: FIRST_CURVES.index(n) if n in FIRST_CURVES else len(FIRST_CURVES))
    if not names:
        return missing("No training has left a learning curve yet.")
    return "\n".join(
        fold(
            curve_title(name),
            by_data(content, functools.partial(_curves, content, name, k)),
            opened=k == 0,
        )
        for k, name in enumerate(names)
    )


def curve_title(name: str) -> str:
    """A curve's name as people read it, with its unit."""
    return column_heading(name) if name in COLUMNS else CURVE_TITLES.get(name, name.replace("_", " "))


def _curves(content: Content, name: str, number: int, data: str) -> str:
    lines = {v.name: [line for c in content.of(data, v.name) if (line := _line(c, name))] for v in content.variants}
    every = [line for of in lines.values() for line in of]
    if not every:
        return missing("Not recorded here.")
    x = axis_over(np.concatenate([a for a, _ in every]), room=0)
    y = axis_over(np.concatenate([b for _, b in every]), cut=0.06)
    identity = f"curves-{number}-{content.data.index(data)}"

    def body(variant: Variant) -> str:
        if not lines[variant.name]:
            return missing("This curve was not recorded for it.")
        ends = [b[np.isfinite(b)][-1] for _, b in lines[variant.name] if np.isfinite(b).any()]
        alt = f"{variant.title} on {data_title(data)}: {curve_title(name)} over steps, {len(ends)} seeds"
        return curve_panel(lines[variant.name], x=x, y=y, behind=identity, x_title="step", alt=alt)

    behind = (
        f'<svg class="lines" aria-hidden="true"><defs><path id="{identity}" d="{paths_of(every, x, y)}"/></defs></svg>'
    )
    return behind + cards(content, data, body, width=9.5)


def _line(cell: Trained, name: str) -> Line | None:
    steps, values = cell.curve.get("step"), cell.curve.get(name)
    if not steps or not values or len(steps) != len(values):
        return None
    return np.array(steps, float), np.array([np.nan if v is None else v for v in values], float)


def maps(seen: Album) -> str:
    """Codes of training and test images by class, on the same axes."""
    content = seen.content

    def column(data: str) -> str:
        labels = [seen.of(data, v.name).get("labels_train", np.zeros(0, int)) for v in content.variants]
        n_classes = 1 + int(max((part.max() for part in labels if part.size), default=-1))
        keys = legend(class_names(data, n_classes)) if n_classes else ""
        return keys + cards(content, data, lambda v: _map(seen, data, v), width=17)

    most = f"At most {MOST_POINTS:,} images of each; the outermost hundredth of points is drawn at the border."
    return by_data(content, column) + note(most)


def _map(seen: Album, data: str, variant: Variant) -> str:
    found = seen.of(data, variant.name)
    if not found:
        return missing(NO_PICTURES)
    wanted = ("latents_train", "labels_train", "latents_test", "labels_test")
    if any(key not in found for key in wanted):
        return missing("Its codes were not kept, or its data have no classes.")
    if not all(found[key].size and np.isfinite(found[key]).all() for key in wanted[::2]):
        return missing("Its codes are not all finite numbers, or there are none.")
    codes = [found[key].reshape(len(found[key]), -1) for key in wanted[::2]]
    train, test = plane(*codes)
    train, test = train[:MOST_POINTS], test[:MOST_POINTS]
    ends = np.quantile(np.concatenate([train, test]), [EDGE, 1 - EDGE], axis=0)
    across, up = (Axis(float(low), float(high)) for low, high in ends.T)
    sides = (
        class_map(points, found[labels][:MOST_POINTS], horizontal=across, vertical=up,
                  alt=f"{variant.title} on {data_title(data)}: codes of {words} images by class")
        for points, labels, words in ((train, "labels_train", "training"), (test, "labels_test", "test"))
    )  # fmt: skip
    dims = codes[0].shape[1]
    said = "its two latents" if dims == 2 else f"two widest directions of {dims} latents" if dims > 2 else "its latent"
    pair = "".join(
        f"<figure>{side}<figcaption>{w}</figcaption></figure>" for side, w in zip(sides, ("train", "test"), strict=True)
    )
    return f'<div class="pair">{pair}</div><p class="note">{said}</p>'


def _two_columns(codes: np.ndarray) -> np.ndarray:
    return np.pad(codes, ((0, 0), (0, 2 - codes.shape[1])))


def plane(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two coordinates of each code: two latents as they are, one beside zero, more along the training set's widest."""
    dims = train.shape[1]
    if dims <= 2:
        return _two_columns(train), _two_columns(test)
    middle = train.mean(0)
    axes = principal_axes(train - middle)
    return (train - middle) @ axes, (test - middle) @ axes


def principal_axes(centred: np.ndarray) -> np.ndarray:
    """The two widest directions (latent, 2) of centred points (point, latent); largest entries are positive."""
    few = centred[:MOST_POINTS] if centred.shape[1] > MOST_POINTS else centred
    _, _, rows = np.linalg.svd(few.astype(np.float64), full_matrices=False)
    axes = rows[:2].T
    return np.asarray(axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(2)]))


def kl_bars(content: Content) -> str:
    """KL per latent dimension, the widest first, mean over seeds."""
    if not any(c.kl_per_dimension for c in content.cells):
        return missing("No model has left its KL per dimension.")

    def column(data: str) -> str:
        bars = {v.name: _sorted_kl(content.of(data, v.name)) for v in content.variants}
        high = max((float(b.max()) for b in bars.values() if b.size), default=1.0)

        def body(variant: Variant) -> str:
            values = bars[variant.name]
            if not values.size:
                return missing("No KL per dimension: its codes are points, or its prior takes all dimensions together.")
            alt = (
                f"{variant.title} on {data_title(data)}: KL of {len(values)} dimensions, {values.sum():.3g} nats in all"
            )
            said = f"{int((values > 0.01).sum())} of {len(values)} above 0.01 nats; sum {values.sum():.3g} nats"
            return bar_panel(values, high=high, alt=alt) + f'<p class="note">{said}</p>'

        return cards(content, data, body, width=9.5)

    return by_data(content, column)


def _sorted_kl(cells: Sequence[Trained]) -> np.ndarray:
    lists = [np.sort(np.array(c.kl_per_dimension, float))[::-1] for c in cells if c.kl_per_dimension]
    same = [values for values in lists if len(values) == len(lists[0])]
    return np.mean(same, axis=0) if same else np.zeros(0)


def prior_against_samples(content: Content) -> str:
    """One chart per data set: discrepancy to the prior against the quality of samples, with the rank correlation."""
    x_name, y_name = PRIOR_MEASURE, SAMPLE_MEASURE

    def column(data: str) -> str:
        points = []
        for i, variant in enumerate(content.variants):
            x, y = (content.summary.get((data, variant.name, m)) for m in (x_name, y_name))
            if x is not None and y is not None and min(x.mean, y.mean) > 0:
                points.append(
                    Point(f"{i + 1}", variant.title, (x.low, x.mean, x.high), (y.low, y.mean, y.high), f"v{i}")
                )
        if len(points) < 3:
            return missing("Fewer than three finished models have both figures.")
        chart = point_chart(
            points, x_title=_axis_title(x_name), y_title=_axis_title(y_name),
            alt=f"{data_title(data)}: {COLUMNS[x_name].title} against {COLUMNS[y_name].title} of {len(points)} models",
        )  # fmt: skip
        found = [c for c in content.correlations if (c.data, c.x, c.y) == (data, x_name, y_name)]
        return f'<div class="chart">{chart}</div>' + "".join(correlation_words(c) for c in found)

    return by_data(content, column)


def _axis_title(name: str) -> str:
    return f"{COLUMNS[name].title} (logarithmic; less is better)"


def correlation_words(found: Correlation) -> str:
    """A correlation with its interval, and whether it tells anything."""
    r = found.value
    if not np.isfinite(r.mean):
        return missing("Too few models for a correlation.")
    mean, low, high = (f"{x:.2f}".replace("-", "−") for x in (r.mean, r.low, r.high))
    told = (
        "this does not tell whether the two go together"
        if not found.supported
        else "models whose codes match the prior better invent better images"
        if r.mean > 0
        else "models whose codes match the prior better invent worse images"
    )
    return (
        f"<p>Rank correlation <b>{mean}</b> (95 % interval {low} … {high}, {r.n} models): {told}."
        " Models of a grid share parts, so read it for grids like this one.</p>"
    )
