"""What is exported for nn~ follows its protocol, says what the model says, and stays whole whatever comes in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.export.lapped import lapped_codec
from timbrespace.codecs.looping import centred_line, looping_table
from timbrespace.codecs.mapping import map_tensors
from timbrespace.codecs.sound import SoundCodec
from timbrespace.core.errors import ExportError, ParameterError, StorageError
from timbrespace.export import nn_tilde
from timbrespace.export.nn_check import opened
from timbrespace.export.scripted.parts import KNEE, Output
from timbrespace.latent.distilled_map import DistilledMap

DIMS, CHANNELS = 3, 2


@pytest.fixture(scope="module")
def codec() -> SoundCodec:
    made = lapped_codec(latent_dim=DIMS, channels=CHANNELS, hop_length=32, frames_per_step=2, width=8)
    carried = DistilledMap(torch.zeros(DIMS), torch.eye(DIMS), torch.eye(DIMS), hidden=8)
    carried.initialise(torch.Generator().manual_seed(0))
    made.latent |= map_tensors(carried)
    return made


@pytest.fixture(scope="module")
def file(codec: SoundCodec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nn") / "model.ts"
    nn_tilde.export_nn(codec, path, title="small", speed=False)
    return path


@pytest.fixture
def module(file: Path) -> Any:
    return opened(file)


def latents(codec: SoundCodec, steps: int = 24, batch: int = 1) -> Tensor:
    return torch.randn(batch, codec.latent_dim, steps, generator=torch.Generator().manual_seed(5))


def test_the_protocol_is_stated(module: Any, codec: SoundCodec) -> None:
    ratio = codec.ratio
    assert module.get_methods() == ["encode", "decode", "forward", "table", "map2latent", "latent2map"]
    params = {m: getattr(module, f"{m}_params").tolist() for m in module.get_methods()}
    assert params == {
        "encode": [CHANNELS, 1, DIMS, ratio],
        "decode": [DIMS, ratio, CHANNELS, 1],
        "forward": [CHANNELS, 1, CHANNELS, 1],
        "table": [2, 1, CHANNELS, 1],
        "map2latent": [2, ratio, DIMS, ratio],
        "latent2map": [DIMS, ratio, 2, ratio],
    }
    assert module.table_input_labels == ["playback frequency in Hz", "start in samples"]
    assert module.get_sample_rate() == codec.sample_rate
    assert not hasattr(module, "sr")


def test_decode_is_the_stream(module: Any, codec: SoundCodec) -> None:
    z = latents(codec)
    torch.testing.assert_close(module.decode(z), codec.stream().decode(z), atol=1e-6, rtol=0)
    assert codec.stream().decode(z).abs().max() > 0.01


def test_a_batch_and_another_batch_begin_anew(module: Any, codec: SoundCodec) -> None:
    z = latents(codec, batch=4)
    together = module.decode(z)
    module.decode(z[:1])  # another batch: the state is made again
    for i in range(4):
        torch.testing.assert_close(together[i : i + 1], codec.stream().decode(z[i : i + 1]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("method", ["encode", "decode", "forward"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e30, -1e30])
def test_hostile_input_stays_inside_and_is_forgotten(file: Path, codec: SoundCodec, method: str, value: float) -> None:
    """Finite and within [-1, 1]; when it is over, silence sounds as it does after a long silence."""
    module, patient = opened(file), opened(file)
    channels, ratio = getattr(module, f"{method}_params").tolist()[:2]
    silence = torch.zeros(1, channels, 16 * codec.ratio // ratio)
    bad = getattr(module, method)(torch.full_like(silence, value))
    assert torch.isfinite(bad).all()
    if method != "encode":
        assert bad.abs().max() <= 1
    for _ in range(3):
        after, usual = getattr(module, method)(silence), getattr(patient, method)(silence)
    torch.testing.assert_close(after, usual, atol=1e-5, rtol=1e-4)


def test_latents_of_another_size_are_refused_by_the_module(module: Any) -> None:
    with pytest.raises(RuntimeError):
        module.decode(torch.zeros(1, DIMS + 1, 4))


def test_attributes_do_what_they_say(module: Any, file: Path, codec: SoundCodec) -> None:
    z = latents(codec)
    assert module.set_gain(-20.0) == 0
    assert module.get_gain() == (-20.0,)
    torch.testing.assert_close(module.decode(z), 0.1 * codec.stream().decode(z), atol=1e-6, rtol=0)
    fresh = opened(file)
    assert fresh.set_scale(0.5, 1.0, -1.0) == 0
    assert fresh.set_bias(0.1, -0.2, 0.0) == 0
    bent = z * torch.tensor([0.5, 1.0, -1.0])[:, None] + torch.tensor([0.1, -0.2, 0.0])[:, None]
    torch.testing.assert_close(fresh.decode(z), codec.stream().decode(bent), atol=1e-6, rtol=0)
    assert fresh.get_scale() == pytest.approx([0.5, 1.0, -1.0])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("gain", (float("nan"),)), ("gain", (99.0,)), ("temperature", (-1.0,)), ("temperature", (float("nan"),)),
        ("scale", (1.0, float("inf"), 1.0)), ("bias", (0.0, 1e30, 0.0)), ("crossfade", (-1,)), ("table_steps", (0,)),
        ("table_steps", (10**9,)), ("end_point", (float("nan"), 0.0, 0.0)), ("sample_rate", (0,)),
    ],
)  # fmt: skip
def test_a_refused_value_changes_nothing(module: Any, name: str, values: tuple[Any, ...]) -> None:
    before = getattr(module, f"get_{name}")()
    assert getattr(module, f"set_{name}")(*values) == -1
    assert getattr(module, f"get_{name}")() == before


def test_temperature_is_noise_that_repeats(file: Path, codec: SoundCodec) -> None:
    z = latents(codec)
    sounds = []
    for _ in range(2):
        module = opened(file)
        module.set_temperature(0.5)
        sounds.append(torch.cat([module.decode(part) for part in z.split(5, dim=2)], dim=2))
    assert torch.equal(*sounds)
    assert not torch.allclose(sounds[0], opened(file).decode(z), atol=1e-3)


def test_a_temperature_is_in_deviations_of_the_latents() -> None:
    """With the identity as decoder the noise itself can be measured; here its input is."""
    codec = lapped_codec(latent_dim=2, hop_length=32, frames_per_step=2, width=8)
    codec.latent["vectors"] = codec.latent["vectors"] * torch.tensor([1.0, 7.0])
    module = nn_tilde.scripted(codec)
    shaken = module.latents(torch.zeros(1, 2, 4096), torch.ones(2), torch.zeros(2), 0.5)
    torch.testing.assert_close(shaken[0].std(1), 0.5 * codec.latent["vectors"].std(0), rtol=0.05, atol=0.0)


def test_the_table_is_that_of_the_sound_table(module: Any, codec: SoundCodec) -> None:
    assert module.set_table_steps(12) == 0
    assert module.set_crossfade(100) == 0
    assert module.set_end_point(1.0, -0.5, 2.0) == 0
    mean, _ = nn_tilde.latent_statistics(codec)
    line = centred_line(mean.numpy(), torch.tensor([1.0, -0.5, 2.0]).numpy(), steps=12)
    expected = looping_table(codec, line, crossfade=100)
    torch.testing.assert_close(module.make_table(), torch.from_numpy(expected), atol=1e-6, rtol=0)
    signals = torch.tensor([[100.0], [20.0]]).expand(1, 2, 512)
    first = module.table(signals)
    module.set_end_point(0.0, 0.0, 0.0)
    assert not torch.allclose(module.table(signals), first)  # made anew


def test_making_the_table_leaves_what_is_decoded_alone(file: Path, codec: SoundCodec) -> None:
    z = latents(codec)
    module = opened(file)
    first = module.decode(z[..., :9])
    module.make_table()
    assert torch.equal(torch.cat([first, module.decode(z[..., 9:])], dim=2), opened(file).decode(z))


def test_frequencies_are_those_of_the_host(file: Path) -> None:
    """At twice the rate, twice the frequency gives the same grains."""
    signals = torch.tensor([[100.0], [20.0]]).expand(1, 2, 4096)
    slow, fast = opened(file), opened(file)
    assert fast.set_sample_rate(2 * slow.get_sample_rate()) == 0
    usual = slow.table(signals)
    torch.testing.assert_close(fast.table(signals * torch.tensor([[2.0], [1.0]])), usual)
    assert not torch.allclose(opened(file).table(signals * torch.tensor([[2.0], [1.0]])), usual)


def test_loud_sound_is_bent_below_one_and_soft_sound_is_not() -> None:
    x = torch.linspace(-5, 5, 1001)
    y = Output()(x, 0.0)
    quiet = x.abs() <= KNEE
    assert torch.equal(y[quiet], x[quiet])
    assert y.abs().max() <= 1
    assert (y.diff() >= 0).all()


def test_the_sheet_says_what_was_found(file: Path, codec: SoundCodec) -> None:
    table = json.loads(file.with_name("model.ts.json").read_text(encoding="utf-8"))
    parts = {p["name"]: p for p in table["parts"]}
    assert all(p["passed"] for p in parts.values())
    assert parts["decode"]["latency"] == parts["decode"]["measured"]["samples"] == codec.stream().latency
    assert parts["decode"]["likeness"]["difference"] < 1e-6
    text = file.with_name("model.ts.md").read_text(encoding="utf-8")
    assert "bit for bit" in text
    assert "# small for nn~" in text


def test_a_file_that_differs_is_not_left(codec: SoundCodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder with another weight is exported, so that the comparison has something to find."""
    real = nn_tilde.decoder_step

    def other(codec: SoundCodec) -> Any:
        return real(lapped_codec(latent_dim=DIMS, channels=CHANNELS, hop_length=32, frames_per_step=2, width=8, seed=1))

    monkeypatch.setattr(nn_tilde, "decoder_step", other)
    with pytest.raises(ExportError, match="was not written: decode differs from the model: largest difference"):
        nn_tilde.export_nn(codec, tmp_path / "m.ts", speed=False)
    assert list(tmp_path.iterdir()) == []


def test_what_nn_cannot_use_is_refused_in_one_sentence(codec: SoundCodec, tmp_path: Path) -> None:
    odd = lapped_codec(hop_length=48)
    with pytest.raises(ParameterError, match="powers of two, and a latent step of this model is 192 samples"):
        nn_tilde.export_nn(odd, tmp_path / "m.ts")
    with pytest.raises(ParameterError, match=r"files that end in .ts, not 'm.pt'"):
        nn_tilde.export_nn(codec, tmp_path / "m.pt")
    (tmp_path / "m.ts").touch()
    with pytest.raises(StorageError, match="exists already"):
        nn_tilde.export_nn(codec, tmp_path / "m.ts")


def test_without_a_map_there_are_no_maps_methods() -> None:
    small = lapped_codec(latent_dim=2, hop_length=32, frames_per_step=2, width=8)
    assert [m.name for m in nn_tilde.methods_of(small)] == ["encode", "decode", "forward", "table"]
