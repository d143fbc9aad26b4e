"""The contract of networks, and proof that it notices mistakes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.contracts.common import WIRED, check_config, make, members
from timbrespace.core.component import build, catalogue
from timbrespace.core.errors import ParameterError
from timbrespace.layers.memory import Memory
from timbrespace.models.networks import Network, TemporalConv

FEATURES, LATENTS, STATISTICS = WIRED["n_features"], WIRED["latent_dim"], WIRED["n_statistics"]
N_FRAMES = WIRED["n_frames"]
SIZES = {name: WIRED[name] for name in ("n_features", "n_channels", "n_statistics", "latent_dim", "n_parameters")}


SLOW = ("GrainConv",)
"""Random weights, ReLU and tanh: what others have said after 30 steps takes these longer."""


def frames(batch: int, n_frames: int, *, seed: int = 0) -> Tensor:
    noise = torch.randn(batch, 1, FEATURES, n_frames + 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.avg_pool1d(noise[:, 0], 9, 1)[:, None] * 3  # smooth in time, as sound is


def check_network(network: Network) -> None:
    network.eval()
    network.initialise(frames(8, N_FRAMES if network.ratio == 0 else 64))
    for n_frames in (N_FRAMES,) if network.ratio == 0 else (1, 2, 7, 16, 33):
        x = frames(3, n_frames)
        statistics = network.encode(x)
        steps = math.ceil(n_frames / network.ratio) if network.ratio else math.prod(network.grid)
        assert statistics.shape == (3, STATISTICS, steps)
        rebuilt = network.decode(statistics[:, :LATENTS])
        assert rebuilt.shape == (3, 1, FEATURES, steps * network.ratio or N_FRAMES)
        assert torch.isfinite(rebuilt).all()
        _examples_do_not_mix(network, x, rebuilt)
    if network.ratio == 0:
        _other_sizes_get_one_sentence(network)
    if network.grid:
        _cells_are_where_they_look(network)
    _blocks_give_the_whole(network)
    _frames_in_blocks_give_the_whole(network)
    if catalogue(Network).get(type(network).__name__) is type(network):
        _stored_tensors_are_all_it_needs(network)
    _every_parameter_learns(network)
    _start_is_better_than_silence(network)


def _examples_do_not_mix(network: Network, x: Tensor, rebuilt: Tensor) -> None:
    alone = network.decode(network.encode(x[1:2])[:, :LATENTS])
    torch.testing.assert_close(alone, rebuilt[1:2], rtol=1e-4, atol=1e-4)


def _other_sizes_get_one_sentence(network: Network) -> None:
    for n_frames in (N_FRAMES - 1, 2 * N_FRAMES):
        with pytest.raises(ParameterError, match=f"was made for pictures of 1 x {FEATURES} x {N_FRAMES}"):
            network.encode(frames(2, n_frames))


def _cells_are_where_they_look(network: Network) -> None:
    """Row by row, a cell's statistics answer to its place in the picture, and its latents to the same place."""
    rows, columns = network.grid
    height, width = FEATURES // rows, N_FRAMES // columns
    x, (row, column) = frames(1, N_FRAMES), (rows - 2, 1)
    place = (..., slice(row * height, (row + 1) * height), slice(column * width, (column + 1) * width))
    changed = x.clone()
    changed[place] += 5.0
    read = (network.encode(changed) - network.encode(x)).detach().abs().sum(dim=(0, 1)).unflatten(0, network.grid)
    assert _centre(read) == pytest.approx((row, column), abs=0.75)
    latents = torch.zeros(1, LATENTS, rows * columns)
    other = latents.clone()
    other[..., row * columns + column] += 5.0
    drawn = (network.decode(other) - network.decode(latents)).detach().abs().sum(dim=(0, 1))
    middle = ((row + 0.5) * height - 0.5, (column + 0.5) * width - 0.5)
    assert _centre(drawn) == pytest.approx(middle, abs=0.75 * max(height, width))


def _centre(weights: Tensor) -> tuple[float, float]:
    """The mean row and column."""
    shares = weights / weights.sum()
    rows, columns = torch.arange(shares.shape[0]), torch.arange(shares.shape[1])
    return float(shares.sum(1) @ rows.float()), float(shares.sum(0) @ columns.float())


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
            # Phases are integrated frequencies: what rounding does to these adds up.
            torch.testing.assert_close(blockwise, whole, rtol=1e-4, atol=1e-3 if network.phase_free else 1e-5)
        # The future beyond the look-ahead is not read, the one within is.
        changed = latents.clone()
        changed[..., 12:] += 1.0
        same = (network.decode(changed) - whole).abs().amax(dim=(0, 1, 2)).unflatten(0, (-1, network.ratio)).amax(1)
        assert int((same > 1e-6).nonzero()[0]) == 12 - network.lookahead


