"""What a request that may not pass is told: one sentence, as JSON or, where a person looks, as a small page."""

from __future__ import annotations

import html
import json
from typing import Final

from starlette.types import Scope, Send

PAGE: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>timbrespace</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<body><h1>{title}</h1><p>{sentence}</p></body></html>
"""


class Refusal(Exception):  # it is an answer, not a failure
    """The answer to a request that is not let in: HTTP status, a code for programs, a sentence for people."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.code, self.sentence = status, code, sentence


def error_body(code: str, message: str, hint: str = "") -> dict[str, str]:
    """How every error of the server reads."""
    return {"code": code, "message": message, "hint": hint}


def small_page(title: str, sentence: str) -> bytes:
    """A page with one sentence, for a browser's window."""
    return PAGE.format(title=html.escape(title), sentence=html.escape(sentence)).encode()


async def refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Answer with ``refusal``; a WebSocket is refused at its upgrade, with 403, and never opened."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close"})
        return
    if _wants_page(scope):
        body, kind = small_page("This door is locked", refusal.sentence), b"text/html; charset=utf-8"
    else:
        body, kind = json.dumps(error_body(refusal.code, refusal.sentence)).encode(), b"application/json"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _wants_page(scope: Scope) -> bool:
    accepted = dict(scope["headers"]).get(b"accept", b"")
    return scope["method"] == "GET" and b"text/html" in accepted
