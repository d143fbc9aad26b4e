"""Every exported live inverse keeps the contract of its family, alone and behind every transform."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.contracts.common import check_config, make, members
from tests.contracts.test_transforms import sounds
from timbrespace.core.component import build
from timbrespace.core.errors import ParameterError
from timbrespace.metrics.spectral import spectral_convergence_db
from timbrespace.transforms import AudioTransform, LivePhase
from timbrespace.transforms.base import PhaseStream
from timbrespace.transforms.filterbank import mel_filterbank
from timbrespace.transforms.fourier import istft, stft

N_FFT, HOP = 512, 128
GRID = {"n_fft": N_FFT, "hop_length": HOP}
LOOKAHEADS = {"RtIsi": [0, 1, 2, 3], "RtPghi": [0, 1]}

lives = pytest.mark.parametrize("kind", members(LivePhase))


def variants() -> Iterator[LivePhase]:
    """Each member as it is by default and at every lookahead known here."""
    for kind in members(LivePhase):
        yield make(LivePhase, kind)
        for lookahead in LOOKAHEADS.get(kind, []):
            yield make(LivePhase, kind, lookahead=lookahead)


every = pytest.mark.parametrize(
    "live", list(variants()), ids=lambda p: f"{type(p).__name__}-{getattr(p, 'lookahead', '')}"
)


def magnitude(signals: int = 2, n: int = 10_000) -> Tensor:
    """Tones that begin after some silence, (signal, bin, frame), of a block more frames than the sound has."""
    wave = torch.nn.functional.pad(sounds(1, signals, n)[0, :, : n // 2], (1_000, n // 2 - 1_000))
    return stft(wave, **GRID).abs()


def in_blocks(stream: PhaseStream, frames: Tensor, sizes: Iterator[int]) -> Tensor:
    """The sound of frames pushed in blocks of ``sizes``, which may be 0."""
    parts, begin = [], 0
    while begin < frames.shape[-1]:
        end = begin + next(sizes)
        parts.append(stream.push(frames[..., begin:end]))
        assert parts[-1].shape == (frames.shape[0], HOP * (min(end, frames.shape[-1]) - begin))
        begin = end
    return torch.cat(parts, dim=-1)


def random_sizes(seed: int) -> Iterator[int]:
    rng = np.random.default_rng(seed)
    largest = int(rng.integers(2, 20))
    while True:
        yield int(rng.integers(0, largest))


@lives
def test_config_builds_the_same_live_phase(kind: str) -> None:
    check_config(make(LivePhase, kind), LivePhase)


@lives
@pytest.mark.parametrize("banded", [False, True])
def test_a_hundred_splits_give_the_same_bits(kind: str, banded: bool) -> None:
    frames = magnitude()[..., 6:28]
    bank = mel_filterbank(22_050, n_fft=N_FFT, n_mels=30, f_min=0.0, f_max=11_025.0) if banded else None
    stream = make(LivePhase, kind).start(signals=2, bank=bank, **GRID)
    whole = stream.push(frames)
    assert whole.dtype == torch.float32
    assert whole.abs().max() > 0.01
    single = frames.mT.contiguous().mT  # another layout in memory
    for split in range(100):
        stream.reset()
        again = in_blocks(stream, single if split % 2 else frames, random_sizes(split))
        assert torch.equal(again, whole), f"split {split}"
    fresh = make(LivePhase, kind).start(signals=2, bank=bank, **GRID)
    assert torch.equal(in_blocks(fresh, frames, iter(lambda: 1, 0)), whole)


@every
@pytest.mark.parametrize("grid", [(512, 128), (1024, 256), (1000, 250), (1000, 300)])
def test_latency_is_as_stated(live: LivePhase, grid: tuple[int, int]) -> None:
    """Clicks in the middle of frames, alone in their windows: energies correlate best at ``latency``, to the sample."""
    n_fft, hop = grid
    clicks = torch.zeros(100 * hop)
    clicks[11 * hop :: 11 * hop] = 1.0
    frames = stft(torch.nn.functional.pad(clicks, (0, 12 * hop)), n_fft=n_fft, hop_length=hop).abs()
    stream = live.start(n_fft=n_fft, hop_length=hop, signals=1)
    heard = stream.push(frames[None])[0].double().square()
    n = 2 * heard.shape[0]
    product = torch.fft.rfft(heard, n) * torch.fft.rfft(clicks.double(), n).conj()
    assert int(torch.fft.irfft(product).argmax()) == stream.latency
    assert stream.latency >= n_fft // 2  # no sooner: a sample is complete once all windows over it are there


@every
def test_nothing_before_the_sound(live: LivePhase) -> None:
    stream = live.start(signals=1, **GRID)
    sound = stream.push(torch.ones(1, N_FFT // 2 + 1, 12))
    assert not sound[:, : stream.latency].any()
    assert sound[:, stream.latency :].abs().max() > 0.01


@every
def test_the_sound_is_rebuilt(live: LivePhase) -> None:
    wave = sounds(1, 2)[0]
    frames = stft(torch.nn.functional.pad(wave, (0, 2_000)), n_fft=1024, hop_length=256).abs()
    stream = live.start(n_fft=1024, hop_length=256, signals=2)
    rebuilt = stream.push(frames)[:, stream.latency : stream.latency + wave.shape[-1]]
    assert spectral_convergence_db(wave, rebuilt, n_fft=1024, hop_length=256).max() < -10.0


@every
@pytest.mark.parametrize("grid", [(512, 100), (500, 250), (16, 8), (512, 1)])
def test_unusual_grids(live: LivePhase, grid: tuple[int, int]) -> None:
    n_fft, hop = grid
    frames = torch.rand(1, n_fft // 2 + 1, 20, generator=torch.Generator().manual_seed(0))
    stream = live.start(n_fft=n_fft, hop_length=hop, signals=1)
    assert stream.push(frames).shape == (1, 20 * hop)
    stream.reset()
    assert stream.push(frames).isfinite().all()


@lives
def test_silence_stays_silent(kind: str) -> None:
    frames = magnitude()
    frames[1] = 0.0
    stream = make(LivePhase, kind).start(signals=2, **GRID)
    sound = stream.push(frames)
    assert sound[0].any()
    assert not sound[1].any()
    tail = stream.push(torch.zeros(2, N_FFT // 2 + 1, 12))
    assert not tail[:, -HOP:].any()  # what was heard ends when its last window does


@lives
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf, -1.0, 1e-42])
def test_impossible_cells_count_as_nothing(kind: str, value: float) -> None:
    holes, filled = magnitude(), magnitude()
    holes[:, 5:9, 20:23] = value
    filled[:, 5:9, 20:23] = 0.0
    stream = make(LivePhase, kind).start(signals=2, **GRID)
    sound = stream.push(holes)
    stream.reset()
    assert torch.equal(sound, stream.push(filled))


@lives
@pytest.mark.parametrize("banded", [False, True])
def test_absurd_levels_stay_finite_and_pass(kind: str, banded: bool) -> None:
    frames = magnitude()
    frames[:, :, 20:24] = 3e38
    frames[:, 3, 24] = 3e38
    bank = mel_filterbank(22_050, n_fft=N_FFT, n_mels=30, f_min=0.0, f_max=11_025.0) if banded else None
    stream = make(LivePhase, kind).start(signals=2, bank=bank, **GRID)
    assert stream.push(frames).isfinite().all()
    calm = stream.push(magnitude())
    assert calm.isfinite().all()
    assert calm[:, 2_000:].abs().max() < 2.0


@lives
def test_tails_end_before_they_become_subnormal(kind: str) -> None:
    """A decay of 20 dB a frame from full scale to nothing: every sample is 0 or a normal number."""
    decay = 10.0 ** -torch.arange(50.0, dtype=torch.float64)
    frames = (magnitude(1)[..., 10:11].double() * decay).float()
    assert ((frames > 0) & (frames < 1.2e-38)).any()
    sound = make(LivePhase, kind).start(signals=1, **GRID).push(frames)
    assert not ((sound != 0) & (sound.abs() < 1.2e-38)).any()
    assert not sound[:, -20 * HOP :].any()


@lives
def test_reset_is_a_fresh_start(kind: str) -> None:
    live, frames = make(LivePhase, kind), magnitude()
    stream = live.start(signals=2, **GRID)
    first = stream.push(frames)
    assert not torch.equal(stream.push(frames), first)  # it does remember
    stream.reset()
    assert torch.equal(stream.push(frames), first)


@lives
def test_signals_are_independent(kind: str) -> None:
    frames = magnitude(3)
    together = make(LivePhase, kind).start(signals=3, **GRID).push(frames)
    for i in range(3):
        alone = make(LivePhase, kind).start(signals=1, **GRID).push(frames[i : i + 1])
        assert torch.equal(alone[0], together[i])


@lives
def test_given_frames_are_left_alone(kind: str) -> None:
    frames = magnitude()
    frames[0, 0, 0] = torch.nan
    before = frames.clone()
    sound = make(LivePhase, kind).start(signals=2, **GRID).push(frames)
    assert torch.equal(frames.nan_to_num(), before.nan_to_num())
    kept = sound.clone()
    sound.zero_()  # and what was given is the caller's
    assert torch.equal(make(LivePhase, kind).start(signals=2, **GRID).push(frames), kept)


@lives
def test_wrong_shapes_are_refused_in_words(kind: str) -> None:
    live = make(LivePhase, kind)
    with pytest.raises(ParameterError, match="started for 0 signals; give 1 or more"):
        live.start(signals=0, **GRID)
    with pytest.raises(ParameterError, match="'hop_length' is 400"):
        live.start(n_fft=512, hop_length=400, signals=1)
    stream = live.start(signals=2, **GRID)
    with pytest.raises(ParameterError, match=r"of shape \(2, 257, frames\), not \(1, 257, 3\)"):
        stream.push(torch.ones(1, 257, 3))


@lives
@pytest.mark.parametrize("transform_kind", members(AudioTransform))
def test_behind_every_transform(kind: str, transform_kind: str) -> None:
    transform = make(AudioTransform, transform_kind)
    wave = sounds(1, 2)
    transform.fit(list(wave))
    frames = transform(torch.nn.functional.pad(wave, (0, 8_192)))
    stream = transform.stream(channels=2, live=build(LivePhase, {"kind": kind}))
    whole = stream.push(frames)
    assert whole.shape == (1, 2, frames.shape[-1] * transform.hop_length)
    rebuilt = whole[..., stream.latency : stream.latency + wave.shape[-1]]
    assert spectral_convergence_db(wave, rebuilt).max() < -10.0
    for seed in range(5):
        stream.reset()
        sizes, parts, begin = random_sizes(seed), [], 0
        while begin < frames.shape[-1]:
            size = next(sizes)
            parts.append(stream.push(frames[..., begin : begin + size]))
            begin += size
        assert torch.equal(torch.cat(parts, dim=-1), whole)


@lives
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf, 1e30, -1e30])
@pytest.mark.parametrize("transform_kind", members(AudioTransform))
def test_impossible_frames_give_finite_sound(kind: str, transform_kind: str, value: float) -> None:
    transform = make(AudioTransform, transform_kind)
    frames = transform(sounds(1, 1, 10_000))
    frames[..., 3:5] = value
    stream = transform.stream(channels=1, live=make(LivePhase, kind))
    assert stream.push(frames).isfinite().all()
    calm = stream.push(transform(sounds(1, 1, 20_000)))
    assert calm[..., 6_000:].abs().max() < 2.0


def test_a_stream_is_what_offline_inversion_completes() -> None:
    """With the true phase, a stream's sound is that of the inverse, ``latency`` later."""
    from timbrespace.transforms.framewise import FramewiseStream, Voice

    wave = sounds(1, 2)[0]
    spectrum = stft(wave, n_fft=1000, hop_length=220)

    class Told(Voice):
        def __init__(self, signal: int, lookahead: int) -> None:
            super().__init__(n_fft=1000, hop_length=220, lookahead=lookahead)
            self.given, self.frame = spectrum[signal].mT.contiguous(), -lookahead

        def spectrum(self, magnitude: np.ndarray) -> Tensor:
            self.frame += 1
            return self.given[max(self.frame - 1, 0)]

        def clear(self) -> None:
            self.frame = -self.lookahead

    offline = istft(spectrum, n_fft=1000, hop_length=220)
    for lookahead in (0, 3):
        voices = iter([Told(0, lookahead), Told(1, lookahead)])
        stream = FramewiseStream(lambda voices=voices: next(voices), n_fft=1000, hop_length=220, signals=2)
        assert stream.latency == 500 + lookahead * 220
        live = stream.push(spectrum.abs())[:, stream.latency :]
        torch.testing.assert_close(live, offline[:, : live.shape[-1]], atol=1e-6, rtol=0.0)
