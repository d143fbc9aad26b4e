"""The training loop: one for everything that is :class:`~timbrespace.core.trainable.Trainable`."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from timbrespace.core.batch import Batch
from timbrespace.core.energy import EnergyMeter
from timbrespace.core.errors import TrainingError
from timbrespace.core.seeds import derived_seed, torch_generator
from timbrespace.training.checkpoints import Checkpoints
from timbrespace.training.options import Precision, Training
from timbrespace.training.state import State

PATIENCE = 5
"""Non-finite steps in a row after which training falls back to the averaged weights at half the learning rate."""


@runtime_checkable
class Batches(Protocol):
    """The batches of a training by step."""

    @property
    def steps_per_epoch(self) -> float: ...
    def batch(self, step: int) -> Batch: ...
    def sample(self, n_examples: int) -> Batch: ...


@dataclass(frozen=True)
class StepReport:
    """What one step did: every named term unweighted, the gradient's norm, and whether it was skipped."""

    step: int
    losses: dict[str, float]
    norm: float
    skipped: bool


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    ``score`` (lower is better) chooses the best checkpoint, unless it leaves out something that training minimises:
    then ``decisive`` is false and the last one is kept.
    """

    score: float
    train_score: float
    figures: dict[str, float]
    decisive: bool = True


@runtime_checkable
class Listener(Protocol):
    """Told what happens, writes it down; never changes the training."""

    def on_step(self, report: StepReport, seconds_left: float) -> None: ...
    def on_evaluation(self, step: int, evaluation: Evaluation, model: nn.Module) -> None: ...
    def on_message(self, text: str) -> None: ...


class Trainer:
    """Runs the steps from where the state stands to the end of the budget.

    Step ``s`` draws everything from generators derived from (seed, s): a training that was interrupted and
    resumed is bit-identical to one that was not, with the same thread count. A non-finite loss or gradient
    skips the step; five in a row restore the moving average of the weights, forget the optimisers' memory and
    halve the learning rate. (The average, not a checkpoint: which checkpoint is the last depends on the clock.)
    """

    def __init__(
        self,
        state: State,
        training: Training,
        batches: Batches,
        checkpoints: Checkpoints,
        *,
        total_steps: int,
        seed: int,
        device: str = "cpu",
        precision: Precision = "32-true",
        evaluations: int = 1,
        evaluate: Callable[[nn.Module], Evaluation] | None = None,
        listener: Listener | None = None,
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        from lightning_fabric import Fabric

        # On import it sets itself to announce its precision; progress belongs to our listener alone.
        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
        self.state, self.training, self.batches, self.checkpoints = state, training, batches, checkpoints
        self.total_steps, self.seed, self.evaluate, self.listener = total_steps, seed, evaluate, listener
        self.stop_requested, self.evaluations = stop_requested, evaluations
        self.fabric = Fabric(accelerator=device, devices=1, precision=precision)
        # On one device Fabric gives the device and the precision; its wrappers of module and optimiser, which many
        # devices need, would take a tenth of a small model's step.
        state.model.to(self.fabric.device).train()
        state.averaged.model.to(self.fabric.device)
        self.energy = EnergyMeter(accelerator=device != "cpu")
        self._busy = time.process_time()
        self._earlier = (state.counters.joules, state.counters.seconds, state.counters.cpu_seconds)

    def run(self) -> bool:
        """Train; returns whether the budget was used up (else a stop was requested, and all is saved)."""
        counters = self.state.counters
        self.energy.start()
        self._busy = time.process_time()
        if counters.step == 0 and not self.checkpoints.entries():
            self.save(score=None)
        started, first = time.monotonic(), counters.step
        saved_at = started
        every = max(1, math.ceil(self.total_steps / self.evaluations))
        saved_step = counters.step
        while counters.step < self.total_steps and not self.stop_requested():
            report = self.step()
            counters.step += 1
            self._tell(report, (time.monotonic() - started) / max(1, counters.step - first))
            due = counters.step % every == 0 or counters.step == self.total_steps
            score = self._evaluation() if due else None
            now = time.monotonic()
            if due or now - saved_at > 60 * self.training.checkpoint_minutes:
                self.save(score=score)
                saved_at, saved_step = now, counters.step
        finished = counters.step >= self.total_steps
        if not finished and saved_step != counters.step:
            self.save(score=None)
        return finished

    def step(self) -> StepReport:
        """One step of every player."""
        counters = self.state.counters
        batch = self.batches.batch(counters.step).to(self.fabric.device)
        rate = self.learning_rate(counters.step) * counters.rate_factor
        report = StepReport(counters.step, {}, 0.0, False)
        # Layers that draw from the global generator (dropout) are tied to (seed, step) as well.
        # (Its generator directly: torch.manual_seed looks up its caller for a warning, at a millisecond a step.)
        seed = derived_seed(self.seed, "layers", counters.step)
        torch.default_generator.manual_seed(seed)
        if self.fabric.device.type == "cuda":
            torch.cuda.manual_seed(seed)
        for player, optimiser in self.state.optimisers.items():
            for group in optimiser.param_groups:
                group["lr"] = rate
            report = self._move(player, optimiser, batch, report)
            if report.skipped:
                self._after_skip()
                return report
        counters.skipped_in_a_row = 0
        generator = torch_generator(self.seed, "after", counters.step, device=self.fabric.device)
        self.state.model.after_step(batch, generator=generator)
        self.state.averaged.update(counters.step)
        return report

    def _move(self, player: str, optimiser: torch.optim.Optimizer, batch: Batch, report: StepReport) -> StepReport:
        generator = torch_generator(self.seed, player, report.step, device=self.fabric.device)
        optimiser.zero_grad(set_to_none=True)
        with self.fabric.autocast():
            terms = self.state.model.losses(batch, player, step=report.step, generator=generator)
        total = self.weighted(terms, report.step) / batch.target[0].numel()
        total.backward()
        norm = clip_gradients(self.state.players[player], self.training.clip_norm)
        losses = report.losses | {name: float(term.detach()) for name, term in terms.items()}
        if not (math.isfinite(norm) and math.isfinite(float(total.detach()))):
            return StepReport(report.step, losses, norm, True)
        optimiser.step()
        return StepReport(report.step, losses, max(report.norm, norm), False)

    def weighted(self, terms: Mapping[str, Tensor], step: int) -> Tensor:
        """The sum of the terms, each times its weight at ``step``: the only place where weights are applied."""
        weights = self.training.weights
        require_weights(terms, self.training)
        per_epoch = self.batches.steps_per_epoch
        weighted = [t.float() * weights[n].value(step, steps_per_epoch=per_epoch) for n, t in terms.items()]
        return torch.stack(weighted).sum()

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, then half a cosine from the learning rate to ``final_rate`` of it."""
        t = self.training
        if step < t.warm_up:
            return t.learning_rate * (step + 1) / t.warm_up
        done = (step - t.warm_up) / max(1, self.total_steps - t.warm_up)
        return t.learning_rate * (t.final_rate + (1 - t.final_rate) * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))

    def save(self, *, score: float | None) -> None:
        """Write a checkpoint of this moment."""
        counters, energy = self.state.counters, self.energy.read()
        counters.joules, counters.seconds = self._earlier[0] + energy.joules, self._earlier[1] + energy.seconds
        counters.cpu_seconds = self._earlier[2] + time.process_time() - self._busy
        counters.energy = f"{counters.joules:.0f} J ({energy.provenance})"
        self.checkpoints.save(self.state.tensors(), step=counters.step, score=score, state=asdict(counters))

    def _evaluation(self) -> float | None:
        self.energy.poll()
        if self.evaluate is None:
            return None
        counters = self.state.counters
        evaluation = self.evaluate(self.state.averaged.model)
        if not math.isfinite(evaluation.score + evaluation.train_score):
            self._say(f"The evaluation at step {counters.step:,} was not finite and is left out.")
            return None
        counters.curve.append([float(counters.step), evaluation.train_score, evaluation.score])
        if self.listener is not None:
            self.listener.on_evaluation(counters.step, evaluation, self.state.averaged.model)
        return evaluation.score if evaluation.decisive else None

    def _after_skip(self) -> None:
        counters = self.state.counters
        counters.skipped += 1
        counters.skipped_in_a_row += 1
        if counters.skipped_in_a_row < PATIENCE:
            return
        self.state.fall_back()
        counters.rate_factor *= 0.5
        counters.skipped_in_a_row = 0
        self._say(
            f"{PATIENCE} steps in a row gave no finite gradient: back to the average of the last good weights,"
            f" learning rate halved to {counters.rate_factor:g} of the plan."
        )

    def _tell(self, report: StepReport, seconds_per_step: float) -> None:
        if self.listener is not None:
            left = (self.total_steps - self.state.counters.step) * seconds_per_step
            self.listener.on_step(report, left)

    def _say(self, text: str) -> None:
        if self.listener is not None:
            self.listener.on_message(text)


def require_weights(terms: Iterable[str], training: Training) -> None:
    """Raise :class:`TrainingError` for a loss term that the recipe does not weigh."""
    for name in terms:
        if name not in training.weights:
            raise TrainingError(
                f"The loss term {name!r} has no weight; add [training.weights.{name}] to the recipe"
                f" (weighted are: {', '.join(training.weights) or 'none'})."
            )


def idle_weights(terms: Collection[str], training: Training) -> list[str]:
    """The weights, not 0, of terms that a model does not have."""
    return sorted(name for name, weight in training.weights.items() if weight.final and name not in terms)


def clip_gradients(parameters: Iterable[nn.Parameter], bound: float) -> float:
    """The norm of all gradients together, which are scaled down to ``bound`` where it is larger.

    What torch's own function does, which however goes once more through all of them where there is nothing to scale.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients:
        return 0.0
    total = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    norm = float(total)
    if norm + 1e-6 > bound:
        torch._foreach_mul_(gradients, bound / (total + 1e-6))
    return norm
