"""Who may talk to the server: one gate in front of every route, HTTP and WebSocket alike.

A page of another site can make a browser send requests here, but it can choose neither ``Host``, ``Origin`` nor
``Sec-Fetch-Site``, and it does not know the token. A request passes if

1. it has exactly one ``Host``, ``127.0.0.1:PORT`` or ``localhost:PORT`` (a rebound name has another one);
2. its ``Origin``, if it has one, is ``http://`` and that very host, and ``Sec-Fetch-Site``, if it has one,
   says ``same-origin`` (or, for a ``GET``, ``none``: typed by the user);
3. it carries the token in ``X-Timbrespace-Token``, or the session's cookie and then an ``Origin``; a ``GET`` with
   the cookie may name ``Sec-Fetch-Site`` instead, since browsers send no ``Origin`` along.

``GET /?token=...`` gives the cookie and leads to ``/``, so that the token vanishes from the address. A repeated header
that decides anything is refused. What is refused is refused before any of it reaches a route: WebSockets
at their upgrade, and bodies of more than a few kilobytes unread.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from timbrespace.web.refusals import Refusal, refuse
from timbrespace.web.response_headers import HeaderedSend

TOKEN_HEADER: Final = b"x-timbrespace-token"
MAX_BODY: Final = 4096
"""Bytes; no route takes more than a few numbers."""
BODY_SECONDS: Final = 5.0
_METHODS: Final = ("GET", "POST")
_SINGLE: Final = (b"host", b"origin", b"cookie", b"sec-fetch-site", TOKEN_HEADER)


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Keys:
    """The secrets of one server, 32 random bytes each: what the printed address carries, what the cookie holds, and
    a ticket that opens the page once, for the command line of a browser, which others on the machine may read.
    """

    port: int
    token: str = field(default_factory=_secret, repr=False)
    session: str = field(default_factory=_secret, repr=False)
    ticket: str = field(default_factory=_secret, repr=False)

    @property
    def hosts(self) -> tuple[bytes, ...]:
        """The only values ``Host`` may have."""
        return (f"127.0.0.1:{self.port}".encode(), f"localhost:{self.port}".encode())

    @property
    def cookie(self) -> str:
        """The cookie's name; cookies ignore ports, so the port is in the name."""
        return f"timbrespace-{self.port}"

    @property
    def address(self) -> str:
        """Where the instrument is, token included."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    @property
    def ticket_address(self) -> str:
        """The same for one visit."""
        return f"http://127.0.0.1:{self.port}/?token={self.ticket}"

    def knows_token(self, given: bytes) -> bool:
        """Whether ``given`` is the token, in a time that does not depend on where they differ."""
        return secrets.compare_digest(given, self.token.encode())

    def knows_cookies(self, header: bytes) -> bool:
        """Whether a ``Cookie`` header holds the session exactly once."""
        pairs = [pair.strip(b" ").split(b"=", 1) for pair in header.split(b";")]
        values = [pair[1] for pair in pairs if len(pair) == 2 and pair[0] == self.cookie.encode()]
        return len(values) == 1 and secrets.compare_digest(values[0], self.session.encode())


class Gate:
    """The ASGI application in front of ``app``; nothing reaches that without passing."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app = app
        self._keys = keys
        self._ticket_used = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] not in ("http", "websocket"):
            raise ValueError(f"The gate knows HTTP and WebSocket, not {scope['type']!r}.")
        guarded = HeaderedSend(send, port=self._keys.port)
        try:
            headers = _single_headers(scope)
            if _is_entry(scope):
                await self._enter(scope, headers, guarded)
                return
            self._check(scope, headers)
            passed = receive if scope["type"] == "websocket" else await _whole_body(headers, receive)
        except Refusal as refusal:
            await refuse(scope, guarded, refusal)
            return
        await self._app(scope, passed, guarded)

    def _check(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        self._check_site(scope, headers)
        if _tokens(scope):
            raise Refusal(400, "token_in_address", "The token belongs into the header X-Timbrespace-Token.")
        self._check_key(scope, headers)
        if scope["type"] == "http" and scope["method"] not in _METHODS:
            raise Refusal(405, "method", "Only GET and POST are understood.")

    def _check_site(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        """Host, Origin and Sec-Fetch-Site name this server."""
        host = headers.get(b"host")
        if host not in self._keys.hosts:
            raise Refusal(403, "host", "This server answers to 127.0.0.1 and localhost at its own port only.")
        if headers.get(b"origin", b"http://" + host) != b"http://" + host:
            raise Refusal(403, "origin", "Another site may not use this server.")
        site = headers.get(b"sec-fetch-site", b"same-origin")
        if site != b"same-origin" and not (site == b"none" and _reads(scope)):
            raise Refusal(403, "site", "Another site may not use this server.")

    def _check_key(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        """The token in its header, or the cookie and a sign that our own page asks."""
        if TOKEN_HEADER in headers:
            if not self._keys.knows_token(headers[TOKEN_HEADER]):
                raise _no_key()
            return
        if not self._keys.knows_cookies(headers.get(b"cookie", b"")):
            raise _no_key()
        if b"origin" not in headers and not (_reads(scope) and b"sec-fetch-site" in headers):
            raise Refusal(403, "origin", "A request with the cookie says where it comes from; this one does not.")

    async def _enter(self, scope: Scope, headers: dict[bytes, bytes], send: Send) -> None:
        """Change the token of the address for the cookie, and lead to the page."""
        self._check_site(scope, headers)
        given = _tokens(scope)
        if b"sec-fetch-site" not in headers or len(given) != 1 or not self._admits(given[0]):
            raise _no_key()
        cookie = f"{self._keys.cookie}={self._keys.session}; HttpOnly; SameSite=Strict; Path=/"
        leave = [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 303, "headers": leave})
        await send({"type": "http.response.body", "body": b""})

    def _admits(self, given: bytes) -> bool:
        """Whether what an address carries is the token, or the ticket for the first time."""
        if self._keys.knows_token(given):
            return True
        if self._ticket_used or not secrets.compare_digest(given, self._keys.ticket.encode()):
            return False
        self._ticket_used = True
        return True


def _no_key() -> Refusal:
    return Refusal(403, "key", "Open the address that 'timbrespace play' printed.")


def _reads(scope: Scope) -> bool:
    return bool(scope["type"] == "http" and scope["method"] == "GET")


def _is_entry(scope: Scope) -> bool:
    return _reads(scope) and scope["path"] == "/" and bool(_tokens(scope))


def _tokens(scope: Scope) -> list[bytes]:
    """What stands behind ``token=`` in the address."""
    return parse_qs(scope.get("query_string", b""), keep_blank_values=True).get(b"token", [])


def _single_headers(scope: Scope) -> dict[bytes, bytes]:
    """Headers by name; those that decide may stand there once only."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in found and name in _SINGLE:
            raise Refusal(403, "repeated", f"The header {name.decode()} is there more than once.")
        found[name] = value
    return found


async def _whole_body(headers: dict[bytes, bytes], receive: Receive) -> Receive:
    """The body, read here and handed on as one message; one that is too long or too slow is refused."""
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit() or len(declared) > 9 or int(declared) > MAX_BODY:
        raise _too_long()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _read_body(receive)
    except TimeoutError:
        raise Refusal(408, "slow", f"The request's body did not arrive within {BODY_SECONDS:g} s.") from None
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


async def _read_body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "cut", "The request ended before its body did.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY:
            raise _too_long()
    return body


def _too_long() -> Refusal:
    return Refusal(413, "too_long", f"A request's body has at most {MAX_BODY} bytes.")
