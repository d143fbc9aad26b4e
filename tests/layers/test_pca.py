"""PCA of stacked frames against scikit-learn's."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from timbrespace.core.errors import DataError
from timbrespace.layers.pca import StackedPca, stack_frames, unstack_frames


def rows(batch: int = 6, height: int = 5, frames: int = 40, *, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(height, height, generator=generator)
    return torch.einsum("hk,bkt->bht", mixing, torch.randn(batch, height, frames, generator=generator)) + 3.0


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 13), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_stacking_and_back(batch: int, height: int, frames: int, group: int) -> None:
    x = rows(batch, height, frames)
    stacked = stack_frames(x, group)
    steps = -(-frames // group)
    assert stacked.shape == (batch, height * group, steps)
    back = unstack_frames(stacked, group)
    assert torch.equal(back[..., :frames], x)
    assert torch.equal(back[..., frames:], x[..., -1:].expand(-1, -1, steps * group - frames)), "filled with the last"


def test_stacked_index_runs_over_row_then_frame() -> None:
    x = torch.arange(12.0).reshape(1, 2, 6)
    assert stack_frames(x, 3)[0].T.tolist() == [[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]]


@pytest.mark.parametrize("group", [1, 4])
def test_equals_scikit_learn(group: int) -> None:
    x, k = rows(), 3
    vectors = stack_frames(x, group).transpose(1, 2).flatten(0, 1).double().numpy()
    theirs = PCA(k, svd_solver="full").fit(vectors)
    ours = StackedPca.fit(x, group=group, n_components=k)
    signs = torch.from_numpy(theirs.components_).gather(
        1, torch.from_numpy(theirs.components_).abs().argmax(1, keepdim=True)
    )
    aligned = torch.from_numpy(theirs.components_) * signs.sign()
    torch.testing.assert_close(ours.components.double(), aligned, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours.mean.double(), torch.from_numpy(theirs.mean_), rtol=1e-5, atol=1e-5)
    unbiased = torch.from_numpy(theirs.explained_variance_) * (len(vectors) - 1) / len(vectors)
    torch.testing.assert_close(ours.variances.double(), unbiased, rtol=1e-4, atol=1e-5)
    rebuilt = stack_frames(ours.rebuild(x), group).transpose(1, 2).flatten(0, 1).double()
    expected = torch.from_numpy(theirs.inverse_transform(theirs.transform(vectors)))
    torch.testing.assert_close(rebuilt, expected, rtol=1e-3, atol=1e-3)


def test_several_tensors_are_as_one() -> None:
    x = rows(6)
    whole, parts = (StackedPca.fit(given, group=2, n_components=4) for given in (x, iter(x[:, None].unbind(0))))
    torch.testing.assert_close(whole.components, parts.components, rtol=1e-4, atol=1e-5)


def test_all_components_lose_nothing_and_latents_are_uncorrelated() -> None:
    x = rows()
    pca = StackedPca.fit(x, group=2, n_components=10)
    torch.testing.assert_close(pca.rebuild(x), x, rtol=1e-3, atol=1e-3)
    latents = pca.encode(x).transpose(0, 1).flatten(1).double()
    covariance = torch.cov(latents, correction=0)
    torch.testing.assert_close(covariance, torch.diag(pca.variances.double()), rtol=1e-3, atol=1e-3)
    assert (pca.variances.diff() <= 0).all()


def test_too_few_frames_are_refused() -> None:
    with pytest.raises(DataError, match="PCA with 4 components needs more than 4 groups of 3 frames, not 4"):
        StackedPca.fit(rows(1, 5, 12), group=3, n_components=4)
