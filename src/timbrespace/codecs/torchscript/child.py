"""The confined process that holds a scripted model: reads a request, answers it, until its input ends."""

from __future__ import annotations

import os
from io import BufferedIOBase
from typing import Any

import torch
from torch import Tensor

from timbrespace.codecs.torchscript.confinement import allow_seconds, confine
from timbrespace.codecs.torchscript.protocol import packed, receive, send, unpacked
from timbrespace.codecs.torchscript.scripted import Scripted, UnfitError, out_of_memory, reason


def main() -> None:
    """Take the pipes away from standard input and output, where a model prints, then serve."""
    inward, outward = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.close(nowhere)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        _serve(inward, outward)
    except (EOFError, BrokenPipeError):
        return


def _serve(inward: BufferedIOBase, outward: BufferedIOBase) -> None:
    request, _ = receive(inward)
    _warm_up()
    send(outward, {"confined": confine(int(request["memory_bytes"]))})
    request, content = receive(inward)
    allow_seconds(float(request["seconds"]))
    model, answer = _opened(content)
    send(outward, answer)
    del content
    while model is not None:
        request, payload = receive(inward)
        allow_seconds(float(request["seconds"]))
        fields, result = _answered(model, request, payload)
        send(outward, fields, b"" if result is None else packed(result))


def _opened(content: bytearray) -> tuple[Scripted | None, dict[str, Any]]:
    try:
        model = Scripted(content)
        return model, {"facts": model.describe()}
    except Exception as error:
        return None, {"error": _told(error)}


def _answered(model: Scripted, request: dict[str, Any], payload: bytearray) -> tuple[dict[str, Any], Tensor | None]:
    """The answer to one request; an error of the model's is an answer, too."""
    try:
        if request["do"] == "start":
            model.start(int(request["seed"]))
            return {}, None
        if request["do"] == "keep":
            model.keep()
            return {}, None
        values = unpacked(request["shape"], payload)
        method, watch, quiet = str(request["method"]), bool(request["watch"]), bool(request["quiet"])
        result, draws = model.run(method, values, watch=watch, quiet=quiet)
        return {"shape": list(result.shape), "draws": draws}, result
    except Exception as error:
        return {"error": _told(error)}, None


def _told(error: Exception) -> str:
    if out_of_memory(error):
        return "memory"
    return str(error) if isinstance(error, UnfitError) else reason(error)


def _warm_up() -> None:
    """Use once what torch loads late, while files can be opened."""
    with torch.no_grad():
        torch.nn.functional.conv1d(torch.zeros(1, 1, 64), torch.zeros(1, 1, 3))
        torch.fft.irfft(torch.fft.rfft(torch.zeros(64)))
        torch.zeros(8, 8) @ torch.zeros(8, 8)


if __name__ == "__main__":
    main()
