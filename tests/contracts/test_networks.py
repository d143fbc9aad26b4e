"""The contract of networks, and proof that it notices mistakes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.contracts.common import WIRED, check_config, make, members
from timbrespace.core.errors import ParameterError
from timbrespace.layers.memory import Memory
from timbrespace.models.networks import Network, TemporalConv

FEATURES, LATENTS, STATISTICS = WIRED["n_features"], WIRED["latent_dim"], WIRED["n_statistics"]
SIZES = {name: WIRED[name] for name in ("n_features", "n_channels", "n_statistics", "latent_dim", "n_parameters")}


def frames(batch: int, n_frames: int, *, seed: int = 0) -> Tensor:
    noise = torch.randn(batch, 1, FEATURES, n_frames + 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.avg_pool1d(noise[:, 0], 9, 1)[:, None] * 3  # smooth in time, as sound is


def check_network(network: Network) -> None:
    network.eval()
    network.initialise(frames(8, 64))
    for n_frames in (1, 2, 7, 16, 33):
        x = frames(3, n_frames)
        statistics = network.encode(x)
        steps = math.ceil(n_frames / network.ratio) if network.ratio else 1
        assert statistics.shape == (3, STATISTICS, steps)
        rebuilt = network.decode(statistics[:, :LATENTS])
        assert rebuilt.shape == (3, 1, FEATURES, steps * network.ratio)
        assert torch.isfinite(rebuilt).all()
        _examples_do_not_mix(network, x, rebuilt)
    _blocks_give_the_whole(network)
    _every_parameter_learns(network)
    _start_is_better_than_silence(network)


def _examples_do_not_mix(network: Network, x: Tensor, rebuilt: Tensor) -> None:
    alone = network.decode(network.encode(x[1:2])[:, :LATENTS])
    torch.testing.assert_close(alone, rebuilt[1:2], rtol=1e-4, atol=1e-4)


def _blocks_give_the_whole(network: Network) -> None:
    """Latents in blocks of any size give the frames of the whole, ``lookahead`` steps later and not sooner."""
    latents = torch.randn(2, LATENTS, 23, generator=torch.Generator().manual_seed(1))
    if network.lookahead is None:
        with pytest.raises(ParameterError, match="cannot play live"):
            network.decode_next(latents, Memory())
        return
    ahead = torch.nn.functional.pad(latents, (0, network.lookahead))
    with torch.no_grad():
        for parameter in network.parameters():  # every layer takes part
            parameter += 0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2))
        whole = network.decode(latents)
        for sizes in ([1] * ahead.shape[-1], [2, 3, 1, 7, ahead.shape[-1] - 13]):
            parts, memory = [], Memory()
            for block in ahead.split(sizes, dim=-1):
                memory = Memory(memory.state())
                parts.append(network.decode_next(block, memory))
            blockwise = torch.cat(parts, dim=-1)[..., network.lookahead * network.ratio :]
            torch.testing.assert_close(blockwise, whole, rtol=1e-4, atol=1e-5)
        # The future beyond the look-ahead is not read, the one within is.
        changed = latents.clone()
        changed[..., 12:] += 1.0
        same = (network.decode(changed) - whole).abs().amax(dim=(0, 1, 2)).unflatten(0, (-1, network.ratio)).amax(1)
        assert int((same > 1e-6).nonzero()[0]) == 12 - network.lookahead


def _every_parameter_learns(network: Network) -> None:
    network.train()
    with torch.no_grad():  # layers that start at zero hide the gradients of those before them
        for parameter in network.parameters():
            parameter += 0.02 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(parameter.numel()))
    statistics = network.encode(frames(4, 32))
    (network.decode(statistics[:, :LATENTS]).square().mean() + statistics.square().mean()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, f"{name} is not part of the computation"
        assert parameter.grad.abs().sum() > 0, f"{name} gets no gradient"


def _start_is_better_than_silence(network: Network) -> None:
    """A few steps of training bring the error well below that of saying nothing."""
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    target = frames(8, 32, seed=5)
    for _ in range(30):
        optimiser.zero_grad()
        error = (network.decode(network.encode(target)[:, :LATENTS])[..., :32] - target).square().mean()
        error.backward()
        optimiser.step()
    assert float(error.detach()) < 0.8 * float(target.square().mean())


@pytest.mark.parametrize("kind", members(Network))
def test_contract(kind: str) -> None:
    network = make(Network, kind)
    check_config(network, Network)
    check_network(network)


@pytest.mark.parametrize(
    "settings",
    [{"frames_per_step": 1}, {"frames_per_step": 3}, {"frames_per_step": 8}, {"kernel_size": 3}, {"depth": 0},
     {"refinement": 0}, {"pca_start": False}, {"lookahead": 0}, {"lookahead": 1},
     {"lookahead": 2, "frames_per_step": 3}],
    ids=str,
)  # fmt: skip
def test_contract_holds_for_other_settings(settings: dict[str, Any]) -> None:
    check_network(make(Network, "TemporalConv", width=48, **settings))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [({"kernel_size": 6}, "'kernel_size' is 6; give an odd number"), ({"latent_dim": 97}, "ask for at most 96")],
)
def test_impossible_settings_get_one_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        TemporalConv(**{**SIZES, **settings})


def small() -> TemporalConv:
    torch.manual_seed(0)
    return TemporalConv(**SIZES, width=32)


class _Broken(Network):
    ratio = 4
    lookahead = None

    def __init__(self) -> None:
        super().__init__()
        self.right = small()

    def encode(self, frames: Tensor) -> Tensor:
        return self.right.encode(frames)

    def decode(self, latents: Tensor) -> Tensor:
        return self.right.decode(latents)

    def decode_next(self, latents: Tensor, memory: Memory) -> Tensor:
        return self.right.decode_next(latents, memory)

    def initialise(self, frames: Tensor) -> None:
        self.right.initialise(frames)


class MixesExamples(_Broken):
    """Planted mistake: statistics over the batch leak between examples."""

    def encode(self, frames: Tensor) -> Tensor:
        return self.right.encode(frames - frames.mean(dim=0, keepdim=True))


class DropsTheEnd(_Broken):
    """Planted mistake: frames that do not fill a step are dropped."""

    def encode(self, frames: Tensor) -> Tensor:
        return self.right.encode(frames[..., : max(1, frames.shape[-1] // 4 * 4)])


class DeadLayer(_Broken):
    """Planted mistake: a layer that is never used."""

    def __init__(self) -> None:
        super().__init__()
        self.dead = torch.nn.Linear(2, 2)


class SaysNothing(_Broken):
    """Planted mistake: the decoder's output hardly depends on anything."""

    def decode(self, latents: Tensor) -> Tensor:
        return 1e-3 * self.right.decode(latents)


@pytest.mark.parametrize("broken", [MixesExamples, DropsTheEnd, DeadLayer, SaysNothing])
def test_contract_notices_planted_mistakes(broken: type[Network]) -> None:
    with pytest.raises(AssertionError):
        check_network(broken())


def test_untrained_network_is_pca() -> None:
    from timbrespace.layers.pca import StackedPca

    network, x = small().eval(), frames(16, 64)
    network.initialise(x)
    pca = StackedPca.fit(x[:, 0], group=4, n_components=LATENTS)
    ours = network.decode(network.encode(x)[:, :LATENTS])[:, 0].detach()
    # Only the mean within a group of four frames is rounded to one value per row.
    per_frame = pca.mean.reshape(FEATURES, 4)
    bound = float((per_frame - per_frame.mean(1, keepdim=True)).abs().max()) + 1e-4
    assert float((ours - pca.rebuild(x[:, 0])).abs().max()) <= bound
    latents = network.encode(x)[:, :LATENTS].detach().transpose(0, 1).flatten(1)
    torch.testing.assert_close(torch.cov(latents), torch.eye(LATENTS), rtol=0.02, atol=0.02)
