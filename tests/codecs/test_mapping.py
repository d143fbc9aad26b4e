"""The map in a bundle: made of the stored latents, found again, absent where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests.bundles import bundle, copy_of_bundle
from timbrespace.codecs import mapping
from timbrespace.codecs.bundle import LATENT
from timbrespace.codecs.loading import load_sound
from timbrespace.codecs.mapping import make_map, map_of, map_tensors
from timbrespace.codecs.tensor_files import read_tensors, write_tensors
from timbrespace.core.errors import BundleError
from timbrespace.core.seeds import torch_generator
from timbrespace.latent import distilling


def stored(n: int = 1000) -> dict[str, torch.Tensor]:
    vectors = torch.randn(n, 4, generator=torch_generator(0)) * torch.tensor([3.0, 2.0, 0.1, 0.1])
    return {"vectors": vectors, "source": torch.arange(n) // 25, "metric": torch.eye(4)}


def with_tensors(folder: Path, more: dict[str, torch.Tensor]) -> Path:
    """A copy of the tiny bundle in whose latents lie some tensors more."""
    copy_of_bundle(folder)
    digest = write_tensors(folder / LATENT, read_tensors(folder / LATENT) | more)
    config = json.loads((folder / "config.json").read_text())
    config["files"][LATENT] = digest
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_a_map_is_found_again(tmp_path: Path) -> None:
    made = make_map(stored())
    assert made is not None
    codec = load_sound(with_tensors(tmp_path / "m", map_tensors(made)))
    found = map_of(codec)
    assert found is not None
    z = codec.latent["vectors"]
    assert torch.equal(found.to_map(z), made.to_map(z))
    assert found.errors == made.errors
    assert found.errors is not None
    assert found.errors.explained > 0.8


def test_there_may_be_none() -> None:
    assert map_of(load_sound(bundle())) is None, "too little sound for a map"
    assert make_map(stored(mapping.ENOUGH - 1)) is None
    assert make_map({"vectors": torch.ones(2000, 3)}) is None

    class Other:
        sample_rate, channels, ratio, latent_dim = 16_000, 1, 512, 3

        def encode(self, wave: torch.Tensor) -> torch.Tensor: ...
        def decode(self, latents: torch.Tensor, *, length: int | None = None) -> torch.Tensor: ...

    assert map_of(Other()) is None


def test_a_damaged_map_is_one_sentence(tmp_path: Path) -> None:
    codec = load_sound(with_tensors(tmp_path / "m", {"map.mean": torch.zeros(4)}))
    with pytest.raises(BundleError, match="map stored with this model does not fit together"):
        map_of(codec)


def test_training_stores_a_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.bundles import train

    monkeypatch.setattr(mapping, "ENOUGH", 200)
    monkeypatch.setattr(distilling, "STEPS", 80)
    out = tmp_path / "m"
    codec = train(out)
    errors = json.loads((out / "metrics.json").read_text())["map"]
    found = map_of(load_sound(out))
    assert found is not None
    assert found.errors is not None
    assert errors["explained"] == pytest.approx(found.errors.explained, rel=1e-4)
    assert "The map in it" in (out / "card.md").read_text(encoding="utf-8")
    assert found.to_map(codec.latent["vectors"]).shape == (len(codec.latent["vectors"]), 2)
