"""The space of a codec: from what its bundle holds, named where it holds descriptors."""

from __future__ import annotations

import math

import pytest
import torch

import timbrespace
from tests.bundles import bundle, sounds
from timbrespace.audio.descriptors import LOUDNESS, NAMES
from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.space import posterior_means, space_of, storable_descriptors, stored_descriptors
from timbrespace.core.errors import BundleError
from timbrespace.datasets.folder import SoundFolder


@pytest.fixture(scope="module")
def codec() -> SoundCodec:
    return timbrespace.load(bundle())


def without(codec: SoundCodec, *names: str) -> SoundCodec:
    latent = {k: v for k, v in codec.latent.items() if k not in names}
    return SoundCodec(codec.transform, codec.model, latent=latent, channels=codec.channels)


def test_a_trained_bundle_holds_what_is_heard_at_every_step(codec: SoundCodec) -> None:
    heard = stored_descriptors(codec.latent)
    assert heard is not None
    assert heard.shape == (len(codec.latent["vectors"]), len(NAMES))
    assert bool(heard[:, LOUDNESS].isfinite().all())
    assert float(heard[:, LOUDNESS].max()) > -30
    assert codec.latent["descriptors"].isfinite().all()


def test_stored_descriptors_belong_to_their_vectors(codec: SoundCodec) -> None:
    """The loudness of a sound's steps is that of its samples, step by step."""
    heard, source = stored_descriptors(codec.latent), codec.latent["source"]
    assert heard is not None
    assert codec.bundle is not None
    name = codec.bundle.config["sounds"][0]
    wave = timbrespace.read(sounds() / name, sample_rate=codec.sample_rate, channels=1).wave[0]
    own = heard[source == 0, LOUDNESS]
    inside = range(2, min(len(own), len(wave) // codec.ratio) - 2)
    powers = [wave[s * codec.ratio : (s + 1) * codec.ratio].square().mean() for s in inside]
    direct = 10 * torch.tensor(powers).clamp_min(1e-10).log10()
    assert float(torch.corrcoef(torch.stack([own[list(inside)], direct]))[0, 1]) > 0.8


def test_the_space_is_fitted_to_the_stored_vectors(codec: SoundCodec) -> None:
    space = space_of(without(codec, "metric"))
    torch.testing.assert_close(space.mean, codec.latent["mean"], atol=1e-4, rtol=1e-4)
    values, axes = torch.linalg.eigh(codec.latent["covariance"])
    torch.testing.assert_close(space.variances, values.flip(0), atol=1e-4, rtol=1e-2)
    agreement = (space.axes * axes.flip(1).T).sum(1).abs()
    torch.testing.assert_close(agreement, torch.ones_like(agreement), atol=1e-3, rtol=0)
    assert space.correlations is not None
    assert bool((space.correlations.pearson.value[:, LOUDNESS] >= 0).all())


def test_the_axes_are_those_of_what_is_heard_where_the_bundle_knows_it(codec: SoundCodec) -> None:
    space = space_of(codec)
    heard = (codec.latent["metric"] @ codec.latent["covariance"]).trace()
    torch.testing.assert_close(space.variances.sum(), heard, atol=1e-4, rtol=1e-2)
    vectors = codec.latent["vectors"]
    torch.testing.assert_close(space.unproject(space.project(vectors)), vectors, atol=1e-3, rtol=1e-3)


def test_a_bundle_without_descriptors_has_unnamed_axes(codec: SoundCodec) -> None:
    space = space_of(without(codec, "descriptors", "described"))
    assert space.correlations is None
    assert space.names == tuple(f"axis {i + 1}" for i in range(codec.latent_dim))
    cut = dict(codec.latent) | {"descriptors": codec.latent["descriptors"][:, :3]}
    assert stored_descriptors(cut) is None  # of another version: as good as none


def test_a_bundle_without_vectors_has_no_space(codec: SoundCodec) -> None:
    with pytest.raises(BundleError, match="does not hold the latents of its training sounds"):
        space_of(without(codec, "vectors"))


def test_undefined_descriptors_survive_storing() -> None:
    values = torch.randn(5, len(NAMES))
    values[2, 3], values[4, 0] = math.nan, math.inf
    stored = storable_descriptors(values)
    assert all(t.isfinite().all() for t in stored.values())
    back = stored_descriptors({"vectors": torch.zeros(5, 2), **stored})
    assert back is not None
    expected = values.clone()
    expected[4, 0] = math.nan
    torch.testing.assert_close(back, expected, equal_nan=True)


def test_posterior_means_are_the_stored_vectors(codec: SoundCodec) -> None:
    folder = SoundFolder(path=str(sounds()), sample_rate=codec.sample_rate, validation=0.0, test=0.0)
    split = folder.prepare().split("train")
    assert codec.bundle is not None
    name = codec.bundle.config["sounds"][1]
    wave = split.sound([s.name for s in split.sources].index(name))
    own = codec.latent["vectors"][codec.latent["source"] == 1]
    torch.testing.assert_close(posterior_means(codec, wave), own, atol=1e-4, rtol=1e-4)


def test_other_codecs_are_asked_to_encode() -> None:
    class Halves:
        sample_rate, channels, ratio, latent_dim = 16_000, 1, 2, 1

        def encode(self, wave: torch.Tensor) -> torch.Tensor:
            return wave[..., ::2]

        def decode(self, latents: torch.Tensor, *, length: int | None = None) -> torch.Tensor:
            return latents.repeat_interleave(2, dim=-1)[..., :length]

    wave = torch.randn(1, 10)
    torch.testing.assert_close(posterior_means(Halves(), wave), wave[:, ::2].T)
