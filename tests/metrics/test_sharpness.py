"""Sharpness: SciPy's Laplacian, closed forms, and what blurring does."""

from __future__ import annotations

import pytest
import scipy.ndimage
import torch

from timbrespace.core.errors import ParameterError
from timbrespace.metrics.sharpness import sharpness


def images(n: int = 5) -> torch.Tensor:
    return torch.rand(n, 1, 12, 9, generator=torch.Generator().manual_seed(0))


def test_sharpness_is_the_variance_of_scipys_laplacian() -> None:
    x = images()
    expected = [scipy.ndimage.laplace(image[0].double().numpy())[1:-1, 1:-1].var() for image in x]
    assert sharpness(x).tolist() == pytest.approx(expected, rel=1e-6)


def test_closed_forms() -> None:
    rows, columns = torch.meshgrid(torch.arange(8.0), torch.arange(10.0), indexing="ij")
    board = (rows + columns) % 2  # the Laplacian is -4 and 4 in turn
    ramp = 3 * rows - 2 * columns + 1
    assert sharpness(torch.stack([board, ramp, torch.ones(8, 10)])[:, None]).tolist() == pytest.approx([16.0, 0.0, 0.0])


def test_blurring_takes_and_contrast_gives() -> None:
    x = images()
    blurred = torch.nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    assert (sharpness(blurred) < 0.2 * sharpness(x)).all()
    torch.testing.assert_close(sharpness(2 * x + 1), 4 * sharpness(x))


def test_images_do_not_mix_and_small_ones_are_refused() -> None:
    torch.testing.assert_close(sharpness(images()[2:3]), sharpness(images())[2:3])
    assert sharpness(images(0)).shape == (0,)
    with pytest.raises(ParameterError, match="2 x 9 pixels; a Laplacian needs 3 x 3"):
        sharpness(images()[:, :, :2])
