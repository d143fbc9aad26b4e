"""The metric of what is heard equals its closed form where the decoder is linear, and predicts real changes."""

from __future__ import annotations

import pytest
import torch

import timbrespace
from tests.bundles import bundle
from timbrespace.codecs.heard import SETTLED, STEPS, _stretches, heard_metric
from timbrespace.codecs.sound import SoundCodec


@pytest.fixture
def codec() -> SoundCodec:
    return timbrespace.load(bundle())


def test_it_is_the_gram_matrix_of_a_linear_decoder(codec: SoundCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, ratio = codec.transform.n_features, codec.model.ratio
    matrix = torch.randn(rows, codec.latent_dim, generator=torch.Generator().manual_seed(0))

    def linear(latents: torch.Tensor) -> torch.Tensor:
        return (matrix @ latents).repeat_interleave(ratio, dim=-1)[:, None] + 3.0

    monkeypatch.setattr(codec, "decode_frames", linear)
    torch.testing.assert_close(heard_metric(codec), matrix.T @ matrix / rows, rtol=1e-3, atol=1e-4)


def test_it_predicts_how_much_a_small_move_changes_the_frames(codec: SoundCodec) -> None:
    metric = heard_metric(codec)
    assert torch.equal(metric, heard_metric(codec)), "the same seed, the same metric"
    torch.testing.assert_close(metric, metric.T)
    move = 0.3 * torch.randn(codec.latent_dim, generator=torch.Generator().manual_seed(1))
    stretches = _stretches(codec, torch.Generator().manual_seed(2))
    with torch.no_grad():
        change = codec.decode_frames(stretches + move[:, None]) - codec.decode_frames(stretches)
    heard = float(change[..., SETTLED * codec.model.ratio :].square().mean())
    assert heard == pytest.approx(float(move @ metric @ move), rel=0.15)


def test_stretches_stay_within_one_sound(codec: SoundCodec) -> None:
    vectors, source = codec.latent["vectors"], codec.latent["source"]
    for stretch in _stretches(codec, torch.Generator().manual_seed(3)):
        found = {int(source[(vectors == z).all(1).nonzero()[0, 0]]) for z in stretch.T}
        assert len(found) == 1
        assert stretch.shape[1] == STEPS


def test_latents_that_do_not_vary_and_decoders_that_do_not_listen_are_survived(
    codec: SoundCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = codec.latent["vectors"].clone()
    still[:, 1] = 0.25
    monkeypatch.setitem(codec.latent, "vectors", still)
    metric = heard_metric(codec)
    assert bool((metric[1] == 0).all())
    assert bool((metric[:, 1] == 0).all())
    assert bool((metric.diagonal()[[0, 2, 3]] > 0).all())
    monkeypatch.setattr(codec, "decode_frames", lambda z: torch.zeros(len(z), 1, 24, 4 * z.shape[-1]))
    assert torch.equal(heard_metric(codec), torch.eye(codec.latent_dim))
