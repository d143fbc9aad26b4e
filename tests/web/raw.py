"""Requests written byte by byte, so that headers can be as odd as an attacker likes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

UPGRADE = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
]


@dataclass(frozen=True)
class Answer:
    """Status, headers (lower-case names) and body of a response; status 0 if the connection was just closed."""

    status: int
    headers: dict[str, str]
    body: bytes


async def ask(
    port: int, target: str, headers: list[tuple[str, str]], *, method: str = "GET", body: bytes = b""
) -> Answer:
    """Send one request and read what comes back, for a second at most."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return await send(port, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


async def send(port: int, request: bytes) -> Answer:
    """Send bytes and read what comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        await writer.drain()
        return await _read(reader, bodyless=request.startswith(b"HEAD "))
    except ConnectionError:
        return Answer(0, {}, b"")
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader, *, bodyless: bool) -> Answer:
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 3)
    except asyncio.IncompleteReadError:
        return Answer(0, {}, b"")
    first, *rest = head.decode("latin-1").strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    status = int(first.split()[1])
    if bodyless or status == 101 or "content-length" not in headers:
        return Answer(status, headers, b"")
    return Answer(status, headers, await asyncio.wait_for(reader.readexactly(int(headers["content-length"])), 3))
