"""The headers of every answer: what the page may do, and that nobody else may have it."""

from __future__ import annotations

from typing import Final

from starlette.types import Message, Send

Pairs = tuple[tuple[bytes, bytes], ...]

_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self' {sockets}; worker-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ALWAYS: Final[Pairs] = (
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-embedder-policy", b"require-corp"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (
        b"permissions-policy",
        b"camera=(), microphone=(), geolocation=(), usb=(), serial=(), display-capture=(), payment=()",
    ),
)
_KEEP: Final = (b"cache-control", b"no-store")


class HeaderedSend:
    """An ASGI ``send`` that adds the headers to whatever answer passes; COOP and COEP make SharedArrayBuffer work."""

    def __init__(self, send: Send, *, port: int) -> None:
        self._send = send
        # Older browsers do not count WebSockets of the same host to 'self'.
        sockets = f"ws://127.0.0.1:{port} ws://localhost:{port}"
        self._ours = dict(((b"content-security-policy", _POLICY.format(sockets=sockets).encode()), *_ALWAYS))

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": self._with_ours(list(message.get("headers", [])))}
        await self._send(message)

    def _with_ours(self, given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        kept = [(name, value) for name, value in given if name.lower() not in self._ours]
        if all(name.lower() != _KEEP[0] for name, _ in kept):
            kept.append(_KEEP)
        return [*kept, *self._ours.items()]
