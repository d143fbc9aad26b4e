"""A real server on a free port, in a thread, with the made-up engine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI

from tests.web.fake_engine import FakeEngine, atlas
from timbrespace.web.app import application, guarded
from timbrespace.web.security import Keys
from timbrespace.web.serve import bind, run
from timbrespace.web.stage import Stage


@dataclass
class Running:
    """A server to talk to."""

    keys: Keys
    engine: FakeEngine
    stage: Stage
    app: FastAPI

    @property
    def port(self) -> int:
        return self.keys.port

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> dict[str, str]:
        """The header of a program that knows the token."""
        return {"X-Timbrespace-Token": self.keys.token}

    @property
    def cookie(self) -> str:
        return f"{self.keys.cookie}={self.keys.session}"

    def state(self) -> tuple[object, ...]:
        """All that a request could have changed."""
        current = self.stage.listeners.current
        return (list(self.engine.log), self.engine.status(), self.stage.shelf.list(), current, self.stage.remotes)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for all tests of this folder."""
    listening = bind(0)
    engine = FakeEngine(tmp_path_factory.mktemp("takes"), moments=50)
    stage = Stage(engine, atlas(50), facts={"version": "0", "model": "m"})
    keys = Keys(listening.getsockname()[1])
    app = application(stage)
    end = threading.Event()
    thread = threading.Thread(target=run, args=(guarded(app, keys), listening, stage), kwargs={"ended": end.is_set})
    thread.start()
    yield Running(keys, engine, stage, app)
    end.set()
    thread.join(10)
    assert not thread.is_alive()


def run_apart(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns, from a thread of its own: tests of the page leave a running loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


@pytest.fixture
def do() -> Any:
    """Run a coroutine; a test that hangs fails after twenty seconds."""

    def call(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return run_apart(asyncio.wait_for(coroutine, 20))

    return call
