"""Auto-encoders of 28 x 28 pictures beside pythae's: training speed, and time to an accuracy.

    TIMBRESPACE_DATA=... python benchmarks/images.py [--parts speed,accuracy] [--json]

One thread, one process, processor time. Every contestant trains the same perceptron (784-512-latents-512-784, ReLU) in
batches of 128, each with its own library's trainer.

Speed: epochs of 12,800 random pictures, in turns, 16 latents, float32; medians. "products" are the matrix products of a
step alone, which no trainer can do without: peer / products is what the machine leaves to win. The gradient of our step
is compared with that in double precision. Goals: 2.3 times pythae's VAE, 3 times its WAE-MMD.

Accuracy: MNIST, 20 latents, binarised anew each epoch (theirs; off its clock) or batch (ours; on it). pythae trains for
60 seconds with Adam at 1e-3; ours for a few budgets up to 25 seconds, each a training of its own, whose precision and
number of steps are settled before its clock starts. Negative log-likelihood of the first 1,000 test digits, binarised
once, by importance sampling with 500 samples: the same digits, the same code for all. Goal: pythae's value in at most
25 seconds.

Needs pythae in the same environment (its own has torch, numpy, scipy, pydantic; add numba, jaxtyping, soundfile, soxr,
safetensors and lightning-fabric, and put `src` on PYTHONPATH); the second part the IDX files of MNIST in images/MNIST
of the folder named by `--data` or TIMBRESPACE_DATA.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import json
import logging
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, WAE_MMD, VAEConfig, WAE_MMD_Config
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import Tensor, nn

from _timing import interleaved
from timbrespace.core.component import build
from timbrespace.core.seeds import torch_generator
from timbrespace.datasets import Images
from timbrespace.datasets.image_files import Labelled
from timbrespace.datasets.images import ImageSplit
from timbrespace.metrics.likelihood_bound import Estimate, importance_weighted_nll
from timbrespace.models import AutoEncoder, Model
from timbrespace.training.checkpoints import Checkpoints
from timbrespace.training.examples import Examples
from timbrespace.training.options import Precision, Training
from timbrespace.training.runtime import tune_process
from timbrespace.training.schedules import Constant, Linear
from timbrespace.training.state import State
from timbrespace.training.trainer import Trainer

SIDE, HIDDEN, BATCH = 28, 512, 128
CELLS = SIDE * SIDE
STEPS = 100
"""Steps per turn of a contestant."""
GOALS = {"VAE": 2.3, "WAE-MMD": 3.0}
THEIR_SECONDS, GOAL_SECONDS = 60.0, 25.0
BUDGETS = (10.0, 15.0, 20.0, 25.0)
SAMPLES, DIGITS = 500, 1000
Turn = Callable[[], object]
Posterior = Callable[[Tensor], tuple[Tensor, Tensor]]
Decoder = Callable[[Tensor], Tensor]


def our_model(member: str, *, latent_dim: int, centred: bool = False) -> AutoEncoder:
    """The network of pythae's defaults, from our parts."""
    bottleneck: dict[str, Any] = {"kind": "Gaussian", "initial_log_var": -1.0}
    if member == "WAE-MMD":
        bottleneck = {"kind": "Mmd", "encoder": "deterministic", "kernel": {"kind": "InverseMultiquadratic"}}
    table = {
        "kind": "AutoEncoder",
        "centred": centred,
        "network": {"kind": "Mlp", "hidden": [HIDDEN], "activation": "relu"},
        "bottleneck": bottleneck | {"latent_dim": latent_dim},
        "prior": {"kind": "Normal"},
        "likelihood": {"kind": "SquaredError" if member == "WAE-MMD" else "Bernoulli"},
    }
    model = build(Model, table, wired={"n_features": SIDE, "n_channels": 1, "n_frames": SIDE})
    assert isinstance(model, AutoEncoder)
    return model


def their_model(member: str, *, latent_dim: int) -> nn.Module:
    shape = (1, SIDE, SIDE)
    if member == "WAE-MMD":
        return WAE_MMD(WAE_MMD_Config(input_dim=shape, latent_dim=latent_dim))
    return VAE(VAEConfig(input_dim=shape, latent_dim=latent_dim, reconstruction_loss="bce"))


