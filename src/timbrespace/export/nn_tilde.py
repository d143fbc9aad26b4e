"""A codec as a TorchScript file that nn~ plays in Max, Pure Data and SuperCollider."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from timbrespace.codecs.mapping import map_of
from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.steps import decoder_step, encoder_step
from timbrespace.core.errors import ExportError, ParameterError
from timbrespace.core.files import atomic_file, refuse_existing
from timbrespace.core.seeds import torch_generator
from timbrespace.export.nn_check import check_protocol, examine
from timbrespace.export.nn_method import Method
from timbrespace.export.packed_step import quiet_torchscript, trace_step
from timbrespace.export.scripted.model import NnModel
from timbrespace.export.scripted.parts import LatentInput, MapBothWays, StepLoop
from timbrespace.export.scripted.table import TablePlayer
from timbrespace.export.sheet import Sheet
from timbrespace.export.trial import trial_of
from timbrespace.latent.distilled_map import DistilledMap
from timbrespace.layers.live_step import LiveStep
from timbrespace.layers.short_convolution import with_short_convolutions

REACH = 30.0
"""Deviations (or units) from the mean beyond which a latent is held: far outside what means anything."""
NOTES = (
    "The sound is at the model's own rate: run the host at it, or the sound is higher or lower.",
    "gain in dB; temperature in deviations of the latents (0: none), from a stored table, so that it repeats;"
    " scale and bias of every latent; table_steps, end_point and crossfade of the table.",
    "What is no number counts as 0, latents are held within 30 deviations, sound beyond 0.9 is bent and stays below 1.",
)
NOISE_ROWS = 4096
CROSSFADE, TABLE_STEPS = 512, 32
VECTORS = ("scale", "bias", "end_point")
FLOAT, WHOLE = 2, 1
"""nn~'s numbers for sorts of attributes."""


def export_nn(codec: SoundCodec, path: Path, *, title: str = "model", force: bool = False, speed: bool = True) -> Sheet:
    """Write a codec as ``path`` (.ts) for nn~, with its sheet beside it; returns the sheet.

    The file is written aside, read back, compared with the model and then renamed. Raises :class:`ExportError` where
    it does not do what the model does (nothing is left), :class:`ParameterError` where the codec cannot be exported.
    ``speed=False`` leaves out measuring it.
    """
    if path.suffix != ".ts":
        raise ParameterError(f"nn~ reads files that end in .ts, not {path.name!r}; choose such a name.")
    refuse_existing(path, force=force)
    methods = methods_of(codec)
    made = scripted(codec)
    trial = trial_of(codec)
    with atomic_file(path) as partial:
        with quiet_torchscript():
            torch.jit.save(made, str(partial))
        check_protocol(partial, methods)
        parts = examine(partial, codec, methods, trial, speed=speed)
        sheet = Sheet(f"{title} for nn~", _facts(codec, partial, trial.source), parts, NOTES)
        if sheet.failures():
            raise ExportError(f"{path} was not written: {'; '.join(sheet.failures())}.")
    sheet.write(path)
    return sheet


def _facts(codec: SoundCodec, file: Path, source: str) -> dict[str, str | int]:
    return {
        "sample rate (Hz)": codec.sample_rate,
        "channels": codec.channels,
        "samples per latent step": codec.ratio,
        "latents": codec.latent_dim,
        "bytes": file.stat().st_size,
        "written with torch": torch.__version__,
        "compared on": source,
    }


def methods_of(codec: SoundCodec) -> list[Method]:
    """The methods that a codec's export has.

    ``encode`` and ``forward`` need an encoder that can encode live, ``map2latent`` and ``latent2map`` a model with a
    map.
    """
    ratio, d = codec.ratio, codec.latent_dim
    sound = tuple("sound" if codec.channels == 1 else f"sound {c + 1}" for c in range(codec.channels))
    latents = tuple(f"latent {i + 1}" for i in range(d))
    n = codec.channels
    found = [Method("decode", (d, ratio, n, 1), latents, sound)]
    if _encoder(codec) is not None:
        found.insert(0, Method("encode", (n, 1, d, ratio), sound, latents))
        found.append(Method("forward", (n, 1, n, 1), sound, sound))
    found.append(Method("table", (2, 1, n, 1), ("playback frequency in Hz", "start in samples"), sound))
    if map_of(codec) is not None:
        places = ("map x", "map y")
        found.append(Method("map2latent", (2, ratio, d, ratio), places, latents))
        found.append(Method("latent2map", (d, ratio, 2, ratio), latents, places))
    return found


