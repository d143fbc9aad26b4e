"""ONNX files of a codec, read back by ONNX Runtime and compared before they are left anywhere."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from timbrespace.codecs.onnx_session import OnnxHalf, runtime_installed
from timbrespace.codecs.onnx_stream import DECODER, OnnxStream
from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.steps import decoder_step, encoder_step
from timbrespace.core.errors import ExportError, ParameterError
from timbrespace.core.files import atomic_folder
from timbrespace.export.block_speed import block_speeds
from timbrespace.export.delay import Delay, measured_delay
from timbrespace.export.likeness import SPECTRAL_BAR, latent_likeness, sound_likeness, steps_alike
from timbrespace.export.onnx import onnx_decoder, onnx_encoder
from timbrespace.export.sheet import MEANS_ONLY, Part, Sheet
from timbrespace.export.trial import Trial, run_step, trial_of
from timbrespace.layers.live_step import LiveStep

FILES = ("decoder.onnx", "encoder.onnx")
NOTES = (
    "One call is one latent step: an input, then the states that the call before gave; the first call takes zeros, or"
    " what 'beginnings' in the metadata says.",
    "Batch 1; sizes do not change. NaN or infinite input is not caught inside: check it before.",
)


def export_onnx(
    codec: SoundCodec, folder: Path, *, title: str = "model", force: bool = False, speed: bool = True
) -> list[Sheet]:
    """Write ``decoder.onnx`` and, where the encoder can encode live, ``encoder.onnx`` into a new folder, with sheets.

    Raises :class:`ExportError` where a file does not do what the model does (nothing is left), and
    :class:`ParameterError` where the codec has no decoder that plays live. ``speed=False`` leaves out measuring it.
    """
    with atomic_folder(folder, force=force) as partial:
        trial = trial_of(codec)
        sheets = []
        for name in FILES:
            if name == FILES[1] and not _encodes_live(codec):
                continue
            content = onnx_decoder(codec) if name == FILES[0] else onnx_encoder(codec)
            half = OnnxHalf(content, file=name)
            part = (_decoder_part if name == FILES[0] else _encoder_part)(half, codec, trial, speed)
            sheet = Sheet(f"{title} as ONNX: {name}", _facts(half, content, trial), [part], NOTES)
            if sheet.failures():
                raise ExportError(f"{folder} was not written: {'; '.join(sheet.failures())}.")
            (partial / name).write_bytes(content)
            sheet.write(partial / name)
            sheets.append(sheet)
    return sheets


def live_engine(codec: SoundCodec) -> dict[str, bytes]:
    """The decoder that a bundle carries for the live engine, by its name there; none where it would be another sound.

    It is kept only where it was compared with :meth:`SoundCodec.stream` itself and is alike; models whose live phases
    are found by a rule that is no pure step have none, and where ONNX Runtime is absent nothing is made.
    """
    if not runtime_installed():
        return {}
    try:
        step, played = decoder_step(codec), codec.torch_stream()
    except ParameterError:
        return {}
    trial = trial_of(codec)
    z, expected = trial.latents, played.decode(trial.latents)
    pure = sound_likeness(run_step(step, z, quantum=1), expected)
    assert pure.spectral is not None  # of sounds it is known
    same = pure.passed or pure.spectral <= SPECTRAL_BAR  # the same rule, but for the rounding of some phases
    if not same or step.latency != played.latency:  # before the graph is made, which takes longer
        return {}
    content = onnx_decoder(codec)
    half = OnnxHalf(content, file=DECODER)
    found = sound_likeness(OnnxStream(half).decode(z), expected, steps=_steps_alike(half, step, trial))
    return {DECODER: content} if found.passed else {}


def _steps_alike(half: OnnxHalf, step: LiveStep, trial: Trial) -> float | None:
    """Of the exported decoder, put into the states of the model's own."""

    def run(z: Tensor, state: tuple[Tensor, ...]) -> Tensor:
        return torch.from_numpy(half.step(z.numpy(), [s.numpy() for s in state])[0])

    return steps_alike(step, trial.latents, run)


@torch.no_grad()
def _decoder_part(half: OnnxHalf, codec: SoundCodec, trial: Trial, speed: bool) -> Part:
    step = decoder_step(codec)
    more = -(-step.latency // codec.ratio)
    z = trial.going_on(more)
    stream = OnnxStream(half)
    live = stream.decode(z)
    delay = measured_delay(live[0], trial.sound[0], most=more * codec.ratio, unit=codec.transform.hop_length)
    one = z[..., :1]
    return Part(
        "decoder",
        f"latents (1, {codec.latent_dim}, 1) and states to sound (1, {codec.channels}, {codec.ratio}) and states.",
        sound_likeness(live, run_step(step, z, quantum=1), steps=_steps_alike(half, step, trial)),
        half.facts.latency,
        delay,
        block_speeds(lambda: stream.decode(one), quantum=codec.ratio, sample_rate=codec.sample_rate) if speed else (),
    )


@torch.no_grad()
def _encoder_part(half: OnnxHalf, codec: SoundCodec, trial: Trial, speed: bool) -> Part:
    step = encoder_step(codec)
    late, steps = step.latency // codec.ratio, trial.latents.shape[2]
    wave = torch.nn.functional.pad(trial.sound, (0, late * codec.ratio))
    live = _encoded(half, wave, codec.ratio)
    whole = codec.model.infer(codec.transform(wave), refinement=0)[..., :steps]
    found = measured_delay(live[0], whole[0], most=late, unit=1)
    block, state = wave[..., : codec.ratio].numpy(), half.initial()
    return Part(
        "encoder",
        f"sound (1, {codec.channels}, {codec.ratio}) and states to latents (1, {codec.latent_dim}, 1) and states.",
        latent_likeness(live, run_step(step, wave, quantum=codec.ratio)),
        half.facts.latency,
        Delay(found.samples * codec.ratio, found.exact, found.tolerance * codec.ratio),
        block_speeds(lambda: half.step(block, state), quantum=codec.ratio, sample_rate=codec.sample_rate)
        if speed
        else (),
        (MEANS_ONLY,),
    )


def _encoded(half: OnnxHalf, wave: Tensor, quantum: int) -> Tensor:
    state, out = half.initial(), []
    for block in wave.split(quantum, dim=2):
        z, state = half.step(block.numpy(), state)
        out.append(torch.from_numpy(z))
    return torch.cat(out, dim=2)


def _encodes_live(codec: SoundCodec) -> bool:
    try:
        encoder_step(codec)
    except ParameterError:
        return False
    return True


def _facts(half: OnnxHalf, content: bytes, trial: Trial) -> dict[str, str | int]:
    f = half.facts
    return {
        "sample rate (Hz)": f.sample_rate,
        "channels": f.channels,
        "samples per latent step": f.ratio,
        "latents": f.latent_dim,
        "states": len(half.initial()),
        "bytes": len(content),
        "compared on": trial.source,
    }