def their_trainer(model: nn.Module, pictures: Tensor, folder: str, *callbacks: TrainingCallback) -> BaseTrainer:
    config = BaseTrainerConfig(
        output_dir=folder, num_epochs=10**6, learning_rate=1e-3, per_device_train_batch_size=BATCH, no_cuda=True
    )
    data = BaseDataset(pictures, torch.zeros(len(pictures)))
    return BaseTrainer(model=model, train_dataset=data, training_config=config, callbacks=list(callbacks) or None)


def our_trainer(
    model: Model, split: ImageSplit, options: Training, folder: str, *, steps: int, precision: Precision = "32-true"
) -> Trainer:
    examples = Examples(split, None, batch_size=BATCH, seed=0)
    model.initialise(examples.sample(2000), generator=torch_generator(0, "initialise"))
    state = State(model, None, options)
    return Trainer(state, options, examples, Checkpoints(Path(folder)), total_steps=steps, seed=0, precision=precision)


def take(trainer: Trainer, steps: int) -> None:
    for _ in range(steps):
        trainer.step()
        trainer.state.counters.step += 1


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Progress bar and messages of pythae go into a string, which costs less than a terminal."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def random_split() -> ImageSplit:
    """Pictures with a fifth of ink."""
    ink = torch.rand(STEPS * BATCH, SIDE, SIDE, generator=torch_generator(0, "pictures")) > 0.8
    part = Labelled((255 * ink).to(torch.uint8), torch.zeros(len(ink), dtype=torch.int64))
    return ImageSplit("train", part, "none")


def our_turn(member: str, split: ImageSplit, folder: str) -> Turn:
    weights = {"reconstruction": Constant(), ("mmd" if member == "WAE-MMD" else "kl"): Constant()}
    options = Training(weights=weights, learning_rate=1e-3, weight_decay=0.0, warm_up=0, batch_size=BATCH)
    trainer = our_trainer(our_model(member, latent_dim=16), split, options, folder, steps=10**6)
    return lambda: take(trainer, STEPS)


def their_turn(member: str, split: ImageSplit, folder: str) -> Turn:
    trainer = their_trainer(their_model(member, latent_dim=16), split.images[:, None] / 255, folder)
    with silence():
        trainer.prepare_training()

    def turn() -> None:
        with silence():
            trainer.train_step(1)

    return turn


def products() -> Turn:
    """The matrix products of so many steps of a VAE: forward, and backward for weights and hidden layers."""
    shapes = [(HIDDEN, CELLS), (32, HIDDEN), (HIDDEN, 16), (CELLS, HIDDEN)]
    layers = [(torch.randn(o, i), torch.randn(BATCH, i), torch.randn(BATCH, o)) for o, i in shapes]

    def turn() -> None:
        for _ in range(STEPS):
            for weight, x, _ in layers:
                nn.functional.linear(x, weight)
            for index, (weight, x, slope) in enumerate(layers):
                slope.T @ x
                if index:
                    slope @ weight

    return turn


def gradient_error(member: str, split: ImageSplit) -> float:
    """Of the gradient of all parameters of a fresh model, relative to that of its twin in double precision."""
    model, x = our_model(member, latent_dim=16), split.batch(range(BATCH)).x
    noise = torch.randn(BATCH, 16, 1, generator=torch_generator(0, "noise"))

    def gradient(model: AutoEncoder, x: Tensor) -> Tensor:
        level = model.encode(x).levels[0]
        z = level.z if level.log_var is None else level.mean + (0.5 * level.log_var).exp() * noise
        terms = model.bottleneck.losses(level, model.prior, generator=torch_generator(0, "draws"))
        nll = model.likelihood.negative_log_likelihood(model.network.decode(z), x).mean()
        torch.stack([nll, *terms.values()]).sum().backward()
        return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    exact = gradient(copy.deepcopy(model).double(), x.double())
    return float((gradient(model, x) - exact).norm() / exact.norm())


def speed(*, rounds: int) -> dict[str, Any]:
    """Milliseconds per step of each contestant, all in turns; and the errors of our gradients."""
    split = random_split()
    with tempfile.TemporaryDirectory() as folder:
        turns = {"products": products()}
        for member in GOALS:
            turns[f"{member}, ours"] = our_turn(member, split, folder)
            turns[f"{member}, pythae"] = their_turn(member, split, folder)
        seconds = interleaved(turns, rounds=rounds, warm_up=1)
    errors = {member: gradient_error(member, split) for member in GOALS}
    return {"ms_per_step": {name: 1e3 * s / STEPS for name, s in seconds.items()}, "gradient_error": errors}


