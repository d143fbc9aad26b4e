"""Residual blocks start as the identity, keep shapes, and can learn."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from timbrespace.layers.convnext import ConvNeXtBlock
from timbrespace.layers.memory import Memory
from timbrespace.layers.norm import ChannelNorm
from timbrespace.layers.residual import ResidualConv


@pytest.mark.parametrize(
    "block",
    [ConvNeXtBlock(6), ConvNeXtBlock(6, kernel_size=3, expansion=1), ResidualConv(6), ResidualConv(6, dilation=4)],
)
@pytest.mark.parametrize("steps", [1, 2, 9])
def test_fresh_blocks_are_the_identity(block: nn.Module, steps: int) -> None:
    x = torch.randn(2, 6, steps)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize(("block", "reach"), [(ConvNeXtBlock(4, kernel_size=5), 2), (ResidualConv(4, dilation=3), 3)])
def test_a_step_is_heard_exactly_as_far_as_the_kernel_reaches(block: nn.Module, reach: int) -> None:
    torch.manual_seed(0)
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.5)
    x = torch.randn(1, 4, 21)
    moved = x.clone()
    moved[..., 10] += 1.0
    changed = (block(moved) - block(x)).abs().sum(1)[0] > 1e-7
    where = changed.nonzero().flatten()
    assert (int(where.min()), int(where.max())) == (10 - reach, 10 + reach)


def test_convnext_equals_its_formula() -> None:
    torch.manual_seed(0)
    block = ConvNeXtBlock(3, kernel_size=3, expansion=2)
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.5)
    x = torch.randn(2, 3, 7)
    y = block.depthwise(nn.functional.pad(x, (block.reach // 2,) * 2)).mT
    y = (y - y.mean(-1, keepdim=True)) / (y.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    y = y * block.norm.weight + block.norm.bias
    y = nn.functional.gelu(y @ block.widen.weight.T + block.widen.bias) @ block.narrow.weight.T + block.narrow.bias
    torch.testing.assert_close(block(x), x + y.mT)


def test_channel_norm_is_over_channels_at_each_step() -> None:
    x = torch.randn(2, 5, 4) * 3 + 1
    y = ChannelNorm(5)(x)
    torch.testing.assert_close(y.mean(1), torch.zeros(2, 4), atol=1e-6, rtol=0)
    torch.testing.assert_close(y.var(1, unbiased=False), torch.ones(2, 4), atol=1e-4, rtol=0)
    assert torch.equal(ChannelNorm(5)(x[..., :1]), y[..., :1])


@pytest.mark.parametrize(
    "block", [ConvNeXtBlock(4, kernel_size=5, causal=True), ResidualConv(4, dilation=2, causal=True)]
)
def test_a_causal_block_with_a_memory_gives_the_whole_in_pieces_and_reads_no_future(block: nn.Module) -> None:
    torch.manual_seed(0)
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.5)
    x = torch.randn(2, 4, 11)
    whole = block(x)
    parts, memory = [], Memory()
    for piece in x.split([1, 4, 6], dim=2):
        memory = Memory(memory.state())
        parts.append(block(piece, memory))
    torch.testing.assert_close(torch.cat(parts, dim=2), whole)
    changed = x.clone()
    changed[..., 7:] = 0
    torch.testing.assert_close(block(changed)[..., :7], whole[..., :7], rtol=0, atol=0)
    assert not torch.allclose(block(changed)[..., 7:], whole[..., 7:])
