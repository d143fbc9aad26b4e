"""TorchScript files as RAVE and nn~ export them, small and fast: well-behaved ones, and ones that are not.

The interface is RAVE's (methods, ``*_params`` buffers, labels, attributes, PCA buffers); inside are orthonormal cosine
coefficients of blocks of ``RATIO`` samples, with a delay line before and behind, as streaming convolutions have.
"""

from __future__ import annotations

import io
import json
import math
import os
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from timbrespace.codecs.torchscript.child import _answered, _opened
from timbrespace.codecs.torchscript.process import ConfinedProcess
from timbrespace.codecs.torchscript.protocol import packed

RATIO, FULL, LATENTS, RATE = 64, 16, 8, 16_000
DELAY_IN, DELAY_OUT = 2 * RATIO, 100
FIDELITY = [0.5, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.993, 0.996, 0.999, 1.0]


def cosines(count: int, size: int) -> Tensor:
    """The first ``count`` rows of the orthonormal cosine transform (DCT-II) of blocks of ``size``."""
    k, n = torch.arange(count, dtype=torch.float64)[:, None], torch.arange(size, dtype=torch.float64)
    rows = torch.cos(math.pi / size * (n + 0.5) * k) * math.sqrt(2.0 / size)
    rows[0] /= math.sqrt(2.0)
    return rows.float()


class DelayLine(nn.Module):
    """Late by ``samples``; what is still inside is its state."""

    def __init__(self, channels: int, samples: int) -> None:
        super().__init__()
        self.samples = samples
        self.register_buffer("pad", 0.3 * torch.ones(1, channels, samples))  # what an export leaves behind

    def forward(self, x: Tensor) -> Tensor:
        joined = torch.cat([self.pad.expand(x.shape[0], -1, -1), x], -1)
        self.pad = joined[:1, :, joined.shape[-1] - self.samples :]
        return joined[..., : x.shape[-1]]


class RaveStyle(nn.Module):
    """RAVE's interface around cosine coefficients."""

    def __init__(
        self, *, channels: int = 1, draws: bool = True, delays: tuple[int, int] = (DELAY_IN, DELAY_OUT)
    ) -> None:
        super().__init__()
        self.sr, self.latent_size, self.full_latent_size, self.n_channels = RATE, LATENTS, FULL, channels
        self.draws, self.ratio = draws, RATIO
        self.before, self.behind = DelayLine(channels, delays[0]), DelayLine(channels, delays[1])
        self.register_buffer("basis", cosines(FULL, RATIO) * 0.5)
        generator = torch.Generator().manual_seed(0)
        half = torch.linalg.qr(torch.randn(LATENTS, LATENTS, generator=generator)).Q
        order = torch.block_diag(half, half)  # the informative ones first
        self.register_buffer("latent_pca", order)
        mean = torch.where(torch.arange(FULL) < LATENTS, 0.1 * torch.randn(FULL, generator=generator), 0.0)
        self.register_buffer("latent_mean", mean)
        self.register_buffer("fidelity", torch.tensor(FIDELITY))
        self.register_buffer("encode_params", torch.tensor([channels, 1, LATENTS, RATIO]))
        self.register_buffer("decode_params", torch.tensor([LATENTS, RATIO, channels, 1]))
        self.register_buffer("forward_params", torch.tensor([channels, 1, channels, 1]))
        self.register_buffer("learn_target_params", torch.tensor([0]))
        self.encode_input_labels = [f"(signal) Channel {i + 1}" for i in range(channels)]
        self.encode_output_labels = [f"(signal) Latent dimension {i + 1}" for i in range(LATENTS)]
        self.decode_input_labels = list(self.encode_output_labels)
        self.decode_output_labels = list(self.encode_input_labels)
        self.learn_target = (False,)

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        blocks = self.before(x).mean(1).unfold(-1, self.ratio, self.ratio)
        mean = torch.matmul(blocks, self.basis.T).transpose(1, 2)
        if self.draws:
            mean = mean + torch.randn_like(mean) * 0.2
        z = torch.matmul(self.latent_pca, mean - self.latent_mean[:, None])
        return z[:, : self.latent_size]

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        if self.draws:
            noise = 0.001 * torch.randn(z.shape[0], self.full_latent_size - z.shape[1], z.shape[2])
        else:
            noise = torch.zeros(z.shape[0], self.full_latent_size - z.shape[1], z.shape[2])
        z = torch.matmul(self.latent_pca.T, torch.cat([z, noise], 1)) + self.latent_mean[:, None]
        y = torch.matmul(z.transpose(1, 2), self.basis * 4.0).reshape(z.shape[0], 1, -1)
        return self.behind(y.expand(-1, self.n_channels, -1))

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return ["encode", "decode", "forward"]

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        return ["learn_target"]

    @torch.jit.export
    def get_learn_target(self) -> bool:
        return self.learn_target[0]

    @torch.jit.export
    def set_learn_target(self, learn_target: bool) -> int:
        self.learn_target = (learn_target,)
        return 0