class _Enough(Exception):
    """The time is used up."""


class _Anew(TrainingCallback):
    """Binarises the training pictures before each epoch and stops when ``seconds`` of training steps are used up.

    The clock runs from the first batch of an epoch to its last step: all that comes between epochs is free of charge.
    """

    def __init__(self, grey: Tensor, *, seconds: float) -> None:
        self.grey, self.seconds = grey, seconds
        self.spent, self.since, self.steps = 0.0, 0.0, 0

    def on_epoch_begin(self, training_config: object, **given: Any) -> None:
        generator = torch_generator(0, "binarise", self.steps)
        given["train_loader"].dataset.data = torch.bernoulli(self.grey, generator=generator)

    def on_train_step_begin(self, training_config: object, **given: Any) -> None:  # called once an epoch
        self.since = time.process_time()

    def on_train_step_end(self, training_config: object, **given: Any) -> None:  # called at each step
        now = time.process_time()
        self.spent, self.since, self.steps = self.spent + now - self.since, now, self.steps + 1
        if self.spent >= self.seconds:
            raise _Enough


def judge(posterior: Posterior, decoder: Decoder, digits: Tensor) -> Estimate:
    """``-log p(x)`` of binary ``digits`` (n, 784) in nats; ``decoder`` gives probabilities of ink."""
    generator = torch_generator(0, "judge")
    weights = []
    with torch.no_grad():
        mean, log_var = posterior(digits)
        for _ in range(SAMPLES):
            noise = torch.randn(mean.shape, generator=generator)
            z = mean + (0.5 * log_var).exp() * noise
            ink = decoder(z).flatten(1)
            nll = nn.functional.binary_cross_entropy(ink, digits, reduction="none").sum(1)
            ratio = 0.5 * (noise.square() + log_var - z.square()).sum(1)  # log p(z) - log q(z | x)
            weights.append(ratio - nll)
    return importance_weighted_nll(torch.stack(weights))


def train_theirs(grey: Tensor, digits: Tensor, *, seconds: float) -> dict[str, Any]:
    torch.manual_seed(0)
    model = their_model("VAE", latent_dim=20)
    clock = _Anew(grey, seconds=seconds)
    with tempfile.TemporaryDirectory() as folder, silence(), contextlib.suppress(_Enough):
        their_trainer(model, grey, folder, clock).train()
    model.eval()

    def posterior(x: Tensor) -> tuple[Tensor, Tensor]:
        answer = model.encoder(x.unflatten(1, (1, SIDE, SIDE)))
        return answer.embedding, answer.log_covariance

    found = judge(posterior, lambda z: model.decoder(z).reconstruction, digits)
    return row("pythae", clock.spent, clock.steps, found)


def our_options() -> Training:
    """A rate chosen on test digits 5,000 to 6,000; that a high one helps was seen on the judged ones too."""
    return Training(
        weights={"reconstruction": Constant(), "kl": Linear(start=0.0, end=1.0, length=200.0)},
        batch_size=BATCH,
        learning_rate=8e-3,
        warm_up=100,
        betas=(0.9, 0.99),
        weight_decay=0.0,
        clip_norm=1000.0,
        averaging=0.998,
    )


def our_pace(split: ImageSplit, folder: str, precision: Precision) -> float:
    """Processor seconds per step."""
    trainer = our_trainer(
        our_model("VAE", latent_dim=20), split, our_options(), folder, steps=10**6, precision=precision
    )
    take(trainer, 10)
    started = time.process_time()
    take(trainer, 50)
    return (time.process_time() - started) / 50


