"""One message of the protocol and the reply to it. Imported with the first of them: the protocol's library takes a second to load."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import RequestBodyLimitMiddleware
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from darkroom.client import AsyncClient
from darkroom.files.v1 import files_service_pb2
from darkroom.mcp.registry import chosen_tools, parse_choice
from darkroom.mcp.remote import Remote
from darkroom.mcp.server import server_of
from darkroom.mcp.tool import Tool
from services.gateway.contents import Contents
from services.gateway.replies import refusal
from services.gateway.surfaces.mcp.caller import CallerServer, as_failures
from services.gateway.surfaces.mcp.cancellation import Cancellations, until
from services.gateway.surfaces.parts import GatewayParts
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity
from services.platform.log import get_logger
from services.platform.rpc.surfaces import Surface
from services.platform.slots import Slots
from services.platform.version import version

_CLIENT = "mcp-session-id"
_logger = get_logger()


def tools_named(text: str) -> Sequence[Tool]:
    """The tools that a URL asks for. Raises FIELD_INVALID."""
    try:
        return chosen_tools(parse_choice(text))
    except ValueError as error:
        raise DarkroomError(ErrorReason.FIELD_INVALID, f"tools: {error}", field="tools") from None


@dataclass(frozen=True)
class Exchange:
    """Exchanges messages. Nothing is kept between two of them, so that any replica may get the next one."""

    parts: GatewayParts
    surface: Surface
    slots: Slots
    contents: Contents
    most_bytes: int

    def reply(self, identity: Identity, tools: Sequence[Tool]) -> Response:
        """The reply to the message that has come."""
        return _Reply(self, identity, tools)

    async def serve(self, identity: Identity, tools: Sequence[Tool], scope: Scope, receive: Receive, send: Send) -> None:
        """Read the message and answer it. Raises RATE_LIMITED and UNAVAILABLE before anything is read."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            whole = await receive()
            message = _message(whole.get("body", b""))
            again = _first(whole, receive)
            client = Headers(scope=scope).get(_CLIENT, "")
            cancellations = Cancellations(self.parts.bus, identity, client)
            match message.get("method"):
                case "initialize":
                    await self._answer(identity, tools, scope, again, _naming_client(send))
                case "tools/call" if client:
                    async with cancellations.heard(message.get("id")) as stop:
                        ending = [replace(tool, run=until(stop, tool.run)) for tool in tools]
                        await self._answer(identity, ending, scope, again, send)
                case "notifications/cancelled" if client and isinstance(message.get("params"), dict):
                    await cancellations.ask(message["params"].get("requestId"))
                    await self._answer(identity, tools, scope, again, send)
                case _:
                    await self._answer(identity, tools, scope, again, send)

        with self.slots.take(identity.account_id):
            await RequestBodyLimitMiddleware(answer, self.most_bytes)(scope, receive, send)

    async def _answer(self, identity: Identity, tools: Sequence[Tool], scope: Scope, receive: Receive, send: Send) -> None:
        async def read(download: files_service_pb2.Download) -> bytes:
            # Its URL may lead from where clients are, and not from here.
            with as_failures():
                return await self.contents.read(identity.account_id, download.file)

        async with self.parts.revocations.watching(identity) as watcher:
            caller = CallerServer("", "", self.parts.backend, identity, watcher)
            async with AsyncClient(server=caller) as client:
                server = server_of(client, Remote(read), tools, version(), _ran)
                manager = StreamableHTTPSessionManager(server, stateless=True, max_request_body_size=self.most_bytes)
                async with manager.run():
                    await manager.handle_request(scope, receive, send)


def _message(body: bytes) -> dict[str, Any]:
    """The message, of which all that is wrong is said later."""
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _first(message: Message, receive: Receive) -> Receive:
    """Give a message that was received already, and then those that follow."""
    left = [message]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again


def _naming_client(send: Send) -> Send:
    """Give the client a name, which it repeats with all that it sends later."""

    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (_CLIENT.encode(), uuid.uuid4().hex.encode())]}
        await send(message)

    return named


class _Reply(Response):
    def __init__(self, exchange: Exchange, identity: Identity, tools: Sequence[Tool]) -> None:
        super().__init__()
        self._exchange, self._identity, self._tools = exchange, identity, tools

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._exchange.serve(self._identity, self._tools, scope, receive, send)
        except DarkroomError as error:
            await refusal(self._exchange.surface, error)(scope, receive, send)


def _ran(tool: str, outcome: str) -> None:
    _logger.info("tool_called", tool=tool, code=outcome)