class Plain(nn.Module):
    """The least an nn~ model has: two methods and their numbers; levels of blocks, without state or rate."""

    def __init__(self) -> None:
        super().__init__()
        self.ratio = RATIO
        self.register_buffer("encode_params", torch.tensor([1, 1, 1, RATIO]))
        self.register_buffer("decode_params", torch.tensor([1, RATIO, 1, 1]))

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return x.unfold(-1, self.ratio, self.ratio).mean(-1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return z.repeat_interleave(self.ratio, -1)


class Smoothed(Plain):
    """Without caches: it pads each piece by itself, so that a cut is heard."""

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return torch.avg_pool1d(x, 2 * self.ratio + self.ratio, self.ratio, self.ratio)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return torch.avg_pool1d(z.repeat_interleave(self.ratio, -1), 2 * self.ratio + 1, 1, self.ratio)


class Uniform(Plain):
    """Draws what has no mean to be left at."""

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        z = x.unfold(-1, self.ratio, self.ratio).mean(-1)
        return z + torch.rand_like(z)


class Counting(Plain):
    """Remembers, in a number that is no buffer, how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        self.count += 1
        print("spoken in between")
        return x.unfold(-1, self.ratio, self.ratio).mean(-1) + self.count


class Looping(Plain):
    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        while x.shape[-1] > 0:
            x = x * 1.0
        return x


class LoopingAtOnce(Plain):
    """Loops for ever as soon as it is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.ready = True

    @torch.jit.export
    def __getstate__(self) -> int:
        return 1

    @torch.jit.export
    def __setstate__(self, state: int) -> None:
        self.training = False
        self.ready = True
        while self.ready:
            state = state + 1


class Writing(Plain):
    """Writes a file where the test says."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        torch.save(x, self.path)
        return x.unfold(-1, self.ratio, self.ratio).mean(-1)


class Reading(Plain):
    """Gives the bytes of a file of the user's as latents."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        seen = torch.from_file(self.path, False, 8, dtype=torch.uint8)
        return x.unfold(-1, self.ratio, self.ratio).mean(-1) + seen.float().mean()


class Sharing(Plain):
    """Maps a file to write into it."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        seen = torch.from_file(self.path, True, 8, dtype=torch.uint8)
        seen.fill_(0)
        return x.unfold(-1, self.ratio, self.ratio).mean(-1) + seen.float().mean()


class Gradual(Plain):
    """Takes memory in pieces that each look harmless."""

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        held = [torch.ones(1)]
        while len(held) < 100_000:
            held.append(torch.ones(50_000_000))
        return x


class NotANumber(Plain):
    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return x.unfold(-1, self.ratio, self.ratio).mean(-1) * float("nan")


class WrongShape(Plain):
    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return x


class NoTensor(Plain):
    @torch.jit.export
    def encode(self, x: Tensor) -> int:
        return 1


class Raising(Plain):
    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        if x.shape[-1] > 0:
            raise RuntimeError("no licence")
        return x


class NoDecode(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("encode_params", torch.tensor([1, 1, 1, RATIO]))

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return x


class NoParams(nn.Module):
    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return x

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return z


def save(module: nn.Module, path: Path) -> Path:
    """The scripted module in a file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scripting is deprecated, and is what RAVE and nn~ do
        torch.jit.save(torch.jit.script(module.eval()), str(path))
    return path


def unfit_params(path: Path, encode: list[int], decode: list[int]) -> Path:
    """A plain model that says other numbers of itself."""
    model = Plain()
    model.encode_params, model.decode_params = torch.tensor(encode), torch.tensor(decode)
    return save(model, path)


class InProcess(ConfinedProcess):
    """The same answers without a process: for what is not about limits, since a process takes seconds to start."""

    def __init__(self, name: str, content: bytes, *, seconds: float, memory_gb: float) -> None:
        self.name, self.seconds, self.memory_gb = name, seconds, memory_gb
        self.closed = False
        self.confined = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._model, answer = _opened(bytearray(content))
        if "error" in answer:
            raise self._refused(answer["error"])
        self.facts = json.loads(json.dumps(answer["facts"]))

    def ask(
        self, fields: dict[str, Any], payload: bytes = b"", *, within: float | None = None, most: int = 0
    ) -> tuple[dict[str, Any], bytearray]:
        assert self._model is not None
        answer, result = _answered(self._model, fields, bytearray(payload))
        if "error" in answer:
            raise self._refused(answer["error"])
        return answer, bytearray(b"" if result is None else packed(result))

    def close(self) -> None:
        self.closed = True


class _Touch:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


def pickled(path: Path, marker: Path, *, archived: bool) -> Path:
    """A pickle that runs a command, bare or in torch's archive."""
    if archived:
        torch.save({"x": _Touch(marker)}, path)
    else:
        path.write_bytes(pickle.dumps(_Touch(marker)))
    return path


def bomb(path: Path) -> Path:
    """A scripted model in which one stored tensor unpacks to 400 megabytes."""
    model = Plain()
    model.register_buffer("weights", torch.zeros(4))
    inside = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(model), inside)
    inside.seek(0)
    with zipfile.ZipFile(inside) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        for entry in old.infolist():
            with new.open(entry.filename, "w", force_zip64=True) as file:
                if entry.filename.endswith("data.pkl"):
                    for _ in range(400):
                        file.write(bytes(2**20))
                else:
                    file.write(old.read(entry))
    return path
