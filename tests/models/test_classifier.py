"""The classifier: what it says of pictures, and that it learns the embedded digits."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from timbrespace.core.batch import Batch
from timbrespace.core.errors import ParameterError
from timbrespace.core.trainable import Trainable
from timbrespace.datasets import Images
from timbrespace.models.classifier import FEATURES, Classifier

DIGITS: dict[str, int] = {"n_features": 8, "n_channels": 1, "n_frames": 8, "n_classes": 10}


def fresh(**settings: Any) -> Classifier:
    torch.manual_seed(0)
    return Classifier(**{**DIGITS, **settings})


def labelled(n: int) -> Batch:
    x = torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(n))
    return Batch(x, x, {"class": torch.arange(n) % 10})


@pytest.mark.parametrize(("height", "width", "channels"), [(28, 28, 1), (8, 8, 1), (13, 4, 3)])
def test_any_size_from_four_cells_on(height: int, width: int, channels: int) -> None:
    model = fresh(n_features=height, n_frames=width, n_channels=channels, n_classes=7)
    x = torch.rand(5, channels, height, width)
    assert model.features(x).shape == (5, FEATURES)
    assert model(x).shape == (5, 7)


def test_classes_are_read_from_the_features_by_a_linear_layer() -> None:
    model, x = fresh(), torch.rand(6, 1, 8, 8)
    features = model.features(x)
    assert features.min() >= 0
    torch.testing.assert_close(model(x), features @ model.head.weight.T + model.head.bias)


def test_examples_do_not_mix() -> None:
    model, x = fresh(), torch.rand(6, 1, 8, 8)
    torch.testing.assert_close(model.features(x)[2:3], model.features(x[2:3]))


def test_it_is_trainable_and_names_its_loss() -> None:
    model, batch = fresh(), labelled(12)
    assert isinstance(model, Trainable)
    assert list(model.players()) == ["model"]
    assert len(model.players()["model"]) == len(list(model.parameters()))
    generator = torch.Generator()
    model.initialise(batch, generator=generator)
    losses = model.losses(batch, "model", step=0, generator=generator)
    assert list(losses) == ["cross_entropy"]
    expected = -model(batch.x).log_softmax(1)[torch.arange(12), batch.labels["class"]]
    torch.testing.assert_close(losses["cross_entropy"], expected.mean())
    figures = model.monitor(batch)
    torch.testing.assert_close(figures["cross_entropy"], expected.detach())
    assert figures["correct"].tolist() == (model(batch.x).argmax(1) == batch.labels["class"]).float().tolist()
    losses["cross_entropy"].backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
    before = {n: p.clone() for n, p in model.state_dict().items()}
    model.after_step(batch, generator=generator)
    assert all(torch.equal(before[n], p) for n, p in model.state_dict().items())


def test_it_learns_the_digits() -> None:
    dataset = Images("digits", binarise="none")
    data = dataset.prepare()
    train, test = data.split("train"), data.split("test")
    model = fresh(**dataset.provides())
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    generator = torch.Generator().manual_seed(0)
    for step in range(300):
        batch = train.batch(torch.randint(len(train), (64,), generator=generator).tolist())
        optimiser.zero_grad()
        model.losses(batch, "model", step=step, generator=generator)["cross_entropy"].backward()
        optimiser.step()
    assert float(model.monitor(test.batch(range(len(test))))["correct"].mean()) > 0.94


def test_configuration_makes_it_again() -> None:
    model = fresh(channels=[4, 6])
    table = model.config()
    assert table.pop("kind") == "Classifier"
    assert Classifier(**table).config() == model.config()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"n_frames": 3}, "halves pictures twice, and 8 x 3 cells are too few; give 4 x 4 or more"),
        ({"channels": [16]}, r"'channels' are \[16\]; give two numbers"),
        ({"channels": [0, 4]}, "'channels' is 0, outside its range"),
        ({"n_classes": 1}, "needs two classes at least, not 1"),
    ],
)
def test_impossible_settings_get_one_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        fresh(**settings)
