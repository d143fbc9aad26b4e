"""The live form of the transforms' inverse: frames in, sound out."""

from __future__ import annotations

import pytest
import torch

from tests.transforms.test_phase import melody
from timbrespace.core.errors import ParameterError
from timbrespace.metrics.spectral import spectral_convergence_db
from timbrespace.transforms import AudioTransform, LogMel, LogStft, RtIsi, RtPghi
from timbrespace.transforms.filterbank import mel_filterbank
from timbrespace.transforms.magnitude import frame_magnitude, linear_magnitude

RATE = 44_100


@pytest.mark.parametrize("f_max", [12_000.0, 22_050.0])
def test_single_frames_are_solved_as_many(f_max: float) -> None:
    bank = mel_filterbank(RATE, n_fft=1024, n_mels=40, f_min=50.0, f_max=f_max)
    mel = torch.rand(2, 3, 40, generator=torch.Generator().manual_seed(0))
    mel[0, 1] = 0.0
    mel[1, 2, 7:] = 0.0
    for steps in (0, 1, 30):
        found = frame_magnitude(mel, bank, n_iter=steps)
        many = linear_magnitude(mel.mT, bank, n_iter=steps).mT
        torch.testing.assert_close(found, many, atol=1e-6, rtol=1e-4)
    assert not found[0, 1].any()
    assert not found[..., bank.columns == 0].any()


def test_vanishing_cells_become_zeros_not_subnormal() -> None:
    bank = mel_filterbank(RATE, n_fft=1024, n_mels=40, f_min=50.0, f_max=12_000.0)
    mel = 10.0 ** torch.linspace(-10, 2, 40)[torch.randperm(40, generator=torch.Generator().manual_seed(0))]
    found = frame_magnitude(mel, bank, n_iter=300)
    assert found.any()
    assert not ((found > 0) & (found < 1e-25)).any()


@pytest.mark.parametrize("kind", [LogMel, LogStft])
def test_a_stream_trails_inversion_by_its_latency(kind: type[LogMel] | type[LogStft]) -> None:
    transform = kind(RATE, gain=100.0)
    wave = torch.stack([melody(40_000), melody(40_000, 1)])[None]
    frames = transform(torch.nn.functional.pad(wave, (0, 8_192)))
    stream = transform.stream(channels=2)
    sound = stream.push(frames)
    assert sound.shape == (1, 2, frames.shape[-1] * transform.hop_length)
    assert stream.latency == 1024 + 2 * 512
    assert not sound[..., : stream.latency].any()
    live = spectral_convergence_db(wave, sound[..., stream.latency :][..., : wave.shape[-1]])
    offline = spectral_convergence_db(wave, transform.invert(frames, length=wave.shape[-1]))
    assert (live < offline + (2.0 if kind is LogMel else 6.0)).all()


def test_one_frame_at_a_time_and_none() -> None:
    transform = LogMel(RATE, gain=100.0)
    frames = transform(melody(8_192)[None, None])
    whole = transform.stream(channels=1).push(frames)
    stream = transform.stream(channels=1)
    assert stream.push(frames[..., :0]).shape == (1, 1, 0)
    parts = [stream.push(frames[..., t : t + 1]) for t in range(frames.shape[-1])]
    assert parts[0].shape == (1, 1, 512)
    assert torch.equal(torch.cat(parts, dim=-1), whole)
    stream.reset()
    assert torch.equal(stream.push(frames), whole)


def test_the_live_phase_is_chosen_and_the_default_is_rtisi() -> None:
    transform = LogMel(RATE, gain=100.0)
    frames = transform(melody(8_192)[None, None])
    default = transform.stream(channels=1)
    assert torch.equal(default.push(frames), transform.stream(channels=1, live=RtIsi()).push(frames))
    assert transform.stream(channels=1, live=RtPghi()).latency == 1536
    assert transform.stream(channels=1, live=RtIsi(lookahead=0)).latency == 1024


def test_frames_that_require_gradients_are_taken() -> None:
    transform = LogMel(RATE, gain=100.0)
    frames = transform(melody(4_096)[None, None]).requires_grad_()
    assert not transform.stream(channels=1).push(frames).requires_grad


def test_wrong_frames_are_refused_in_words() -> None:
    transform = LogMel(RATE)
    with pytest.raises(ParameterError, match="for 0 channels was asked for"):
        transform.stream(channels=0)
    stream = transform.stream(channels=1)
    for shape in ((1, 1, 100, 3), (1, 2, 128, 3), (2, 1, 128, 3)):
        with pytest.raises(ParameterError, match=r"frames of shape \(1, 1, 128\) and any number"):
            stream.push(torch.zeros(shape))


def test_a_transform_without_a_live_inverse_says_so() -> None:
    with pytest.raises(ParameterError, match="LogMel has no live inverse"):
        AudioTransform.stream(LogMel(RATE), channels=1)


def test_the_bands_of_log_mel_are_told() -> None:
    """The stream is EM frame by frame, then the live phase that knows of the filterbank."""
    transform = LogMel(RATE, gain=100.0)
    frames = transform(melody(8_192)[None, None])
    bands = torch.stack([transform.features_to_magnitude(f[..., None])[0, :, 0] for f in frames[0].permute(2, 0, 1)])
    magnitude = frame_magnitude(bands, transform.bank, n_iter=transform.em_steps).mT[None]
    told = RtIsi().start(n_fft=2048, hop_length=512, signals=1, bank=transform.bank)
    torch.testing.assert_close(transform.stream(channels=1).push(frames)[0], told.push(magnitude), atol=0.0, rtol=0.0)
