"""The grid of a benchmark: one TOML file that says which variants of one recipe are trained and what is expected.

Sections, all but ``base`` optional (one of ``axis`` and ``variant`` is needed)::

    title = "VAE and WAE on images"
    seeds = 3                                  # trainings per variant, with seeds 0, 1, 2
    measures = ["nll", "mmd_prior", "frechet_prior"]        # columns of the table; all if left out

    factors = { warm_up = "linear" }           # levels of the product's variants on axes that only variants leave

    [base]                                     # a recipe's sections; with recipe = "name", changes to that recipe
    recipe = "image-vae"
    training.minutes = 1

    [[axis]]                                   # every variant takes one level of every axis
    name = "regulariser"
    [[axis.level]]
    name = "vae"
    [[axis.level]]
    name = "wae"
    title = "WAE-MMD"                          # the name if left out
    expectation = "Matches the prior better; its samples are as good."     # in words, kept with the date
    settings.model.bottleneck = { kind = "Mmd" }            # merged into the base, see below
    settings.training.weights.mmd = { kind = "Constant", weight = 100.0 }
    without = ["training.weights.kl"]          # dotted places to take out first

    [[axis]]
    name = "latents"
    level = [
      { name = "8", settings.model.bottleneck.latent_dim = 8 },
      { name = "16", settings.model.bottleneck.latent_dim = 16 },
    ]

    [[skip]]                                   # combinations that make no sense
    regulariser = "vae"
    latents = ["16"]

    [[variant]]                                # one more, beside the product: here vae-8 changed
    name = "vae-8-cold"
    like = "vae-8"                             # the base if left out
    factors = { warm_up = "none" }             # its levels, added to those of the one it is like; without them it is
                                               # on no axis, since it differs in something that no axis names
    settings.training.weights.kl = { kind = "Constant" }

    [families]                                 # findings ask whether an effect is of one family, the other, or both
    axis = "regulariser"
    levels = ["vae", "wae"]

    [[expectation]]                            # a claim that can be checked
    about = "mmd_prior"                        # a measure
    variant = "wae-8"
    direction = "lower"                        # or "higher", "same"
    against = "vae-8"
    factor = 0.7                               # lower than 0.7 times as much
    reason = "The penalty asks for nothing else."

Changes are merged in the order base, axes as written, variant. Where a table names another ``kind`` than the one it
meets, the part is replaced, and of the old one's settings those stay that the new kind takes too. A variant of the
product is named by its levels, joined by ``-``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from timbrespace.core.errors import RecipeError, did_you_mean
from timbrespace.evaluation.benchmark.columns import COLUMNS
from timbrespace.evaluation.benchmark.design import Families, Grid
from timbrespace.evaluation.benchmark.expectations import DIRECTIONS, SAME_WITHIN, Claim
from timbrespace.evaluation.benchmark.reading import REQUIRED, Reader
from timbrespace.evaluation.benchmark.variants import Axis, Change, Level, Tables, Variant, changed, product
from timbrespace.training.recipe import SECTIONS, read_recipe
from timbrespace.training.toml_text import read_toml

LIMIT = 10_000
"""Variants in one grid at most: more are a slip of the pen."""


def read_grid(path: str | Path) -> Grid:
    """The grid of a file; raises :class:`RecipeError`, one sentence, for anything wrong in it.

    That the parts fit together is for :func:`~timbrespace.evaluation.benchmark.design.check_parts` to say.
    """
    file = Path(path)
    return _GridReader(Reader(file.name), file).read(read_toml(file, what="grid"))


class _GridReader:
    """Turns the tables of one grid file into a :class:`Grid`."""

    def __init__(self, reader: Reader, file: Path) -> None:
        self._reader, self._file = reader, file

    def read(self, tables: Mapping[str, Any]) -> Grid:
        top = self._reader.table(
            tables, "", title=(str, self._file.stem), seeds=(int, 3), measures=(list, list(COLUMNS)),
            base=(dict, REQUIRED), factors=(dict, {}), axis=(list, []), variant=(list, []), skip=(list, []),
            families=(dict, None), expectation=(list, []),
        )  # fmt: skip
        if not 1 <= top["seeds"] <= 1000:
            raise self._reader.error(f"'seeds' is {top['seeds']}; take 1 to 1000 trainings per variant.")
        measures = tuple(self._known(m, COLUMNS, "measures") for m in self._reader.names(top["measures"], "measures"))
        base = self._base(top["base"])
        axes = self._unique([self._axis(a, f"axis[{i}]") for i, a in enumerate(top["axis"])], "axis")
        if math.prod(len(axis.levels) for axis in axes) > LIMIT:
            raise self._reader.error(f"the axes make more than {LIMIT:,} variants; take fewer levels.")
        variants = self._variants(base, axes, top["skip"], top["variant"], factors=self._factors(top["factors"], ""))
        levels: dict[str, tuple[str, ...]] = {axis.name: tuple(level.name for level in axis.levels) for axis in axes}
        for variant in variants:
            for axis_name, level_name in variant.factors.items():
                if level_name not in levels.setdefault(axis_name, ()):
                    levels[axis_name] += (level_name,)
        names = [variant.name for variant in variants]
        return Grid(
            self._file.name, top["title"], top["seeds"], measures, tuple(variants), levels,
            tuple(self._claim(c, names, f"expectation[{i}]") for i, c in enumerate(top["expectation"])),
            None if top["families"] is None else self._families(top["families"], levels), str(self._file),
        )  # fmt: skip

    def _base(self, table: Tables) -> Tables:
        found = dict(table)
        recipe = found.pop("recipe", None)
        for section in found:
            self._known(section, (*SECTIONS, "recipe"), "base", what="section")
            if not isinstance(found[section], dict):
                raise self._reader.error(f"'base.{section}' is {found[section]!r}; it must be a table.")
        sections: Tables = {} if recipe is None else self._recipe(recipe)
        sections = changed(sections, Change(found))
        for section in SECTIONS:
            if section != "transform" and section not in sections:
                raise self._reader.error(f"'base' lacks the section '{section}'; add it, or recipe = \"name\".")
        return changed(sections, Change({"training": {"threads": sections["training"].get("threads") or 1}}))

    def _recipe(self, name: object) -> Tables:
        if not isinstance(name, str):
            raise self._reader.error(f"'base.recipe' is {name!r}; it must be text.")
        beside = self._file.parent / name  # a recipe file is looked up beside the grid first
        try:
            return dict(read_recipe(str(beside) if name.endswith(".toml") and beside.is_file() else name).sections)
        except RecipeError as error:
            raise self._reader.error(str(error)) from None

    def _axis(self, table: object, where: str) -> Axis:
        axis = self._reader.table(
            table, where, name=(str, REQUIRED), title=(str, ""), level=(list, REQUIRED)
        )  # fmt: skip
        if not axis["level"]:
            raise self._reader.error(f"'{where}' has no level; give at least one [[axis.level]].")
        levels = [self._level(level, f"{where}.level[{i}]") for i, level in enumerate(axis["level"])]
        name = self._reader.name(axis["name"], f"{where}.name")
        return Axis(name, axis["title"] or name, tuple(self._unique(levels, f"{where}.level")))

    def _level(self, table: object, where: str) -> Level:
        level = self._reader.table(
            table, where, name=(str, REQUIRED), title=(str, ""), expectation=(str, ""), settings=(dict, {}),
            without=(list, []),
        )  # fmt: skip
        name = self._reader.name(level["name"], f"{where}.name")
        return Level(name, level["title"] or name, self._change(level, where), level["expectation"])

    def _change(self, table: Mapping[str, Any], where: str) -> Change:
        for section, value in table["settings"].items():
            self._known(section, SECTIONS, f"{where}.settings", what="section")
            if not isinstance(value, dict):
                raise self._reader.error(f"'{where}.settings.{section}' is {value!r}; it must be a table.")
        return Change(table["settings"], tuple(self._reader.names(table["without"], f"{where}.without")))

    def _factors(self, table: Mapping[str, Any], where: str) -> dict[str, str]:
        for axis, level in table.items():
            self._reader.name(axis, f"{where}factors")
            self._reader.names([level], f"{where}factors.{axis}")
        return dict(table)

    def _variants(
        self, base: Tables, axes: Sequence[Axis], skip: list[Any], extra: list[Any], *, factors: dict[str, str]
    ) -> list[Variant]:
        skipped = [self._skip(s, axes, f"skip[{i}]") for i, s in enumerate(skip)]
        try:
            variants = [replace(v, factors=v.factors | factors) for v in product(base, axes, skipped)]
        except KeyError as missing:
            raise self._reader.error(f"'without' names {missing}, which is not there.") from None
        for i, table in enumerate(extra):
            variants.append(self._extra(table, base, variants, f"variant[{i}]"))
        self._unique(variants, "variant")
        if not variants:
            raise self._reader.error("there is no variant; give [[axis]] or [[variant]].")
        for later, variant in enumerate(variants):
            for other in variants[:later]:
                if variant.sections == other.sections:
                    raise self._reader.error(
                        f"variants '{other.name}' and '{variant.name}' are the same training; take one of them out."
                    )
        return variants

    def _extra(self, table: object, base: Tables, variants: Sequence[Variant], where: str) -> Variant:
        keys = self._reader.table(
            table, where, name=(str, REQUIRED), title=(str, ""), expectation=(str, ""), settings=(dict, {}),
            without=(list, []), like=(str, ""), factors=(dict, {}),
        )  # fmt: skip
        name, sections, factors = self._reader.name(keys["name"], f"{where}.name"), base, {}
        if keys["like"]:
            self._known(keys["like"], [v.name for v in variants], f"{where}.like", what="variant")
            model = next(v for v in variants if v.name == keys["like"])
            sections, factors = model.sections, model.factors
        self._factors(keys["factors"], f"{where}.")
        try:
            sections = changed(sections, self._change(keys, where))
        except KeyError as missing:
            raise self._reader.error(f"'{where}.without' names {missing}, which is not there.") from None
        # Without factors of its own it differs from the one it is like in something that no axis names.
        factors = {**factors, **keys["factors"]} if keys["factors"] else {}
        return Variant(name, keys["title"] or name, sections, factors, keys["expectation"])

    def _skip(self, table: object, axes: Sequence[Axis], where: str) -> dict[str, list[str]]:
        if not isinstance(table, Mapping) or not table:
            raise self._reader.error(f"'{where}' must be a table of axes and their levels.")
        found = {}
        for axis, levels in table.items():
            self._known(axis, [a.name for a in axes], where, what="axis")
            known = [level.name for a in axes if a.name == axis for level in a.levels]
            listed = self._reader.names(levels if isinstance(levels, list) else [levels], f"{where}.{axis}")
            found[axis] = [self._known(level, known, f"{where}.{axis}", what="level") for level in listed]
        return found

    def _families(self, table: object, levels: Mapping[str, tuple[str, ...]]) -> Families:
        keys = self._reader.table(table, "families", axis=(str, REQUIRED), levels=(list, REQUIRED))
        axis = self._known(keys["axis"], levels, "families.axis", what="axis")
        names = self._reader.names(keys["levels"], "families.levels")
        chosen = tuple(self._known(n, levels[axis], "families.levels", what="level") for n in names)
        if len(set(chosen)) != len(chosen) or len(chosen) < 2:
            raise self._reader.error("'families.levels' needs two levels or more, each once.")
        return Families(axis, chosen)

    def _claim(self, table: object, variants: Sequence[str], where: str) -> Claim:
        keys = self._reader.table(
            table, where, about=(str, REQUIRED), variant=(str, REQUIRED), against=(str, REQUIRED),
            direction=(str, REQUIRED), factor=(float, 0.0), reason=(str, REQUIRED),
        )  # fmt: skip
        self._known(keys["about"], COLUMNS, f"{where}.about")
        self._known(keys["direction"], DIRECTIONS, f"{where}.direction", what="direction")
        for side in ("variant", "against"):
            self._known(keys[side], variants, f"{where}.{side}", what="variant")
        if keys["variant"] == keys["against"]:
            raise self._reader.error(f"'{where}' compares '{keys['variant']}' with itself; name two variants.")
        same = keys["direction"] == "same"
        given = "factor" in table if isinstance(table, Mapping) else False
        factor = keys.pop("factor") if given else keys.pop("factor") or (SAME_WITHIN if same else 1.0)
        if not math.isfinite(factor) or factor <= 0.0 or (same and factor <= 1.0):
            raise self._reader.error(
                f"'{where}.factor' is {factor:g}; it must be above {1 if same else 0}"
                f"{', as 1.1 for means that differ by less than a tenth' if same else ''}."
            )
        return Claim(**keys, factor=factor)

    def _known(self, name: str, names: Sequence[str] | Mapping[str, Any], where: str, *, what: str = "measure") -> str:
        if name not in names:
            raise self._reader.error(f"unknown {what} {name!r} in '{where}'. {did_you_mean(name, names)}")
        return name

    def _unique(self, things: list[Any], where: str) -> list[Any]:
        seen: set[str] = set()
        for thing in things:
            if thing.name in seen:
                raise self._reader.error(f"'{where}' names '{thing.name}' twice; names are unique.")
            seen.add(thing.name)
        return things
