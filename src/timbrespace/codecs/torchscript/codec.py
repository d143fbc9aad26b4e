"""A TorchScript model of RAVE or nn~ as a codec like any other."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from timbrespace.codecs.given import Array, given_latents, given_wave, like
from timbrespace.codecs.torchscript.calibration import calibrate
from timbrespace.codecs.torchscript.card import card
from timbrespace.codecs.torchscript.informative import informative_counts
from timbrespace.codecs.torchscript.process import ConfinedProcess
from timbrespace.codecs.torchscript.protocol import MAX_PAYLOAD
from timbrespace.codecs.torchscript.runner import Interface, Runner
from timbrespace.core.errors import BundleError

ASSUMED_RATE = 44_100
CALL_SECONDS = 60.0
MEMORY_GB = 4.0


class TorchScriptCodec:
    """Wave -> latents -> wave through the ``encode`` and ``decode`` of a TorchScript file.

    The file is a program. It runs in a process of its own that can open no files of yours, write nothing, connect to
    nothing (what of that this system can enforce is in ``facts()``), and is ended when one call of the model takes
    longer than ``seconds`` or more than ``memory_gb``. Every sound begins in the state that the model has after
    silence, with the same random numbers, so equal sounds have equal latents whatever came before. Where encoding
    draws normal numbers, as a variational encoder does, they are left at their mean.

    A streaming model is late; where its delay can be measured (see :mod:`~timbrespace.codecs.torchscript.delay`),
    latents and sound are moved back, so that latent step k stands for samples ``k * ratio`` and following, as
    everywhere.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        sample_rate: int | None = None,
        seconds: float = CALL_SECONDS,
        memory_gb: float = MEMORY_GB,
        seed: int = 0,
    ) -> None:
        self.path = Path(path)
        content = read_model(self.path)
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._size = len(content)
        self._process = ConfinedProcess(str(path), content, seconds=seconds, memory_gb=memory_gb)
        try:
            said = self._process.facts
            self._rate_from = "given" if sample_rate else "the file" if said.get("sample_rate") else "assumed"
            self.sample_rate = int(sample_rate or said.get("sample_rate") or ASSUMED_RATE)
            self._interface = Interface.of(str(path), said["params"], self.sample_rate)
            self._runner = Runner(self._process, self._interface, seed=seed)
            self._calibration = calibrate(self._runner)
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem

    @property
    def channels(self) -> int:
        return self._interface.channels_in

    @property
    def channels_out(self) -> int:
        """Channels of decoded sound; a model may make stereo of mono."""
        return self._interface.channels_out

    @property
    def ratio(self) -> int:
        return self._interface.ratio

    @property
    def latent_dim(self) -> int:
        return self._interface.latent_dim

    @property
    def runner(self) -> Runner:
        """What calls the model, step after step and without starting anew, for measuring it."""
        return self._runner

    @property
    def rate_hz(self) -> float:
        """Latent steps per second."""
        return self.sample_rate / self.ratio

    def facts(self) -> dict[str, Any]:
        """What the file says of itself, what was found by trying it, and what its process cannot do."""
        said, found = self._process.facts, self._calibration
        return {
            "sample_rate": self.sample_rate,
            "sample_rate_from": self._rate_from,
            "channels": self.channels,
            "channels_out": self.channels_out,
            "latent_dim": self.latent_dim,
            "ratio": self.ratio,
            "rate_hz": self.rate_hz,
            "parameters": said["parameters"],
            "bytes": self._size,
            "sha256": self.sha256,
            "methods": said["methods"],
            "attributes": said["attributes"],
            "buffers": said["buffers"],
            "encoding": found.encoding,
            "encode_draws": list(found.encode_draws),
            "decode_draws": list(found.decode_draws),
            "streaming": found.cuttable,
            "delay_samples": found.delay.samples,
            "delay_steps_of_encoder": found.delay.steps,
            "delay_by": found.delay.by,
            "delay_correlation": round(found.delay.correlation, 3),
            **informative_counts(said["fidelity"], full=said["full_latent_size"]),
            "confined": self._process.confined,
        }

    def card(self) -> str:
        """The facts as lines to read."""
        return card(self.path, self.facts())

    def encode(self, wave: Array) -> Array:
        """Latents (batch, latent, step) of a wave (batch, channel, time): ``ceil(time / ratio)`` steps."""
        sound = given_wave(wave, channels=self.channels)
        found, late = self._calibration, self._calibration.delay.steps
        steps = -(-sound.shape[2] // self.ratio)
        padded = torch.nn.functional.pad(sound, (0, (steps + late) * self.ratio - sound.shape[2]))
        parts = [self._runner.encode(s, quiet=found.quiet, cuttable=found.cuttable) for s in padded.split(1)]
        return like(torch.cat(parts)[..., late:], wave)

    def decode(self, latents: Array, *, length: int | None = None) -> Array:
        """A wave of ``length`` samples (``ratio`` per step if not given) from latents (batch, latent, step).

        Where the decoder is late it goes on with the last latents for as long, and its beginning is left out.
        """
        z = given_latents(latents, latent_dim=self.latent_dim, length=length)
        samples = z.shape[2] * self.ratio if length is None else length
        late = self._calibration.delay.behind(self.ratio)
        more = max(0, -(-(late + samples) // self.ratio) - z.shape[2])
        held = torch.cat([z, z[..., -1:].expand(-1, -1, more)], -1)
        parts = [self._runner.decode(s, cuttable=self._calibration.cuttable) for s in held.split(1)]
        return like(torch.cat(parts)[..., late : late + samples], latents)

    def close(self) -> None:
        """End the model's process."""
        self._process.close()

    def __enter__(self) -> TorchScriptCodec:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_model(path: Path) -> bytes:
    """The bytes of a model file: what is hashed is what is run."""
    if not path.is_file():
        raise BundleError(f"There is no file {path}; give the .ts that RAVE or nn~ exported.")
    try:
        if path.stat().st_size > MAX_PAYLOAD:
            raise BundleError(f"{path} has {path.stat().st_size:,} bytes, more than any model here; give another file.")
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error.strerror}); give another file.") from None
    if not content:
        raise BundleError(f"{path} is empty; give the .ts that RAVE or nn~ exported.")
    return content
