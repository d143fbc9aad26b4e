"""The vector quantiser: gradients by hand, moving averages against NumPy, and what must not touch the codebook."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from timbrespace.core.errors import ParameterError
from timbrespace.models.bottlenecks import VectorQuantized
from timbrespace.models.bottlenecks.base import Coded
from timbrespace.models.encoding import Level
from timbrespace.models.priors import Normal

UPDATES = ("ema", "gradient")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=generator(seed))


def quantiser(**settings: Any) -> VectorQuantized:
    torch.manual_seed(0)
    return VectorQuantized(**({"latent_dim": 3, "codebook_size": 5, "restart_below": None} | settings))


def train(vq: VectorQuantized, statistics: Tensor, *, seed: int = 0) -> Level:
    """What one training step does with a bottleneck."""
    level = vq(statistics.clone().requires_grad_(), generator=generator(seed))
    vq.after_step(generator=generator(seed + 1))
    return level


def tensors(vq: VectorQuantized) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in vq.state_dict().items()}


def unchanged(vq: VectorQuantized, before: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, before[name]) for name, value in vq.state_dict().items())


def test_it_is_coded() -> None:
    assert isinstance(quantiser(), Coded)


def test_each_vector_becomes_its_nearest_code() -> None:
    vq, statistics = quantiser(), normal(4, 3, 6)
    level = vq(statistics)
    codebook = vq.codebook.numpy()
    for b, s in itertools.product(range(4), range(6)):
        nearest = ((statistics[b, :, s].numpy() - codebook) ** 2).sum(1).argmin()
        assert level.codes[b, s] == nearest
        np.testing.assert_array_equal(level.z[b, :, s], codebook[nearest])
    assert level.codes.dtype == torch.int64
    assert torch.equal(level.mean, statistics)
    assert torch.equal(vq.vectors_of(level.codes), level.z), "what is stored as codes decodes to the same latents"


@pytest.mark.parametrize("update", UPDATES)
def test_the_gradient_goes_straight_through(update: str) -> None:
    vq, statistics = quantiser(update=update), normal(4, 3, 6).requires_grad_()
    level = vq(statistics, generator=generator())
    level.z.retain_grad()
    (level.z * normal(4, 3, 6, seed=1)).sin().sum().backward()
    assert torch.equal(statistics.grad, level.z.grad)
    assert vq.codebook.grad is None, "the decoder does not move the codes"


def test_losses_by_hand() -> None:
    """e = (0, 0), (3, 0) in one example and (0, 1), (4, 0) in another; codes (1, 0), (3, 1): all by hand."""
    vq = VectorQuantized(latent_dim=2, codebook_size=2, update="gradient", restart_below=None)
    vq.codebook.data = torch.tensor([[1.0, 0.0], [3.0, 1.0]])
    statistics = torch.tensor([[[0.0, 3.0], [0.0, 0.0]], [[0.0, 4.0], [1.0, 0.0]]], requires_grad=True)
    level = vq(statistics, generator=generator())
    assert level.codes.tolist() == [[0, 1], [0, 1]]
    terms = vq.losses(level, None, generator=generator())
    assert set(terms) == {"codebook", "commitment"}
    # squared distances 1, 1 | 2, 2: sums 2 and 4, batch mean 3
    assert terms["commitment"].item() == terms["codebook"].item() == 3.0

    terms["commitment"].backward(retain_graph=True)
    # d/de = 2 (e - q) / batch
    expected = torch.tensor([[[-1.0, 0.0], [0.0, -1.0]], [[-1.0, 1.0], [1.0, -1.0]]])
    assert torch.equal(statistics.grad, expected)
    assert vq.codebook.grad is None, "the commitment moves the encoder only"

    statistics.grad = None
    terms["codebook"].backward()
    # d/dq_k = sum over its vectors of 2 (q_k - e) / batch: (1, 0) + (1, -1) and (0, 1) + (-1, 1)
    assert torch.equal(vq.codebook.grad, torch.tensor([[2.0, -1.0], [-1.0, 2.0]]))
    assert statistics.grad is None, "the codebook loss moves the codes only"


def test_moving_averages_need_no_codebook_loss() -> None:
    vq = quantiser()
    assert not list(vq.parameters())
    level = vq(normal(2, 3, 4), generator=generator())
    assert set(vq.losses(level, None, generator=generator())) == {"commitment"}


def test_the_codebook_follows_van_den_oord() -> None:
    """Against his formulas in counts (appendix A.1), from the same start, with batches of one size."""
    vq, eps, decay, n, k = quantiser(decay=0.9), 1e-5, 0.9, 8 * 6, 5
    counts, sums = np.full(k, n / k), vq.codebook.double().numpy() * n / k
    codebook = vq.codebook.double().numpy()
    for step in range(6):
        statistics = normal(8, 3, 6, seed=step)
        rows = statistics.transpose(1, 2).reshape(-1, 3).double().numpy()
        one_hot = np.eye(k)[((rows[:, None] - codebook) ** 2).sum(-1).argmin(1)]
        counts = decay * counts + (1 - decay) * one_hot.sum(0)
        sums = decay * sums + (1 - decay) * one_hot.T @ rows
        codebook = sums / ((counts + eps) / (counts.sum() + k * eps) * counts.sum())[:, None]
        train(vq, statistics)
        np.testing.assert_allclose(vq.codebook.numpy(), codebook, atol=2e-6)


def test_smoothing_keeps_a_forgotten_code_finite() -> None:
    vq = quantiser(decay=0.0)
    train(vq, torch.ones(2, 3, 4))
    assert (vq.shares == 0).sum() == 4
    assert torch.isfinite(vq.codebook).all()


def test_batches_of_any_size_weigh_alike() -> None:
    small, large = quantiser(), quantiser()
    statistics = normal(4, 3, 6)
    train(small, statistics)
    train(large, statistics.repeat(3, 1, 1))
    torch.testing.assert_close(small.codebook, large.codebook, atol=1e-5, rtol=0)


@pytest.mark.parametrize("update", UPDATES)
def test_evaluation_never_trains(update: str) -> None:
    vq = quantiser(update=update, restart_below=2.0)
    before = tensors(vq)
    vq(normal(4, 3, 6))
    vq.after_step(generator=generator())
    with torch.no_grad():
        vq(normal(4, 3, 6), generator=generator())
    vq.after_step(generator=generator())
    vq.eval()(normal(4, 3, 6), generator=generator())
    vq.after_step(generator=generator())
    assert unchanged(vq, before)


def test_encoding_between_a_step_and_its_end_changes_nothing() -> None:
    plain, disturbed = quantiser(), quantiser()
    train(plain, normal(4, 3, 6))
    disturbed(normal(4, 3, 6), generator=generator())
    disturbed(normal(9, 3, 2, seed=5))
    with torch.no_grad():
        disturbed(normal(9, 3, 2, seed=6), generator=generator())
    disturbed.after_step(generator=generator(1))
    assert torch.equal(plain.codebook, disturbed.codebook)


def test_a_step_is_learnt_once() -> None:
    vq = quantiser()
    train(vq, normal(4, 3, 6))
    before = tensors(vq)
    vq.after_step(generator=generator())
    assert unchanged(vq, before)


@pytest.mark.parametrize("update", UPDATES)
def test_forgotten_codes_move_to_vectors_of_the_batch(update: str) -> None:
    vq = quantiser(update=update, codebook_size=8, decay=0.5, restart_below=2.0)
    vq.codebook.data[4:] = 1000.0  # nothing is near these
    if update == "ema":
        vq.sums[4:] = 1000.0 / 8
    codes = []
    for step in range(6):
        statistics = normal(10, 3, 20, seed=step)
        before = vq.codebook.detach().clone()
        train(vq, statistics)
        moved = ((vq.codebook - before).abs().sum(1) > 100).nonzero().flatten()
        rows = statistics.transpose(1, 2).reshape(-1, 3)
        for code in moved:
            assert (rows == vq.codebook[code]).all(1).any(), "to a vector of the batch itself"
        codes += moved.tolist()
    assert sorted(codes) == [4, 5, 6, 7]
    assert len(set(vq(normal(10, 3, 20)).codes.flatten().tolist())) == 8
    assert len(torch.unique(vq.codebook, dim=0)) == 8


def test_restarts_come_from_the_generator() -> None:
    def after(seed: int) -> Tensor:
        vq = quantiser(codebook_size=50, decay=0.0, restart_below=1.0)
        train(vq, normal(10, 3, 20), seed=seed)
        return vq.codebook

    assert torch.equal(after(3), after(3))
    assert not torch.equal(after(3), after(4))


def test_restarts_can_be_off() -> None:
    vq = quantiser(decay=0.9, restart_below=None)
    far = vq.codebook.clone()
    far[2] = 1000.0
    vq.initialise(far.T[None], generator=generator())
    lost = int((vq.codebook > 900).all(1).nonzero())
    for step in range(3):
        train(vq, normal(10, 3, 20, seed=step))
    assert float(vq.shares[lost]) == pytest.approx(0.2 * 0.9**3)
    assert (vq.codebook[lost] > 900).all(), "it stays where it was"


def test_a_fresh_start_is_no_reason_to_restart() -> None:
    """Every code begins with an equal share, whatever the size of the batches."""
    for batch in (1, 40):
        vq = quantiser(codebook_size=16, restart_below=2.0)
        vq.initialise(normal(100, 3, 20), generator=generator())
        before = vq.codebook.clone()
        train(vq, normal(batch, 3, 4))
        assert (vq.codebook - before).abs().max() < 0.5, "codes drift, none jumps"


@pytest.mark.parametrize("update", UPDATES)
def test_initialised_by_kmeans(update: str) -> None:
    vq = quantiser(update=update, codebook_size=32)
    vectors = 5.0 + normal(20, 3, 40)
    before = float((vq(vectors).z - vectors).square().sum(1).mean())
    vq.initialise(vectors, generator=generator())
    after = float((vq(vectors).z - vectors).square().sum(1).mean())
    assert after < 0.6 < 20 < before
    first = vq.codebook.detach().clone()
    vq.initialise(vectors, generator=generator())
    assert torch.equal(vq.codebook, first), "the generator decides"
    assert len(set(vq(vectors).codes.flatten().tolist())) == 32


def test_initialised_from_more_vectors_than_needed() -> None:
    vq = quantiser(codebook_size=2)
    vectors = torch.cat([normal(50, 3, 40), 10.0 + normal(50, 3, 40)])
    vq.initialise(vectors, generator=generator())
    assert sorted(vq.codebook.mean(1).round().tolist()) == [0.0, 10.0]


@pytest.mark.parametrize("update", UPDATES)
def test_a_state_dict_carries_on(update: str) -> None:
    first = quantiser(update=update, restart_below=2.0, start_after=2)
    for step in range(3):
        train(first, normal(4, 3, 6, seed=step))
    second = quantiser(update=update, restart_below=2.0, start_after=2)
    second.load_state_dict(first.state_dict())
    assert second.quantises
    for vq in (first, second):
        train(vq, normal(4, 3, 6, seed=9))
    assert unchanged(second, tensors(first))


def test_a_copy_made_during_a_step() -> None:
    vq = quantiser()
    vq(normal(4, 3, 6).requires_grad_() * 1.0, generator=generator())
    twin = copy.deepcopy(vq)
    for one in (vq, twin):
        one.after_step(generator=generator())
    assert torch.equal(vq.codebook, twin.codebook)


@pytest.mark.parametrize("update", UPDATES)
def test_unquantised_at_first(update: str) -> None:
    vq = quantiser(update=update, start_after=2)
    for step in range(2):
        statistics = 7.0 + normal(4, 3, 6, seed=step)
        level = vq(statistics.requires_grad_(), generator=generator())
        assert torch.equal(level.z, statistics)
        assert torch.equal(vq(statistics).z, statistics), "an evaluation sees the same model"
        terms = vq.losses(level, None, generator=generator())
        assert all(term == 0 for term in terms.values())
        assert not vq.quantises
        vq.after_step(generator=generator())
    assert vq.quantises
    quantised = vq(statistics.detach())
    assert not torch.equal(quantised.z, statistics)
    assert float((quantised.z - statistics).detach().square().sum(1).mean()) < 2.0, "set from the last batch"
    assert torch.equal(vq.vectors_of(quantised.codes), quantised.z)


def test_half_precision() -> None:
    vq, statistics = quantiser(latent_dim=16, codebook_size=64), normal(8, 16, 30)
    exact = vq(statistics.bfloat16().float())
    with torch.autocast("cpu", torch.bfloat16):
        half = statistics.bfloat16().requires_grad_()
        level = vq(half, generator=generator())
        loss = vq.losses(level, None, generator=generator())["commitment"]
        (loss + (level.z * 3.0).sum()).backward()
    assert torch.equal(level.codes, exact.codes)
    assert level.z.dtype == torch.float32
    assert torch.equal(vq.vectors_of(level.codes), level.z)
    assert half.grad.dtype == torch.bfloat16
    vq.after_step(generator=generator())
    assert vq.codebook.dtype == torch.float32


def test_a_prior_is_refused_with_the_reason() -> None:
    quantiser().accept(None)
    with pytest.raises(ParameterError, match="takes no prior, not Normal: codes are integers"):
        quantiser().accept(Normal(latent_dim=3))


def test_codes_are_names() -> None:
    """Categorical codes are not to be averaged, nor anything that looks like such an average accepted."""
    vq = quantiser()
    codes = torch.tensor([[0, 2, 4]])
    assert torch.equal(vq.vectors_of(codes)[0].T, vq.codebook[[0, 2, 4]])
    assert torch.equal(vq.vectors_of(codes.int()), vq.vectors_of(codes))
    with pytest.raises(ParameterError, match=r"whole numbers \(batch, step\), not \(1, 1\) of torch.float32"):
        vq.vectors_of(codes.float().mean(dim=1, keepdim=True))
    with pytest.raises(ParameterError, match=r"not \(3,\) of torch.int64"):
        vq.vectors_of(codes[0])
    for wrong in (-1, 5):
        with pytest.raises(ParameterError, match=f"no code {wrong}; this codebook has 0 to 4"):
            vq.vectors_of(torch.tensor([[0, wrong]]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"codebook_size": 1}, "outside its range 2 to"),
        ({"update": "mean"}, "expects one of 'ema', 'gradient', not 'mean'"),
        ({"restart_below": 0.0}, "'restart_below' is 0.0, outside"),
        ({"decay": 1.0}, "'decay' is 1.0, outside"),
    ],
)
def test_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        quantiser(**settings)


@pytest.mark.parametrize("update", UPDATES)
def test_a_tiny_model_learns(update: str) -> None:
    """Eight clusters through eight codes: every code gets its cluster, the error falls to the noise."""
    torch.manual_seed(0)
    centres = 4.0 * normal(8, 6)
    encoder, decoder = nn.Linear(6, 6), nn.Linear(6, 6)
    vq = VectorQuantized(latent_dim=6, codebook_size=8, update=update, decay=0.9)
    parameters = [*encoder.parameters(), *decoder.parameters(), *vq.parameters()]
    optimiser = torch.optim.Adam(parameters, 0.02)

    def batch(seed: int) -> tuple[Tensor, Tensor]:
        labels = torch.randint(8, (64,), generator=generator(seed))
        return centres[labels] + 0.05 * normal(64, 6, seed=seed), labels

    with torch.no_grad():
        vq.initialise(encoder(batch(1000)[0])[..., None], generator=generator())
    for step in range(300):
        x, _ = batch(step)
        level = vq(encoder(x)[..., None], generator=generator(step))
        terms = vq.losses(level, None, generator=generator(step))
        error = (decoder(level.z[..., 0]) - x).square().sum(1).mean()
        optimiser.zero_grad()
        (error + 0.25 * terms["commitment"] + terms.get("codebook", 0.0)).backward()
        optimiser.step()
        vq.after_step(generator=generator(10_000 + step))
    x, labels = batch(2000)
    with torch.no_grad():
        level = vq(encoder(x)[..., None])
        assert float((decoder(level.z[..., 0]) - x).square().sum(1).mean()) < 0.5  # of a power of 96
    pairs = set(zip(labels.tolist(), level.codes[:, 0].tolist(), strict=True))
    assert len(pairs) == 8, "one code per cluster"
