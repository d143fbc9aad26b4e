"""A codec's halves as steps say what its stream and its encoder say."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.export.lapped import lapped_codec
from timbrespace.codecs.steps import decoder_step, encoder_step
from timbrespace.core.errors import ParameterError
from timbrespace.layers.live_step import LiveStep

STEPS = 20


def latents(dims: int = 4, *, batch: int = 1, steps: int = STEPS) -> Tensor:
    return torch.randn(batch, dims, steps, generator=torch.Generator().manual_seed(3))


def noise(codec, *, batch: int = 1, steps: int = STEPS) -> Tensor:
    shape = (batch, codec.channels, steps * codec.ratio)
    return torch.randn(shape, generator=torch.Generator().manual_seed(4))


@torch.no_grad()
def run(step: LiveStep, blocks: list[Tensor]) -> Tensor:
    """The outputs of a step for blocks in a row."""
    state = step.initial(len(blocks[0]))
    out = []
    for block in blocks:
        y, *state = step(block, *state)
        out.append(y)
    return torch.cat(out, dim=-1)


@pytest.mark.parametrize("lookahead", [0, 1, 2])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_decoder_step_is_the_stream(lookahead: int, channels: int) -> None:
    codec = lapped_codec(lookahead=lookahead, channels=channels)
    step, z = decoder_step(codec), latents()
    stream = codec.stream()
    assert step.latency == stream.latency == lookahead * codec.ratio + codec.transform.hop_length
    assert torch.equal(run(step, list(z.split(1, dim=2))), stream.decode(z))


def test_the_decoder_step_is_the_whole_behind_its_latency() -> None:
    codec = lapped_codec()
    step, z = decoder_step(codec), latents()
    live = run(step, list(z.split(1, dim=2)))[..., step.latency :]
    torch.testing.assert_close(live, codec.decode(z)[..., : live.shape[-1]], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("frames_per_step", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [0, 2])
def test_the_encoder_step_is_the_encoder_away_from_the_ends(frames_per_step: int, depth: int) -> None:
    """For every stride, so that the reach is that of the layers; one step less would be seen."""
    codec = lapped_codec(frames_per_step=frames_per_step, depth=depth, kernel_size=5)
    before, after = codec.model.network.encoder_reach
    assert (before, after) == (2 * depth + 1, 2 * depth + (frames_per_step > 1))
    wave = noise(codec, steps=40)
    step = encoder_step(codec)
    assert step.latency % codec.ratio == 0
    late = step.latency // codec.ratio
    live = run(step, list(wave.split(codec.ratio, dim=2)))[..., late:]
    whole = codec.encode(wave)
    steps = slice(before, 40 - late)
    torch.testing.assert_close(live[..., steps], whole[..., steps], atol=1e-5, rtol=1e-4)
    narrower = encoder_step(codec)
    narrower.frames.silence += 1.0  # what lies beyond the reach is not heard
    assert not torch.allclose(run(narrower, list(wave.split(codec.ratio, dim=2)))[..., :1], live[..., :1])


def test_no_step_of_the_reach_is_idle() -> None:
    """A window one step shorter on either side gives other latents: the stated reach is the smallest."""
    codec = lapped_codec(depth=1, kernel_size=3)
    frames = codec.transform(noise(codec, steps=12))
    before, after = codec.model.network.encoder_reach
    n, at = codec.model.ratio, 6
    whole = codec.model.encode(frames).levels[0].z[..., at]

    def windowed(first: int, last: int) -> Tensor:
        part = frames[..., (at - first) * n : (at + last + 1) * n]
        return codec.model.encode(part).levels[0].z[..., first]

    torch.testing.assert_close(windowed(before, after), whole, atol=1e-5, rtol=1e-4)
    assert (windowed(before - 1, after) - whole).abs().max() > 1e-4
    assert (windowed(before, after - 1) - whole).abs().max() > 1e-4


def test_sounds_of_a_batch_do_not_see_each_other() -> None:
    codec = lapped_codec(channels=2)
    for step, x in (
        (decoder_step(codec), list(latents(batch=3).split(1, dim=2))),
        (encoder_step(codec), list(noise(codec, batch=3).split(codec.ratio, dim=2))),
    ):
        together = run(step, x)
        for i in range(3):
            torch.testing.assert_close(together[i : i + 1], run(step, [b[i : i + 1] for b in x]), atol=1e-5, rtol=1e-4)


def test_before_a_sound_there_is_silence() -> None:
    """A state of zeros is silence although the frames of silence are not zero."""
    codec = lapped_codec()
    step = encoder_step(codec)
    silent = run(step, [torch.zeros(1, 1, codec.ratio)] * 30)
    torch.testing.assert_close(silent[..., :1], silent[..., -1:], atol=1e-5, rtol=1e-4)


def test_a_symmetric_decoder_says_why_it_cannot() -> None:
    with pytest.raises(ParameterError, match="cannot play live; train one with --set model.network.lookahead=1"):
        decoder_step(lapped_codec(lookahead=None))
