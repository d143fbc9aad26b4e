"""Convolutions as products are the convolutions."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from timbrespace.layers.short_convolution import ShortConv1d, ShortConvTranspose1d, with_short_convolutions


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "padding"), [(1, 1, 1, 0), (7, 1, 1, 0), (3, 1, 4, 0), (8, 4, 1, 2)]
)
@pytest.mark.parametrize("bias", [True, False])
@torch.no_grad()
def test_a_short_convolution_is_the_layer(steps, kernel, stride, dilation, padding, bias) -> None:
    layer = nn.Conv1d(6, 10, kernel, stride, dilation=dilation, padding=padding, bias=bias)
    x = torch.randn(2, 6, dilation * (kernel - 1) + 1 + (steps - 1) * stride)
    torch.testing.assert_close(ShortConv1d(layer)(x), layer(x), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("dilation", [1, 2])
@torch.no_grad()
def test_a_depthwise_convolution_too(steps: int, dilation: int) -> None:
    layer = nn.Conv1d(6, 6, 5, groups=6, dilation=dilation)
    x = torch.randn(2, 6, 4 * dilation + steps)
    torch.testing.assert_close(ShortConv1d(layer)(x), layer(x), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("steps", [1, 2, 4])
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(8, 4, 0), (4, 4, 0), (8, 4, 2), (3, 1, 0), (2, 1, 0)])
@torch.no_grad()
def test_a_transposed_convolution_too(steps: int, kernel: int, stride: int, padding: int) -> None:
    layer = nn.ConvTranspose1d(6, 10, kernel, stride, padding=padding)
    x = torch.randn(2, 6, steps)
    torch.testing.assert_close(ShortConvTranspose1d(layer)(x), layer(x), atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_a_module_is_copied_and_what_is_unlike_stays() -> None:
    odd = nn.Conv1d(4, 8, 3, groups=2)  # groups of several channels
    circular = nn.Conv1d(8, 8, 3, padding=1, padding_mode="circular")
    module = nn.Sequential(odd, circular, nn.Conv1d(8, 2, 1), nn.ConvTranspose1d(2, 2, 3, 2)).eval()
    copied = with_short_convolutions(module)
    assert isinstance(module[2], nn.Conv1d)
    assert [type(m).__name__ for m in copied] == ["Conv1d", "Conv1d", "ShortConv1d", "ConvTranspose1d"]
    x = torch.randn(1, 4, 9)
    torch.testing.assert_close(copied(x), module(x), atol=1e-6, rtol=1e-5)
    assert not copied[2].training
