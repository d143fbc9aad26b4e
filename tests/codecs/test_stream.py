"""A codec played live gives the sound of the whole, later by what it says, however the latents are cut."""

from __future__ import annotations

import pytest
import torch

import timbrespace
from tests.bundles import bundle, train
from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.stream import SoundStream
from timbrespace.core.codec import LiveCodec
from timbrespace.core.component import catalogue
from timbrespace.core.errors import ParameterError
from timbrespace.transforms import LivePhase
from timbrespace.transforms.base import FrameStream

STEPS = 24


@pytest.fixture(scope="module")
def codec() -> SoundCodec:
    return timbrespace.load(bundle())


def latents(codec: SoundCodec, *, steps: int = STEPS, seed: int = 0) -> torch.Tensor:
    return torch.randn(1, codec.latent_dim, steps, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", sorted(catalogue(LivePhase)))
def test_a_hundred_random_cuts_give_the_same_samples(codec: SoundCodec, kind: str) -> None:
    z = latents(codec)
    stream = codec.stream(live=catalogue(LivePhase)[kind]())
    whole = stream.decode(z)
    assert whole.shape == (1, codec.channels, STEPS * codec.ratio)
    assert whole.abs().max() > 0
    generator = torch.Generator().manual_seed(1)
    for _ in range(100):
        stream.reset()
        cuts = torch.randint(0, 6, (STEPS,), generator=generator).cumsum(0)  # empty pieces among them
        pieces = z.tensor_split([int(c) for c in cuts if c < STEPS], dim=2)
        assert torch.equal(torch.cat([stream.decode(p) for p in pieces], dim=2), whole)


class Listener(FrameStream):
    """A live inverse that keeps the frames it is given."""

    latency = 0

    def __init__(self) -> None:
        self.frames: list[torch.Tensor] = []

    def push(self, frames: torch.Tensor) -> torch.Tensor:
        self.frames.append(frames)
        return torch.zeros(1, 1, 1)

    def reset(self) -> None:
        self.frames.clear()


def test_the_decoder_says_live_what_it_says_of_the_whole(codec: SoundCodec) -> None:
    """Behind the look-ahead the live inverse gets the frames of the whole, to rounding."""
    z = latents(codec)
    assert codec.lookahead == 1
    listener = Listener()
    stream = SoundStream(codec.model, listener, lookahead=1, ratio=codec.ratio, channels=codec.channels)
    stream.decode(torch.cat([z, z.new_zeros(1, codec.latent_dim, 1)], dim=2))
    whole = codec.decode_frames(z).detach()
    torch.testing.assert_close(torch.cat(listener.frames, dim=-1), whole, rtol=1e-4, atol=1e-5)
    assert stream.latency == codec.ratio


def test_the_stated_latency_is_what_an_onset_takes(codec: SoundCodec) -> None:
    """Two series of latents that part at step k: their sounds part no sooner than the overlap allows, and the
    difference is centred where the stated latency puts it."""
    quiet = codec.encode(torch.zeros(1, 1, STEPS * codec.ratio))[..., :STEPS]
    loud = quiet.clone()
    at = 12
    loud[..., at:] = latents(codec)[..., at:]
    stream = codec.stream()
    before = stream.decode(quiet)
    stream.reset()
    after = stream.decode(loud)
    offline = (codec.decode(loud) - codec.decode(quiet)).abs().flatten()
    live = (after - before).abs().flatten()
    threshold = 0.05
    offline_onset = int((offline > threshold * offline.max()).nonzero()[0])
    live_onset = int((live > threshold * live.max()).nonzero()[0])
    assert abs(live_onset - offline_onset - stream.latency) <= codec.transform.hop_length


def test_a_symmetric_decoder_says_why_it_cannot(tmp_path) -> None:
    symmetric = train(tmp_path / "m", "model.network.lookahead=none")
    assert isinstance(symmetric, LiveCodec)
    with pytest.raises(ParameterError, match="cannot play live; train one with --set model.network.lookahead=1"):
        symmetric.stream()


def test_the_bundle_names_its_live_inverse(codec: SoundCodec) -> None:
    assert codec.bundle is not None
    assert codec.bundle.config["live"] == codec.live.config()
    assert codec.bundle.config["live"]["kind"] in catalogue(LivePhase)


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [((1, 3, 2), r"latents of shape \(1, 4, step\), not \(1, 3, 2\)"), ((2, 4, 2), "not"), ((4, 2), "not")],
)
def test_latents_of_another_shape_get_one_sentence(codec: SoundCodec, shape: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        codec.stream().decode(torch.zeros(shape))


def test_latents_that_are_no_numbers_are_refused_and_forgotten(codec: SoundCodec) -> None:
    stream, z = codec.stream(), latents(codec)
    first = stream.decode(z[..., :5])
    with pytest.raises(ParameterError, match="finite latents; these hold NaN"):
        stream.decode(torch.full((1, codec.latent_dim, 1), torch.nan))
    again = codec.stream()
    assert torch.equal(torch.cat([first, stream.decode(z[..., 5:])], dim=2), again.decode(z))
