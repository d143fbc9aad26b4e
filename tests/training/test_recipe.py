"""Recipes: found, checked and overridden, with one sentence for anything wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.datasets.idx_files import NAMES, classes, idx_bytes, write
from tests.datasets.idx_files import pictures as drawn
from timbrespace.core.batch import Batch
from timbrespace.core.component import build
from timbrespace.core.errors import ParameterError, RecipeError
from timbrespace.training.options import Training
from timbrespace.training.plan import make_plan
from timbrespace.training.recipe import read_recipe, recipe_names

PLAN = {"settings": (), "minutes": None, "epochs": None, "seed": 0, "device": "cpu", "threads": 1}


def pictures(folder: Path) -> Path:
    """A data set of pictures as large as MNIST's, for what is built before any is looked at."""
    for part in ("train", "test"):
        write(folder / NAMES[part, "images"], idx_bytes(drawn(4, height=28, width=28)))
        write(folder / NAMES[part, "labels"], idx_bytes(classes(4)))
    return folder


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_builds_and_weighs_every_term(name: str, tmp_path: Path) -> None:
    recipe = read_recipe(name)
    assert len(recipe.description) > 40
    plan = make_plan(name, pictures(tmp_path), **PLAN)
    dataset = plan.dataset()
    transform = plan.transform(dataset)
    model = plan.model(dataset, transform)
    network = model.network
    frames = torch.rand(3, network.n_channels, network.n_features, network.n_frames or 32).round()
    terms: set[str] = set()
    for player in model.players():
        terms |= model.losses(Batch.of(frames), player, step=0, generator=torch.Generator()).keys()
    assert terms == plan.training().weights.keys(), "every term has a weight, and every weight a term"


def test_overrides_are_typed() -> None:
    recipe = read_recipe("temporal-vae").override(
        ["model.bottleneck.latent_dim=8", "training.betas=[0.8, 0.9]", "data.short=pad", "training.weights.kl.end=4.0"]
    )
    assert recipe.sections["model"]["bottleneck"]["latent_dim"] == 8
    assert recipe.sections["training"]["betas"] == [0.8, 0.9]
    assert recipe.sections["data"]["short"] == "pad"
    assert build(Training, recipe.sections["training"]).weights["kl"].value(10**6, steps_per_epoch=1) == 4.0
    assert read_recipe("temporal-vae").sections["model"]["bottleneck"]["latent_dim"] == 16, "the recipe is not changed"


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("model.bottleneck", "A setting reads section.key=value"),
        ("modle.x=1", "There is no section 'modle' in a recipe. Did you mean 'model'"),
        ("training.minutes.x=1", "'minutes' is a value, not a table"),
    ],
)
def test_bad_overrides(setting: str, sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        read_recipe("temporal-vae").override([setting])


def test_unknown_keys_are_refused_with_the_nearest_name(tmp_path: Path) -> None:
    plan = make_plan("temporal-vae", tmp_path, **(PLAN | {"settings": ["model.network.widht=8"]}))
    dataset = plan.dataset()
    with pytest.raises(ParameterError, match=r"TemporalConv has no argument 'widht' .*Did you mean 'width'"):
        plan.model(dataset, plan.transform(dataset))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[data]\n[model]\n", r"lacks the section \[training\]"),
        ("[data]\n[modle]\n", "unknown section 'modle'. Did you mean 'model'"),
        ("[data\n", "is not valid TOML"),
    ],
)
def test_bad_recipe_files(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(RecipeError, match=sentence):
        read_recipe(str(tmp_path / "r.toml"))


def test_unknown_recipe() -> None:
    with pytest.raises(RecipeError, match="There is no recipe 'temporal-vea'. Did you mean 'temporal-vae'"):
        read_recipe("temporal-vea")
    with pytest.raises(RecipeError, match="There is no recipe file"):
        read_recipe("nowhere/x.toml")