def _stored_tensors_are_all_it_needs(network: Network) -> None:
    """Built without memory and given the stored tensors, as from a bundle, it is the same network."""
    with torch.device("meta"):
        again = build(Network, network.config())
    again.load_state_dict(network.state_dict(), assign=True)
    left = [name for name, tensor in (*again.named_parameters(), *again.named_buffers()) if tensor.is_meta]
    assert not left, f"{left} are in no bundle"
    x = frames(1, N_FRAMES)
    assert torch.equal(again.eval().encode(x), network.encode(x))


def _frames_in_blocks_give_the_whole(network: Network) -> None:
    """Frames in blocks of any size give the statistics of the whole, ``encoder_lookahead`` steps later."""
    x = frames(2, 23 * max(1, network.ratio))
    if network.encoder_lookahead is None:
        with pytest.raises(ParameterError, match="cannot encode live"):
            network.encode_next(x, Memory())
        return
    ahead = torch.nn.functional.pad(x, (0, network.encoder_lookahead * network.ratio))
    with torch.no_grad():
        whole = network.encode(x)
        for sizes in ([1] * (ahead.shape[-1] // network.ratio), [2, 3, 1, 7, ahead.shape[-1] // network.ratio - 13]):
            parts, memory = [], Memory()
            for block in ahead.split([n * network.ratio for n in sizes], dim=-1):
                memory = Memory(memory.state())
                parts.append(network.encode_next(block, memory))
            blockwise = torch.cat(parts, dim=-1)[..., network.encoder_lookahead :]
            torch.testing.assert_close(blockwise, whole, rtol=1e-4, atol=1e-4)


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
    target = frames(8 if network.ratio else 3, N_FRAMES, seed=5)  # pictures of noise have nothing in common
    silence = _error(network, torch.zeros_like(target), target)
    for _ in range(30 if network.ratio and type(network).__name__ not in SLOW else 120):
        optimiser.zero_grad()
        error = _error(network, network.decode(network.encode(target)[:, :LATENTS])[..., :N_FRAMES], target)
        if float(error.detach()) < 0.75 * float(silence):
            return
        error.backward()
        optimiser.step()
    assert float(error.detach()) < 0.8 * float(silence)


def _error(network: Network, rebuilt: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of the frames, or of their spectra where phases are the network's own."""
    if not network.phase_free:
        return (rebuilt - target).square().mean()
    sounds = [x.transpose(2, 3).flatten(1) for x in (rebuilt, target)]
    x, y = (torch.stft(s, 64, 16, window=torch.hann_window(64), return_complex=True).abs() for s in sounds)
    return (x - y).square().mean()


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


DEEP: dict[str, Any] = {"channels": [8, 12, 16], "dense": 64}


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("Mlp", {"hidden": []}),
        ("Mlp", {"hidden": [40]}),
        ("Mlp", {"hidden": [40, 30, 20], "activation": "tanh"}),
        ("Mlp", {"hidden": [60, 40], "batch_norm": True, "activation": "relu"}),
        ("Conv2d", {"dense": None, "channels": [12, 16]}),
        ("Conv2d", {"dense": None, "channels": [12, 16], "batch_norm": True, "activation": "gelu"}),
        ("Conv2d", DEEP),
        ("Conv2d", {"channels": [12], "dense": 24, "batch_norm": True, "activation": "relu"}),
        ("Residual2d", {"dense": None}),
        ("Residual2d", {"dense": None, "fine": 0, "batch_norm": True}),
        ("Residual2d", {**DEEP, "blocks": 2, "activation": "gelu"}),
        ("Residual2d", {"channels": [12], "blocks": 0, "dense": 24, "activation": "tanh"}),
    ],
    ids=str,
)
def test_contract_holds_for_other_settings_of_image_networks(kind: str, settings: dict[str, Any]) -> None:
    network = make(Network, kind, **settings)
    check_config(network, Network)
    check_network(network)


@pytest.mark.parametrize("kind", ["Mlp", "Conv2d", "Residual2d"])
@pytest.mark.parametrize(("height", "width", "channels"), [(28, 28, 1), (8, 8, 1), (16, 24, 3)])
def test_image_networks_serve_other_sizes_channels_and_parameters(
    kind: str, height: int, width: int, channels: int
) -> None:
    wired = {"n_features": height, "n_frames": width, "n_channels": channels, "n_statistics": 7, "latent_dim": 5}
    network = build(Network, {"kind": kind}, wired={**wired, "n_parameters": 2})
    x = torch.rand(2, channels, height, width)
    statistics = network.encode(x)
    assert statistics.shape == (2, 7, 1)
    assert network.decode(statistics[:, :5]).shape == (2, 2 * channels, height, width)


IMAGES = {**SIZES, "n_frames": N_FRAMES}


@pytest.mark.parametrize(
    ("kind", "settings", "sentence"),
    [
        ("Conv2d", {"n_features": 27}, r"27 x 32 do not divide by 4; give fewer channels"),
        ("Residual2d", {"channels": [4] * 4}, r"24 x 32 do not divide by 16"),
        ("Conv2d", {"channels": []}, "'channels' is empty; give one number per halving"),
        ("Residual2d", {"channels": []}, "'channels' is empty; give one number per halving"),
        ("Mlp", {"hidden": [0]}, "'hidden' is 0, outside its range"),
        ("Mlp", {"activation": "swish"}, "expects one of 'relu', 'elu', 'gelu', 'tanh', not 'swish'"),
        ("Conv2d", {"dense": 0}, "'dense'"),
    ],
)
def test_impossible_settings_of_image_networks_get_one_sentence(
    kind: str, settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ParameterError, match=sentence):
        build(Network, {"kind": kind, **IMAGES, **settings})


@pytest.mark.parametrize(
    "settings",
    [{"dense": 24}, {"dense": None}, {"dense": 24, "fine": 0}],
    ids=str,
)
def test_residual_blocks_start_as_nothing(settings: dict[str, Any]) -> None:
    """Any number of blocks is the same function at first: they start as the identity."""
    drawn = []
    for blocks in (0, 3):
        network = make(Network, "Residual2d", blocks=blocks, **settings)
        plain = [p for n, p in network.named_parameters() if ".branch." not in n]
        with torch.no_grad():
            for number, parameter in enumerate(plain):
                generator = torch.Generator().manual_seed(number)
                parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
            drawn.append(network.decode(network.encode(frames(2, N_FRAMES))[:, :LATENTS]))
    torch.testing.assert_close(drawn[0], drawn[1])


def test_a_perceptron_without_hidden_layers_is_linear() -> None:
    network = make(Network, "Mlp", hidden=[])
    x, y = frames(2, N_FRAMES), frames(2, N_FRAMES, seed=1)

    def rebuilt(z: Tensor) -> Tensor:
        return network.decode(network.encode(z)[:, :LATENTS])

    torch.testing.assert_close(rebuilt(0.3 * x + 0.7 * y), 0.3 * rebuilt(x) + 0.7 * rebuilt(y), rtol=1e-4, atol=1e-5)
    assert sum(p.numel() for p in network.parameters()) == 768 * 6 + 6 + 3 * 768 + 768


def test_a_perceptron_has_the_widths_asked_for_and_their_mirror() -> None:
    network = make(Network, "Mlp", hidden=[40, 30, 20])
    widths = [tuple(p.shape) for p in network.parameters() if p.ndim == 2]
    assert widths == [(40, 768), (30, 40), (20, 30), (6, 20), (20, 3), (30, 20), (40, 30), (768, 40)]


@pytest.mark.parametrize("kind", ["Mlp", "Conv2d", "Residual2d"])
def test_batch_norm_learns_its_statistics_in_training_only(kind: str) -> None:
    network = make(Network, kind, batch_norm=True)
    x = frames(8, N_FRAMES)
    before = {n: b.clone() for n, b in network.named_buffers()}
    network.eval()
    network.decode(network.encode(x)[:, :LATENTS])
    assert all(torch.equal(b, before[n]) for n, b in network.named_buffers())
    network.train()
    network.decode(network.encode(x)[:, :LATENTS])
    assert all(not torch.equal(b, before[n]) for n, b in network.named_buffers())


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
    grid = ()

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


class _BrokenImages(_Broken):
    ratio = 0

    def __init__(self) -> None:
        super().__init__()
        self.right = make(Network, "Conv2d", dense=None, channels=[12, 16])
        self.grid = self.right.grid


class CellsInAnotherOrder(_BrokenImages):
    """Planted mistake: cells come column by column."""

    def encode(self, frames: Tensor) -> Tensor:
        return self.right.encode(frames).unflatten(2, self.grid).transpose(2, 3).flatten(2)


class DrawsElsewhere(_BrokenImages):
    """Planted mistake: the picture is upside down."""

    def decode(self, latents: Tensor) -> Tensor:
        return self.right.decode(latents).flip(2)


class TakesAnySize(_BrokenImages):
    """Planted mistake: pictures of another size are cut without a word."""

    def encode(self, frames: Tensor) -> Tensor:
        return self.right.encode(torch.nn.functional.interpolate(frames, (FEATURES, N_FRAMES)))


@pytest.mark.parametrize("broken", [CellsInAnotherOrder, DrawsElsewhere, TakesAnySize])
def test_contract_notices_planted_mistakes_of_image_networks(broken: type[Network]) -> None:
    check_network(_BrokenImages())
    with pytest.raises((AssertionError, pytest.fail.Exception)):
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
