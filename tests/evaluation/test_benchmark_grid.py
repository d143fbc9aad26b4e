from __future__ import annotations

from pathlib import Path

import pytest

from tests.datasets.idx_files import write_set
from tests.evaluation.benchmark_fakes import AXES, BASE, grid
from timbrespace.core.errors import DataError, RecipeError, StorageError
from timbrespace.evaluation.benchmark import grid as grid_module
from timbrespace.evaluation.benchmark.design import check_data, check_parts, differing_settings
from timbrespace.evaluation.benchmark.expectations import (
    EXPECTATIONS,
    Claim,
    on_record,
    put_on_record,
    texts_on_record,
)
from timbrespace.evaluation.benchmark.grid import read_grid
from timbrespace.evaluation.benchmark.variants import Change, changed

CLAIM = """
[[expectation]]
about = "mmd_prior"
variant = "ae-4"
against = "vae-4"
direction = "higher"
factor = 2
reason = "Nothing holds it."
"""


def test_a_product_of_levels_in_order(tmp_path: Path) -> None:
    found = grid(tmp_path)
    assert [v.name for v in found.variants] == ["vae-4", "vae-8", "ae-4", "ae-8"]
    assert found.variants[3].title == "Auto_encoder, 8"
    assert found.variants[3].factors == {"family": "ae", "latents": "8"}
    assert found.variants[3].sections["model"]["bottleneck"] == {"kind": "Deterministic", "latent_dim": 8}
    assert found.variants[0].sections["model"]["network"]["activation"] == "gelu"  # from the recipe
    assert found.variants[0].sections["training"]["threads"] == 1
    assert found.axes == {"family": ("vae", "ae"), "latents": ("4", "8")}
    assert found.seeds == 3
    assert found.texts() == {"ae-4": "Rebuilds better.", "ae-8": "Rebuilds better."}
    assert check_parts(found, {"digits": "digits"}) == {}


def test_the_example_in_the_docstring_is_a_grid(tmp_path: Path) -> None:
    text = (grid_module.__doc__ or "").split("::\n", 1)[1].split("\nChanges are merged", 1)[0]
    (tmp_path / "grid.toml").write_text(text)
    found = read_grid(tmp_path / "grid.toml")
    assert [v.name for v in found.variants] == ["vae-8", "wae-8", "wae-16", "vae-8-cold"]
    cold = found.variant("vae-8-cold")
    assert cold.factors == {"regulariser": "vae", "latents": "8", "warm_up": "none"}
    assert cold.sections["training"]["weights"]["kl"] == {"kind": "Constant"}
    assert "kl" not in found.variant("wae-8").sections["training"]["weights"]
    assert found.expectations[0].factor == 0.7
    assert found.measures == ("nll", "mmd_prior", "frechet_prior")
    assert found.axes["warm_up"] == ("linear", "none")
    assert found.variant("wae-8").factors["warm_up"] == "linear"
    assert found.variant("wae-8").sections["training"]["weights"]["mmd"]["weight"] == 100.0
    check_parts(found, {"digits": "digits"})


def test_another_kind_keeps_what_it_also_takes() -> None:
    sections = {
        "model": {"kind": "AutoEncoder", "likelihood": {"kind": "Gaussian", "sigma": 1.0}},
        "training": {"weights": {"kl": {"kind": "Linear", "start": 0.5, "end": 2.0, "length": 30}}},
    }
    change = Change(
        {
            "model": {"likelihood": {"kind": "SquaredError"}},
            "training": {"weights": {"kl": {"kind": "Cyclical"}, "mmd": {"kind": "Constant"}}},
        }
    )
    result = changed(sections, change)
    assert result["model"] == {"kind": "AutoEncoder", "likelihood": {"kind": "SquaredError"}}
    weights = result["training"]["weights"]
    assert weights["mmd"] == {"kind": "Constant"}
    assert weights["kl"].pop("kind") == "Cyclical"
    assert set(weights["kl"]) <= {"start", "end", "length"}
    assert sections["model"]["likelihood"] == {"kind": "Gaussian", "sigma": 1.0}  # a copy was changed
    same = changed(sections, Change({"model": {"likelihood": {"kind": "Gaussian"}}}))
    assert same["model"]["likelihood"]["sigma"] == 1.0


