"""The networks for grains: the reference's numbers, and what the better one's start is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from timbrespace.core.errors import ParameterError
from timbrespace.layers.memory import Memory
from timbrespace.models.likelihoods import MultiScaleSpectral
from timbrespace.models.networks import GrainConv, SpectralGrains

SIZES = {"n_channels": 1, "n_statistics": 32, "latent_dim": 16, "n_parameters": 1}


def test_the_reference_has_the_sizes_it_is_described_by() -> None:
    network = GrainConv(n_features=512, **SIZES).eval()
    seen: list[tuple[int, ...]] = []
    for layer in [*network.encoder, *network.decoder]:
        if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d | nn.Linear):
            layer.register_forward_hook(lambda _m, _x, y: seen.append(tuple(y.shape[1:])))
    grains = network.decode(network.encode(torch.randn(2, 1, 512, 3))[:, :16])
    assert grains.shape == (2, 1, 512, 3)
    assert seen[:5] == [(64, 514), (32, 258), (16, 65), (1, 17), (32,)]
    assert seen[5:] == [(17,), (16, 65), (32, 256), (64, 510), (1, 512)]
    assert float(grains.detach().abs().max()) <= 1.0


def test_grains_of_the_reference_do_not_know_each_other() -> None:
    network = GrainConv(n_features=512, **SIZES).eval()
    z = torch.randn(1, 16, 5)
    torch.testing.assert_close(network.decode(z)[..., 2:3], network.decode(z[..., 2:3]), atol=1e-6, rtol=1e-5)


def test_layers_that_do_not_fit_the_grain_get_one_sentence() -> None:
    with pytest.raises(ParameterError, match="make 512 -> 514 -> 258 -> 65 -> 17 of a grain and 496 samples"):
        GrainConv(n_features=512, **SIZES, mirror_paddings=[6, 5, 8, 5])
    with pytest.raises(ParameterError, match="'strides' has 3 numbers for 4 layers"):
        GrainConv(n_features=512, **SIZES, strides=[1, 2, 4])


def tones(batch: int = 6, blocks: int = 40) -> Tensor:
    """Blocks (batch, 1, 64, block) of tones of different pitch and level, with a little noise."""
    generator = torch.Generator().manual_seed(0)
    n = torch.arange(64 * blocks)
    pitch = 0.02 + 0.1 * torch.rand(batch, 1, generator=generator)
    level = 0.2 + torch.rand(batch, 1, generator=generator)
    sound = level * torch.sin(2 * torch.pi * pitch * n) * torch.exp(-n / 1500)
    sound = sound + 0.003 * torch.randn(batch, len(n), generator=generator)
    return sound.unflatten(1, (blocks, 64)).mT[:, None]


def spectral(**settings: object) -> SpectralGrains:
    torch.manual_seed(0)
    return SpectralGrains(n_features=64, **SIZES, width=32, **settings).eval()  # type: ignore[arg-type]


def test_the_untrained_network_is_the_pca_of_its_spectra() -> None:
    network, x = spectral(), tones()
    network.initialise(x)
    z = network.encode(x)[:, :16].detach()
    inner = z[..., 2:-2]
    torch.testing.assert_close(torch.cov(inner.transpose(0, 1).flatten(1)), torch.eye(16), atol=0.15, rtol=0.0)
    rebuilt = network.decode(z).detach()
    error, energy = MultiScaleSpectral(n_ffts=[64, 128]).errors(rebuilt, x)
    assert float(error.sum() / energy.sum()) < 0.1


def test_gradients_reach_the_encoder_through_magnitudes() -> None:
    network, x = spectral().train(), tones(2)
    network.initialise(x)
    loss = MultiScaleSpectral(n_ffts=[64, 128]).negative_log_likelihood(network.decode(network.encode(x)[:, :16]), x)
    loss.mean().backward()
    gradient = network.encoder_linear.weight.grad
    assert gradient is not None
    assert gradient.isfinite().all()
    assert float(gradient.abs().sum()) > 0


def test_silence_has_finite_gradients() -> None:
    network = spectral()
    network.initialise(tones())
    x = torch.zeros(1, 1, 64, 12, requires_grad=True)
    network.encode(x).square().sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_latents_from_far_outside_stay_finite() -> None:
    network = spectral()
    network.initialise(tones())
    loudest = float(tones().abs().max())
    for value in (1e3, -1e3, 1e6):
        sound = network.decode(torch.full((1, 16, 8), value)).detach()
        assert sound.isfinite().all()
        assert float(sound.square().mean().sqrt()) < 4 * loudest


def test_long_sounds_in_pieces_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    network = spectral()
    x = tones(1, 50)
    network.initialise(tones())
    whole = network.encode(x)
    sound = network.decode(whole[:, :16])
    monkeypatch.setattr("timbrespace.models.networks.spectral_grains.PIECE_STEPS", 7)
    torch.testing.assert_close(network.encode(x), whole, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(network.decode(whole[:, :16]), sound, atol=1e-3, rtol=1e-3)


def test_stereo_is_decoded_signal_by_signal() -> None:
    torch.manual_seed(0)
    network = SpectralGrains(n_features=64, **{**SIZES, "n_channels": 2}, width=32).eval()
    x = torch.cat([tones(4), 0.5 * tones(4).flip(0)], dim=1)
    network.initialise(x)
    z = network.encode(x)[:, :16]
    memory = Memory()
    first = network.decode_next(z[..., :3], memory)
    assert first.shape == (4, 2, 64, 3)
    assert network.decode(z).shape == x.shape


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ({"n_features": 66, "grains_per_step": 4}, "twice as many must divide the 66 samples"),
        ({"n_features": 64, "n_parameters": 2}, "asks for 2; use MultiScaleSpectral"),
        ({"n_features": 4, "latent_dim": 99}, "99 latents are more than"),
    ],
)
def test_impossible_sizes_get_one_sentence(sizes: dict[str, int], sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        SpectralGrains(**{**SIZES, **sizes})


def test_the_multi_scale_distance_is_its_formula() -> None:
    x, y = torch.randn(2, 1, 64, 10), torch.randn(2, 1, 64, 10)
    found = MultiScaleSpectral(n_ffts=[128], linear_weight=0.5, floor=1e-2).negative_log_likelihood(y, x)
    expected = []
    for a, b in zip(x[:, 0], y[:, 0], strict=True):
        spectra = [
            (8 / 3 / 128) ** 0.5
            * torch.stft(
                s.T.flatten(), 128, 64, window=torch.hann_window(128), pad_mode="constant", return_complex=True
            ).abs()
            for s in (a, b)
        ]
        log = ((spectra[0] + 1e-2).log() - (spectra[1] + 1e-2).log()).abs().mean()
        expected.append(640 * (log + 0.5 * (spectra[0] - spectra[1]).abs().mean()))
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-5, atol=1e-5)


def test_the_multi_scale_distance_does_not_mind_phase() -> None:
    n = torch.arange(6400)
    swell = torch.hann_window(6400)  # a sound that begins at once has a click, and that has a phase
    sounds = [(swell * torch.sin(0.3 * n + phase)).unflatten(0, (100, 64)).mT[None, None] for phase in (0.0, 2.0)]
    distance = MultiScaleSpectral(n_ffts=[512], floor=1e-2)
    same = distance.negative_log_likelihood(sounds[0], sounds[1])
    other = distance.negative_log_likelihood(0.5 * sounds[0], sounds[1])
    assert float(same) < 0.2 * float(other)
    error, energy = distance.errors(sounds[0], sounds[0])
    assert float(error) == 0.0
    assert float(energy) > 0.0
    with pytest.raises(ParameterError, match="multiples of 4"):
        MultiScaleSpectral(n_ffts=[510])
