"""A bundle in the form that another program reads: what the command ``export`` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from timbrespace.codecs.loading import load_sound
from timbrespace.export.nn_tilde import export_nn
from timbrespace.export.onnx_file import export_onnx
from timbrespace.export.sheet import Sheet

Form = Literal["nn~", "onnx"]


def export_model(model: Path, to: Form, out: Path, *, force: bool = False, speed: bool = True) -> dict[str, Any]:
    """Export the bundle ``model``: a file ``out`` (.ts) for nn~, or a folder of ONNX files; with sheets beside.

    Returns what the sheets say. Raises :class:`~timbrespace.core.errors.ExportError` where what was written does not
    do what the model does; then nothing is left.
    """
    codec = load_sound(model)
    if to == "nn~":
        sheets = [export_nn(codec, out, title=model.name, force=force, speed=speed)]
    else:
        sheets = export_onnx(codec, out, title=model.name, force=force, speed=speed)
    return {"out": str(out), "to": to, "sheets": [sheet.table() for sheet in sheets], "summary": _summary(sheets)}


def _summary(sheets: list[Sheet]) -> str:
    """One line for each part."""
    lines = []
    for part in (p for sheet in sheets for p in sheet.parts):
        late = "" if part.latency is None else f", latency {part.latency} samples"
        fast = next((f", {s.real_time:.0f} times real time" for s in part.speeds if s.block == 512), "")
        same = "" if part.likeness is None else f"differs by {part.likeness.difference:.1e}"
        lines.append(f"{part.name}: {same}{late}{fast}")
    return "\n".join(lines)
