"""Seeds depend on every counter, and on nothing else."""

from __future__ import annotations

import torch

from timbrespace.core.seeds import derived_seed, numpy_generator, torch_generator


def test_counters_decide() -> None:
    seeds = {derived_seed(s, p, i) for s in range(10) for p in ("order", "batch") for i in range(50)}
    assert len(seeds) == 1000
    assert derived_seed(1, 23) != derived_seed(12, 3)


def test_known_value_never_changes() -> None:
    assert derived_seed(0, "order", 5) == derived_seed(0, "order", 5) == 3752449520906130840


def test_generators_repeat() -> None:
    assert torch.equal(
        torch.rand(4, generator=torch_generator(3, "x")), torch.rand(4, generator=torch_generator(3, "x"))
    )
    assert (numpy_generator(3, "x").random(4) == numpy_generator(3, "x").random(4)).all()
