"""The trainer: bit-identical after any interruption, unharmed by poison, weights applied once."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from tests.training.toy import Frames, evaluate, model, options, trainer, weights
from timbrespace.core.errors import TrainingError
from timbrespace.core.seeds import derived_seed, torch_generator
from timbrespace.training.checkpoints import Checkpoints
from timbrespace.training.schedules import Constant, Linear
from timbrespace.training.state import State
from timbrespace.training.trainer import Trainer, clip_gradients

STEPS = 24


def assert_identical(a: Trainer, b: Trainer) -> None:
    left, right = weights(a), weights(b)
    assert left.keys() == right.keys()
    for name, tensor in left.items():
        assert torch.equal(tensor, right[name]), f"{name} differs"


def stop_at(step: int, running: list[Trainer]) -> bool:
    return bool(running) and running[0].state.counters.step >= step


@pytest.mark.parametrize("interruption", [1, 7, 12, 23])
def test_resumed_training_is_bit_identical(tmp_path: Path, interruption: int) -> None:
    whole = trainer(tmp_path / "whole", total_steps=STEPS)
    assert whole.run()
    running: list[Trainer] = []
    running.append(trainer(tmp_path / "cut", total_steps=STEPS, stop_requested=lambda: stop_at(interruption, running)))
    assert not running[0].run()
    assert Checkpoints(tmp_path / "cut").entries()[-1].step == interruption
    resumed = trainer(tmp_path / "cut", total_steps=STEPS)
    assert resumed.state.counters.step == interruption
    assert resumed.run()
    assert_identical(whole, resumed)
    assert [row[0] for row in resumed.state.counters.curve] == [6, 12, 18, 24]
    best = [Checkpoints(tmp_path / name).best() for name in ("whole", "cut")]
    assert best[0] is not None
    assert best[1] is not None
    assert (best[0].step, best[0].score) == (best[1].step, best[1].score)


def test_another_seed_gives_another_training(tmp_path: Path) -> None:
    first, second = trainer(tmp_path / "a", total_steps=5), trainer(tmp_path / "b", total_steps=5)
    second.seed = 4
    first.run()
    second.run()
    assert not torch.equal(
        weights(first)["model.network.encoder.0.weight"], weights(second)["model.network.encoder.0.weight"]
    )


def test_training_beats_the_pca_it_starts_from(tmp_path: Path) -> None:
    running = trainer(tmp_path, total_steps=150, training=options(learning_rate=3e-3, averaging=0.9))
    before = evaluate(running.state.averaged.model).score
    running.run()
    assert evaluate(running.state.averaged.model).score < 0.95 * before


def test_one_step_is_the_textbook_one(tmp_path: Path) -> None:
    """The first step equals a hand-written one: weighted sum over cells, clipping, AdamW."""
    settings = options()
    running = trainer(tmp_path, total_steps=50, training=settings)
    twin = model()
    twin.initialise(Frames().sample(8), generator=torch.Generator())
    optimiser = torch.optim.AdamW(
        twin.players()["model"], lr=1e-3 / 5, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    torch.manual_seed(derived_seed(3, "layers", 0))
    batch = Frames().batch(0)
    terms = twin.losses(batch, "model", step=0, generator=torch_generator(3, "model", 0))
    loss = (1.0 * terms["reconstruction"] + 0.0 * terms["kl"]) / (12 * 24)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(twin.players()["model"], 1.0)
    optimiser.step()
    running.step()
    for ours, theirs in zip(running.state.model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)


def test_a_weight_is_applied_once_and_follows_its_schedule(tmp_path: Path) -> None:
    settings = options(weights={"a": Constant(weight=3.0), "b": Linear(start=0.0, end=1.0, length=2, unit="epochs")})
    running = trainer(tmp_path, total_steps=50, training=settings)
    terms = {"a": torch.tensor(2.0), "b": torch.tensor(5.0)}
    assert float(running.weighted(terms, 10)) == pytest.approx(3 * 2 + 0.5 * 5)
    with pytest.raises(TrainingError, match=r"'c' has no weight; add \[training.weights.c\]"):
        running.weighted({"c": torch.tensor(1.0)}, 0)


def test_poisoned_steps_are_skipped_and_counted(tmp_path: Path) -> None:
    running = trainer(tmp_path, total_steps=STEPS, batches=Frames(poisoned=range(8, 10)))
    assert running.run()
    assert running.state.counters.skipped == 2
    assert all(torch.isfinite(t).all() for t in weights(running).values())


def test_five_poisoned_steps_fall_back_to_the_average(tmp_path: Path) -> None:
    running = trainer(tmp_path, total_steps=40, batches=Frames(poisoned=range(8, 21)))
    assert running.run()
    counters = running.state.counters
    assert counters.skipped == 13
    assert counters.rate_factor == 0.25, "fell back twice, halved twice"
    assert all(torch.isfinite(t).all() for t in weights(running).values())
    assert math.isfinite(evaluate(running.state.averaged.model).score)


def test_poisoned_and_interrupted_is_still_identical(tmp_path: Path) -> None:
    poison = Frames(poisoned=range(9, 15))
    whole = trainer(tmp_path / "whole", total_steps=STEPS, batches=poison)
    whole.run()
    running: list[Trainer] = []
    running.append(
        trainer(tmp_path / "cut", total_steps=STEPS, batches=poison, stop_requested=lambda: stop_at(12, running))
    )
    running[0].run()
    resumed = trainer(tmp_path / "cut", total_steps=STEPS, batches=poison)
    resumed.run()
    assert_identical(whole, resumed)


def test_learning_rate_warms_up_and_falls_as_a_cosine(tmp_path: Path) -> None:
    running = trainer(tmp_path, total_steps=105)
    assert running.learning_rate(0) == pytest.approx(1e-3 / 5)
    assert running.learning_rate(5) == pytest.approx(1e-3)
    assert running.learning_rate(55) == pytest.approx(1e-3 * (0.02 + 0.98 / 2))
    assert running.learning_rate(105) == pytest.approx(2e-5)


def test_what_cannot_be_trained_is_refused() -> None:
    with pytest.raises(TrainingError, match="Linear cannot be trained: it lacks the methods of Trainable"):
        State(torch.nn.Linear(2, 2), None, options())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_trains_as_the_cpu_does(tmp_path: Path) -> None:
    cpu, gpu = trainer(tmp_path / "cpu", total_steps=20), trainer(tmp_path / "gpu", total_steps=20, device="cuda")
    cpu.run()
    gpu.run()
    assert evaluate(gpu.state.averaged.model.to("cpu")).score == pytest.approx(
        evaluate(cpu.state.averaged.model).score, rel=0.05
    )


@pytest.mark.parametrize("bound", [0.5, 5.0, 1e3])
def test_clipping_is_that_of_torch(bound: float) -> None:
    def parameters() -> list[torch.nn.Parameter]:
        generator = torch.Generator().manual_seed(0)
        found = [torch.nn.Parameter(torch.randn(n, generator=generator)) for n in (3, 40, 7)]
        for p in found[:2]:  # the third one took no part in the loss
            p.grad = torch.randn(len(p), generator=generator)
        return found

    ours, theirs = parameters(), parameters()
    assert clip_gradients(ours, bound) == float(torch.nn.utils.clip_grad_norm_(theirs, bound))
    for a, b in zip(ours[:2], theirs[:2], strict=True):
        assert a.grad is not None
        assert b.grad is not None
        assert torch.equal(a.grad, b.grad)
    assert clip_gradients(ours[2:], bound) == 0.0
