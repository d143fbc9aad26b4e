"""A codec's halves as ONNX graphs of one step, states in and out."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from timbrespace.codecs.onnx_session import OnnxFacts
from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.steps import decoder_step, encoder_step
from timbrespace.core.errors import ParameterError
from timbrespace.layers.live_step import LiveStep
from timbrespace.layers.short_convolution import with_short_convolutions

OPSET = 20
"""The first with an inverse real DFT and the exact GELU as one operation."""


def onnx_decoder(codec: SoundCodec) -> bytes:
    """``sound, state_1, ... = decoder(latents, state_1, ...)`` for one step, batch 1; raises as ``decoder_step``."""
    step = decoder_step(codec)
    example = torch.zeros(1, codec.latent_dim, 1)
    return _graph(step, example, _facts(codec, "decoder", step), names=("latents", "sound"))


def onnx_encoder(codec: SoundCodec) -> bytes:
    """``latents, state_1, ... = encoder(sound, state_1, ...)`` for one step; raises as ``encoder_step``."""
    step = encoder_step(codec)
    example = torch.zeros(1, codec.channels, codec.ratio)
    return _graph(step, example, _facts(codec, "encoder", step), names=("sound", "latents"))


def _facts(codec: SoundCodec, kind: str, step: LiveStep) -> OnnxFacts:
    return OnnxFacts(
        kind=kind,
        sample_rate=codec.sample_rate,
        channels=codec.channels,
        latent_dim=codec.latent_dim,
        ratio=codec.ratio,
        latency=step.latency,
        names=tuple(f"latent {i + 1}" for i in range(codec.latent_dim)),
        beginnings=_beginnings(step.initial()),
    )


def _graph(step: LiveStep, example: Tensor, facts: OnnxFacts, *, names: tuple[str, str]) -> bytes:
    """The file's bytes. A program is exported and then serialised: given a path, torch would split off weights."""
    initial = step.initial()
    states = [f"state_{i + 1}" for i in range(len(initial))]
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            with_short_convolutions(step).eval(),
            (example, *initial),
            dynamo=True,
            opset_version=OPSET,
            input_names=[names[0], *states],
            output_names=[names[1], *(f"{s}_after" for s in states)],
            verbose=False,
        )
    assert program is not None  # dynamo gives one
    model = program.model_proto
    for name, value in facts.properties().items():
        entry = model.metadata_props.add()
        entry.key, entry.value = name, value
    _forget_places(model)
    return model.SerializeToString()


def _beginnings(initial: tuple[Tensor, ...]) -> dict[str, float]:
    """The states that do not begin as zeros, each all of one value."""
    said = {}
    for i, state in enumerate(initial):
        value = state.flatten()[0]
        if not bool((state == value).all()):
            raise ParameterError("A state that begins with different values cannot be exported to ONNX.")
        if bool(value != 0):
            said[str(i)] = value.item()
    return said


def _forget_places(model: Any) -> None:
    """Without the stack traces that torch notes at every node: they name folders of this machine."""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    for function in model.functions:
        del function.metadata_props[:]
        for node in function.node:
            del node.metadata_props[:]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's news about other packages."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
