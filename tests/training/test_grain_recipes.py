"""The recipes of grains, trained for a few steps: bundles that load, play live as they decode, and keep phases."""

from __future__ import annotations

import functools

import pytest
import torch

import timbrespace
from tests.bundles import scratch, sounds
from timbrespace.codecs.loading import load_sound
from timbrespace.codecs.recordings import read_for
from timbrespace.codecs.sound import SoundCodec
from timbrespace.core.errors import ParameterError

SMALL = {
    "grains": ["model.network.width=16", "model.network.depth=1"],
    "grains-reference": ["data.chunk_length=4096"],
    "stft": ["model.network.width=16", "model.network.depth=1"],
}
RECIPES = list(SMALL)


@functools.cache
def trained(recipe: str) -> SoundCodec:
    out = scratch() / recipe
    settings = [
        *SMALL[recipe],
        "data.company=0.0",
        "data.sample_rate=22050",
        "training.steps=3",
        "training.batch_size=2",
    ]
    settings += ["training.evaluations=1", "training.threads=1"]
    timbrespace.train(recipe, sounds(), out=out, settings=settings)
    return load_sound(out)


def recording(codec: SoundCodec) -> torch.Tensor:
    return read_for(codec, next(iter(sorted(sounds().glob("*.wav")))))[..., :12_000]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_bundle_decodes_and_plays_the_same(recipe: str) -> None:
    codec = trained(recipe)
    wave = recording(codec)
    z = codec.encode(wave)
    assert torch.equal(codec.encode(wave), z)
    assert z.shape[1] == 16
    whole = codec.decode(z)
    assert whole.isfinite().all()
    if recipe == "stft":  # live, its phase is another
        assert codec.stream().decode(z).isfinite().all()
        return
    stream = codec.stream()
    live = stream.decode(torch.nn.functional.pad(z, (0, 4), mode="replicate"))[..., stream.latency :]
    first = codec.ratio * max(0, z.shape[2] - 3)  # the end knows what comes after it
    torch.testing.assert_close(live[..., :first], whole[..., :first], atol=2e-3, rtol=0.0)
    again = codec.stream()
    parts = [again.decode(part) for part in z.split([1, 3, z.shape[2] - 4], dim=2)]
    assert torch.equal(torch.cat(parts, dim=2), codec.stream().decode(z))


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_stored_phase_is_kept_where_there_is_one(recipe: str) -> None:
    codec = trained(recipe)
    wave = recording(codec)
    if recipe != "stft":
        with pytest.raises(ParameterError, match="A Grains keeps no phase"):
            codec.resynthesise(wave, stored_phase=True)
        return
    kept, predicted = codec.resynthesise(wave, stored_phase=True), codec.resynthesise(wave)
    assert kept.shape == predicted.shape == wave.shape
    errors = [float((x - wave).square().mean()) for x in (kept, predicted)]
    assert errors[0] < errors[1]


def test_cards_tell_of_grains() -> None:
    codec = trained("grains")
    assert codec.bundle is not None
    assert (codec.bundle.folder / "preview" / "rebuilt.png").is_file()
    assert codec.facts()["ratio"] == 512
    assert codec.bundle.table("metrics.json")["curve"]["pca"] is None
