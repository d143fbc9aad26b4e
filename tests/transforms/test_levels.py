from __future__ import annotations

import numpy as np

from timbrespace.transforms.levels import LevelCounts


def pieces(seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [np.exp(rng.normal([[-4.0], [-3.0], [-5.0]], 2.0, (3, 4000))).astype(np.float32) for _ in range(4)]


def counted(files: list[np.ndarray]) -> LevelCounts:
    counts = LevelCounts(3)
    for file in files:
        counts.add(file[:, :1500])
        counts.add(file[:, 1500:])
        counts.end_file()
    return counts


def test_statistics_are_those_of_the_cells() -> None:
    files = pieces()
    cells = np.concatenate(files, axis=1).astype(np.float64)
    for gain in (1.0, 100.0):
        y = np.log1p(gain * cells)
        mean, deviation = counted(files).statistics(gain)
        np.testing.assert_allclose(mean, y.mean(axis=1), atol=2e-4)
        centred = y - y.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(deviation, np.sqrt((centred**2).mean()), rtol=2e-4)


def test_quantile_counts_heard_cells_only() -> None:
    files = pieces()
    for file in files:
        file[0] = 1e-9  # below 60 dB under any peak, though it is a third of all cells
    heard = np.concatenate([f[f > f.max() / 1000.0] for f in files])
    np.testing.assert_allclose(counted(files).quantile(0.25), np.quantile(heard, 0.25), rtol=0.03)


def test_order_does_not_matter() -> None:
    files = pieces()
    a, b = counted(files), counted(files[::-1])
    assert a.quantile(0.25) == b.quantile(0.25)
    np.testing.assert_array_equal(a.statistics(7.0)[0], b.statistics(7.0)[0])


def test_silence_is_known_and_zero_means_zero() -> None:
    counts = LevelCounts(2)
    counts.add(np.zeros((2, 50), np.float32))
    counts.add(np.full((2, 1), np.nan, np.float32))
    counts.end_file()
    assert counts.silent
    mean, deviation = counts.statistics(100.0)
    assert not mean.any()
    assert deviation == 0.0
