"""Every recipe of sound leads to a model whose exports pass their own comparison."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import timbrespace
from tests import picture_bundles
from tests.bundles import own_process, scratch, sounds
from timbrespace.codecs.loading import load_bundle
from timbrespace.codecs.onnx_session import OnnxHalf
from timbrespace.codecs.onnx_stream import OnnxStream
from timbrespace.core.errors import BundleError, ExportError
from timbrespace.evaluation.model_speed import measure_model
from timbrespace.export.exporting import export_model
from timbrespace.training.recipe import read_recipe, recipe_names

SOUND = [n for n in recipe_names() if "transform" in read_recipe(n).sections]
SHORT = ("training.steps=2", "training.evaluations=1", "training.threads=1", "training.live_engine=false")
SMALL = {
    "temporal-vae": ("data.company=0", "transform.n_mels=24", "transform.n_fft=512", "transform.hop_length=128",
                     "transform.em_steps=2", "transform.joint_steps=1", "model.network.width=16", "model.refinement=1"),
    "stft": ("data.company=0", "model.network.width=16", "model.network.depth=1"),
    "grains": ("data.company=0", "model.network.width=16", "model.network.depth=1"),
}  # fmt: skip

__all__ = ["own_process"]


def trained(recipe: str) -> Path:
    folder = scratch() / f"export-{recipe}"
    if not folder.exists():
        settings = (*SHORT, "data.sample_rate=22050", "training.batch_size=4", *SMALL.get(recipe, ()))
        timbrespace.train(recipe, sounds(), out=folder, settings=settings)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("recipe", SOUND)
def test_its_exports_pass(recipe: str, tmp_path: Path) -> None:
    for_nn = export_model(trained(recipe), "nn~", tmp_path / "m.ts", speed=False)
    if recipe == "temporal-vae":  # two steps of it say flat noise, where rounding chooses the peaks that phases follow
        assert all(p["passed"] for sheet in for_nn["sheets"] for p in sheet["parts"])
        _passes_or_is_not_left(trained(recipe), tmp_path / "m")
        return
    graphs = export_model(trained(recipe), "onnx", tmp_path / "m", speed=False)
    names = [p["name"] for sheet in (*for_nn["sheets"], *graphs["sheets"]) for p in sheet["parts"]]
    assert {"encode", "decode", "forward", "table", "decoder", "encoder"} <= set(names)
    assert all(p["passed"] for sheet in (*for_nn["sheets"], *graphs["sheets"]) for p in sheet["parts"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m", "m.ts", "m.ts.json", "m.ts.md"]


def _passes_or_is_not_left(model: Path, folder: Path) -> None:
    """ONNX files that agree with the model, or one sentence about how far they are from it and no files."""
    try:
        graphs = export_model(model, "onnx", folder, speed=False)
    except ExportError as error:
        assert "was not written: decoder differs from the model" in str(error)  # noqa: PT017  # both ends are right
        assert not folder.exists()
        return
    assert all(p["passed"] for sheet in graphs["sheets"] for p in sheet["parts"])


@pytest.mark.slow
def test_a_training_leaves_a_decoder_for_the_live_engine(tmp_path: Path) -> None:
    """And what it plays is what torch plays."""
    settings = (*SHORT[:-1], "data.sample_rate=22050", "training.batch_size=4")
    timbrespace.train("grains-reference", sounds(), out=tmp_path / "m", settings=settings)
    codec = load_bundle(tmp_path / "m")
    stream = codec.stream()  # type: ignore[union-attr]
    assert isinstance(stream, OnnxStream)
    z = torch.randn(1, 16, 12, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(stream.decode(z), codec.torch_stream().decode(z), atol=1e-5, rtol=0)  # type: ignore[union-attr]


@pytest.mark.slow
def test_a_models_speed_is_told_by_engine(tmp_path: Path) -> None:
    found = measure_model(trained("grains-reference"), blocks=(64, 512))
    engines = [e.engine.split(",")[0] for e in found.engines]
    assert engines == ["torch", "TorchScript", "TorchScript", "ONNX Runtime"]
    assert all([s.block for s in e.speeds] == [64, 512] for e in found.engines)
    assert "latency 256 samples" in found.text()
    export_model(trained("grains-reference"), "onnx", tmp_path / "m", speed=False)
    (alone,) = measure_model(tmp_path / "m" / "decoder.onnx", blocks=(64,)).engines
    assert alone.latency == OnnxHalf.open(tmp_path / "m" / "decoder.onnx").facts.latency == 256


def test_models_of_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="holds a model of pictures, and this needs a model of sound"):
        export_model(picture_bundles.bundle("vae"), "nn~", tmp_path / "m.ts")


def test_a_torchscript_file_needs_trust(tmp_path: Path) -> None:
    (tmp_path / "m.ts").write_bytes(b"x")
    with pytest.raises(BundleError, match="a program of whoever made it"):
        measure_model(tmp_path / "m.ts")
