"""How the report lays out many models side by side: sections, columns of data sets, cards, and what chooses among them.

Choosing needs no script: boxes and style sheets alone hide what is not wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from timbrespace.evaluation.benchmark.report_content import Content
from timbrespace.evaluation.benchmark.report_words import data_title
from timbrespace.evaluation.benchmark.variants import Variant
from timbrespace.evaluation.page import escape


def part(identity: str, title: str, words: str, *bodies: str) -> str:
    """A section with its heading, what one sees in it, and what it holds."""
    inside = "\n".join(body for body in bodies if body)
    return f'<section id="{identity}"><h2>{escape(title)}</h2>\n<p class="how">{escape(words)}</p>\n{inside}</section>'


def note(text: str) -> str:
    """A remark beneath a picture or a table."""
    return f'<p class="note">{escape(text)}</p>'


def by_data(content: Content, body: Callable[[str], str]) -> str:
    """One column per data set, side by side where there is room."""
    columns = "\n".join(
        f'<div class="d d{i}"><h3>{escape(data_title(data))}</h3>\n{body(data)}</div>'
        for i, data in enumerate(content.data)
    )
    return f'<div class="columns">{columns}</div>'


def cards(content: Content, data: str, body: Callable[[Variant], str], *, width: float) -> str:
    """A grid with one card per variant, each at least ``width`` rem wide; a variant without a body says why."""
    inside = "\n".join(card(content, data, i, body(v)) for i, v in enumerate(content.variants))
    return f'<div class="cards" style="--card:{width:g}rem">{inside}</div>'


def card(content: Content, data: str, index: int, body: str) -> str:
    """A variant's number, title and picture."""
    variant = content.variants[index]
    missing = f'<p class="none">{escape(content.why_missing(data, variant.name))}</p>'
    inside = body if content.of(data, variant.name) else missing
    return f'<article class="card v{index}">{heading(index, variant)}{inside}</article>'


def heading(index: int, variant: Variant) -> str:
    """A variant's number and title."""
    return f"<h4><b>{index + 1}</b> {escape(variant.title)}</h4>"


def missing(text: str) -> str:
    """What stands where a picture would be."""
    return f'<p class="none">{escape(text)}</p>'


def count(n: int, thing: str) -> str:
    """A number of things in words.

    >>> count(1, "model"), count(3, "model")
    ('1 model', '3 models')
    """
    return f"{n} {thing}{'' if n == 1 else 's'}"


def fold(title: str, body: str, *, opened: bool = False) -> str:
    """A part that opens on a click."""
    return f"<details{' open' if opened else ''}><summary>{escape(title)}</summary>\n{body}</details>"


def bar(content: Content, links: Sequence[tuple[str, str]]) -> str:
    """What stays in sight: links to the sections, the data set shown, the models shown."""
    to = "".join(f'<a href="#{identity}">{escape(title)}</a>' for identity, title in links)
    radios = "".join(
        f'<label><input type="radio" name="data" id="{identity}"{" checked" if i == 0 else ""}> {escape(title)}</label>'
        for i, (identity, title) in enumerate(
            [("every", "all data sets"), *((f"only-d{i}", data_title(d)) for i, d in enumerate(content.data))]
        )
    )
    boxes = "".join(
        f'<label><input type="checkbox" id="show-v{i}" checked> <b>{i + 1}</b> {escape(v.title)}</label>'
        for i, v in enumerate(content.variants)
    )
    return (
        f'<nav aria-label="Sections"><div class="links">{to}</div></nav>'
        f'<div class="bar" role="group" aria-label="What is shown">'
        f"{radios if len(content.data) > 1 else ''}"
        '<label><input type="checkbox" id="large"> large pictures</label>'
        f'<details class="choose"><summary>Models shown</summary><div class="boxes">{boxes}</div></details></div>'
    )


def choosing(content: Content) -> str:
    """The style sheet by which the boxes of :func:`bar` hide what is not chosen."""
    variants = "".join(
        f":root:has(#show-v{i}:not(:checked)) .v{i}{{display:none}}\n" for i in range(len(content.variants))
    )
    data = "".join(f":root:has(#only-d{i}:checked) .d:not(.d{i}){{display:none}}\n" for i in range(len(content.data)))
    return variants + data
