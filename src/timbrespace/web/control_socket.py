"""``/ws/control``: orders in, news out, whatever is sent."""

from __future__ import annotations

from starlette.websockets import WebSocket

from timbrespace.core.errors import TimbrespaceError
from timbrespace.web.messages import Mistake, parse
from timbrespace.web.patience import until_first
from timbrespace.web.remote import Remote
from timbrespace.web.stage import Stage


async def control(socket: WebSocket, stage: Stage) -> None:
    """Serve one remote until it leaves, is too slow, or the server closes."""
    await socket.accept()
    remote = stage.join(socket.send_text)
    try:
        await until_first(_listen(socket, stage, remote), remote.deliver(), stage.closing.wait())
    finally:
        stage.leave(remote)


async def _listen(socket: WebSocket, stage: Stage, remote: Remote) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        try:
            await stage.obey(parse(message.get("text"), stage.ranges), remote)
        except Mistake as mistake:
            remote.refuse(mistake)
        except TimbrespaceError as error:
            remote.refuse(Mistake("refused", str(error)))
