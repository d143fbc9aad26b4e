"""A trajectory becomes a loop: the stream's own samples, closed without a click."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import timbrespace
from tests.bundles import bundle, own_process  # noqa: F401  # a fixture
from tests.instruments.fakes import SineCodec
from timbrespace.codecs.looping import LoopMaker, centred_line, closed, looping_table
from timbrespace.core.errors import ParameterError


def test_the_line_through_the_middle() -> None:
    line = centred_line(np.array([1.0, 2.0]), np.array([0.5, -4.0]), steps=5)
    np.testing.assert_allclose(line[[0, 2, 4]], [[0.5, 6.0], [1.0, 2.0], [1.5, -2.0]])
    np.testing.assert_allclose(np.diff(line, axis=0), np.tile([0.25, -2.0], (4, 1)))


@pytest.mark.parametrize("latency", [0, 100, 256, 700])
def test_the_latency_is_taken_off(latency: int) -> None:
    codec = SineCodec(3, latency=latency)
    latents = np.random.default_rng(0).standard_normal((7, 3))
    whole = codec.decode(torch.from_numpy(latents).float().T[None])[0].numpy()
    np.testing.assert_array_equal(looping_table(codec, latents, crossfade=0), whole)


def test_the_end_fades_into_the_beginning() -> None:
    sound = np.random.default_rng(1).standard_normal((2, 100))
    table = closed(sound, crossfade=10)
    assert table.shape == (2, 90)
    np.testing.assert_array_equal(table[:, 10:], sound[:, 10:90])
    w = np.sin(np.pi / 2 * np.arange(1, 11) / 11) ** 2
    np.testing.assert_allclose(table[:, :10], w * sound[:, :10] + (1 - w) * sound[:, 90:])


def test_a_loop_runs_on_as_the_sound_did() -> None:
    """Of a sine that does not fit, the step at the seam is no larger than its others, and without a fade it is."""
    sine = np.sin(2 * np.pi * 0.013 * np.arange(1030))[None]

    def seam(crossfade: int) -> float:
        return float(np.abs(np.diff(np.concatenate([closed(sine, crossfade=crossfade)[0]] * 2))).max())

    largest = 2 * np.pi * 0.013
    assert seam(200) < 1.3 * largest
    assert seam(0) > 2 * largest


def test_what_cannot_be_made_is_refused() -> None:
    codec = SineCodec(3)
    with pytest.raises(ParameterError, match=r"2 latent steps are 512 samples, of which 0 to 256 can be crossfaded"):
        LoopMaker(codec, np.zeros((2, 3)), crossfade=257)
    with pytest.raises(ParameterError, match=r"latents of shape \(step, 3\), not \(2, 4\)"):
        LoopMaker(codec, np.zeros((2, 4)), crossfade=0)


def test_what_is_no_sound_is_silent_and_counted() -> None:
    maker = LoopMaker(SineCodec(1, latency=0), np.array([[1.0], [np.nan], [1.0]]), crossfade=0)
    while not maker.done:
        maker.step()
    table = maker.table()[0].reshape(3, 256)
    assert maker.mended == 1
    assert not table[1].any()
    np.testing.assert_array_equal(table[0], table[2])


def test_of_a_trained_model_it_is_what_the_stream_says() -> None:
    codec = timbrespace.load(bundle())
    latents = np.random.default_rng(0).standard_normal((5, codec.latent_dim))
    table = looping_table(codec, latents, crossfade=300)
    stream = codec.stream()
    late = -(-stream.latency // codec.ratio)
    z = torch.from_numpy(np.concatenate([latents, np.repeat(latents[-1:], late, axis=0)])).float().T[None]
    sound = stream.decode(z)[0].numpy()[:, stream.latency :][:, : 5 * codec.ratio]
    np.testing.assert_array_equal(table, closed(sound, crossfade=300))
