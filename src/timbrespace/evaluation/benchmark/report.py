"""One page of a benchmark: every variant side by side, in numbers and in pictures, finished or half finished."""

from __future__ import annotations

import platform
import shlex
from importlib import metadata
from pathlib import Path

import timbrespace
from timbrespace.core.files import atomic_file
from timbrespace.evaluation.benchmark import report_charts as charts
from timbrespace.evaluation.benchmark import report_findings as reasoning
from timbrespace.evaluation.benchmark import report_pictures as pictures
from timbrespace.evaluation.benchmark import report_text as text
from timbrespace.evaluation.benchmark import report_words as words
from timbrespace.evaluation.benchmark.report_content import Content, content_of
from timbrespace.evaluation.benchmark.report_layout import bar, choosing, part
from timbrespace.evaluation.benchmark.report_style import SCRIPT, STYLE
from timbrespace.evaluation.benchmark.report_table import tables
from timbrespace.evaluation.benchmark.results import Results, idle_words
from timbrespace.evaluation.page import page

LEAD = (
    "Auto-encoders of one family, built from the same parts, trained alike and measured alike on images. Every number"
    " comes with the range in which it lies with 95 % confidence; every model shows the same pictures."
)


def compose(content: Content) -> str:
    """The whole page."""
    seen = pictures.album(content)
    parts = [
        (
            "short",
            "In short",
            words.SHORT,
            text.in_short(content),
        ),
        ("table", "The table", words.TABLE, tables(content)),
        ("findings", "Findings", words.FINDINGS, reasoning.findings(content)),
        ("expectations", "Expected and found", words.EXPECTATIONS, reasoning.expectations(content)),
        ("curves", "Learning curves", words.CURVES, charts.curves(content)),
        ("reconstructions", "Reconstructions", words.RECONSTRUCTIONS, pictures.reconstructions(seen)),
        ("samples", "Random samples", words.SAMPLES, pictures.samples(seen)),
        ("traversals", "Traversals", words.TRAVERSALS, pictures.traversals(seen)),
        ("interpolations", "Interpolations", words.INTERPOLATIONS, pictures.interpolations(seen)),
        ("manifold", "The plane of two latents", words.MANIFOLD, pictures.manifolds(seen)),
        ("maps", "Maps of the codes", words.MAPS, charts.maps(seen)),
        ("kl", "KL per dimension", words.KL, charts.kl_bars(content)),
        ("scatter", "Prior and samples", words.SCATTER, charts.prior_against_samples(content)),
        ("choice", "What goes on to sound", words.CHOICE, text.choice(content)),
        ("setting", "How it was made", words.SETTING, text.setting(content)),
    ]
    top = bar(content, [(identity, title) for identity, title, _, _ in parts])
    sections = [part(*each) for each in parts]
    return page(content.title, LEAD, [top, *sections, SCRIPT], style=STYLE + choosing(content))


def write_report(out: str | Path, path: str | Path) -> None:
    """Write the page of the benchmark in the folder ``out`` to ``path``, whole or not at all.

    Raises :class:`~timbrespace.core.errors.StorageError` if ``out`` is no benchmark or ``path`` cannot be written.
    """
    results = Results.read(out)
    setting = {"versions": versions()}
    if results.idle:
        setting["weights without a term, which do nothing"] = idle_words(results.idle)
    content = content_of(results, setting=setting, command=command(results))
    with atomic_file(path) as partial:
        partial.write_text(compose(content), encoding="utf-8")


def command(results: Results) -> str:
    """What to type to get the same benchmark again."""
    data = " ".join(f"--data {shlex.quote(source)}" for source in results.sources.values())
    grid, out = shlex.quote(results.grid.path or results.grid.name), shlex.quote(str(results.out))
    return f"timbrespace bench autoencoders {grid} {data} --seeds {results.seeds} -o {out}"


def versions() -> str:
    """The versions of timbrespace, Python and the libraries that compute."""
    found = [f"timbrespace {timbrespace.__version__}", f"Python {platform.python_version()}"]
    return ", ".join(found + [f"{name} {metadata.version(name)}" for name in ("torch", "numpy", "scipy")])
