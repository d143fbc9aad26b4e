"""What can be asked over HTTP; each answer is made of what the stage knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import Query
from starlette.responses import JSONResponse, Response, StreamingResponse

from timbrespace.control.parameters import description, tree
from timbrespace.control.takes import Take
from timbrespace.web.refusals import error_body
from timbrespace.web.stage import RECENT_S, Stage

_PIECE: Final = 65_536


class Api:
    """The endpoints below ``/api``."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def info(self) -> dict[str, Any]:
        """What is being played, and with which delay."""
        return self._stage.info()

    async def map(self) -> dict[str, Any]:
        """The axes of the space, the descriptors and the sounds."""
        return self._stage.atlas.table()

    async def points(self) -> Response:
        """One row of little-endian float32 per moment; ``X-Columns`` says how many."""
        points = self._stage.atlas.points
        headers = {"X-Columns": str(points.shape[1])}
        return Response(points.astype("<f4").tobytes(), media_type="application/octet-stream", headers=headers)

    async def knobs(self) -> list[dict[str, Any]]:
        """Every knob with its range and value."""
        return self._stage.knobs()

    async def osc(self) -> dict[str, Any]:
        """Every address of Open Sound Control, with types, ranges and values, as OSCQuery describes them."""
        engine = self._stage.engine
        return description(tree(engine.knobs, engine.actions).values(), engine.status().knobs)

    async def takes(self) -> list[dict[str, Any]]:
        """The takes of this session, the newest first."""
        return self._stage.shelf.list()

    async def recent(self, seconds: Annotated[float, Query(gt=0, le=RECENT_S)] = RECENT_S) -> dict[str, Any]:
        """Keep the last seconds of what was heard as a take."""
        return await self._stage.keep_recent(seconds)

    async def take(self, name: str) -> Response:
        """The WAV file of a take."""
        found = self._stage.shelf.find(name)
        if found is None or not found.path.is_file():
            message = error_body("no_take", "There is no such take.", "GET /api/takes lists them.")
            return JSONResponse(message, status_code=404)
        return _wav(found)


def _wav(take: Take) -> Response:
    headers = {
        "content-length": str(take.path.stat().st_size),
        "content-disposition": f'attachment; filename="{take.path.name}"',
        "accept-ranges": "none",
    }
    return StreamingResponse(_pieces(take.path), media_type="audio/wav", headers=headers)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
