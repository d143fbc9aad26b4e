"""Sounds inverted in pieces: short ones as before, long ones without a seam."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from tests.bundles import bundle
from timbrespace.codecs.loading import load
from timbrespace.codecs.long_sounds import CONTEXT_STEPS, infer_in_pieces
from timbrespace.core.component import build
from timbrespace.metrics.spectral import spectral_convergence_db
from timbrespace.models.base import Model
from timbrespace.transforms import LogMel, LogStft
from timbrespace.transforms.base import AudioTransform
from timbrespace.transforms.pieces import invert_in_pieces, splice

RATE = 8_000


def transform() -> LogStft:
    fresh = LogStft(RATE, n_fft=512, hop_length=128, gain=100.0)
    fresh.fit([beats(4.0)[0]])
    return fresh


def beats(seconds: float, *, channels: int = 1) -> torch.Tensor:
    """Decaying notes, five in two seconds, as (1, channel, time)."""
    t = torch.arange(round(seconds * RATE)) / RATE
    beat, since = (t * 2.5).floor(), (t * 2.5) % 1 / 2.5
    pitch = 220 * 2 ** ((beat * 5 % 12) / 12)
    tones = [torch.sin(2 * math.pi * (c + 1) * pitch * since) * torch.exp(-9 * since) for c in range(channels)]
    return 0.5 * torch.stack(tones)[None]


def drone(seconds: float) -> torch.Tensor:
    t = torch.arange(round(seconds * RATE)) / RATE
    return 0.1 * sum(torch.sin(2 * math.pi * f * t + f) for f in (110.0, 275.3, 441.7, 933.1))[None, None]


def loudness(wave: torch.Tensor) -> torch.Tensor:
    """Level in dB of every 30 ms."""
    return 20 * wave.flatten().unfold(0, 240, 120).square().mean(1).sqrt().clamp_min(1e-6).log10()


def test_short_sounds_are_inverted_in_one_go() -> None:
    ours = transform()
    frames = ours(beats(3.0))
    for length in (1, 20_000, 24_000, 24_500):
        assert torch.equal(invert_in_pieces(ours, frames, length=length), ours.invert(frames, length=length))


@pytest.mark.parametrize("n", [72_000, 88_123, 170_001])
@pytest.mark.parametrize("channels", [1, 2])
def test_lengths_and_likeness_of_long_sounds(n: int, channels: int) -> None:
    ours = transform()
    sound = beats(n / RATE + 1, channels=channels)[..., :n]
    frames = ours(sound)
    joined = invert_in_pieces(ours, frames, length=n, piece_seconds=8.0)
    assert joined.shape == sound.shape
    assert torch.isfinite(joined).all()
    whole = ours.invert(frames, length=n)
    assert (spectral_convergence_db(sound, joined) < spectral_convergence_db(sound, whole) + 0.7).all()
    spoken = ours.hop_length * (frames.shape[-1] - 1)
    longest = invert_in_pieces(ours, frames, length=spoken, piece_seconds=8.0)
    for shorter in (1, 30_000, spoken - 7):
        cut = invert_in_pieces(ours, frames, length=shorter, piece_seconds=8.0)
        assert torch.equal(cut, longest[..., :shorter])
    assert invert_in_pieces(ours, frames, length=n + 999, piece_seconds=8.0).shape[-1] == n + 999


@pytest.mark.parametrize("sound", [beats(30.0), drone(30.0)], ids=["beats", "drone"])
def test_seams_are_not_heard_as_steps_or_holes(sound: torch.Tensor) -> None:
    ours = transform()
    frames = ours(sound)
    joined = invert_in_pieces(ours, frames, length=sound.shape[-1], piece_seconds=8.0)
    whole = ours.invert(frames, length=sound.shape[-1])
    heard = loudness(sound) > -40
    worst = [float((loudness(w) - loudness(sound))[heard].abs()[5:-5].max()) for w in (joined, whole)]
    assert worst[0] < worst[1] + 3.0
    assert float(joined.diff().abs().max()) < 1.5 * float(whole.diff().abs().max())


class _Counting(AudioTransform):
    """Says which frames it was given."""

    sample_rate, hop_length, n_features = 100, 1, 1  # type: ignore[assignment]  # plain values for properties

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, int]] = []

    def fit(self, waves: object) -> None: ...

    def forward(self, wave: torch.Tensor) -> torch.Tensor:
        return wave[:, :, None]

    def invert(self, frames: torch.Tensor, *, length: int | None = None, phase: object = None) -> torch.Tensor:
        self.seen.append((int(frames[0, 0, 0, 0]), int(frames[0, 0, 0, -1])))
        wave = frames[:, :, 0, :-1]
        return wave if length is None else torch.nn.functional.pad(wave, (0, length - wave.shape[-1]))


@pytest.mark.parametrize("n_frames", [1_001, 1_002, 1_800, 1_801, 5_555, 12_345])
def test_pieces_are_bounded_overlap_and_cover_everything(n_frames: int) -> None:
    ours = _Counting()
    frames = torch.arange(float(n_frames))[None, None, None]
    joined = invert_in_pieces(ours, frames, length=n_frames - 1, piece_seconds=10.0)
    assert torch.allclose(joined[0, 0], torch.arange(n_frames - 1.0)), "where pieces agree nothing changes"
    assert ours.seen[0][0] == 0
    assert ours.seen[-1][1] == n_frames - 1
    assert all(last - first + 1 <= 1_001 for first, last in ours.seen)
    assert all(first[1] - second[0] + 1 == 200 for first, second in itertools.pairwise(ours.seen))


def test_splice_finds_the_quiet_place_and_the_sign() -> None:
    n = 4_000
    before = torch.randn(n, generator=torch.Generator().manual_seed(0))
    before[1_900:2_100] *= 1e-3
    other = torch.randn(n, generator=torch.Generator().manual_seed(1))
    other[1_900:2_100] = -before[1_900:2_100]
    joined = before.clone()
    assert splice(joined, other, width=100) == -1.0
    assert torch.equal(joined[:1_900], before[:1_900])
    torch.testing.assert_close(joined[1_900:2_100], before[1_900:2_100])
    assert torch.equal(joined[2_100:], -other[2_100:])


def test_splice_keeps_the_power_of_unrelated_sounds() -> None:
    generator = torch.Generator().manual_seed(0)
    power = torch.zeros(1_000)
    for _ in range(300):
        joined, after = torch.randn(1_000, generator=generator), torch.randn(1_000, generator=generator)
        splice(joined, after, width=500)
        power += joined.square() / 300
    assert float(power.unfold(0, 100, 100).mean(1).min()) > 0.8
    assert float(power.unfold(0, 100, 100).mean(1).max()) < 1.2


def test_splice_of_silence_is_silence() -> None:
    silent = torch.zeros(400)
    assert splice(silent, torch.zeros(400), width=50) == 1.0
    assert not silent.any()


def test_log_mel_goes_in_pieces_too() -> None:
    ours = LogMel(RATE, n_fft=512, hop_length=128, n_mels=40, em_steps=5, joint_steps=2)
    sound = beats(20.0)
    ours.fit([sound[0]])
    joined = invert_in_pieces(ours, ours(sound), length=sound.shape[-1], piece_seconds=6.0)
    whole = ours.invert(ours(sound), length=sound.shape[-1])
    assert float(spectral_convergence_db(sound, joined)) < float(spectral_convergence_db(sound, whole)) + 0.7


@pytest.mark.parametrize("n_frames", [1, 4 * (64 + 2 * CONTEXT_STEPS), 1_283, 2_000])
def test_encoding_in_pieces_equals_encoding_at_once(n_frames: int) -> None:
    model = load(bundle()).model
    unrefined = build(Model, model.config() | {"refinement": 0}).eval()
    unrefined.load_state_dict(model.state_dict())
    assert model.ratio == 4
    frames = torch.randn(2, 1, 24, n_frames, generator=torch.Generator().manual_seed(0))
    plain, pieces = model.infer(frames, refinement=0), infer_in_pieces(unrefined, frames, piece_steps=64)
    torch.testing.assert_close(pieces, plain, rtol=1e-4, atol=1e-4)
    sharpened = infer_in_pieces(model, frames, piece_steps=64)
    assert sharpened.shape == plain.shape
    if n_frames <= 4 * (64 + 2 * CONTEXT_STEPS):
        assert torch.equal(sharpened, model.infer(frames))
    torch.testing.assert_close(sharpened, model.infer(frames), rtol=0, atol=0.05)
