"""Nobody but the page and programs that know the token: every route, against everything a stranger can send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.routing import Route

from tests.web.conftest import Running
from tests.web.raw import UPGRADE, Answer, ask, send
from timbrespace.web.security import MAX_BODY, Keys

Headers = list[tuple[str, str]]
EVIL = "http://evil.com"


@dataclass(frozen=True)
class Door:
    """One address of the application and how it is asked."""

    path: str
    method: str

    @property
    def target(self) -> str:
        return self.path.replace("{name}", "take-1")

    @property
    def extra(self) -> Headers:
        return UPGRADE if self.method == "WS" else []


def doors(running: Running) -> list[Door]:
    """Every route there is, taken from the application, so that a new one is tested the day it is added."""
    found = []
    for route in running.app.routes:
        if isinstance(route, APIWebSocketRoute):
            found.append(Door(route.path, "WS"))
        elif isinstance(route, APIRoute | Route):
            found += [Door(route.path, method) for method in sorted(route.methods or ()) if method != "HEAD"]
        else:
            raise AssertionError(f"a kind of route the tests do not know: {route}")
    return found


Make = Callable[[Running], Headers]


def good(running: Running, **changed: str | None) -> Headers:
    """What our own page sends, with some of it replaced, or left out where None."""
    headers = {
        "Host": f"127.0.0.1:{running.port}",
        "Origin": running.origin,
        "Cookie": running.cookie,
        "Sec-Fetch-Site": "same-origin",
    }
    named = {name.replace("_", "-"): value for name, value in changed.items()}
    return [(k, v) for k, v in (headers | named).items() if v is not None]


def other(running: Running) -> int:
    return running.port + 1 if running.port < 65_535 else running.port - 1


def _origin(make: Callable[[int], str]) -> Make:
    return lambda r: good(r, Origin=make(r.port))


def _host(make: Callable[[int], str]) -> Make:
    """Another name, with the origin that a page of that name would have."""
    return lambda r: good(r, Host=make(r.port), Origin=f"http://{make(r.port)}")


def _rebound(host: str) -> Make:
    return lambda r: good(r, Host=f"{host}:{r.port}", Origin=f"http://{host}:{r.port}")


HOSTILE: dict[str, Make] = {
    # Origins of others, with the browser's cookie: cross-site request forgery
    "foreign origin": lambda r: good(r, Origin=EVIL),
    "null origin": lambda r: good(r, Origin="null"),
    "empty origin": lambda r: good(r, Origin=""),
    "origin with our address in front": _origin(lambda p: f"http://127.0.0.1:{p}.evil.com"),
    "origin with our address behind": _origin(lambda p: f"http://evil.com.127.0.0.1:{p}"),
    "origin with our port's digits in front": _origin(lambda p: f"http://127.0.0.1:{p}0"),
    "origin 127.evil.com": _origin(lambda p: f"http://127.evil.com:{p}"),
    "origin on another port": lambda r: good(r, Origin=f"http://127.0.0.1:{other(r)}"),
    "origin without port": lambda r: good(r, Origin="http://127.0.0.1"),
    "origin in https": _origin(lambda p: f"https://127.0.0.1:{p}"),
    "origin in ws": _origin(lambda p: f"ws://127.0.0.1:{p}"),
    "origin in upper case": _origin(lambda p: f"HTTP://127.0.0.1:{p}"),
    "origin with a slash": _origin(lambda p: f"http://127.0.0.1:{p}/"),
    "origin with a path": _origin(lambda p: f"http://127.0.0.1:{p}/@evil.com"),
    "origin with a user": _origin(lambda p: f"http://127.0.0.1:{p}@evil.com"),
    "origin with our name as user": _origin(lambda p: f"http://user@127.0.0.1:{p}"),
    "origin IPv6": _origin(lambda p: f"http://[::1]:{p}"),
    "origin 0.0.0.0": _origin(lambda p: f"http://0.0.0.0:{p}"),
    "origin in hexadecimal": _origin(lambda p: f"http://0x7f000001:{p}"),
    "origin with a space inside": _origin(lambda p: f"http://127.0.0.1:{p} http://evil.com"),
    "origin of the other name of this machine": _origin(lambda p: f"http://localhost:{p}"),
    "two origins": lambda r: [*good(r), ("Origin", EVIL)],
    "two equal origins": lambda r: [*good(r), ("origin", r.origin)],
    # Names of others: DNS rebinding
    "foreign host": lambda r: good(r, Host=f"evil.com:{r.port}"),
    "foreign host without origin": lambda r: good(r, Host=f"evil.com:{r.port}", Origin=None),
    "host with our address in front": _host(lambda p: f"127.0.0.1:{p}.evil.com"),
    "host with our port's digits in front": _host(lambda p: f"127.0.0.1:{p}0"),
    "host with our address behind": _host(lambda p: f"evil.com.127.0.0.1:{p}"),
    "rebound host and origin": _rebound("evil.com"),
    "rebound 127.evil.com": _rebound("127.evil.com"),
    "rebound localhost.evil.com": _rebound("localhost.evil.com"),
    "rebound with trailing dot": _rebound("localhost."),
    "rebound IPv6": _rebound("[::1]"),
    "rebound 0.0.0.0": _rebound("0.0.0.0"),
    "rebound 127.1": _rebound("127.1"),
    "rebound 127.0.0.2": _rebound("127.0.0.2"),
    "rebound in upper case": _rebound("LOCALHOST"),
    "rebound with a user": _rebound("user@127.0.0.1"),
    "host on another port": lambda r: good(r, Host=f"127.0.0.1:{other(r)}", Origin=f"http://127.0.0.1:{other(r)}"),
    "host without port": lambda r: good(r, Host="127.0.0.1", Origin="http://127.0.0.1"),
    "host with a trailing dot": _host(lambda p: f"127.0.0.1.:{p}"),
    "host with a path": _host(lambda p: f"127.0.0.1:{p}/"),
    "host with two names": _host(lambda p: f"127.0.0.1:{p}, evil.com"),
    "host with a space inside": _host(lambda p: f"127.0.0.1: {p}"),
    "empty host": lambda r: good(r, Host=""),
    "no host": lambda r: good(r, Host=None),
    "two hosts": lambda r: [*good(r), ("Host", "evil.com")],
    "two equal hosts": lambda r: [*good(r), ("host", f"127.0.0.1:{r.port}")],
    "forwarded host": lambda r: [*good(r, Host="evil.com"), ("X-Forwarded-Host", f"127.0.0.1:{r.port}")],
    # What the browser says of the asking page
    "cross-site": lambda r: good(r, Sec_Fetch_Site="cross-site"),
    "cross-site without origin": lambda r: good(r, Origin=None, Sec_Fetch_Site="cross-site"),
    "same-site": lambda r: good(r, Sec_Fetch_Site="same-site"),
    "same-site without origin": lambda r: good(r, Origin=None, Sec_Fetch_Site="same-site"),
    "unknown site": lambda r: good(r, Origin=None, Sec_Fetch_Site="friendly"),
    "two sites": lambda r: [*good(r), ("Sec-Fetch-Site", "cross-site")],
    "neither origin nor site": lambda r: good(r, Origin=None, Sec_Fetch_Site=None),
    # Keys that are none
    "no cookie": lambda r: good(r, Cookie=None),
    "empty cookie": lambda r: good(r, Cookie=""),
    "cookie without value": lambda r: good(r, Cookie=f"{r.keys.cookie}="),
    "cookie of another port": lambda r: good(r, Cookie=f"timbrespace-{other(r)}={r.keys.session}"),
    "cookie cut short": lambda r: good(r, Cookie=r.cookie[:-1]),
    "cookie and more": lambda r: good(r, Cookie=r.cookie + "x"),
    "the token as cookie": lambda r: good(r, Cookie=f"{r.keys.cookie}={r.keys.token}"),
    "cookie twice": lambda r: good(r, Cookie=f"{r.cookie}; {r.keys.cookie}=x"),
    "cookie in upper case": lambda r: good(r, Cookie=r.cookie.upper()),
    "two cookie headers": lambda r: [*good(r), ("Cookie", "a=b")],
    "wrong token": lambda r: [*good(r), ("X-Timbrespace-Token", "x" * len(r.keys.token))],
    "empty token": lambda r: [*good(r), ("X-Timbrespace-Token", "")],
    "token cut short": lambda r: [*good(r), ("X-Timbrespace-Token", r.keys.token[:-1])],
    "token and more": lambda r: [*good(r), ("X-Timbrespace-Token", r.keys.token + "=")],
    "token with bytes beyond ASCII": lambda r: [*good(r), ("X-Timbrespace-Token", "ÿ" * 43)],
    "the cookie's value as token": lambda r: [*good(r, Cookie=None), ("X-Timbrespace-Token", r.keys.session)],
    "two tokens": lambda r: [*good(r), ("X-Timbrespace-Token", r.keys.token), ("X-Timbrespace-Token", "x")],
    "token of a foreign page": lambda r: [*good(r, Origin=EVIL), ("X-Timbrespace-Token", r.keys.token)],
    "token through another name": lambda r: [*good(r, Host="evil.com"), ("X-Timbrespace-Token", r.keys.token)],
    "token as bearer": lambda r: [*good(r, Cookie=None), ("Authorization", f"Bearer {r.keys.token}")],
    "token as password": lambda r: [*good(r, Cookie=None), ("Authorization", f"token {r.keys.token}")],
    "nothing at all": lambda r: [],
}


async def knock(running: Running, door: Door, headers: Headers, *, query: str = "") -> Answer:
    method = "GET" if door.method == "WS" else door.method
    return await ask(running.port, door.target + query, headers + door.extra, method=method)


def test_there_are_enough_of_both(running: Running) -> None:
    assert len(HOSTILE) >= 60
    found = {(door.path, door.method) for door in doors(running)}
    assert {("/ws/control", "WS"), ("/ws/audio", "WS"), ("/", "GET"), ("/api/takes/recent", "POST")} <= found
    assert len(found) >= 11


@pytest.mark.parametrize("name", HOSTILE)
def test_strangers_are_refused_everywhere(name: str, running: Running, do: Any) -> None:
    before = running.state()

    async def knock_everywhere() -> None:
        for door in doors(running):
            answer = await knock(running, door, HOSTILE[name](running))
            assert answer.status in (400, 403), f"{door}: {answer}"
            assert running.keys.token.encode() not in answer.body
            assert "set-cookie" not in answer.headers

    do(knock_everywhere())
    assert running.state() == before


@pytest.mark.parametrize("kind", ["origin", "site only", "token", "localhost", "typed"])
def test_our_own_are_let_in_everywhere(kind: str, running: Running, do: Any) -> None:
    """The refusals above are due to what was changed, not to everything."""
    ways = {
        "origin": good(running, Sec_Fetch_Site=None),
        "site only": good(running, Origin=None),
        "token": good(running, Origin=None, Cookie=None, Sec_Fetch_Site=None) + list(running.token.items()),
        "localhost": good(running, Host=f"localhost:{running.port}", Origin=f"http://localhost:{running.port}"),
        "typed": good(running, Origin=None, Sec_Fetch_Site="none"),
    }

    async def knock_everywhere() -> None:
        for door in doors(running):
            answer = await knock(running, door, ways[kind])
            if kind in ("site only", "typed") and door.method != "GET":
                assert answer.status == 403, f"{door}: {answer}"
            else:
                assert answer.status in ((101,) if door.method == "WS" else (200, 404, 409)), f"{door}: {answer}"

    do(knock_everywhere())


@pytest.mark.parametrize("headers", ["good", "none"])
def test_a_token_in_the_address_opens_the_page_alone(headers: str, running: Running, do: Any) -> None:
    async def knock_everywhere() -> None:
        for door in doors(running):
            if door.path == "/":
                continue
            given = good(running) if headers == "good" else good(running, Cookie=None)
            answer = await knock(running, door, given, query=f"?token={running.keys.token}")
            assert answer.status in (400, 403), door
            answer = await knock(running, door, given, query=f"?%74oken={running.keys.token}")
            assert answer.status in (400, 403), door

    do(knock_everywhere())


def test_a_person_without_the_key_is_told_what_to_do(running: Running, do: Any) -> None:
    headers = [*good(running, Cookie=None, Origin=None), ("Accept", "text/html,*/*")]
    answer = do(ask(running.port, "/", headers))
    assert answer.status == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert b"Open the address that &#x27;timbrespace play&#x27; printed." in answer.body
    program = do(ask(running.port, "/api/info", good(running, Cookie=None)))
    assert json.loads(program.body) == {
        "code": "key",
        "message": "Open the address that 'timbrespace play' printed.",
        "hint": "",
    }


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "get", "FOO"])
def test_other_methods_do_nothing(method: str, running: Running, do: Any) -> None:
    before = running.state()

    async def knock_everywhere() -> None:
        for door in doors(running):
            answer = await ask(running.port, door.target, good(running), method=method)
            assert answer.status in (400, 403, 405), door
            assert not any(name.startswith("access-control") for name in answer.headers)

    do(knock_everywhere())
    assert running.state() == before


ALWAYS = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def test_every_answer_carries_its_headers(running: Running, do: Any) -> None:
    async def knock_everywhere() -> None:
        for door in doors(running):
            for headers in (good(running), good(running, Origin=EVIL)):
                answer = await knock(running, door, headers)
                assert "server" not in answer.headers
                assert not any(name.startswith("access-control") for name in answer.headers)
                if door.method == "WS":
                    continue
                kept = door.path.startswith("/assets/") and answer.status == 200  # named by its content
                expected = ALWAYS | ({"cache-control": "private, max-age=31536000, immutable"} if kept else {})
                assert {name: answer.headers[name] for name in ALWAYS} == expected, door
                policy = answer.headers["content-security-policy"]
                assert "default-src 'self'" in policy
                scripts = next(p for p in policy.split("; ") if p.startswith("script-src"))
                assert "unsafe-inline" not in scripts
                assert "'unsafe-eval'" not in scripts
                assert "frame-ancestors 'none'" in policy
                assert "*" not in policy

    do(knock_everywhere())


def test_bodies_are_short(running: Running, do: Any) -> None:
    before = running.state()
    for declared in (str(MAX_BODY + 1), "99999999999999", "1e3"):
        headers = [*good(running), ("Content-Length", declared)]
        answer = do(ask(running.port, "/api/takes/recent", headers, method="POST", body=b"x" * 100))
        assert answer.status in (400, 413), declared
    chunk = b"400\r\n" + b"x" * 0x400 + b"\r\n"
    headers = [*good(running), ("Transfer-Encoding", "chunked")]
    answer = do(ask(running.port, "/api/takes/recent", headers, method="POST", body=chunk * 6 + b"0\r\n\r\n"))
    assert answer.status == 413
    assert running.state() == before


def test_the_whole_of_a_body_within_the_limit_is_read(running: Running, do: Any) -> None:
    headers = [*good(running), ("Content-Length", str(MAX_BODY))]
    answer = do(ask(running.port, "/api/takes/recent", headers, method="POST", body=b"x" * MAX_BODY))
    assert answer.status in (200, 409)


TARGETS = (
    "/../../../etc/passwd", "/assets/../index.html", "/%2e%2e/%2e%2e/etc/passwd", "/assets/%2e%2e%2fapp.py", "//etc",
    "/api/takes/..%2f..%2fsecret.wav", "/api/takes/%00.wav", "/api/takes/take-1%2f.wav", "http://evil.com/api/info",
    "/etc/passwd", "/index.html/", "/api/", "/api/info/", "/API/INFO", "/.env", "/docs", "/redoc", "/openapi.json",
)  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_there_is_nothing_else(target: str, running: Running, do: Any) -> None:
    assert do(ask(running.port, target, good(running))).status == 404
    assert do(ask(running.port, target, good(running, Cookie=None))).status == 403


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"\r\n" * 50,
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00" * 200,
    ],
)
def test_garbage_is_survived(request_: bytes, running: Running, do: Any) -> None:
    async def knock_briefly() -> Answer | None:
        try:
            return await asyncio.wait_for(send(running.port, request_), 0.3)
        except TimeoutError:
            return None

    answer = do(knock_briefly())
    assert answer is None or answer.status in (0, 400, 403)
    assert do(ask(running.port, "/api/info", good(running))).status == 200


def test_keys_differ_and_stay_out_of_sight() -> None:
    one, two = Keys(8000), Keys(8000)
    assert len({one.token, one.session, two.token, two.session}) == 4
    assert all(len(s) >= 43 for s in (one.token, one.session))  # 32 bytes
    assert one.token not in repr(one)
    assert one.session not in repr(one)
