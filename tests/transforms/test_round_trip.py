from __future__ import annotations

import pytest
import torch

from timbrespace.core.errors import DataError
from timbrespace.metrics.spectral import log_mel_distance_db, spectral_convergence_db
from timbrespace.transforms import GriffinLim, LogMel, LogStft
from timbrespace.transforms.round_trip import score_round_trip

RATE = 44_100


def sounds() -> list[torch.Tensor]:
    t = torch.arange(20_000) / RATE
    return [0.3 * torch.sin(2 * torch.pi * f * t)[None] * torch.exp(-3 * t) for f in (220.0, 440.0)]


def test_scores_are_the_metrics() -> None:
    transform, wave = LogMel(RATE), sounds()[0]
    score = score_round_trip(transform, [wave])
    back = transform.invert(transform(wave[None]), length=20_000)
    assert score.spectral_convergence_db == pytest.approx(float(spectral_convergence_db(wave[None], back)), abs=1e-3)
    yardstick = LogMel(RATE)
    expected = log_mel_distance_db(yardstick.magnitude(wave[None]), yardstick.magnitude(back), gain=100.0)
    assert score.log_mel_distance_db == pytest.approx(float(expected), rel=1e-4)
    assert score.n_sounds == 1
    assert score.seconds_per_second > 0.0


def test_more_information_and_better_phase_score_better() -> None:
    mel, linear = score_round_trip(LogMel(RATE), sounds()), score_round_trip(LogStft(RATE), sounds())
    assert linear.spectral_convergence_db < mel.spectral_convergence_db
    poor = score_round_trip(LogStft(RATE), sounds(), phase=GriffinLim(n_iter=1))
    assert linear.spectral_convergence_db < poor.spectral_convergence_db - 6.0
    assert linear.n_sounds == 2


def test_silence_is_left_out() -> None:
    silence = torch.zeros(1, 20_000)
    assert score_round_trip(LogMel(RATE), [silence, *sounds()]).n_sounds == 2
    with pytest.raises(DataError, match="at least one sound that is not silent"):
        score_round_trip(LogMel(RATE), [silence])
    beside = torch.cat([sounds()[0], silence])  # a silent channel beside a loud one
    assert score_round_trip(LogMel(RATE), [beside]).spectral_convergence_db < -10.0
