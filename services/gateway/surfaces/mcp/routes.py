"""The Model Context Protocol: `POST /mcp`, and refusals of all else below it."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Sequence
from types import ModuleType

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from compat.mcp.v1 import messages_pb2
from services.gateway.contents import Contents
from services.gateway.replies import refusal
from services.gateway.surfaces.mcp.settings import McpSettings
from services.gateway.surfaces.parts import GatewayParts
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity
from services.platform.log import get_logger
from services.platform.rpc import catalogue
from services.platform.slots import Slots

SURFACE, PATH = "mcp", "/mcp"
_METHOD = messages_pb2.DESCRIPTOR.services_by_name["MessagesService"].methods_by_name["SendMessage"]
_VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_logger = get_logger()


def routes(parts: GatewayParts) -> Sequence[Route]:
    """One for the path, with and without a slash at its end, and one for all that is below."""
    # Its warnings quote what clients sent.
    logging.getLogger("mcp").setLevel(logging.ERROR)
    messages = _Messages(parts, McpSettings())
    name = f"/{_METHOD.containing_service.full_name}/{_METHOD.name}"
    endpoint = parts.calls.open_endpoint(name, messages.answer, messages.refused)
    unknown = parts.calls.open_endpoint(f"/{_METHOD.containing_service.file.package}/unknown", messages.nothing, messages.refused)
    here = [Route(path, endpoint, methods=list(_VERBS)) for path in (PATH, f"{PATH}/")]
    return [*here, Route(f"{PATH}/{{rest:path}}", unknown, methods=list(_VERBS))]


class _Messages:
    def __init__(self, parts: GatewayParts, settings: McpSettings) -> None:
        self._parts, self._settings = parts, settings
        self._surface = catalogue.surface(SURFACE)
        self._origins = settings.allowed_origins
        self._slots = Slots(
            settings.mcp_calls_max,
            settings.mcp_calls_per_account,
            f"At most {settings.mcp_calls_per_account} calls of an account are answered at once. Call again when another has ended.",
            "Too many calls are being answered. Try again later.",
        )

    async def answer(self, request: Request, identity: Identity | None) -> Response:
        """Answer a message."""
        self._check_origin(request.headers.get("origin"))
        if identity is None:
            raise DarkroomError(ErrorReason.API_KEY_INVALID, "No API key was sent.")
        if request.method != "POST":
            raise DarkroomError(ErrorReason.METHOD_NOT_ALLOWED, f"{PATH} takes POST alone: there are no sessions to follow or to end.")
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._settings.mcp_body_bytes:
            most = self._settings.mcp_body_bytes
            raise DarkroomError(ErrorReason.BODY_TOO_LARGE, f"A message may have {most} bytes. Name files by URL or id.")
        module = await self._loaded()
        tools = module.tools_named(request.query_params.get("tools", ""))
        contents = Contents(self._parts.storage, self._parts.caller, self._parts.http)
        made = module.Exchange(self._parts, self._surface, self._slots, contents, self._settings.mcp_body_bytes)
        reply: Response = made.reply(identity, tools)
        return reply

    async def nothing(self, request: Request, _identity: Identity | None) -> Response:
        """Refuse a path that leads nowhere."""
        raise DarkroomError(ErrorReason.ROUTE_NOT_FOUND, f"There is nothing at {request.url.path[:200]}. Messages go to {PATH}.")

    def refused(self, raised: Exception, outcome: dict[str, object]) -> Response:
        """The reply to what was raised."""
        if not isinstance(raised, DarkroomError):
            _logger.exception("request_unhandled", exc_info=raised)
            raised = DarkroomError(ErrorReason.INTERNAL, "Internal error. Quote the request id when you report it.")
        outcome |= {"code": raised.grpc_code.name, "reason": raised.reason.value}
        response = refusal(self._surface, raised)
        if raised.reason is ErrorReason.METHOD_NOT_ALLOWED:
            response.headers["allow"] = "POST"
        return response

    def _check_origin(self, origin: str | None) -> None:
        """Refuse web pages, which a browser may have led to this server by a name of theirs. Programs send no Origin."""
        if origin is not None and origin not in self._origins:
            raise DarkroomError(
                ErrorReason.PERMISSION_DENIED,
                "Web pages of this origin may not call here. The operator lists those that may in DARKROOM_MCP_ORIGINS.",
                field="Origin",
            )

    @staticmethod
    async def _loaded() -> ModuleType:
        # In a thread, for that the process goes on with what else it does.
        return await asyncio.to_thread(importlib.import_module, "services.gateway.surfaces.mcp.exchange")