def test_skipped_combinations_and_more_variants(tmp_path: Path) -> None:
    found = grid(
        tmp_path,
        '[[skip]]\nfamily = "ae"\nlatents = ["8"]\n'
        '[[variant]]\nname = "vae-8-wide"\nlike = "vae-8"\nsettings.model.network.hidden = [16]\n'
        '[[variant]]\nname = "as-it-is"\n',
    )
    assert [v.name for v in found.variants] == ["vae-4", "vae-8", "ae-4", "vae-8-wide", "as-it-is"]
    assert found.variant("vae-8-wide").factors == {}, "what is wider than vae-8 is not vae-8 on the axes"
    assert found.variant("as-it-is").sections["model"]["bottleneck"]["latent_dim"] == 40
    places = {place for _, place, _ in differing_settings(found)}
    assert places == {
        "model.bottleneck.initial_log_var",  # which only one of the two has
        "model.bottleneck.kind",
        "model.bottleneck.latent_dim",
        "model.network.hidden",
        "training.weights.kl.end",
    }


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("speed = 3", "grid.toml: unknown key 'speed'"),
        ("[[axis]]\nname = 'a'\n[[axis.level]]\nname = 'x'\nsetting.model = 1", "unknown key 'setting' in 'axis.2..level.0"),  # noqa: E501
        ("[[axis]]\nname = 'a'\n[[axis.level]]\nname = 'Big'\n", "'axis.2..level.0..name' is 'Big'; a name is of small"),  # noqa: E501
        ("[[axis]]\nname = '../x'\n[[axis.level]]\nname = 'y'\n", "'axis.2..name' is '../x'"),
        ("[[axis]]\nname = 'a'\nlevel = []\n", "'axis.2.' has no level"),
        ("[[axis]]\nname = 'a'\n[[axis.level]]\nname = 'x'\n[[axis.level]]\nname = 'x'\n", "names 'x' twice"),
        ("[[axis]]\nname = 'family'\n[[axis.level]]\nname = 'x'\n", "'axis' names 'family' twice"),
        ("[[axis]]\nname = 'a'\n[[axis.level]]\ntitle = 'x'\n", "lacks 'name'; it needs text"),
        ("[[axis]]\nname = 'a'\n[[axis.level]]\nname = 'x'\nsettings.modle.kind = 1", "Did you mean 'model'"),
        ("[[axis]]\nname = 'a'\n[[axis.level]]\nname = 'x'\nsettings.model = 1", "settings.model' is 1; it must be a table"),  # noqa: E501
        ("[[axis]]\nname = 'a'\n[[axis.level]]\nname = 'x'\nwithout = ['training.weights.mmd']", "'training.weights.mmd'"),  # noqa: E501
        ("[[axis]]\nname = 'a'\n[[axis.level]]\nname = 'x'\n[[axis.level]]\nname = 'y'\n", "are the same training"),
        ("[[variant]]\nname = 'vae-4'\nsettings.training.steps = 3", "'variant' names 'vae-4' twice"),
        ("[[variant]]\nname = 'x'\nlike = 'vae-5'", "unknown variant 'vae-5'.*Did you mean 'vae-"),
        ("[[skip]]\nfamly = 'ae'", "unknown axis 'famly' in 'skip.0.'. Did you mean 'family'"),
        ("[[skip]]\nfamily = 'wae'", "unknown level 'wae'"),
        ("[[skip]]\n", "'skip.0.' must be a table of axes"),
        (CLAIM.replace("mmd_prior", "mmd_priory"), "unknown measure 'mmd_priory' in 'expectation.0..about'. Did you mean"),  # noqa: E501
        (CLAIM.replace('"higher"', '"more"'), "unknown direction 'more'"),
        (CLAIM.replace("ae-4", "ae-5"), "unknown variant 'ae-5'"),
        (CLAIM.replace('"vae-4"', '"ae-4"'), "with itself"),
        (CLAIM.replace("factor = 2", "factor = -1"), "'expectation.0..factor' is -1; it must be above 0"),
        (CLAIM.replace("factor = 2", "factor = 0"), "must be above 0"),
        (CLAIM.replace("factor = 2", "factor = nan"), "must be above 0"),
        (CLAIM.replace('"higher"', '"same"').replace("factor = 2", "factor = 0.5"), "must be above 1"),
        (CLAIM.replace('reason = "Nothing holds it."', ""), "lacks 'reason'"),
        (CLAIM.replace("factor = 2", "factor = true"), "is True; it must be a number"),
    ],
)  # fmt: skip
def test_mistakes_get_one_sentence(tmp_path: Path, text: str, match: str) -> None:
    first = "speed = 3\n" + BASE if text.startswith("speed") else BASE
    with pytest.raises(RecipeError, match=match) as caught:
        grid(tmp_path, "" if text.startswith("speed") else text, base=first + AXES)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("[base\n", "is not valid TOML"),
        ("title = 'x'\n", "grid.toml: the file lacks 'base'; it needs a table"),
        ("[base]\nrecipe = 'image-vea'\n", "There is no recipe 'image-vea'. Did you mean"),
        ("[base]\nrecipe = 3\n", "'base.recipe' is 3; it must be text"),
        ("[base.model]\nkind = 'AutoEncoder'\n", "'base' lacks the section 'data'"),
        ("[base]\nrecipe = 'image-vae'\nmodel = 3\n", "'base.model' is 3"),
        ("[base]\nrecipe = 'image-vae'\nmodl.kind = 3\n", "unknown section 'modl' in 'base'"),
        ("[base]\nrecipe = 'image-vae'\n", "there is no variant"),
        ("seeds = 0\n[base]\nrecipe = 'image-vae'\n", "'seeds' is 0"),
        ("seeds = 1.5\n[base]\nrecipe = 'image-vae'\n", "it must be a whole number"),
        ("measures = ['nnl']\n[base]\nrecipe = 'image-vae'\n", "unknown measure 'nnl' in 'measures'. Did you mean 'nll'"),  # noqa: E501
        ("families = {axis='a', levels=['b','c']}\n[base]\nrecipe = 'image-vae'\n[[variant]]\nname='x'", "unknown axis"),  # noqa: E501
    ],
)  # fmt: skip
def test_a_file_that_is_no_grid(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(RecipeError, match=match):
        grid(tmp_path, base=text)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="There is no grid file"):
        read_grid(tmp_path / "grid.toml")
    (tmp_path / "grid.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RecipeError, match="cannot be read"):
        read_grid(tmp_path / "grid.toml")


def test_the_base_may_be_a_recipe_file_beside_the_grid(tmp_path: Path) -> None:
    from timbrespace.training.recipe import recipe_text

    (tmp_path / "mine.toml").write_text(recipe_text("image-vae"))
    found = grid(tmp_path, base="[base]\nrecipe = 'mine.toml'\n[[variant]]\nname = 'a'\n")
    assert found.variants[0].sections["data"]["kind"] == "Images"


def test_a_grid_too_large_is_refused_before_it_is_made(tmp_path: Path) -> None:
    levels = ", ".join(f"{{name = 'l{i}'}}" for i in range(25))
    axes = "".join(f"[[axis]]\nname = 'a{i}'\nlevel = [{levels}]\n" for i in range(12))
    with pytest.raises(RecipeError, match="more than 10,000 variants"):
        grid(tmp_path, base=BASE + axes)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ("settings.model.bottleneck.latents = 3", "variant 'odd' on digits cannot be built: Gaussian has no argument"),
        ("settings.model.network.kind = 'Transformer'", "'odd' on digits.*There is no Network 'Transformer' at 'model.net"),  # noqa: E501
        ("settings.model.bottleneck.latent_dim = -2", "'odd'.*outside its range"),
        ("settings.training.weights.kl.kind = 'Square'", "'odd'.*There is no Schedule 'Square'"),
        ("settings.data.binarise = 'static'", "'odd'.*binarise"),
        ("like = 'vae-4'\nwithout = ['training.weights.kl']", "'odd' on digits.*The loss term 'kl' has no weight"),
        ("settings.model.bottleneck = { kind = 'Mmd' }", "'odd' on digits cannot be built: The loss term 'mmd' has"),
    ],
)  # fmt: skip
def test_combinations_that_cannot_be_built_are_named(tmp_path: Path, settings: str, match: str) -> None:
    found = grid(tmp_path, f"[[variant]]\nname = 'odd'\n{settings}\n")
    with pytest.raises(RecipeError, match=match):
        check_parts(found, {"digits": "digits"})


