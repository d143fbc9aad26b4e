"""From a socket to a running server, and to its end."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from timbrespace.core.errors import StorageError
from timbrespace.web.stage import Stage
from timbrespace.web.sweeper import Sweeper

HOST: Final = "127.0.0.1"
LEAST_PORT: Final = 1024
_LONGEST_MESSAGE: Final = 2 * 2**20
"""Bytes of one WebSocket message; longer ones end the connection, those above the protocol's limit are answered."""

_SEND_BUFFER: Final = 65_536
"""Bytes the system may hold back for a client that does not listen, so that this is noticed soon."""


def bind(port: int) -> socket.socket:
    """A listening socket on this machine alone; port 0 takes any that is free."""
    # The protocol is named because asyncio switches Nagle's algorithm off only then; with it, blocks of sound wait
    # for delayed acknowledgements and arrive 40 ms late, five at a time.
    if 0 < port < LEAST_PORT:  # a system's own; and browsers leave the best known of them out of Host
        raise _busy(port, OverflowError())
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)  # connections inherit it
    try:
        listening.bind((HOST, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        raise _busy(port, error) from None
    return listening


def bind_near(port: int) -> socket.socket:
    """A listening socket on ``port``, on one of the nineteen after it, or on any."""
    for candidate in [*range(port, port + 20), 0]:
        try:
            return bind(candidate)
        except StorageError:
            continue
    return bind(port)


def run(app: ASGIApp, listening: socket.socket, stage: Stage, *, ended: Callable[[], bool] = lambda: False) -> None:
    """Serve until Ctrl-C, or until ``ended`` says so."""
    for name in ("uvicorn.error", "asyncio"):  # they warn of every client that sends nonsense or leaves
        logging.getLogger(name).setLevel(logging.ERROR)
    server = uvicorn.Server(_config(app))
    try:
        asyncio.run(_serve(server, listening, stage, ended))
    except KeyboardInterrupt:
        return  # the ordinary end; the server has already closed everything


def _config(app: ASGIApp) -> uvicorn.Config:
    """Quiet and plain: no log of addresses, no compression, no forwarding headers believed, the same parsers."""
    return uvicorn.Config(
        app, loop="asyncio", http="h11", ws="websockets-sansio", lifespan="on",
        log_config=None, access_log=False, server_header=False, proxy_headers=False,
        ws_max_size=_LONGEST_MESSAGE, ws_per_message_deflate=False, ws_ping_interval=10.0, ws_ping_timeout=10.0,
        timeout_keep_alive=10, timeout_graceful_shutdown=2,
    )  # fmt: skip


async def _serve(server: uvicorn.Server, listening: socket.socket, stage: Stage, ended: Callable[[], bool]) -> None:
    beside = [asyncio.create_task(_watch(server, stage, ended)), asyncio.create_task(Sweeper().run(server))]
    try:
        await server.serve(sockets=[listening])
    finally:
        for task in beside:
            task.cancel()


async def _watch(server: uvicorn.Server, stage: Stage, ended: Callable[[], bool]) -> None:
    """See to the end: the sockets are told before the server closes them."""
    while not server.should_exit:
        if ended():
            server.should_exit = True
        await asyncio.sleep(0.05)
    stage.closing.set()


def _busy(port: int, error: OSError | OverflowError) -> StorageError:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        with socket.socket() as free:
            free.bind((HOST, 0))
            other = free.getsockname()[1]
        return StorageError(f"Port {port} is in use by another program; try --port {other}, which is free.")
    return StorageError(f"Port {port} cannot be opened; choose one from 1024 to 65535.")
