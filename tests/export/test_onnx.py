"""ONNX files of one step say what the model says, and state what they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.export.lapped import lapped_codec
from timbrespace.codecs.bundle import Bundle, write_bundle
from timbrespace.codecs.onnx_card import onnx_card, onnx_facts
from timbrespace.codecs.onnx_session import OnnxFacts, OnnxHalf
from timbrespace.codecs.onnx_stream import DECODER, OnnxStream, live_decoder
from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.steps import encoder_step
from timbrespace.codecs.stream import SoundStream
from timbrespace.core.codec import CodecStream
from timbrespace.core.errors import BundleError, ExportError, ParameterError
from timbrespace.export import onnx_file
from timbrespace.export.trial import run_step

DIMS, CHANNELS, STEPS = 3, 2, 24


@pytest.fixture(scope="module")
def codec() -> SoundCodec:
    return lapped_codec(latent_dim=DIMS, channels=CHANNELS, hop_length=32, frames_per_step=2, width=8)


@pytest.fixture(scope="module")
def folder(codec: SoundCodec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "model"
    onnx_file.export_onnx(codec, path)
    return path


@pytest.fixture
def decoder(folder: Path) -> OnnxHalf:
    return OnnxHalf.open(folder / "decoder.onnx")


def latents(steps: int = STEPS) -> torch.Tensor:
    return torch.randn(1, DIMS, steps, generator=torch.Generator().manual_seed(5))


def test_the_stream_is_the_codecs_in_any_cut(decoder: OnnxHalf, codec: SoundCodec) -> None:
    z, stream = latents(), OnnxStream(decoder)
    assert isinstance(stream, CodecStream)
    whole = stream.decode(z)
    torch.testing.assert_close(whole, codec.torch_stream().decode(z), atol=1e-6, rtol=0)
    assert whole.abs().max() > 0.01
    assert stream.latency == codec.torch_stream().latency
    stream.reset()
    cut = torch.cat([stream.decode(part) for part in z.tensor_split([0, 1, 1, 7, 20], dim=2)], dim=2)
    assert torch.equal(cut, whole)


def test_streams_share_a_decoder_and_keep_their_own_state(decoder: OnnxHalf) -> None:
    z = latents()
    one, other = OnnxStream(decoder), OnnxStream(decoder)
    first = one.decode(z[..., :5])
    other.decode(-z)
    assert torch.equal(torch.cat([first, one.decode(z[..., 5:])], dim=2), OnnxStream(decoder).decode(z))


def test_the_encoder_is_the_step(folder: Path, codec: SoundCodec) -> None:
    half, step = OnnxHalf.open(folder / "encoder.onnx"), encoder_step(codec)
    wave = torch.randn(1, CHANNELS, STEPS * codec.ratio, generator=torch.Generator().manual_seed(1))
    state, found = half.initial(), []
    for block in wave.split(codec.ratio, dim=2):
        z, state = half.step(block.numpy(), state)
        found.append(torch.from_numpy(z))
    torch.testing.assert_close(torch.cat(found, 2), run_step(step, wave, quantum=codec.ratio), atol=1e-4, rtol=1e-5)
    assert half.facts.latency == step.latency


def test_a_file_says_what_it_is(folder: Path, codec: SoundCodec) -> None:
    facts = onnx_facts(folder / "decoder.onnx")
    assert (facts["kind"], facts["sample_rate"], facts["channels"]) == ("decoder", codec.sample_rate, CHANNELS)
    assert (facts["ratio"], facts["latency"]) == (codec.ratio, codec.torch_stream().latency)
    assert facts["names"] == ("latent 1", "latent 2", "latent 3")
    card = onnx_card(folder / "decoder.onnx", facts)
    assert f"latency: {facts['latency']} samples" in card
    assert b"/home" not in (folder / "decoder.onnx").read_bytes()
    assert str(Path.cwd()).encode() not in (folder / "decoder.onnx").read_bytes()


def test_the_sheets_say_what_was_found(folder: Path, codec: SoundCodec) -> None:
    table = json.loads((folder / "decoder.onnx.json").read_text(encoding="utf-8"))
    (part,) = table["parts"]
    assert part["passed"]
    assert part["measured"]["samples"] == part["latency"] == codec.torch_stream().latency
    assert [s["block"] for s in part["speeds"]] == [64, 128, 256, 512, 1024, 2048, 4096]
    assert "| 4096 |" in (folder / "decoder.onnx.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("shape", [(1, DIMS + 1, 2), (2, DIMS, 2), (DIMS, 2)])
def test_latents_of_another_shape_get_one_sentence(decoder: OnnxHalf, shape: tuple[int, ...]) -> None:
    with pytest.raises(ParameterError, match=r"latents of shape \(1, 3, step\), not"):
        OnnxStream(decoder).decode(torch.zeros(shape))


def test_latents_that_are_no_numbers_are_refused_and_forgotten(decoder: OnnxHalf) -> None:
    z, stream = latents(), OnnxStream(decoder)
    first = stream.decode(z[..., :5])
    with pytest.raises(ParameterError, match="finite latents; these hold NaN"):
        stream.decode(torch.full((1, DIMS, 1), torch.nan))
    assert torch.equal(torch.cat([first, stream.decode(z[..., 5:])], 2), OnnxStream(decoder).decode(z))


def test_no_latents_give_no_sound(decoder: OnnxHalf) -> None:
    assert OnnxStream(decoder).decode(latents(0)).shape == (1, CHANNELS, 0)


def test_an_encoder_is_no_stream(folder: Path) -> None:
    with pytest.raises(ParameterError, match="needs a decoder, and this is an ONNX file of kind 'encoder'"):
        OnnxStream(OnnxHalf.open(folder / "encoder.onnx"))


def test_foreign_and_damaged_files_get_one_sentence(folder: Path, tmp_path: Path) -> None:
    import onnx

    (tmp_path / "a.onnx").write_bytes(b"nothing")
    with pytest.raises(BundleError, match="is no ONNX file that can be run"):
        OnnxHalf.open(tmp_path / "a.onnx")
    with pytest.raises(BundleError, match="cannot be read"):
        OnnxHalf.open(tmp_path / "none.onnx")
    model = onnx.load(folder / "decoder.onnx")
    properties = {p.key: p for p in model.metadata_props}
    properties["timbrespace.ratio"].value = "65"
    with pytest.raises(BundleError, match="is not what it says: a decoder with inputs"):
        OnnxHalf(model.SerializeToString(), file="b.onnx")
    properties["timbrespace.format"].value = "99"
    with pytest.raises(BundleError, match="is of ONNX format 99, and this version reads up to 1"):
        OnnxHalf(model.SerializeToString(), file="b.onnx")
    del model.metadata_props[:]
    with pytest.raises(BundleError, match="does not say what it is"):
        OnnxHalf(model.SerializeToString(), file="b.onnx")


def test_states_that_do_not_begin_as_zeros_are_stated() -> None:
    facts = OnnxFacts("decoder", 16_000, 1, 2, 64, 0, ("a", "b"), beginnings={"1": -256})
    assert OnnxFacts.of(facts.properties(), file="x") == facts


def test_a_file_that_differs_is_not_left(codec: SoundCodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = lapped_codec(latent_dim=DIMS, channels=CHANNELS, hop_length=32, frames_per_step=2, width=8, seed=1)
    real = onnx_file.onnx_decoder
    monkeypatch.setattr(onnx_file, "onnx_decoder", lambda _: real(other))
    with pytest.raises(ExportError, match="decoder differs from the model: largest difference"):
        onnx_file.export_onnx(codec, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def carrying(codec: SoundCodec, folder: Path, exports: dict[str, bytes]) -> SoundCodec:
    """The codec as if read from a bundle with exports; its transform is in no catalogue, so that it is not read."""
    written = write_bundle(
        folder, kind="SoundCodec", parts={}, files={}, tables={}, card="", version="0", exports=exports
    )
    made = SoundCodec(codec.transform, codec.model, channels=codec.channels, latent=codec.latent)
    made.bundle = Bundle.open(written.folder)
    return made


def test_a_bundle_with_its_decoder_is_played_by_onnx_runtime(codec: SoundCodec, folder: Path, tmp_path: Path) -> None:
    content = (folder / "decoder.onnx").read_bytes()
    live = carrying(codec, tmp_path / "m", {DECODER: content})
    stream = live.stream()
    assert isinstance(stream, OnnxStream)
    torch.testing.assert_close(stream.decode(latents()), live.torch_stream().decode(latents()), atol=1e-6, rtol=0)
    assert isinstance(live.stream(live=live.live), SoundStream)  # another inverse is asked for
    assert isinstance(carrying(codec, tmp_path / "n", {}).stream(), SoundStream)


def test_a_decoder_in_a_bundle_is_checked(codec: SoundCodec, folder: Path, tmp_path: Path) -> None:
    content = (folder / "decoder.onnx").read_bytes()
    damaged = carrying(codec, tmp_path / "m", {DECODER: content})
    assert damaged.bundle is not None
    (damaged.bundle.folder / DECODER).write_bytes(content + b"x")
    with pytest.raises(BundleError, match="absent or damaged: its SHA-256 is not the one noted"):
        damaged.stream()
    other = carrying(codec, tmp_path / "n", {DECODER: (folder / "encoder.onnx").read_bytes()})
    with pytest.raises(BundleError, match="is not of this model"):
        live_decoder(other)


def test_the_live_engine_is_made_where_it_is_the_stream(codec: SoundCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(onnx_file.live_engine(codec)) == [DECODER]
    monkeypatch.setattr(onnx_file, "runtime_installed", lambda: False)
    assert onnx_file.live_engine(codec) == {}


def test_no_live_engine_where_it_would_be_another_sound(codec: SoundCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    other = lapped_codec(latent_dim=DIMS, channels=CHANNELS, hop_length=32, frames_per_step=2, width=8, seed=1)
    real = onnx_file.onnx_decoder
    monkeypatch.setattr(onnx_file, "onnx_decoder", lambda _: real(other))
    assert onnx_file.live_engine(codec) == {}


def test_no_live_engine_where_nothing_plays_live() -> None:
    assert onnx_file.live_engine(lapped_codec(lookahead=None)) == {}


def test_huge_latents_give_what_can_be_mended(decoder: OnnxHalf) -> None:
    """1e30 is finite: the graph answers, finite or not, and after a reset all is as before."""
    stream = OnnxStream(decoder)
    wild = stream.decode(torch.full((1, DIMS, 4), 1e30))
    assert wild.shape == (1, CHANNELS, 4 * decoder.facts.ratio)
    stream.reset()
    assert np.isfinite(stream.decode(latents()).numpy()).all()