def test_models_of_sound_are_refused_before_they_are_trained(tmp_path: Path) -> None:
    found = grid(tmp_path, base="[base]\nrecipe = 'temporal-vae'\n[[variant]]\nname = 'sound'\n")
    with pytest.raises(RecipeError, match="'sound' on here cannot be built: .* data are sounds, and the benchmark"):
        check_parts(found, {"here": str(tmp_path)})


def test_weights_without_a_term_are_named(tmp_path: Path) -> None:
    """Variants share their weights; that one does nothing somewhere is no mistake, but it is said."""
    found = grid(tmp_path, base=BASE + AXES.replace("settings.training.weights.kl.end = 0.0\n", ""))
    assert check_parts(found, {"digits": "digits"}) == {"ae-4": ["kl"], "ae-8": ["kl"]}


def test_what_the_data_cannot_fulfil_is_said_before_anything_runs(tmp_path: Path) -> None:
    data = {"tiny": str(write_set(tmp_path / "tiny"))}
    found = grid(tmp_path, "[[variant]]\nname = 'odd'\nlike = 'vae-4'\nsettings.data.limit = 37\n")
    with pytest.raises(DataError, match="variant 'odd' on tiny cannot be trained: limit=37 is more than the 36 train"):
        check_data(found, data)
    known = grid(tmp_path)
    before = check_data(known, data)
    assert check_data(known, data) == before
    write_set(tmp_path / "tiny", test=13)
    assert check_data(known, data) != before, "the fingerprint is that of the pictures"


