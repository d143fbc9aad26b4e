"""Models of others: RAVE-style files give what they hold, deterministically, in step with the sound."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import timbrespace
from tests import torchscript_models as models
from tests.torchscript_models import DELAY_IN, DELAY_OUT, FULL, LATENTS, RATE, RATIO
from timbrespace.__main__ import main
from timbrespace.audio.writing import write
from timbrespace.codecs.loading import load_codec, load_sound
from timbrespace.codecs.space import posterior_means
from timbrespace.codecs.torchscript.codec import TorchScriptCodec
from timbrespace.codecs.torchscript.delay import bursts, correlate
from timbrespace.codecs.torchscript.informative import informative_counts
from timbrespace.core.codec import Codec, rate_hz
from timbrespace.core.errors import BundleError, ParameterError


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.save(models.RaveStyle(), tmp_path_factory.mktemp("rave") / "street.ts")


@pytest.fixture(scope="module")
def codec(file: Path) -> Iterator[TorchScriptCodec]:
    with TorchScriptCodec(file) as opened:
        yield opened


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("timbrespace.codecs.torchscript.codec.ConfinedProcess", models.InProcess)


def low_noise(seconds: float, *, channels: int = 1, seed: int = 0) -> torch.Tensor:
    """A sound whose blocks the toy's eight latents hold completely."""
    generator = torch.Generator().manual_seed(seed)
    blocks = int(seconds * RATE / RATIO)
    return (0.1 * torch.randn(1, blocks, LATENTS, generator=generator) @ models.cosines(LATENTS, RATIO)).reshape(
        1, 1, -1
    ).expand(1, channels, -1).contiguous()  # fmt: skip


def expected_means(wave: torch.Tensor) -> torch.Tensor:
    """What the toy's encoder means: rotated, centred coefficients of the blocks."""
    toy = models.RaveStyle()
    mean = wave.mean(1).unfold(-1, RATIO, RATIO) @ (models.cosines(FULL, RATIO) * 0.5).T
    return (toy.latent_pca @ (mean - toy.latent_mean)[0].T)[None, :LATENTS]