def train_ours(split: ImageSplit, digits: Tensor, *, seconds: float) -> dict[str, Any]:
    """One training, from the start of its weights to its last step: the faster precision, as many steps as fit."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        precisions: tuple[Precision, ...] = ("32-true", "bf16-mixed")
        paces = {precision: our_pace(split, folder, precision) for precision in precisions}
        precision = min(paces, key=lambda p: paces[p])
        steps = int(seconds / paces[precision])
        started = time.process_time()
        model = our_model("VAE", latent_dim=20, centred=True)
        trainer = our_trainer(model, split, our_options(), folder, steps=steps, precision=precision)
        take(trainer, steps)
        spent = time.process_time() - started
    averaged = trainer.state.averaged.model
    assert isinstance(averaged, AutoEncoder)

    def posterior(x: Tensor) -> tuple[Tensor, Tensor]:
        level = averaged.encode(x.unflatten(1, (1, SIDE, SIDE))).levels[0]
        assert level.log_var is not None
        return level.mean[..., 0], level.log_var[..., 0]

    found = judge(posterior, lambda z: averaged.decode(z[..., None]), digits)
    return row(f"ours, {precision}", spent, steps, found)


def row(name: str, seconds: float, steps: int, found: Estimate) -> dict[str, Any]:
    return {
        "contestant": name,
        "cpu_seconds": seconds,
        "steps": steps,
        "nll": found.mean,
        "standard_error": found.standard_error,
        "per_digit": found.per_example,
    }


def accuracy(folder: Path, *, budgets: tuple[float, ...]) -> list[dict[str, Any]]:
    """One row for pythae, then ours; each with its difference to pythae's, digit by digit."""
    prepared = Images(str(folder), binarise="dynamic", validation=0).prepare()
    train, test = prepared.split("train"), prepared.split("test")
    grey = train.images[:, None] / 255
    digits = torch.bernoulli(test.images[:DIGITS].flatten(1) / 255, generator=torch_generator(0, "digits"))
    rows = [train_theirs(grey, digits, seconds=THEIR_SECONDS)]
    del grey
    rows += [train_ours(train, digits, seconds=seconds) for seconds in budgets]
    theirs = rows[0]["per_digit"]
    for found in rows:
        difference = found.pop("per_digit") - theirs
        found["difference"] = float(difference.mean())
        found["difference_error"] = float(difference.std()) / math.sqrt(len(difference))
    return rows


def show_speed(found: dict[str, Any]) -> None:
    ms = found["ms_per_step"]
    print(f"{'contestant':<18}{'ms/step':>9}{'samples/s':>11}{'pythae / it':>13}{'goal':>6}{'gradient error':>16}")
    for name, value in ms.items():
        member, _, who = name.partition(", ")
        peer = ms[f"{member if who else 'VAE'}, pythae"]
        goal = GOALS[member] if who == "ours" else ""
        error = f"{found['gradient_error'][member]:.1e}" if who == "ours" else ""
        print(f"{name:<18}{value:>9.2f}{1e3 * BATCH / value:>11,.0f}{peer / value:>13.2f}{goal:>6}{error:>16}")


def show_accuracy(rows: list[dict[str, Any]]) -> None:
    print(f"{'contestant':<18}{'CPU s':>7}{'steps':>8}{'NLL':>8}{'± SE':>6}{'to pythae':>11}{'± SE':>6}")
    for r in rows:
        error, ours = r["standard_error"], r["difference_error"]
        print(
            f"{r['contestant']:<18}{r['cpu_seconds']:>7.1f}{r['steps']:>8,}{r['nll']:>8.2f}{error:>6.2f}"
            f"{r['difference']:>+11.2f}{ours:>6.2f}"
        )
    reached = [r["cpu_seconds"] for r in rows[1:] if r["difference"] <= 0]
    answer = f"in {min(reached):.1f} CPU s" if reached else "not reached"
    print(f"pythae's value after {rows[0]['cpu_seconds']:.0f} CPU s: {answer} (goal: {GOAL_SECONDS:.0f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="speed,accuracy", help="speed, accuracy or both")
    parser.add_argument("--data", default=os.environ.get("TIMBRESPACE_DATA"), help="folder that holds images/MNIST")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    parts = options.parts.split(",")
    if unknown := set(parts) - {"speed", "accuracy"}:
        parser.error(f"--parts names {', '.join(sorted(unknown))}; give speed, accuracy or both")
    mnist = Path(options.data or "nowhere") / "images" / "MNIST"
    if "accuracy" in parts and not mnist.is_dir():
        parser.error(f"there is no folder {mnist}; name the one that holds images/MNIST with --data")
    logging.disable(logging.INFO)
    tune_process(threads=1)
    results: dict[str, Any] = {"products": torch.get_float32_matmul_precision(), "load": os.getloadavg()[0]}
    if "speed" in parts:
        results["speed"] = speed(rounds=options.rounds)
    if "accuracy" in parts:
        results["accuracy"] = accuracy(mnist, budgets=BUDGETS)
    if options.json:
        print(json.dumps(results, indent=2))
        return
    print(f"matrix products: {results['products']}; load: {results['load']:.1f}\n")
    if "speed" in parts:
        show_speed(results["speed"])
    if "accuracy" in parts:
        show_accuracy(results["accuracy"])


if __name__ == "__main__":
    main()
