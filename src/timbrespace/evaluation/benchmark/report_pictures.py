"""The report's pictures: originals and reconstructions, samples, traversals, interpolations, the manifold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from timbrespace.evaluation.benchmark.report_content import Content, Trained
from timbrespace.evaluation.benchmark.report_layout import by_data, card, cards, heading, missing, note
from timbrespace.evaluation.benchmark.report_table import mean_of
from timbrespace.evaluation.benchmark.report_words import data_title
from timbrespace.evaluation.benchmark.variants import Variant
from timbrespace.evaluation.page import escape, picture
from timbrespace.pictures.images import in_rows, tiles_png

ROW = 8
"""Samples side by side."""
COARSE = 16
"""Pixels; tiles of fewer are enlarged without smoothing."""
NO_PICTURES = "Its pictures are not there: the folder of its training lacks them."
NO_PRIOR = "It has no prior to draw from."
NO_MIXTURE = "No mixture was fitted to its codes."


@dataclass(frozen=True)
class Album:
    """The pictures of every variant on every data set: those of its first seed that has any, whatever it looks like."""

    content: Content
    pages: Mapping[tuple[str, str], tuple[Trained, dict[str, np.ndarray]]]

    def of(self, data: str, variant: str) -> dict[str, np.ndarray]:
        """A variant's arrays by name; empty where there are none."""
        found = self.pages.get((data, variant))
        return found[1] if found else {}

    def seeds(self) -> str:
        """Which seeds the pictures are of, in words."""
        seeds = sorted({cell.seed for cell, _ in self.pages.values()})
        if not seeds:
            return "No training has left pictures yet."
        of = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}"
        return f"Pictures are of the first finished seed of each model ({of}), whatever they look like."


def album(content: Content) -> Album:
    """Read all pictures once."""
    pages = {}
    for data in content.data:
        for variant in content.variants:
            for cell in content.of(data, variant.name):
                found = cell.pictures()
                if found:
                    pages[data, variant.name] = (cell, found)
                    break
    return Album(content, pages)


def reconstructions(seen: Album) -> str:
    """The originals, and beneath them what each variant makes of them."""
    return by_data(seen.content, lambda data: _strips(seen, data)) + note(seen.seeds())


def samples(seen: Album) -> str:
    """Prior samples beside mixture samples."""

    def body(data: str, variant: Variant, found: dict[str, np.ndarray]) -> str:
        sides = (
            ("prior_samples", "from the prior", "frechet_prior", NO_PRIOR),
            ("mixture_samples", "from the mixture", "frechet_mixture", NO_MIXTURE),
        )
        return _div("pair", *(_samples(seen, data, variant, found.get(key), *said) for key, *said in sides))

    return _cards(seen, body, width=19)


def traversals(seen: Album) -> str:
    """One row per latent, from low to high."""

    def body(data: str, variant: Variant, found: dict[str, np.ndarray]) -> str:
        grid = found.get("traversals")
        if grid is None:
            return missing("No traversals were drawn.")
        return _tiles(grid, f"{_who(variant, data)}: {grid.shape[0]} latents turned in {grid.shape[1]} steps", "")

    return _cards(seen, body, width=13)


def interpolations(seen: Album) -> str:
    """Straight ways above arcs."""

    def body(data: str, variant: Variant, found: dict[str, np.ndarray]) -> str:
        kinds = (("interpolations", "in a straight line"), ("spherical_interpolations", "along an arc"))
        return _div(
            "stack",
            *(
                missing(f"Not drawn {words}.")
                if found.get(key) is None
                else _tiles(found[key], f"{_who(variant, data)}: {len(found[key])} ways {words}", words)
                for key, words in kinds
            ),
        )

    return _cards(seen, body, width=13)