def test_expectations_are_kept_with_what_was_known_then(tmp_path: Path) -> None:
    first = Claim("nll", "a", "b", "lower", "because")
    later = Claim("nll", "a", "b", "higher", "because")
    assert not put_on_record(tmp_path, [first], {"a": "good"}, finished_cells=0)
    content = (tmp_path / EXPECTATIONS).read_bytes()
    assert not put_on_record(tmp_path, [first], {"a": "good"}, finished_cells=5)
    assert (tmp_path / EXPECTATIONS).read_bytes() == content
    assert [d.before_the_run for d in on_record(tmp_path)] == [True]
    assert put_on_record(tmp_path, [later], {"a": "bad"}, finished_cells=7)
    dated = on_record(tmp_path)
    assert [(d.claim, d.withdrawn, d.finished_cells, d.before_the_run) for d in dated] == [
        (first, True, 0, True),
        (later, False, 7, False),
    ]
    assert [text for _, text in texts_on_record(tmp_path)["a"]] == ["good", "bad"]


def test_damaged_expectations_are_not_written_over(tmp_path: Path) -> None:
    (tmp_path / EXPECTATIONS).write_text('{"records": [{}]}')
    with pytest.raises(StorageError, match=r"expectations.json is damaged .*restore it"):
        put_on_record(tmp_path, [], {}, finished_cells=0)


def test_claims_in_words() -> None:
    assert Claim("mse", "a", "b", "same", "", 1.1).sentence() == "mse of a is within a factor of 1.1 of that of b"
    assert Claim("mse", "a", "b", "higher", "").sentence() == "mse of a is higher than that of b"
