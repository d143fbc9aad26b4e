"""ONNX files of ours: what they say of themselves, and one of their steps at a time through ONNX Runtime."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from timbrespace.core.errors import BundleError

ONNX_FORMAT = 1
PREFIX = "timbrespace."
MOST_BYTES = 1 << 31
"""What a protocol buffer can hold; more is no ONNX file."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class OnnxFacts:
    """What an exported half of a codec is; the file's ``metadata_props`` hold it as JSON, each under its own name.

    ``kind`` is ``decoder`` (latents to sound) or ``encoder``; ``latency`` in samples as that of
    :class:`~timbrespace.layers.live_step.LiveStep`; ``names`` of the latents; ``beginnings`` are the states, by number
    from 0, that do not begin as zeros, with the value that fills each.
    """

    kind: str
    sample_rate: int
    channels: int
    latent_dim: int
    ratio: int
    latency: int
    names: tuple[str, ...]
    beginnings: Mapping[str, float] = field(default_factory=dict)
    format: int = ONNX_FORMAT

    def properties(self) -> dict[str, str]:
        """As a file's metadata holds them."""
        return {PREFIX + name: json.dumps(value) for name, value in asdict(self).items()}

    @classmethod
    def of(cls, properties: dict[str, str], *, file: str) -> OnnxFacts:
        """Raises :class:`BundleError` where they are not those of a file of ours, or of a newer format."""
        try:
            said = {k.removeprefix(PREFIX): json.loads(v) for k, v in properties.items() if k.startswith(PREFIX)}
            version = int(said["format"])
            facts = cls(**(said | {"names": tuple(said["names"])})) if version <= ONNX_FORMAT else None
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(
                f"{file} does not say what it is ({error!r}); give an ONNX file that 'timbrespace export' wrote."
            ) from None
        if facts is None:
            raise BundleError(
                f"{file} is of ONNX format {version}, and this version reads up to {ONNX_FORMAT}; update."
            )
        return facts


def runtime_installed() -> bool:
    """Whether ONNX Runtime can be imported."""
    return importlib.util.find_spec("onnxruntime") is not None


class OnnxHalf:
    """The decoder or encoder in an ONNX file, in a session of one thread; it holds no state and may be shared.

    Raises :class:`BundleError` for what is no such file.
    """

    def __init__(self, content: bytes, *, file: str) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 4  # errors become sentences here
        try:  # from bytes, so that a file cannot name others
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise BundleError(f"{file} is no ONNX file that can be run ({_first_line(error)}); give another.") from None
        self.facts = OnnxFacts.of(dict(self._session.get_modelmeta().custom_metadata_map), file=file)
        self._names = [i.name for i in self._session.get_inputs()]
        shapes = [tuple(i.shape) for i in self._session.get_inputs()]
        types = [i.type for i in self._session.get_inputs()]
        self._check(shapes, types, file=file)
        self.input_shape: tuple[int, ...] = shapes[0]
        self._initial = _initial(self.facts.beginnings, shapes, types, file=file)

    @classmethod
    def open(cls, path: Path) -> OnnxHalf:
        """The half in a file."""
        try:
            if path.stat().st_size > MOST_BYTES:
                raise BundleError(f"{path} has {path.stat().st_size:,} bytes, more than any ONNX file; give another.")
            content = path.read_bytes()
        except OSError as error:
            raise BundleError(f"{path} cannot be read ({error.strerror}); give another file.") from None
        return cls(content, file=str(path))

    def initial(self) -> list[Array]:
        """The state before the first step."""
        return list(self._initial)

    def step(self, x: Array, state: list[Array]) -> tuple[Array, list[Array]]:
        """Output and state of one step."""
        y, *after = self._session.run(None, dict(zip(self._names, (x, *state), strict=True)))
        return y, after

    def player(self) -> OnnxPlayer:
        """One course of steps from the beginning, in memory that is allocated once."""
        return OnnxPlayer(self._session, self._initial)

    def _check(self, shapes: list[tuple[Any, ...]], types: list[str], *, file: str) -> None:
        """The interface is as the facts say, and its states come back as they went in."""
        f = self.facts
        latents, wave = (1, f.latent_dim, 1), (1, f.channels, f.ratio)
        first, out = (latents, wave) if f.kind == "decoder" else (wave, latents)
        outputs = [tuple(o.shape) for o in self._session.get_outputs()]
        whole = all(isinstance(n, int) for shape in shapes for n in shape)
        if (
            not whole
            or shapes[0] != first
            or outputs[0] != out
            or outputs[1:] != shapes[1:]
            or not set(types) <= set(_TYPES)
        ):
            raise BundleError(f"{file} is not what it says: a {f.kind} with inputs {shapes} and outputs {outputs}.")


class OnnxPlayer:
    """Steps in a row: the states go from one set of buffers to the other and back, so that nothing is allocated."""

    def __init__(self, session: Any, initial: list[Array]) -> None:
        from onnxruntime import OrtValue

        self._session, self._initial = session, initial
        (x, *states), (y, *after) = session.get_inputs(), session.get_outputs()
        self._x = OrtValue.ortvalue_from_numpy(np.zeros(x.shape, np.float32))
        self._y = OrtValue.ortvalue_from_numpy(np.zeros(y.shape, np.float32))
        # A value of the runtime's may lie in the array that it is made of, so that each gets one of its own.
        self._states = [[OrtValue.ortvalue_from_numpy(s.copy()) for s in initial] for _ in range(2)]
        self._bindings = []
        for given, left in (self._states, self._states[::-1]):
            binding = session.io_binding()
            binding.bind_ortvalue_input(x.name, self._x)
            binding.bind_ortvalue_output(y.name, self._y)
            for spec, value in zip(states, given, strict=True):
                binding.bind_ortvalue_input(spec.name, value)
            for spec, value in zip(after, left, strict=True):
                binding.bind_ortvalue_output(spec.name, value)
            self._bindings.append(binding)
        self._turn = 0

    def reset(self) -> None:
        """Begin anew."""
        self._turn = 0
        for value, initial in zip(self._states[0], self._initial, strict=True):
            value.update_inplace(initial)

    def step(self, x: Array) -> Array:
        """The output of the next step: an array of its own."""
        self._x.update_inplace(x)
        self._session.run_with_iobinding(self._bindings[self._turn])
        self._turn = 1 - self._turn
        return np.array(self._y.numpy())


_TYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64}


def _initial(
    beginnings: Mapping[str, float], shapes: list[tuple[Any, ...]], types: list[str], *, file: str
) -> list[Array]:
    """States before the first step."""
    states = [np.zeros(shape, _TYPES[kind]) for shape, kind in zip(shapes[1:], types[1:], strict=True)]
    for place, value in beginnings.items():
        if not (str(place).isdigit() and int(place) < len(states) and isinstance(value, int | float)):
            raise BundleError(f"{file} states the beginning of a state that it has not; export it again.")
        states[int(place)].fill(value)
    return states


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
