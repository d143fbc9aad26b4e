"""The scripted table player plays what the sound table instrument plays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from timbrespace.export.packed_step import quiet_torchscript
from timbrespace.export.scripted.table import TablePlayer
from timbrespace.instruments.table_reading import TableState, render_table

RATE = 16_000.0
SAMPLES = 4000


def player(table: np.ndarray) -> torch.jit.ScriptModule:
    made = TablePlayer(len(table))
    made.table = torch.from_numpy(table)
    with quiet_torchscript():
        scripted = torch.jit.script(made)
    scripted.restart(1)
    return scripted


def signals(kind: str) -> np.ndarray:
    """Frequency and start, (2, time), single precision."""
    rng = np.random.default_rng(1)
    t = np.arange(SAMPLES)
    found = {
        "steady": (np.full(SAMPLES, 50.0), np.full(SAMPLES, 120.5)),
        "sweep": (np.linspace(0.0, 4000.0, SAMPLES), np.linspace(-3000.0, 3000.0, SAMPLES)),
        "wild": (rng.uniform(-2000, 20_000, SAMPLES), rng.uniform(-1e6, 1e6, SAMPLES)),
        "hostile": (
            np.where(t % 7 == 0, np.nan, np.where(t % 11 == 0, 1e30, 300.0)),
            np.where(t % 5 == 0, np.inf, np.where(t % 3 == 0, -1e30, 7.0)),
        ),
    }
    return np.stack(found[kind]).astype(np.float32)


@pytest.mark.parametrize("kind", ["steady", "sweep", "wild", "hostile"])
@pytest.mark.parametrize("crossfade", [0, 1, 64, 900])
@pytest.mark.parametrize("channels", [1, 2])
def test_it_is_the_instrument_in_any_blocks(kind: str, crossfade: int, channels: int) -> None:
    table = np.random.default_rng(0).standard_normal((channels, 777)).astype(np.float32)
    given = signals(kind)
    expected, _ = render_table(table, *given.astype(float), crossfade=crossfade, sample_rate=RATE, state=TableState())
    scripted = player(table)
    parts = torch.from_numpy(given)[None].split([1, 63, 64, 1500, 2372], dim=2)
    found = torch.cat([scripted(part, crossfade, RATE) for part in parts], dim=2)[0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_first_read_begins_at_once_and_frequency_zero_has_no_second() -> None:
    table = np.ones((1, 100), np.float32)
    found = player(table)(torch.zeros(1, 2, 300), 9, RATE)[0, 0]
    expected = torch.sin(torch.pi / 2 * torch.arange(1, 10) / 10).square()
    torch.testing.assert_close(found[:9], expected)
    assert torch.equal(found[9:], torch.ones(291))


def test_sounds_of_a_batch_are_played_apart() -> None:
    table = np.random.default_rng(0).standard_normal((1, 777)).astype(np.float32)
    both = torch.from_numpy(np.stack([signals("steady"), signals("sweep")]))
    scripted = player(table)
    scripted.restart(2)
    together = scripted(both, 64, RATE)
    for i in range(2):
        assert torch.equal(together[i : i + 1], player(table)(both[i : i + 1], 64, RATE))
