"""Settings of the process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from timbrespace.training import runtime


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    yield
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(precision)


def error() -> float:
    generator = torch.Generator().manual_seed(1)
    a, b = torch.randn(96, 300, generator=generator), torch.randn(300, 200, generator=generator)
    exact = a.double() @ b.double()
    return float((a @ b - exact).norm() / exact.norm())


def test_the_chosen_products_are_in_single_precision() -> None:
    torch.set_float32_matmul_precision(runtime.fastest_products())
    assert error() < 1e-6


def test_trying_products_leaves_the_setting_as_it_was() -> None:
    torch.set_float32_matmul_precision("high")
    runtime.fastest_products()
    assert torch.get_float32_matmul_precision() == "high"


def test_what_is_less_exact_is_never_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "CLEARLY_FASTER", 0.0)
    assert runtime.fastest_products() == ("medium" if medium_is_exact() else "highest")
    monkeypatch.setattr(runtime, "MOST_ERROR", 0.0)
    assert runtime.fastest_products() == "highest"


def test_what_is_not_clearly_faster_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "CLEARLY_FASTER", 1e9)
    assert runtime.fastest_products() == "highest"


def test_only_training_asks_for_other_products() -> None:
    torch.set_float32_matmul_precision("high")
    runtime.tune_process(threads=1)
    assert torch.get_float32_matmul_precision() == "high"
    runtime.tune_process(threads=1, products=True)
    assert torch.get_float32_matmul_precision() in ("highest", "medium")


def medium_is_exact() -> bool:
    torch.set_float32_matmul_precision("medium")
    return error() < 1e-6
