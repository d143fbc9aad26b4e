"""Sounds are cut into moments where the docstring says, and means leave out what is undefined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import timbrespace
from tests.bundles import bundle, own_process  # noqa: F401  # a fixture
from timbrespace.codecs.space import space_of
from timbrespace.core.errors import BundleError, ParameterError
from timbrespace.instruments.corpus import MOMENT_STEPS, Corpus


def cut(lengths: list[int], **options: Any) -> Corpus:
    source = np.repeat(np.arange(len(lengths)), lengths)
    steps = np.arange(len(source), dtype=float)[:, None] * [1.0, -1.0]
    return Corpus.cut(steps, source, rate_hz=20.0, **options)


def test_moments_of_sounds_of_any_length() -> None:
    corpus = cut([20, 3, 8])
    assert corpus.starts.tolist() == [0, 8, 20, 23]
    assert corpus.sources.tolist() == [0, 0, 1, 2]
    np.testing.assert_allclose(corpus.seconds, [0, 0.4, 0, 0])
    assert corpus.positions[:, 0].tolist() == [3.5, 11.5, 21.0, 26.5]
    assert [corpus.span(i) for i in range(4)] == [(0, 20), (0, 20), (20, 23), (23, 31)]
    assert MOMENT_STEPS == 8


def test_thinned_evenly() -> None:
    corpus = cut([800], max_moments=11)
    assert len(corpus) == 11
    assert corpus.starts[[0, -1]].tolist() == [0, 792]
    assert set(np.diff(corpus.starts)) <= {72, 80, 88}


def test_names_follow_the_source_and_are_made_where_they_lack() -> None:
    source = np.array([2, 2, 0, 0, 5])
    corpus = Corpus.cut(np.zeros((5, 1)), source, names=("a", "b", "c"), rate_hz=1.0)
    assert corpus.names == ("c", "a", "sound 6")


def test_descriptors_leave_out_what_is_undefined() -> None:
    values = np.array([[1.0, np.nan]] * 8 + [[3.0, 5.0]] + [[5.0, np.nan]] * 7)
    corpus = cut([16], descriptors=values)
    assert corpus.descriptors is not None
    np.testing.assert_array_equal(corpus.descriptors, [[1, np.nan], [38 / 8, 5]])


def test_from_a_bundle() -> None:
    codec = timbrespace.load(bundle())
    space = space_of(codec)
    corpus = Corpus.of(codec, space)
    vectors = codec.latent["vectors"].numpy()
    rebuilt = space.unproject(torch.from_numpy(corpus.steps).float())
    np.testing.assert_allclose(rebuilt, vectors, atol=1e-3 * np.abs(vectors).max())
    assert codec.bundle is not None
    assert set(corpus.names) <= set(codec.bundle.config["sounds"])
    assert corpus.descriptors is not None
    assert len(corpus.descriptors) == len(corpus) == len(corpus.positions)
    assert np.isfinite(corpus.descriptors[:, 0]).all()


def test_a_model_without_its_sounds_is_refused() -> None:
    codec = timbrespace.load(bundle())
    space = space_of(codec)
    codec.latent = {}
    with pytest.raises(BundleError, match="nothing to play from; train it again"):
        Corpus.of(codec, space)


@pytest.mark.parametrize(("steps", "sources"), [(0, 0), (3, 2)])
def test_refuses_what_does_not_fit(steps: int, sources: int) -> None:
    with pytest.raises(ParameterError, match="the sound of each"):
        Corpus.cut(np.zeros((steps, 2)), np.zeros(sources), rate_hz=1.0)


def test_one_latent_step_is_enough() -> None:
    corpus = Corpus.cut(np.ones((1, 2)), np.zeros(1), rate_hz=1.0)
    assert len(corpus) == 1
    assert corpus.positions.tolist() == [[1, 1]]
