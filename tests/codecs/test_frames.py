"""A model of pictures in a bundle: whole again when it is loaded, a source of samples, and no model of sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import timbrespace
from tests import bundles
from tests.picture_bundles import SORTS, bundle, copy_of_bundle
from timbrespace.codecs.bundle import Bundle, write_bundle
from timbrespace.codecs.frames import PIECE, FrameCodec
from timbrespace.codecs.loading import load, load_sound
from timbrespace.codecs.tensor_files import read_tensors, write_tensors
from timbrespace.core.codec import Codec, FrameModel, require
from timbrespace.core.errors import BundleError, ParameterError


def codec(sort: str = "vae") -> FrameCodec:
    found = load(bundle(sort))
    assert isinstance(found, FrameCodec)
    return found


def pictures(n: int = 5, *, seed: int = 0) -> Tensor:
    return torch.bernoulli(torch.full((n, 1, 8, 8), 0.4), generator=torch.Generator().manual_seed(seed))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("sort", SORTS)
def test_a_bundle_brings_back_the_same_model(sort: str, tmp_path: Path) -> None:
    first = codec(sort)
    opened = Bundle.open(bundle(sort))
    assert (opened.config["kind"], opened.config["format"]) == ("FrameCodec", 1)
    write_bundle(
        tmp_path / "again",
        kind="FrameCodec",
        parts={"size": list(first.size), "model": first.model.config()},
        files={"weights.safetensors": first.state(), "latent.safetensors": first.latent},
        tables={},
        card="",
        version="1",
    )
    again = load(tmp_path / "again")
    assert isinstance(again, FrameCodec)
    assert again.size == first.size == (1, 8, 8)
    assert torch.equal(again.encode_frames(pictures()), first.encode_frames(pictures()))
    latents = first.encode_frames(pictures())
    assert torch.equal(again.decode_frames(latents), first.decode_frames(latents))
    assert again.latent.keys() == first.latent.keys()
    assert all(torch.equal(again.latent[name], tensor) for name, tensor in first.latent.items())
    assert again.facts() == first.facts()
    assert first.facts()["parameters"] == sum(p.numel() for p in first.model.parameters())


@pytest.mark.parametrize("sort", SORTS)
def test_pictures_go_in_and_pictures_come_out(sort: str) -> None:
    ours = codec(sort)
    x = pictures()
    latents = ours.encode_frames(x)
    assert latents.shape == (5, ours.latent_dim, 4 if sort == "vq" else 1)
    assert torch.equal(latents, ours.encode_frames(x)), "nothing is drawn"
    torch.testing.assert_close(ours.encode_frames(x[1:2]), latents[1:2], rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        rebuilt = ours.rebuild_frames(x)
    assert rebuilt.shape == x.shape
    assert 0 <= float(rebuilt.min()) <= float(rebuilt.max()) <= 1, "expected values of binary cells"
    torch.testing.assert_close(rebuilt, ours.decode_frames(latents))


def test_it_is_a_frame_model_and_no_codec_of_sound() -> None:
    assert require(codec(), FrameModel, purpose="a test")
    with pytest.raises(BundleError, match=r"painting needs a model that can .* this FrameCodec cannot"):
        require(codec(), Codec, purpose="painting")


def test_many_pictures_go_through_in_pieces() -> None:
    ours = codec()
    x = pictures(PIECE + 7)
    latents = ours.encode_frames(x)
    torch.testing.assert_close(latents[-7:], ours.encode_frames(x[-7:]), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours.decode_frames(latents)[-7:], ours.decode_frames(latents[-7:]), rtol=1e-4, atol=1e-5)


def test_codes_are_what_the_decoder_reads() -> None:
    """Latents of a model of codes are entries of its codebook, not what the encoder said of them."""
    ours = codec("vq")
    book = ours.model.state_dict()["bottleneck.codebook"]
    vectors = ours.encode_frames(pictures()).transpose(1, 2).flatten(0, 1)
    assert float(torch.cdist(vectors, book).amin(1).max()) < 1e-4


def test_decoding_is_differentiable() -> None:
    z = torch.zeros(2, 3, 1, requires_grad=True)
    codec().decode_frames(z).square().sum().backward()
    assert z.grad is not None
    assert z.grad.abs().sum() > 0


@pytest.mark.parametrize("source", ["prior", "mixture"])
def test_samples_follow_their_generator(source: Any) -> None:
    ours = codec()
    drawn = ours.sample(7, generator=seeded(), source=source)
    assert drawn.shape == (7, 1, 8, 8)
    assert not drawn.requires_grad
    assert torch.equal(drawn, ours.sample(7, generator=seeded(), source=source))
    assert not torch.equal(drawn, ours.sample(7, generator=seeded(1), source=source))
    assert not torch.equal(drawn[0], drawn[1])
    again = codec()
    assert torch.equal(drawn, again.sample(7, generator=seeded(), source=source)), "a loaded model draws the same"


def test_the_mixture_is_that_of_the_training_examples() -> None:
    ours = codec()
    mixture = ours.mixture()
    vectors = ours.latent["vectors"].double()
    drawn = mixture.sample(20_000, generator=seeded()).double()
    torch.testing.assert_close(drawn.mean(0), vectors.mean(0), rtol=0, atol=0.05 * float(vectors.std()))
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(vectors.T), rtol=0.1, atol=0.05 * float(vectors.var()))
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(vectors).sum(1).mean()
    assert float(mixture.log_prob(vectors.float()).mean()) > float(normal), "it knows better than the prior"


@pytest.mark.parametrize(
    ("sort", "source", "sentence"),
    [
        ("vq", "prior", r"This model has no prior to sample from \(VectorQuantized bottleneck\)"),
        ("ae", "prior", r"This model has no prior to sample from \(Deterministic bottleneck\)"),
        ("vq", "mixture", "has no mixture to sample from: none is fitted to a map of vectors"),
    ],
)
def test_what_cannot_be_sampled_is_told(sort: str, source: Any, sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        codec(sort).sample(3, generator=seeded(), source=source)


def test_a_plain_autoencoder_has_a_mixture() -> None:
    assert codec("ae").sample(3, generator=seeded(), source="mixture").shape == (3, 1, 8, 8)


def test_pictures_of_another_size_get_one_sentence() -> None:
    with pytest.raises(ParameterError, match=r"was made for pictures of 1 x 8 x 8 .* not 1 x 9 x 8"):
        codec().encode_frames(torch.zeros(2, 1, 9, 8))


def test_tools_for_sound_are_told_what_they_were_given() -> None:
    with pytest.raises(BundleError, match="holds a model of pictures, and this needs a model of sound; choose another"):
        load_sound(bundle())
    assert load_sound(bundles.bundle()).sample_rate == 22_050
    assert isinstance(timbrespace.load(bundle()), FrameCodec)
    with pytest.raises(BundleError, match="There is no nowhere"):
        load_sound("nowhere")


def edit(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "Painting"},
        {"kind": None},
        {"size": None},
        {"size": [1, 8]},
        {"size": [1, 8, "wide"]},
        {"size": {"a": 1}},
        {"model": {}},
        {"model": {"kind": "os.system"}},
        {"files": {}},
    ],
    ids=str,
)
def test_edited_configurations_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    model = copy_of_bundle(tmp_path / "model")
    edit(model, **changes)
    with pytest.raises(BundleError, match=r"\.$") as refused:
        load(model)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["weights.safetensors", "latent.safetensors"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "missing"])
def test_damaged_tensors_are_noticed(tmp_path: Path, name: str, damage: str) -> None:
    path = copy_of_bundle(tmp_path / "model", "vq") / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"flipped": bytes(content), "cut": bytes(content[:-50])}[damage])
    with pytest.raises(BundleError, match="is damaged: its SHA-256|lacks"):
        load(tmp_path / "model")


def test_weights_of_another_model_do_not_fit(tmp_path: Path) -> None:
    model = copy_of_bundle(tmp_path / "model")
    digest = write_tensors(model / "weights.safetensors", read_tensors(bundle("vq") / "weights.safetensors"))
    edit(model, files=json.loads((model / "config.json").read_text())["files"] | {"weights.safetensors": digest})
    with pytest.raises(BundleError, match=r"does not fit together .* it was edited or damaged, restore it"):
        load(model)
