"""``/ws/audio``: the sound of the instrument for the newest listener, paced by what that one reports."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from timbrespace.web.listeners import Listener
from timbrespace.web.messages import Mistake, Report, parse_report
from timbrespace.web.pacing import DEFAULT_LEAD_MS, Pacer
from timbrespace.web.patience import Patience, until_first
from timbrespace.web.remote import PATIENCE_S
from timbrespace.web.sound_frames import FORMAT, PROTOCOL, block_frames, pack
from timbrespace.web.stage import Stage

FIRST_REPORT_S: Final = 10.0
MOVED, SLOW, GONE = 4001, 4002, 1001
"""Why a connection was closed: a newer listener took the sound, no reports for two seconds, the server ends."""
_SHORTEST_NAP_S: Final = 0.002
_LONGEST_NAP_S: Final = 0.02


async def audio(socket: WebSocket, stage: Stage) -> None:
    """Serve one listener until it leaves, goes silent, or another one takes the sound."""
    await socket.accept()
    stream = ListenerStream(socket, stage, stage.listeners.take())
    try:
        await until_first(stream.listen(), stream.play(), stream.watch(), stream.step_back(), stage.closing.wait())
        await stream.close(gone=stage.closing.is_set())
    finally:
        stage.listeners.leave(stream.listener)


class ListenerStream:
    """One listener's stream: hello, then blocks by the pacer's clock; reports come back."""

    def __init__(self, socket: WebSocket, stage: Stage, listener: Listener) -> None:
        self.listener = listener
        self._socket = socket
        self._stage = stage
        self._rate = stage.engine.sample_rate
        self._block = block_frames(self._rate)
        self._pacer = Pacer(self._rate, block=self._block, now=time.monotonic())
        self._sequence = 0
        self._deadline = time.monotonic() + FIRST_REPORT_S
        self._slow = False
        listener.lead_ms = self._pacer.lead_ms

    async def play(self) -> None:
        """Say hello, then send blocks when they are due."""
        await self._greet()
        while True:
            now = time.monotonic()
            for _ in range(self._pacer.due(now) // self._block):
                if not await self._send_block():
                    break
            nap = self._pacer.wait(time.monotonic())
            await asyncio.sleep(min(_LONGEST_NAP_S, max(_SHORTEST_NAP_S, nap)))

    async def listen(self) -> None:
        """Take reports; answer everything else with what is wrong."""
        patience = Patience()
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                self._take_report(parse_report(message.get("text")))
            except Mistake as mistake:
                if patience.allows():
                    await self._socket.send_json(mistake.message())

    async def watch(self) -> None:
        """Return when the listener has been silent for too long."""
        while time.monotonic() < self._deadline and not self._slow:
            await asyncio.sleep(0.1)
        self._slow = True

    async def step_back(self) -> None:
        """Return when a newer listener took the sound."""
        await self.listener.moved.wait()

    async def close(self, *, gone: bool) -> None:
        """Say why, if anyone still hears it."""
        moved = self.listener.moved.is_set()
        code = MOVED if moved else SLOW if self._slow else GONE if gone else 1000
        try:
            async with asyncio.timeout(0.5):
                if moved:
                    await self._socket.send_json({"type": "moved"})
                await self._socket.close(code)
        except (TimeoutError, RuntimeError, WebSocketDisconnect):
            return  # it has left, or takes nothing

    async def _greet(self) -> None:
        form = {"sr": self._rate, "ch": self._stage.engine.channels, "block": self._block, "format": FORMAT}
        await self._socket.send_json({"type": "hello", "protocol": PROTOCOL, **form, "lead_ms": DEFAULT_LEAD_MS})

    async def _send_block(self) -> bool:
        """Send the next block; False if there is none now, or no more for this listener."""
        if self.listener.moved.is_set():
            return False
        now = time.monotonic()
        wave, index = self._stage.pull(self._block, urgent=self._pacer.level(now) < self._block)
        if len(wave) == 0:
            return False
        message = pack(wave, sequence=self._sequence, index=index)
        self._sequence += 1
        self._pacer.note_sent(len(wave), now)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._socket.send_bytes(message)
        except TimeoutError:
            self._slow = True
            return False
        return True

    def _take_report(self, report: Report) -> None:
        now = time.monotonic()
        self._deadline = now + PATIENCE_S
        if report.lead_ms is not None:
            self._pacer.set_lead(report.lead_ms)
        t = None if report.t is None else report.t / 1000.0
        self._pacer.report(report.buffer, now, received=report.received, t=t)
        self.listener.lead_ms = self._pacer.lead_ms
        self.listener.buffer_ms = 1000.0 * report.buffer / self._rate
        self.listener.underruns = report.underruns