@torch.no_grad()
def scripted(codec: SoundCodec, *, seed: int = 0) -> torch.jit.ScriptModule:
    """The codec as a module of nn~'s protocol.

    Raises :class:`ParameterError` where the codec has no decoder that plays live, or a ratio that nn~ cannot use.
    """
    if codec.ratio & (codec.ratio - 1):
        raise ParameterError(
            f"nn~ works with powers of two, and a latent step of this model is {codec.ratio} samples; train one with a"
            " hop_length and frames_per_step whose product is a power of two."
        )
    decoder = decoder_step(codec)
    encoder = _encoder(codec)
    mean, deviations = latent_statistics(codec)
    noise = torch.randn(codec.latent_dim, NOISE_ROWS, generator=torch_generator(seed, "nn~ temperature"))
    wave, z = torch.zeros(1, codec.channels, codec.ratio), torch.zeros(1, codec.latent_dim, 1)
    methods = methods_of(codec)
    model = NnModel(
        encoder=StepLoop(
            *trace_step(with_short_convolutions(encoder or _Nothing(codec.latent_dim)), wave), quantum=codec.ratio
        ),
        decoder=StepLoop(*trace_step(with_short_convolutions(decoder), z), quantum=1),
        latents=LatentInput(mean, deviations, noise, reach=REACH),
        places=_places(map_of(codec), codec.latent_dim),
        player=TablePlayer(codec.channels),
        methods=[m.name for m in methods],
        centre=mean,
        end_point=2.0 * deviations,
        sample_rate=codec.sample_rate,
        ratio=codec.ratio,
        latency=decoder.latency,
        crossfade=min(CROSSFADE, TABLE_STEPS * codec.ratio // 2),
        table_steps=TABLE_STEPS,
    )
    _describe(model, methods, codec.latent_dim)
    model.eval()
    with quiet_torchscript():
        made = torch.jit.script(model)
        made.define(_vector_accessors(codec.latent_dim))
    return made


def latent_statistics(codec: SoundCodec) -> tuple[Tensor, Tensor]:
    """Mean and deviation of every latent over the training sounds; 0 and 1, the prior's, where they are not stored."""
    vectors = codec.latent.get("vectors")
    if vectors is None or len(vectors) < 2:
        return torch.zeros(codec.latent_dim), torch.ones(codec.latent_dim)
    return vectors.float().mean(0), vectors.float().std(0).clamp_min(1e-6)


class _Nothing(LiveStep):
    """In the place of an encoder that a model has not; no method leads here."""

    latency = 0

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    def initial(self, batch: int = 1) -> tuple[Tensor, ...]:
        return (torch.zeros(batch, 1),)

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        return x.mean(dim=(1, 2))[:, None, None].expand(-1, self.latent_dim, 1) * 0.0, state[0]


def _encoder(codec: SoundCodec) -> LiveStep | None:
    try:
        return encoder_step(codec)
    except ParameterError:
        return None


class _Back(torch.nn.Module):
    """The map's way back under the name that tracing looks for."""

    def __init__(self, made: DistilledMap) -> None:
        super().__init__()
        self.made = made

    def forward(self, places: Tensor) -> Tensor:
        return self.made.from_map(places)


def _places(made: DistilledMap | None, latent_dim: int) -> MapBothWays:
    """The model's map, or a blank one that no method leads to."""
    stored = made or DistilledMap(torch.zeros(latent_dim), torch.eye(latent_dim), torch.eye(latent_dim), hidden=1)
    with quiet_torchscript():
        forth = torch.jit.trace(stored, torch.zeros(3, 2, latent_dim))
        return MapBothWays(forth, torch.jit.trace(_Back(stored), torch.zeros(3, 2, 2)))


def _describe(model: NnModel, methods: list[Method], latent_dim: int) -> None:
    """The buffers and lists by which nn~ knows methods and attributes."""
    for method in methods:
        model.register_buffer(f"{method.name}_params", torch.tensor(method.params))
        setattr(model, f"{method.name}_input_labels", list(method.inputs))
        setattr(model, f"{method.name}_output_labels", list(method.outputs))
    sorts = {"gain": [FLOAT], "temperature": [FLOAT], "crossfade": [WHOLE], "table_steps": [WHOLE]}
    for name, sort in (sorts | {v: [FLOAT] * latent_dim for v in VECTORS}).items():
        model.register_buffer(f"{name}_params", torch.tensor(sort))


def _vector_accessors(latent_dim: int) -> str:
    """Getters and setters with one argument for every latent, which no signature in Python can state."""
    names = [f"v{i + 1}" for i in range(latent_dim)]
    arguments = ", ".join(f"{n}: float" for n in names)
    return "\n".join(
        f"def get_{vector}(self) -> List[float]:\n    return self.get_vector('{vector}')\n"
        f"def set_{vector}(self, {arguments}) -> int:\n    return self.set_vector('{vector}', [{', '.join(names)}])\n"
        for vector in VECTORS
    )