def manifolds(seen: Album) -> str:
    """The plane of each variant that has two latents; how many have more is said."""
    content = seen.content

    def column(data: str) -> str:
        shown, hidden = [], 0
        for i, variant in enumerate(content.variants):
            grid = seen.of(data, variant.name).get("manifold")
            if grid is None:
                hidden += bool(content.of(data, variant.name))
                continue
            alt = f"{_who(variant, data)}: its two-dimensional space in {grid.shape[0]} by {grid.shape[1]} images"
            shown.append(card(content, data, i, _tiles(grid, alt, "")))
        rest = f"{hidden} models have no picture here: their codes are not two numbers."
        grid_of = f'<div class="cards" style="--card:22rem">{"".join(shown)}</div>' if shown else ""
        nothing = missing("No finished model has two latents.") if not shown else ""
        return grid_of + nothing + (note(rest) if hidden and shown else "")

    return by_data(content, column)


def _strips(seen: Album, data: str) -> str:
    content = seen.content
    originals = next((o for v in content.variants if (o := seen.of(data, v.name).get("originals")) is not None), None)
    if originals is None:
        return missing("No model has left pictures of test images yet.")
    shared = f"{data_title(data)}: {len(originals)} test images"
    unit = "<small>error,<br>nats</small>" if _has(content, data) else "<span></span>"
    rows = [f'<div class="strip first"><h4>originals</h4>{_image(originals[None], shared)}{unit}</div>']
    for i in range(len(content.variants)):
        rows.append(_strip(seen, data, i, originals))
    return "\n".join(rows)


def _strip(seen: Album, data: str, index: int, originals: np.ndarray) -> str:
    content, variant = seen.content, seen.content.variants[index]
    found = seen.of(data, variant.name)
    copies, own = found.get("reconstructions"), found.get("originals")
    alt = f"{_who(variant, data)}: the same images, reconstructed"
    if not content.of(data, variant.name):
        shown = missing(content.why_missing(data, variant.name))
    elif copies is None:
        shown = missing(NO_PICTURES)
    elif own is None or own.shape != originals.shape or not (own == originals).all():
        above = "" if own is None else _image(own[None], f"{_who(variant, data)}: its own originals")
        shown = _div("stack", above, _image(copies[None], alt), missing("Not the same test images as the others'."))
    else:
        shown = _image(copies[None], alt)
    return f'<div class="strip v{index}">{heading(index, variant)}{shown}{_figure_of(content, data, variant)}</div>'


def _figure_of(content: Content, data: str, variant: Variant) -> str:
    mean = mean_of(content, data, variant.name, "reconstruction")
    return f"<small>{mean}</small>" if mean else "<span></span>"


def _has(content: Content, data: str) -> bool:
    return any((data, v.name, "reconstruction") in content.summary for v in content.variants)


def _samples(
    seen: Album, data: str, variant: Variant, images: np.ndarray | None, words: str, measure: str, absent: str
) -> str:
    if images is None or len(images) < ROW:
        return missing(absent)
    mean = mean_of(seen.content, data, variant.name, measure)
    figure = f"; Fréchet {mean}" if mean else ""
    alt = f"{_who(variant, data)}: {len(images) // ROW * ROW} images decoded from random points {words}"
    return _tiles(in_rows(images, ROW), alt, words + figure)


def _cards(seen: Album, body: Callable[[str, Variant, dict[str, np.ndarray]], str], *, width: float) -> str:
    def inside(data: str, variant: Variant) -> str:
        found = seen.of(data, variant.name)
        return body(data, variant, found) if found else missing(NO_PICTURES)

    return by_data(
        seen.content, lambda data: cards(seen.content, data, lambda variant: inside(data, variant), width=width)
    )


def _who(variant: Variant, data: str) -> str:
    return f"{variant.title} on {data_title(data)}"


def _tiles(images: np.ndarray, alt: str, words: str) -> str:
    caption = f"<figcaption>{escape(words)}</figcaption>" if words else ""
    return f"<figure>{_image(images, alt)}{caption}</figure>"


def _image(images: np.ndarray, alt: str) -> str:
    kind = ' class="coarse"' if images.shape[-1] < COARSE else ""
    return picture(tiles_png(images), alt).replace("<img ", f'<img loading="lazy" decoding="async"{kind} ', 1)


def _div(kind: str, *bodies: str) -> str:
    return f'<div class="{kind}">{"".join(bodies)}</div>'
