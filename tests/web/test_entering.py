"""The way in: the address that was printed, or the browser's ticket, is changed for a cookie."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import Running
from tests.web.raw import ask
from tests.web.test_security import EVIL, good


def enter(running: Running, token: str, **changed: str | None) -> Any:
    headers = good(running, **({"Cookie": None, "Origin": None, "Sec_Fetch_Site": "none"} | changed))
    return ask(running.port, f"/?token={token}", headers)


def test_the_address_is_changed_for_a_cookie(running: Running, do: Any) -> None:
    answer = do(enter(running, running.keys.token))
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie, *attributes = answer.headers["set-cookie"].split("; ")
    assert cookie == running.cookie
    assert str(running.port) in cookie.split("=")[0]
    assert attributes == ["HttpOnly", "SameSite=Strict", "Path=/"]
    assert running.keys.token not in str(answer)
    page = do(ask(running.port, "/", good(running, Origin=None, Cookie=cookie)))
    assert page.status == 200
    assert running.keys.token.encode() not in page.body
    assert running.keys.session.encode() not in page.body


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "%00", "ÿ"])
def test_a_wrong_token_gives_no_cookie(token: str, running: Running, do: Any) -> None:
    answer = do(enter(running, token))
    assert answer.status in (400, 403)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "changed",
    [
        {"Host": "evil.com"},
        {"Origin": EVIL},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": None},
        {"Origin": "null"},
    ],
)
def test_the_token_alone_is_not_enough_to_enter(changed: dict[str, str | None], running: Running, do: Any) -> None:
    assert do(enter(running, running.keys.token, **changed)).status == 403


def test_the_ticket_opens_once(running: Running, do: Any) -> None:
    """What stands on a browser's command line is worth nothing afterwards; the token that was printed still is."""
    assert running.keys.ticket in running.keys.ticket_address
    assert len({running.keys.ticket, running.keys.token, running.keys.session}) == 3
    first = do(enter(running, running.keys.ticket))
    assert first.status == 303
    assert do(enter(running, running.keys.ticket)).status == 403
    assert do(enter(running, running.keys.token)).status == 303


def test_two_tokens_in_the_address(running: Running, do: Any) -> None:
    assert do(enter(running, f"{running.keys.token}&token=x")).status == 403
