"""Surroundings: what fits together, and the sounds as they were."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.latent.spaces import recording, surroundings
from timbrespace.core.errors import ParameterError


def test_sounds_are_cut_where_the_source_changes() -> None:
    around = surroundings(lengths=(5, 1, 7))
    assert [len(s) for s in around.sounds] == [5, 1, 7]
    assert torch.equal(torch.cat(around.sounds), around.vectors)


def test_what_does_not_fit_together() -> None:
    around = surroundings()
    with pytest.raises(ParameterError, match=r"'start' are points \(step, 4\) of a space of 4"):
        replace(around, start=torch.zeros(0, 4))
    with pytest.raises(ParameterError, match=r"'end' are points .* not shape \(3, 2\)"):
        replace(around, end=torch.zeros(3, 2))
    with pytest.raises(ParameterError, match="'start' are not all finite"):
        replace(around, start=torch.full((3, 4), torch.nan))
    with pytest.raises(ParameterError, match="340 vectors need as many sources"):
        replace(around, source=torch.zeros(3))
    assert replace(around, start=recording(1)).start is not None
