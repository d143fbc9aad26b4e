"""Tiles of small images: another program reads back the exact bytes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from timbrespace.pictures.images import GAP, GAP_GREY, grey_png, in_rows, tiles_png


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8)


def read(png: bytes) -> np.ndarray:
    picture = Image.open(io.BytesIO(png))
    assert (picture.format, picture.mode) == ("PNG", "L")
    picture.load()
    return np.asarray(picture)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 1), (28, 31), (300, 5)])
def test_grey_pixels_come_back(shape) -> None:
    assert (read(grey_png(noise(*shape))) == noise(*shape)).all()


def test_a_slice_of_a_larger_picture_is_written_as_it_is_seen() -> None:
    large = noise(20, 30)
    assert (read(grey_png(large[3:15:2, 29:4:-3])) == large[3:15:2, 29:4:-3]).all()


@pytest.mark.parametrize("gap", [0, GAP, 3])
def test_each_tile_stands_in_its_row_and_column(gap: int) -> None:
    images = noise(3, 5, 4, 6)
    grey = read(tiles_png(images, gap=gap)).copy()
    assert grey.shape == (3 * 4 + 2 * gap, 5 * 6 + 4 * gap)
    for row in range(3):
        for column in range(5):
            tile = grey[row * (4 + gap) :, column * (6 + gap) :][:4, :6]
            assert (tile == images[row, column]).all()
            tile[:] = GAP_GREY
    assert (grey == GAP_GREY).all()  # nothing but gaps is left


def test_images_are_put_into_whole_rows() -> None:
    images = noise(10, 2, 3)
    rows = in_rows(images, 4)
    assert rows.shape == (2, 4, 2, 3)
    assert (rows[1, 0] == images[4]).all()


def test_dark_pictures_take_little_room() -> None:
    images = np.zeros((8, 8, 28, 28), np.uint8)
    images[:, :, 10:18, 10:18] = noise(8, 8, 8, 8)
    assert len(tiles_png(images)) < 8000  # of 57,000 bytes; 4,096 are noise


def test_the_same_pixels_make_the_same_file() -> None:
    assert tiles_png(noise(2, 2, 5, 5)) == tiles_png(noise(2, 2, 5, 5))
