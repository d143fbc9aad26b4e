"""How what a model draws compares with real pictures, in the features of a judge."""

from __future__ import annotations

import torch
from torch import Tensor

from timbrespace.codecs.frames import FrameCodec
from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import torch_generator
from timbrespace.core.shapes import Frames
from timbrespace.datasets.base import Split
from timbrespace.evaluation.benchmark.judge import Judge
from timbrespace.metrics.classification import accuracy, class_balance, entropy
from timbrespace.metrics.divergence import mmd
from timbrespace.metrics.kernels import InverseMultiquadratic
from timbrespace.metrics.quality import frechet_distance, precision_recall_density_coverage
from timbrespace.metrics.sharpness import sharpness
from timbrespace.training.frame_evaluation import pieces

MOST = 10_000
"""Pictures drawn, and at most so many real ones beside them."""

NEIGHBOURS, COMPARED = 5, 5000
"""For precision, recall, density and coverage: neighbours, and pictures of each kind."""

PIXELS = 2000
"""Pictures of each kind compared pixel by pixel."""


@torch.no_grad()
def sample_measures(codec: FrameCodec, test: Split, judge: Judge, *, seed: int) -> dict[str, float | None]:
    """Fréchet distances of reconstructions, prior samples and mixture samples, and what the judge makes of them.

    Reconstructions and samples are expected values of the likelihood, compared with the grey test pictures.
    """
    rebuilt = torch.cat([codec.rebuild_frames(batch.x) for batch in pieces(test, MOST)])
    features = judge.features_of(rebuilt)
    found: dict[str, float | None] = {
        "reconstruction_accuracy": accuracy(judge.logits_of(features), judge.labels[: len(rebuilt)]),
        "frechet_reconstruction": frechet_distance(judge.features[:MOST], features),
    }
    mixture = _drawn(codec, len(judge.real), seed=seed, source="mixture")
    if mixture is not None:
        found["frechet_mixture"] = frechet_distance(judge.features[:MOST], judge.features_of(mixture))
    samples = _drawn(codec, len(judge.real), seed=seed, source="prior")
    return found if samples is None else found | _judged(samples, judge)


def _drawn(codec: FrameCodec, available: int, *, seed: int, source: str) -> Frames | None:
    """Samples, or nothing from a model that has no such source of them."""
    generator = torch_generator(seed, "samples", source)
    try:
        if source == "mixture":
            return codec.sample(min(MOST, available), generator=generator, source="mixture")
        return codec.sample(min(MOST, available), generator=generator)
    except ParameterError:
        return None


def _judged(samples: Tensor, judge: Judge) -> dict[str, float | None]:
    features = judge.features_of(samples)
    logits = judge.logits_of(features)
    quality = precision_recall_density_coverage(judge.features[:COMPARED], features[:COMPARED], neighbours=NEIGHBOURS)
    real, drawn = judge.real[:PIXELS].flatten(1), samples[:PIXELS].flatten(1)
    return {
        "frechet_prior": frechet_distance(judge.features[:MOST], features),
        "sample_entropy": float(entropy(logits).mean()),
        "sample_balance": class_balance(logits),
        "precision": quality.precision,
        "recall": quality.recall,
        "density": quality.density,
        "coverage": quality.coverage,
        "mmd_data": float(mmd(drawn, real, InverseMultiquadratic(), variance=float(real.var(0).mean()))),
        "sharpness": float(sharpness(samples).mean() / sharpness(judge.real).mean()),
    }
