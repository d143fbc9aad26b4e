"""Grains: cut and added up again exactly, whole or step by step."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from timbrespace.core.errors import DataError, ParameterError
from timbrespace.transforms import Grains

SETTINGS = [
    {},
    {"length": 512, "hop_length": 128},
    {"length": 512, "hop_length": 100},
    {"length": 256, "hop_length": 128, "window": "hamming"},
    {"length": 256, "hop_length": 60, "window": "triangle"},
    {"length": 512, "window": "none"},
    {"length": 64, "hop_length": 10, "window": "none", "scale": "peak"},
]


def noise(n: int, *, channels: int = 1, seed: int = 0) -> Tensor:
    return 0.3 * torch.randn(1, channels, n, generator=torch.Generator().manual_seed(seed))


def fitted(**settings: object) -> Grains:
    transform = Grains(22_050, **settings)  # type: ignore[arg-type]  # tables of settings
    transform.fit([noise(30_000)[0]])
    return transform


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("n", [1, 63, 4_000, 4_097])
def test_unchanged_grains_give_the_sound_back(settings: dict[str, object], n: int) -> None:
    transform, wave = fitted(**settings), noise(n, channels=2)
    torch.testing.assert_close(transform.invert(transform(wave), length=n), wave, atol=2e-6, rtol=1e-5)


def test_a_grain_is_the_samples_around_its_place() -> None:
    transform = Grains(22_050, length=8, hop_length=4)
    grains = transform(torch.arange(1.0, 17.0)[None, None])
    assert grains[0, 0, :, 0].tolist() == [0, 0, 0, 0, 1, 2, 3, 4]
    assert grains[0, 0, :, 2].tolist() == [5, 6, 7, 8, 9, 10, 11, 12]


def test_a_grain_without_window_begins_at_its_place() -> None:
    transform = Grains(22_050, length=4, hop_length=4, window="none")
    blocks = transform(torch.arange(1.0, 11.0)[None, None])
    assert blocks[0, 0].T.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 0, 0]]


def test_the_scale_is_the_deviation_or_the_peak() -> None:
    sound = noise(30_000)
    assert float(fitted()(sound).square().mean().sqrt()) == pytest.approx(1.0, rel=0.02)
    assert float(fitted(scale="peak")(sound).abs().max()) == pytest.approx(1.0)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_steps_are_the_transform_late_by_what_they_say(settings: dict[str, object]) -> None:
    transform, wave = fitted(**settings), noise(6_000, channels=2)
    hop = transform.hop_length
    frames = transform(wave)
    cut, add = transform.analysis_step(channels=2), transform.synthesis_step(channels=2)
    blocks = wave[..., : wave.shape[-1] // hop * hop].split(hop, dim=2)
    state, found = cut.initial(), []
    for block in blocks:
        grain, *state = cut(block, *state)
        found.append(grain)
    late = cut.latency // hop
    assert cut.latency == late * hop
    live = torch.cat(found, dim=3)[..., late:]
    torch.testing.assert_close(live, frames[..., : live.shape[3]], atol=1e-6, rtol=1e-5)
    state, spoken = add.initial(), []
    for frame in frames.split(1, dim=3):
        sound, *state = add(frame, *state)
        spoken.append(sound)
    whole = torch.cat(spoken, dim=2)
    assert not whole[..., : add.latency].any()
    live = whole[..., add.latency :][..., :6_000]
    torch.testing.assert_close(live, wave[..., : live.shape[2]], atol=2e-6, rtol=1e-5)


def test_a_stream_is_the_same_for_any_blocks() -> None:
    transform = fitted(length=512, hop_length=128)
    frames = transform(noise(9_000))
    whole = transform.stream(channels=1).push(frames)
    stream = transform.stream(channels=1)
    parts = torch.cat([stream.push(f) for f in frames.split([1, 5, 3, frames.shape[3] - 9], dim=3)], dim=2)
    assert torch.equal(parts, whole)
    stream.reset()
    assert torch.equal(stream.push(frames), whole)
    with pytest.raises(ParameterError, match=r"frames of shape \(1, 1, 512\)"):
        stream.push(frames[:, :, :100])


def test_what_is_heard_of_grains_is_their_log_mel() -> None:
    transform = fitted(length=512, hop_length=256)
    wave = noise(22_050)
    heard = transform.heard(transform(wave))
    assert heard.shape[-1] == transform(wave).shape[-1]
    expected = transform.judge(wave)
    torch.testing.assert_close(heard[..., :80], expected[..., :80], atol=1e-3, rtol=1e-3)
    assert abs(float(heard.mean())) < 0.1


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"length": 511}, "'length' is 511; give an even number"),
        ({"length": 512, "hop_length": 300}, "'hop_length' is 300; grains of 512 samples with the window 'hann'"),
        ({"length": 512, "hop_length": 0}, "'hop_length' is 0"),
        ({"length": 2**17}, "4 to 65536"),
        ({"window": "kaiser"}, "expects one of 'hann', 'hamming', 'triangle', 'none'"),
    ],
)
def test_wrong_settings_get_one_sentence(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        Grains(22_050, **settings)  # type: ignore[arg-type]


def test_silence_and_nothing_teach_no_scale() -> None:
    for waves, sentence in (([torch.zeros(1, 5000)], "all 1 sounds are silent"), ([], "there is no sound")):
        with pytest.raises(DataError, match=f"Grains found nothing.*{sentence}"):
            Grains(22_050).fit(waves)


def test_frames_of_another_transform_and_lengths_below_nothing_are_refused() -> None:
    transform = Grains(22_050)
    with pytest.raises(ParameterError, match="Grains has 512 features, but the frames have 100"):
        transform.invert(torch.zeros(1, 1, 100, 3))
    with pytest.raises(ParameterError, match="'length' is -1"):
        transform.invert(torch.zeros(1, 1, 512, 3), length=-1)


def test_grains_longer_than_the_sound_are_filled_with_silence() -> None:
    transform = Grains(22_050, length=4096)
    wave = noise(100)
    grains = transform(wave)
    assert grains.shape == (1, 1, 4096, 1)
    torch.testing.assert_close(transform.invert(grains, length=100), wave, atol=1e-6, rtol=1e-5)