def test_a_rave_style_file_says_what_it_is(codec: TorchScriptCodec, file: Path) -> None:
    assert isinstance(codec, Codec)
    assert (codec.sample_rate, codec.channels, codec.ratio, codec.latent_dim) == (RATE, 1, RATIO, LATENTS)
    assert codec.name == "street"
    assert rate_hz(codec) == codec.rate_hz == RATE / RATIO
    facts = codec.facts()
    json.dumps(facts)
    assert facts["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert facts["bytes"] == file.stat().st_size
    assert facts["methods"] == ["encode", "decode", "forward"]
    assert facts["attributes"] == ["learn_target"]
    assert facts["buffers"] == ["latent_pca", "latent_mean", "fidelity"]
    assert facts["full_latent_dim"] == FULL
    assert facts["streaming"] is True
    assert "informative  dimensions by share of variance: 3 for 0.80, 5 for 0.90" in codec.card()


def test_encoding_that_draws_gives_exactly_the_mean(codec: TorchScriptCodec) -> None:
    wave = low_noise(1.0)
    assert codec.facts()["encoding"] == "mean"
    assert codec.facts()["encode_draws"] == ["randn_like"]
    torch.testing.assert_close(codec.encode(wave), expected_means(wave), atol=1e-5, rtol=0)


def test_calls_do_not_depend_on_what_came_before(codec: TorchScriptCodec) -> None:
    wave = low_noise(1.0)
    latents, sound = codec.encode(wave), codec.decode(codec.encode(wave))
    codec.encode(low_noise(0.5, seed=1) + 0.5)
    codec.decode(torch.randn(1, LATENTS, 7))
    assert torch.equal(codec.encode(wave), latents)
    assert torch.equal(codec.decode(latents), sound)
    together = codec.encode(torch.cat([low_noise(1.0, seed=3), wave]))
    assert torch.equal(together[1:], latents)


def test_a_second_process_gives_the_same_numbers(codec: TorchScriptCodec, file: Path) -> None:
    wave = low_noise(0.5)
    with TorchScriptCodec(file) as other:
        assert torch.equal(other.encode(wave), codec.encode(wave))
        assert torch.equal(other.decode(other.encode(wave)), codec.decode(codec.encode(wave)))


def test_the_delay_of_streaming_caches_is_found_and_taken_back(codec: TorchScriptCodec) -> None:
    facts = codec.facts()
    assert facts["delay_samples"] == DELAY_IN + DELAY_OUT
    assert facts["delay_steps_of_encoder"] == DELAY_IN // RATIO
    wave = low_noise(2.0)
    again = codec.decode(codec.encode(wave), length=wave.shape[-1])
    assert correlate(wave.flatten(), again.flatten(), most=1000) == (0, pytest.approx(1.0, abs=0.02))
    # the decoder's last samples would need latents from after the end
    torch.testing.assert_close(again[..., :-DELAY_OUT], wave[..., :-DELAY_OUT], atol=0.03, rtol=0)


def test_no_sound_begins_with_what_the_export_left_in_the_caches(codec: TorchScriptCodec) -> None:
    latents = codec._runner.encode(torch.zeros(1, 1, 20 * RATIO), quiet=True)  # before delays are taken back
    torch.testing.assert_close(latents, latents[..., -1:].expand_as(latents), atol=1e-6, rtol=0)


def test_long_sounds_have_no_seams(codec: TorchScriptCodec) -> None:
    wave = low_noise(20.0)  # three pieces
    torch.testing.assert_close(codec.encode(wave), expected_means(wave), atol=1e-5, rtol=0)
    again = codec.decode(codec.encode(wave), length=wave.shape[-1])
    assert float((again - wave)[..., :-DELAY_OUT].abs().max()) < 0.03


@pytest.mark.parametrize("samples", [1, RATIO - 1, RATIO, RATIO + 1, 1000])
def test_any_length(codec: TorchScriptCodec, samples: int) -> None:
    latents = codec.encode(torch.zeros(1, 1, samples))
    assert latents.shape == (1, LATENTS, -(-samples // RATIO))
    assert codec.decode(latents).shape == (1, 1, latents.shape[-1] * RATIO)
    assert codec.decode(latents, length=samples).shape == (1, 1, samples)
    assert codec.decode(latents, length=samples + 500).shape == (1, 1, samples + 500)


@pytest.mark.usefixtures("in_process")
def test_stereo_and_arrays(tmp_path: Path) -> None:
    model = models.RaveStyle(channels=2, delays=(0, 0), draws=False)
    stereo = TorchScriptCodec(models.save(model, tmp_path / "stereo.ts"))
    wave = low_noise(0.5, channels=2)
    assert stereo.facts()["encoding"] == "as it is"
    latents = stereo.encode(wave.numpy())
    assert isinstance(latents, np.ndarray)
    assert stereo.decode(latents, length=wave.shape[-1]).shape == wave.shape
    assert stereo.facts()["delay_samples"] == 0
    with pytest.raises(ParameterError, match="takes 2 channel"):
        stereo.encode(wave[:, :1])


def test_what_others_ask_of_a_codec(codec: TorchScriptCodec) -> None:
    wave = low_noise(0.5)
    assert torch.equal(posterior_means(codec, wave[0]), codec.encode(wave)[0].T)


def test_bad_arguments_are_refused_in_one_sentence(codec: TorchScriptCodec) -> None:
    for wave, words in (
        (torch.zeros(1, 1, 0), "empty"), (torch.full((1, 1, 9), torch.nan), "NaN"), (torch.zeros(3), "shape"),
        (torch.full((1, 1, 9), 1e9), "peak"),
    ):  # fmt: skip
        with pytest.raises(ParameterError, match=words):
            codec.encode(wave) if wave.ndim == 3 else codec.encode(wave.numpy())
    with pytest.raises(ParameterError, match="has 8 latents, and 3 were given"):
        codec.decode(torch.zeros(1, 3, 4))
    with pytest.raises(ParameterError, match="nothing to decode"):
        codec.decode(torch.zeros(1, LATENTS, 4), length=0)


@pytest.mark.usefixtures("in_process")
def test_without_caches_sounds_are_taken_whole_and_long_ones_with_context(tmp_path: Path) -> None:
    with TorchScriptCodec(models.save(models.Smoothed(), tmp_path / "m.ts"), sample_rate=2000) as codec:
        facts = codec.facts()
        assert facts["streaming"] is False
        assert (facts["sample_rate"], facts["sample_rate_from"]) == (2000, "given")
        assert facts["informative"] is None
        wave = torch.randn(1, 1, 2000 * 150, generator=torch.Generator().manual_seed(0)) * 0.1
        whole = models.Smoothed().encode(torch.nn.functional.pad(wave, (0, -wave.shape[-1] % RATIO)))
        torch.testing.assert_close(codec.encode(wave), whole, atol=1e-6, rtol=0)


@pytest.mark.usefixtures("in_process")
def test_draws_without_a_mean_come_from_a_seed(tmp_path: Path) -> None:
    path = models.save(models.Uniform(), tmp_path / "m.ts")
    with TorchScriptCodec(path, seed=1) as codec:
        facts = codec.facts()
        assert (facts["encoding"], facts["encode_draws"]) == ("seeded draw", ["rand_like"])
        assert facts["sample_rate_from"] == "assumed"
        assert facts["delay_samples"] is None
        wave = torch.zeros(1, 1, 10 * RATIO)
        assert torch.equal(codec.encode(wave), codec.encode(wave))
        assert float(codec.encode(wave).std()) > 0.1


@pytest.mark.usefixtures("in_process")
def test_state_that_is_no_buffer_is_reset_and_print_does_no_harm(tmp_path: Path) -> None:
    with TorchScriptCodec(models.save(models.Counting(), tmp_path / "m.ts")) as codec:
        wave = torch.zeros(1, 1, RATIO)
        assert torch.equal(codec.encode(wave), codec.encode(wave))


def test_informative_counts_are_not_one_too_few() -> None:
    curve = [0.5, 0.79, 0.8, 0.9, 0.96, 1.0]
    found = informative_counts(curve)
    assert found["informative"] == {"0.80": 3, "0.90": 4, "0.95": 5, "0.99": 6}
    assert found["informative_by_export"]["0.95"] == 4
    assert informative_counts([0.0] * 6)["informative"] is None
    assert informative_counts([])["informative"] is None
    assert informative_counts([0.9, 0.5, 1.0])["informative"] is None


def test_bursts_come_and_go() -> None:
    sound = bursts(RATE, RATIO, 0)
    assert len(sound) % RATIO == 0
    assert float(sound[:4000].abs().max()) == 0.0
    assert 0.05 < float(sound.square().mean().sqrt()) < 0.3


def test_a_file_is_opened_only_when_it_is_trusted(file: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    for opened in (timbrespace.load, load_codec):
        with pytest.raises(BundleError, match=rf"street.ts is a TorchScript file.*{digest}.*--trust"):
            opened(file)
    with pytest.raises(BundleError, match="works with models that 'timbrespace train' wrote"):
        load_sound(file)
    with pytest.raises(BundleError, match="There is no file"):
        load_codec(tmp_path / "none.ts", trust=True)


@pytest.mark.usefixtures("in_process")
def test_commands_take_trusted_files(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wave = low_noise(0.5)
    write(tmp_path / "a.wav", wave[0], RATE)
    assert main(["info", str(file)]) == 2
    assert "--trust" in capsys.readouterr().err
    assert main(["info", str(file), "--trust", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["facts"]["ratio"] == RATIO
    assert main(["resynth", str(file), str(tmp_path / "a.wav"), "--out", str(tmp_path / "b.wav"), "--trust"]) == 0
    assert timbrespace.read(tmp_path / "b.wav").wave.shape[-1] == wave.shape[-1]
