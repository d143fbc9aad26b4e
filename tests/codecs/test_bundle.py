"""A bundle that is damaged, edited, foreign or newer is refused in one sentence."""

from __future__ import annotations

import contextlib
import json
import resource
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from tests.bundles import bundle, copy_of_bundle
from timbrespace.codecs.bundle import Bundle, write_bundle
from timbrespace.codecs.loading import load
from timbrespace.codecs.tensor_files import read_tensors, write_tensors
from timbrespace.core.errors import BundleError
from timbrespace.core.files import sha256


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return copy_of_bundle(tmp_path / "model")


def edit(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps(config))


def test_newer_formats_are_refused_by_name(model: Path) -> None:
    edit(model, format=99, timbrespace="7.0")
    with pytest.raises(BundleError, match=r"written by timbrespace 7.0 in bundle format 99, .* update timbrespace"):
        load(model)


@pytest.mark.parametrize("name", ["weights.safetensors", "latent.safetensors"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "missing", "empty"])
def test_damaged_tensors_are_noticed(model: Path, name: str, damage: str) -> None:
    path = model / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"flipped": bytes(content), "cut": bytes(content[:-50]), "empty": b""}[damage])
    with pytest.raises(BundleError, match="is damaged: its SHA-256|lacks"):
        load(model)


def test_other_weights_with_a_right_hash_do_not_fit(model: Path) -> None:
    weights = load_file(model / "weights.safetensors")
    weights.popitem()
    digest = write_tensors(model / "weights.safetensors", weights)
    files = json.loads((model / "config.json").read_text())["files"] | {"weights.safetensors": digest}
    edit(model, files=files)
    with pytest.raises(BundleError, match=r"does not fit together .* it was edited or damaged, restore it"):
        load(model)


def test_poisoned_weights_are_refused(model: Path) -> None:
    weights = load_file(model / "weights.safetensors")
    weights["transform.mean"][0] = torch.nan
    digest = write_tensors(model / "weights.safetensors", weights)
    edit(model, files=json.loads((model / "config.json").read_text())["files"] | {"weights.safetensors": digest})
    with pytest.raises(BundleError, match=r"holds non-finite values in 'transform.mean'"):
        load(model)


def test_edited_configurations_do_not_fit(model: Path) -> None:
    config = json.loads((model / "config.json").read_text())
    config["model"]["network"]["width"] = 24
    edit(model, model=config["model"])
    with pytest.raises(BundleError, match=r"does not fit together .* restore it"):
        load(model)
    config["model"]["network"]["kind"] = "os.system"
    edit(model, model=config["model"])
    with pytest.raises(BundleError, match=r"There is no Network 'os.system'"):
        load(model)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(p for key, item in inside for p in paths(item, (*at, key)))] if at else [
        p for key, item in inside for p in paths(item, (key,))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("transform", "n_fft"), 1 << 40),
        (("transform", "n_mels"), 10**6),
        (("model", "network", "n_features"), 10**9),
        (("model", "network", "width"), 4096),
        (("model", "network", "frames_per_step"), 64),
        (("model", "bottleneck", "latent_dim"), 4096),
    ],
)
def test_sizes_out_of_all_proportion_allocate_nothing(model: Path, place: tuple[str, ...], value: int) -> None:
    config = json.loads((model / "config.json").read_text())
    table = config
    for key in place[:-1]:
        table = table[key]
    table[place[-1]] = value
    (model / "config.json").write_text(json.dumps(config))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BundleError):
        load(model)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000, "more than 200 MB were allocated"


@given(st.data())
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_edit_gives_a_model_or_one_sentence(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever is written at whatever place: a bundle loads, or is refused as a bundle."""
    model = tmp_path / "fuzzed"
    if not model.exists():
        copy_of_bundle(model)
    config = json.loads((bundle() / "config.json").read_text())
    config.pop("sounds")
    place = data.draw(st.sampled_from(paths(config)))
    odd = st.sampled_from([None, True, -1, 0, 3.5, 10**6, "", "x", [], {}, [1], {"kind": "Gaussian"}, {"a": []}])
    table = config
    for key in place[:-1]:
        table = table[key]
    table[place[-1]] = data.draw(odd)
    (model / "config.json").write_text(json.dumps(config))
    with contextlib.suppress(BundleError):
        load(model)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", '{"format": "x"}', '{"format": 1}', "\udcff\udcfe"])
def test_configurations_that_are_none(model: Path, text: str) -> None:
    (model / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BundleError, match=r"config.json is damaged"):
        load(model)


def test_what_is_no_bundle_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="There is no .*nowhere; give the folder of a trained model"):
        load(tmp_path / "nowhere")
    with pytest.raises(BundleError, match=r"is not a trained model: it has no config.json"):
        load(tmp_path)


def test_tables_may_be_missing_but_not_damaged(model: Path) -> None:
    opened = Bundle.open(model)
    (model / "metrics.json").unlink()
    assert opened.table("metrics.json") == {}
    for text in ("{", "7"):
        (model / "metrics.json").write_text(text)
        with pytest.raises(BundleError, match="is damaged .* delete it to go on without"):
            opened.table("metrics.json")


def test_tensors_come_back_with_their_hash(tmp_path: Path) -> None:
    shared = torch.randn(4, 6)
    tensors = {"a": shared, "b": shared.T, "c": torch.arange(3), "d": torch.tensor(2.5)}
    digest = write_tensors(tmp_path / "x.safetensors", tensors)
    assert digest == sha256(tmp_path / "x.safetensors")
    back = read_tensors(tmp_path / "x.safetensors")
    assert all(torch.equal(back[name], tensors[name]) for name in tensors)
    (tmp_path / "y.safetensors").write_bytes(b"no tensors at all")
    with pytest.raises(BundleError, match="is no safetensors file"):
        read_tensors(tmp_path / "y.safetensors")


def test_a_bundle_without_its_configuration_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written last, removed first: at no moment does an old configuration stand beside new weights."""
    import timbrespace.codecs.bundle as module

    model = copy_of_bundle(tmp_path / "model")

    def fail(*given: object) -> str:
        assert not (model / "config.json").exists()
        raise RuntimeError("killed")

    monkeypatch.setattr(module, "write_tensors", fail)
    with pytest.raises(RuntimeError, match="killed"):
        write_bundle(model, kind="SoundCodec", parts={}, files={"weights.safetensors": {}}, tables={}, card="",
                     version="1")  # fmt: skip
