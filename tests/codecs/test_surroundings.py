"""What a codec's paths go by: stored latents, or a folder's; recordings; and what cannot be gone by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import timbrespace
from tests.bundles import bundle, sounds
from timbrespace.codecs.recordings import encode_folder, read_for
from timbrespace.codecs.rendering import follow, make_path
from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.space import posterior_means, space_of
from timbrespace.codecs.surroundings import surroundings_of
from timbrespace.core.errors import AudioError, BundleError, DataError, ParameterError
from timbrespace.latent.paths import Path as LatentPath
from timbrespace.latent.routes import Aligned, Circle, Line, Recording, Walk


@pytest.fixture
def codec() -> SoundCodec:
    return timbrespace.load(bundle())


class Bare:
    """The codec behind nothing but the protocol, as a foreign model is."""

    def __init__(self, codec: SoundCodec) -> None:
        self.sample_rate, self.channels, self.ratio, self.latent_dim = (
            codec.sample_rate, codec.channels, codec.ratio, codec.latent_dim,
        )  # fmt: skip
        self.encode, self.decode = codec.encode, codec.decode


def a_sound(name: str = "snare") -> Path:
    return next(sounds().glob(f"{name}*.wav"))


def test_a_bundle_knows_its_surroundings(codec: SoundCodec) -> None:
    around = surroundings_of(codec)
    assert torch.equal(around.vectors, codec.latent["vectors"])
    assert len(around.sounds) == len(set(codec.latent["source"].tolist()))
    assert around.space.names == space_of(codec).names
    assert around.start is None
    assert around.end is None
    assert around.descriptors is not None
    assert codec.bundle is not None
    assert around.names == tuple(codec.bundle.config["sounds"])


def test_recordings_are_encoded_as_the_codec_does(codec: SoundCodec) -> None:
    around = surroundings_of(codec, start=a_sound(), end=a_sound("viola"))
    assert around.start is not None
    assert torch.equal(around.start, codec.encode(read_for(codec, a_sound()))[0].T)
    assert around.end is not None
    assert torch.equal(around.end, codec.encode(read_for(codec, a_sound("viola")))[0].T)


def test_a_model_without_latents_goes_by_a_folder(codec: SoundCodec) -> None:
    with pytest.raises(BundleError, match="there is nothing to find a way by; give a folder of sounds with --data"):
        surroundings_of(Bare(codec))
    around = surroundings_of(Bare(codec), data=sounds())
    encoded = encode_folder(codec, sounds())
    assert list(around.names) == encoded.names
    assert len(around.sounds) == len(encoded.names)
    torch.testing.assert_close(around.space.mean, around.vectors.mean(0), atol=1e-4, rtol=1e-4)
    first = read_for(codec, sounds() / around.names[0])
    torch.testing.assert_close(around.sounds[0], codec.encode(first)[0].T, atol=1e-4, rtol=1e-4)
    assert around.descriptors is not None
    assert around.descriptors.shape == (len(around.vectors), 7)


def test_a_bundle_keeps_its_axes_over_other_sounds(codec: SoundCodec) -> None:
    around = surroundings_of(codec, data=sounds())
    assert torch.equal(around.space.axes, space_of(codec).axes)
    first = read_for(codec, sounds() / around.names[0])
    torch.testing.assert_close(around.sounds[0], posterior_means(codec, first[0]))


def test_what_cannot_be_gone_by(codec: SoundCodec, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        surroundings_of(codec, data=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty"):
        surroundings_of(codec, data=tmp_path / "empty")
    with pytest.raises(AudioError, match="does not exist"):
        surroundings_of(codec, start=tmp_path / "none.wav")


def test_a_recording_resynthesised_is_the_model_s_copy_of_it(codec: SoundCodec) -> None:
    """Note to path and back (C12): the path of a recording decodes to what 'resynth' makes of it."""
    wave = read_for(codec, a_sound())
    around = surroundings_of(codec, start=a_sound())
    path = follow(Recording(), around, rate_hz=codec.rate_hz)
    assert torch.equal(codec.decode(path.latents(), length=wave.shape[-1]), codec.decode(codec.encode(wave),
                       length=wave.shape[-1]))  # fmt: skip


@pytest.mark.parametrize(("mixture", "which"), [(0.0, "snare"), (1.0, "viola")])
def test_interpolation_keeps_its_ends_to_the_sample(codec: SoundCodec, mixture: float, which: str) -> None:
    around = surroundings_of(codec, start=a_sound("snare"), end=a_sound("viola"))
    path = follow(Aligned(mixture=mixture), around, rate_hz=codec.rate_hz)
    own = codec.encode(read_for(codec, a_sound(which)))
    assert torch.equal(path.latents(), own)
    assert torch.equal(codec.decode(path.latents()), codec.decode(own))


def test_following_takes_the_time_it_is_given_or_the_routes_own(codec: SoundCodec) -> None:
    around = surroundings_of(codec, start=a_sound())
    rate = codec.rate_hz
    assert follow(Walk(), around, rate_hz=rate).seconds == pytest.approx(8.0, abs=1 / rate)
    assert follow(Walk(), around, rate_hz=rate, seconds=2.0).seconds == pytest.approx(2.0, abs=1 / rate)
    assert around.start is not None
    assert len(follow(Recording(), around, rate_hz=rate).points) == len(around.start)
    nobody = replace(around, start=None)
    assert follow(Recording(), nobody, rate_hz=rate).seconds == pytest.approx(8.0, abs=1 / rate)
    assert follow(Aligned(), around, rate_hz=rate).seconds == pytest.approx(8.0, abs=1 / rate)
    long = replace(around, start=around.start[:1].expand(round(3.1 * rate), -1))
    with pytest.raises(ParameterError, match="up to 1,800 seconds, not 31.*; give another time"):
        follow(Recording(speed=0.001), long, rate_hz=rate)


def test_paths_follow_their_seed_and_settings(codec: SoundCodec) -> None:
    def points(*settings: str, seed: int = 0, kind: str = "walk") -> LatentPath:
        return make_path(codec, kind, settings=settings, seconds=1.0, seed=seed)

    assert torch.equal(points().points, points().points)
    assert not torch.equal(points().points, points(seed=1).points)
    assert not torch.equal(points().points, points("period=0.5").points)
    assert torch.equal(points(kind="circle").points, points(kind="circle", seed=3).points)
    expected = Circle(radius=2.0).path(
        surroundings_of(codec), seconds=1.0, rate_hz=codec.rate_hz, generator=torch.Generator()
    )
    assert torch.equal(points("radius=2", kind="circle").points, expected.points)
    assert type(Line()).__name__.lower() == "line"
