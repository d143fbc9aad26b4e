"""LogMel and LogStft: values, normalisation, the way back, storage."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from timbrespace.core.component import build
from timbrespace.core.errors import DataError, ParameterError
from timbrespace.metrics.spectral import spectral_convergence_db
from timbrespace.transforms import AudioTransform, GriffinLim, LogMel, LogStft
from timbrespace.transforms.log_magnitude import LogMagnitude

RATE = 22_050


def mel(**changes: object) -> LogMel:
    return LogMel(RATE, **({"n_fft": 1024, "hop_length": 256, "n_mels": 80} | changes))  # type: ignore[arg-type]  # any setting


def linear(**changes: object) -> LogStft:
    return LogStft(RATE, **({"n_fft": 512, "hop_length": 128} | changes))  # type: ignore[arg-type]  # any setting


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def tones(n: int = 20_000, seed: int = 0) -> torch.Tensor:
    """A decaying harmonic tone (1, 1, time)."""
    f = 110.0 * 2 ** (seed / 12)
    t = torch.arange(n) / RATE
    wave = sum(torch.sin(2 * torch.pi * f * h * t) * torch.exp(-t * h) / h for h in range(1, 12))
    assert isinstance(wave, torch.Tensor)
    return 0.4 * wave[None, None]


BOTH = pytest.mark.parametrize("transform", [mel(), linear()], ids=["mel", "stft"])


def test_mel_magnitude_is_librosas() -> None:
    wave = noise(1, 1, 30_000)
    theirs = librosa.feature.melspectrogram(
        y=wave[0, 0].numpy(), sr=RATE, n_fft=1024, hop_length=256, n_mels=40, fmin=40.0, fmax=9_000.0, power=1.0
    )
    ours = mel(n_mels=40, f_min=40.0, f_max=9_000.0).magnitude(wave)
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours[0, 0].numpy(), theirs, rtol=1e-4, atol=1e-6)


def test_stft_magnitude_is_librosas() -> None:
    wave = noise(1, 1, 30_000)
    theirs = np.abs(librosa.stft(wave[0, 0].numpy(), n_fft=512, hop_length=128))
    np.testing.assert_allclose(linear().magnitude(wave)[0, 0].numpy(), theirs, rtol=1e-4, atol=1e-5)


@BOTH
def test_frames_are_the_formula(transform: LogMagnitude) -> None:
    transform = copy.deepcopy(transform)
    transform.fit([noise(1, 9_000)])
    wave = noise(2, 3, 5_000, seed=1)
    x = transform.magnitude(wave).double()
    expected = (torch.log1p(transform.gain_value * x) - transform.mean[:, None]) / transform.deviation
    frames = transform(wave)
    assert frames.shape == (2, 3, transform.n_features, 5_000 // transform.hop_length + 1)
    torch.testing.assert_close(frames.double(), expected, atol=1e-5, rtol=0.0)
    torch.testing.assert_close(transform.normalise(transform.log_features(wave)), frames)
    torch.testing.assert_close(transform.denormalise(frames), transform.log_features(wave), atol=1e-5, rtol=0.0)
    torch.testing.assert_close(transform.features_to_magnitude(frames).double(), x, atol=1e-5, rtol=1e-4)


@settings(deadline=None, max_examples=30)
@given(length=st.integers(0, 6_000), batch=st.integers(1, 2), channels=st.integers(1, 2), which=st.booleans())
def test_fast_and_differentiable_paths_agree(length: int, batch: int, channels: int, which: bool) -> None:
    transform = mel() if which else linear()
    wave = noise(batch, channels, length, seed=length)
    fast = transform(wave)
    assert fast.shape == (batch, channels, transform.n_features, length // transform.hop_length + 1)
    slow = transform(wave.clone().requires_grad_())
    assert slow.requires_grad
    torch.testing.assert_close(slow.detach(), fast, atol=1e-5, rtol=0.0)


@BOTH
def test_gradients(transform: LogMagnitude) -> None:
    for wave in (noise(1, 1, 3_000), torch.zeros(1, 1, 3_000)):
        wave.requires_grad_()
        transform(wave).square().sum().backward()
        assert wave.grad is not None
        assert wave.grad.isfinite().all()


@BOTH
def test_gradient_is_the_slope(transform: LogMagnitude) -> None:
    wave, direction = noise(1, 1, 3_000).double(), noise(1, 1, 3_000, seed=1).double()
    wave.requires_grad_()
    transform(wave).sum().backward()
    assert wave.grad is not None
    with torch.no_grad():
        up, down = (transform(wave + s * 1e-6 * direction).sum() for s in (1, -1))
    assert float((wave.grad * direction).sum()) == pytest.approx(float(up - down) / 2e-6, rel=1e-4)


@BOTH
def test_batches_channels_and_threads_are_independent(transform: LogMagnitude) -> None:
    wave = noise(4, 2, 7_000)
    frames = transform(wave)
    for b in range(4):
        for c in range(2):
            assert torch.equal(transform(wave[b : b + 1, c : c + 1])[0, 0], frames[b, c])
    with ThreadPoolExecutor(4) as pool:
        for b, alone in enumerate(pool.map(lambda i: transform(wave[i % 4][None]), range(16))):
            assert torch.equal(alone[0], frames[b % 4])


@BOTH
def test_fit_normalises_and_is_deterministic(transform: LogMagnitude) -> None:
    sounds = [noise(1, 9_000) * 3, tones()[0], noise(2, 4_000, seed=2)]
    one, two = copy.deepcopy(transform), copy.deepcopy(transform)
    one.fit(sounds)
    two.fit(iter(sounds[::-1]))
    for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    cells = torch.cat([one(s[:, None]).movedim(1, 0).flatten(0, 1).movedim(0, 1).flatten(1) for s in sounds], dim=1)
    assert cells.mean(dim=1).abs().max() < 2e-3
    assert float(cells.square().mean().sqrt()) == pytest.approx(1.0, abs=1e-3)
    assert one.deviation.shape == ()


def test_learned_gain_is_one_over_the_lower_quartile_of_what_is_heard() -> None:
    transform, wave = mel(), tones()
    transform.fit([wave[0], torch.zeros(1, 50_000)])  # silence decides nothing
    x = transform.magnitude(wave)
    heard = x[x > x.max() / 1000.0]
    assert float(transform.gain_value * heard.quantile(0.25)) == pytest.approx(1.0, rel=0.03)
    louder = mel()
    louder.fit([10 * wave[0]])
    assert float(transform.gain_value / louder.gain_value) == pytest.approx(10.0, rel=0.05)


def test_given_gain_stays() -> None:
    transform = mel(gain=7.0)
    transform.fit([noise(1, 9_000)])
    assert float(transform.gain_value) == 7.0
    assert mel().gain is None


def test_long_files_are_counted_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    sounds = [noise(1, 30_000)]
    whole, pieces = mel(), mel()
    whole.fit(sounds)
    monkeypatch.setattr("timbrespace.transforms.log_magnitude.PIECE", 17)
    pieces.fit(sounds)
    assert torch.equal(whole.mean, pieces.mean)
    assert torch.equal(whole.gain_value, pieces.gain_value)


@pytest.mark.parametrize(
    ("sounds", "words"), [([], "there is no sound"), ([torch.zeros(1, 500)] * 3, "all 3 sounds are silent")]
)
def test_nothing_to_fit_is_said(sounds: list[torch.Tensor], words: str) -> None:
    with pytest.raises(DataError, match=f"LogMel found nothing to learn .* {words}; give"):
        mel().fit(sounds)


@BOTH
def test_stored_state_gives_bit_identical_frames(transform: LogMagnitude) -> None:
    fitted = copy.deepcopy(transform)
    fitted.fit([noise(1, 9_000)])
    again = build(AudioTransform, fitted.config())
    assert again.config() == fitted.config()
    again.load_state_dict(fitted.state_dict())
    wave = noise(1, 1, 5_000, seed=4)
    frames = fitted(wave)
    assert torch.equal(again(wave), frames)
    assert torch.equal(again.invert(frames), fitted.invert(frames))
    assert set(fitted.state_dict()) == {"gain_value", "mean", "deviation"}


def test_sample_rate_is_wired() -> None:
    transform = build(AudioTransform, {"kind": "LogMel", "n_mels": 20}, wired={"sample_rate": 16_000})
    assert transform.sample_rate == 16_000
    assert transform.provides() == {"n_features": 20, "sample_rate": 16_000, "hop_length": 512}


@BOTH
def test_round_trip_keeps_the_sound(transform: LogMagnitude) -> None:
    fitted = copy.deepcopy(transform)
    wave = torch.cat([tones(), tones(seed=7)], dim=1)  # two channels, different
    fitted.fit([wave[0]])
    back = fitted.invert(fitted(wave), length=20_000)
    assert back.shape == wave.shape
    convergence = spectral_convergence_db(wave, back, n_fft=fitted.n_fft, hop_length=fitted.hop_length)
    assert convergence.max() < (-18.0 if isinstance(fitted, LogMel) else -25.0)
    other = fitted.invert(fitted(wave), length=20_000, phase=GriffinLim(n_iter=4))
    assert not torch.allclose(other, back, atol=1e-3)


@BOTH
@pytest.mark.parametrize("n_frames", [0, 1, 2])
@pytest.mark.parametrize("length", [None, 0, 77, 3_000])
def test_few_frames_any_length(transform: LogMagnitude, n_frames: int, length: int | None) -> None:
    frames = noise(2, 1, transform.n_features, n_frames) + 1.0
    wave = transform.invert(frames, length=length)
    assert wave.shape == (2, 1, transform.hop_length * max(n_frames - 1, 0) if length is None else length)
    assert wave.isfinite().all()


@BOTH
def test_a_shorter_length_only_cuts(transform: LogMagnitude) -> None:
    frames = transform(tones(5_000))
    assert torch.equal(transform.invert(frames, length=2_000), transform.invert(frames)[..., :2_000])


@BOTH
def test_wild_frames_give_finite_sound(transform: LogMagnitude) -> None:
    frames = transform(tones(5_000))
    frames[0, 0, 3, 2], frames[0, 0, 4, 2], frames[0, 0, 5, 2], frames[0, 0, 6, 2] = (
        torch.nan,
        torch.inf,
        -torch.inf,
        1e4,
    )
    assert transform.invert(frames).isfinite().all()
    assert not transform.features_to_magnitude(torch.full_like(frames, -50.0)).any()  # below silence is silence
    silence = transform(torch.zeros(1, 1, 5_000))
    assert not transform.invert(silence).any()


def test_mel_round_trip_gains_from_joint_steps() -> None:
    wave = torch.cat([tones(seed=s) for s in (0, 5, 9)])
    with_steps, without = mel(), mel(joint_steps=0)
    scores = [spectral_convergence_db(wave, t.invert(t(wave), length=20_000)).mean() for t in (with_steps, without)]
    assert scores[0] < scores[1] - 0.3


def test_differentiable_magnitude_from_frames() -> None:
    transform = mel()
    frames = transform(tones(5_000)).requires_grad_()
    transform.features_to_magnitude(frames).sum().backward()
    assert frames.grad is not None
    assert frames.grad.isfinite().all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n_mels": 500}, "500 mel bands are too many for 'n_fft' 1024"),
        ({"n_mels": 0}, "'n_mels' is 0; give 1 band or more"),
        ({"hop_length": 600}, "LogMel's 'hop_length' is 600; to be invertible it must lie between 1 and half"),
        ({"n_fft": 1023}, "LogMel's 'n_fft' is 1023; it must be an even number"),
        ({"f_max": 12_000.0}, "'f_max' 12000 Hz do not fit; .* half of the sample rate, 11025 Hz"),
        ({"f_min": 500.0, "f_max": 400.0}, "'f_min' 500 to 'f_max' 400 Hz do not fit"),
        ({"f_min": -1.0}, "'f_min' -1 to"),
        ({"gain": 0.0}, "'gain' is 0.0; give a finite number above 0"),
        ({"gain": float("inf")}, "'gain' is inf"),
        ({"em_steps": -1}, "'em_steps' is -1"),
        ({"joint_steps": -1}, "'joint_steps' is -1"),
        ({"n_mel": 20}, "LogMel has no argument 'n_mel'. Did you mean 'n_mels'?"),
    ],
)
def test_bad_arguments_are_refused_in_words(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        mel(**arguments)


def test_bad_rate_frames_and_length_are_refused_in_words() -> None:
    with pytest.raises(ParameterError, match="'sample_rate' is 0; give samples per second"):
        LogStft(0)
    with pytest.raises(ParameterError, match=r"LogMel has 80 features, but the frames have 81 \(axis -2\)"):
        mel().invert(torch.zeros(1, 1, 81, 5))
    with pytest.raises(ParameterError, match="'length' is -1"):
        mel().invert(torch.zeros(1, 1, 80, 5), length=-1)


def test_real_sounds_come_back(real_data: Path) -> None:
    """A floor per sound and for the mean: noise and clicks are hard for any phase, tones are not."""
    import soundfile

    values = []
    for group in ("loops", "notes", "effects_dry"):
        for file in sorted((real_data / group).rglob("*.flac"))[20:110:45]:
            samples, rate = soundfile.read(file, dtype="float32", always_2d=True, frames=80_000)
            wave = torch.from_numpy(samples.T.copy())[None]
            transform = LogMel(rate)
            transform.fit([wave[0]])
            back = transform.invert(transform(wave), length=wave.shape[-1])
            values.append(float(spectral_convergence_db(wave, back)))
    assert max(values) < -5.0
    assert sum(values) / len(values) < -13.0
