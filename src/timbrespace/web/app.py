"""The application: a list of routes behind one gate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from timbrespace.core.errors import TimbrespaceError
from timbrespace.core.version import __version__
from timbrespace.web.api import Api
from timbrespace.web.audio_socket import audio
from timbrespace.web.control_socket import control
from timbrespace.web.page_files import PageFile, page_files
from timbrespace.web.refusals import error_body
from timbrespace.web.security import Gate, Keys
from timbrespace.web.stage import Stage


@dataclass(frozen=True)
class Route:
    """One address, what answers there, and to which method."""

    path: str
    endpoint: Callable[..., Any]
    method: str = "GET"


def routes(api: Api) -> tuple[Route, ...]:
    """Every HTTP address but the page's files."""
    return (
        Route("/api/info", api.info),
        Route("/api/map", api.map),
        Route("/api/points", api.points),
        Route("/api/knobs", api.knobs),
        Route("/api/osc", api.osc),
        Route("/api/takes", api.takes),
        Route("/api/takes/recent", api.recent, "POST"),
        Route("/api/takes/{name}.wav", api.take),
    )


def sockets(stage: Stage) -> dict[str, Callable[[WebSocket], Any]]:
    """Every WebSocket address."""
    return {"/ws/control": _served(control, stage), "/ws/audio": _served(audio, stage)}


def application(stage: Stage, *, page: tuple[PageFile, ...] | None = None) -> FastAPI:
    """Everything that can be asked, not yet guarded: hand it to :func:`guarded`."""
    app = FastAPI(
        title="timbrespace", version=__version__, openapi_url="/api/openapi.json", docs_url=None, redoc_url=None,
        lifespan=partial(_lifespan, stage), redirect_slashes=False,
    )  # fmt: skip
    for route in routes(Api(stage)):
        app.add_api_route(route.path, route.endpoint, methods=[route.method], response_model=None)
    for path, endpoint in sockets(stage).items():
        app.add_api_websocket_route(path, endpoint)
    for file in page_files() if page is None else page:
        app.add_route(file.path, file.answer, methods=["GET"], include_in_schema=False)
    app.openapi()  # kept from now on: made at the first request, it would hold up the sound
    app.add_exception_handler(TimbrespaceError, _our_error)
    app.add_exception_handler(RequestValidationError, _bad_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _our_fault)
    return app


def guarded(app: FastAPI, keys: Keys) -> Gate:
    """The application behind its gate: this is what is served."""
    return Gate(app, keys)


def _served(serve: Callable[[WebSocket, Stage], Any], stage: Stage) -> Callable[[WebSocket], Any]:
    async def endpoint(socket: WebSocket) -> None:
        await serve(socket, stage)

    return endpoint


@asynccontextmanager
async def _lifespan(stage: Stage, _app: FastAPI) -> AsyncIterator[None]:
    reporting = asyncio.create_task(stage.report())
    try:
        yield
    finally:
        stage.closing.set()
        await reporting


async def _our_error(_request: Request, error: Exception) -> Response:
    return JSONResponse(error_body("refused", str(error)), status_code=409)


async def _bad_request(_request: Request, error: Exception) -> Response:
    return JSONResponse(error_body("bad_request", "A parameter is missing or outside its range."), status_code=422)


async def _our_fault(_request: Request, error: Exception) -> Response:
    return JSONResponse(error_body("fault", "Something went wrong here; the sound goes on."), status_code=500)


async def _http_error(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    sentence = {404: "There is nothing at this address.", 405: "This address is not asked this way."}
    return JSONResponse(error_body(f"http_{status}", sentence.get(status, "The request failed.")), status_code=status)
