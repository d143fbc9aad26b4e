"""The sockets of Open Sound Control: opened before anything plays, so that a port in use is known at once."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import Final

from timbrespace.core.errors import ParameterError, StorageError

LOOPBACK: Final = "127.0.0.1"
PORT: Final = 9000
WEKINATOR_OUT, WEKINATOR_IN = 12_000, 6448
"""Where Wekinator sends its outputs, and where it expects its inputs."""
LEAST_PORT: Final = 1024
_BUFFER: Final = 2**21
"""Bytes of packets that may wait, as far as the system allows: a flood of 20,000 a second for some 20 ms."""


@dataclass(frozen=True)
class OscPorts:
    """Which ports are meant: ``port`` for what comes, the next one of this machine for the answers.

    ``host`` is the address that is listened on; others than this machine's loopback let others in. With ``wekinator``
    its outputs are taken on its port, and its inputs sent to it.
    """

    port: int = PORT
    host: str = LOOPBACK
    wekinator: bool = False

    def __post_init__(self) -> None:
        if not LEAST_PORT <= self.port < 65_535:
            raise ParameterError(f"--osc is a port from {LEAST_PORT} to 65534, not {self.port}.")

    @property
    def answers(self) -> int:
        """The port that meters are sent to."""
        return self.port + 1

    def open(self) -> list[socket.socket]:
        """Listening sockets; raises :class:`StorageError` if one cannot be had."""
        opened: list[socket.socket] = []
        try:
            for port in (self.port, WEKINATOR_OUT)[: 2 if self.wekinator else 1]:
                opened.append(_bound(self.host, port))
        except BaseException:
            for one in opened:
                one.close()
            raise
        return opened


def _bound(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        listening.setblocking(False)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise _refusal(host, port, error) from None
    return listening


def _refusal(host: str, port: int, error: OSError) -> StorageError:
    if error.errno == errno.EADDRINUSE:
        if port == WEKINATOR_OUT:
            return StorageError(f"Port {port}, which Wekinator sends to, is in use by another program; end that one.")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind((LOOPBACK, 0))
            other = free.getsockname()[1]
        return StorageError(f"OSC port {port} is in use by another program; try --osc {other}, which is free.")
    return StorageError(f"OSC cannot listen on {host!r}, port {port}; --osc-host is an address of this machine.")
