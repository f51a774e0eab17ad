"""The server of the protocol: lists tools, checks arguments, runs tools, and words what went wrong."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError

from darkroom.client import AsyncClient
from darkroom.failures import ApiError, DarkroomFailure, TaskFailed, explained
from darkroom.mcp.checking import check
from darkroom.mcp.operation_tools import in_own_words
from darkroom.mcp.tasks import OutOfSight
from darkroom.mcp.tool import Answer, Places, Setting, Tool

Ran = Callable[[str, str], None]
"""Called after a tool has run, with its name and `OK` or the reason why it failed."""
_INSTRUCTIONS = (
    "Darkroom processes pictures and PDFs on a server. Every operation is a tool; run_pipeline runs several at once. {sources} Results "
    "name files by id, which every tool takes. Operations cost credits: call a tool with estimate to learn its price beforehand. A call "
    "waits for the result; what takes longer goes on as a task, for wait_for_task. Use preview to look at a picture, and describe_picture "
    "for facts."
)


def server_of(client: AsyncClient, places: Places, tools: Sequence[Tool], version: str, ran: Ran = lambda _name, _outcome: None) -> Server:
    """A server whose tools work as the client's account."""
    by_name = {tool.name: tool for tool in tools}
    listed = [_listed(tool, places) for tool in tools]

    async def on_list_tools(
        _context: ServerRequestContext[Any, Any], _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=listed)

    async def on_call_tool(context: ServerRequestContext[Any, Any], params: types.CallToolRequestParams) -> types.CallToolResult:
        tool = by_name.get(params.name)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, f"There is no tool {params.name[:80]}.")

        async def report(progress: float, step: str) -> None:
            await context.session.report_progress(progress, 1.0, step)

        arguments: Mapping[str, Any] = params.arguments or {}
        try:
            check(tool.schema(places), arguments)
            answer = await tool.run(Setting(client, places, report), arguments)
        except DarkroomFailure as failure:
            ran(tool.name, failure.reason)
            return _failed(failure)
        ran(tool.name, "OK")
        return _answered(answer)

    return Server(
        "darkroom",
        title="Darkroom",
        version=version,
        instructions=_INSTRUCTIONS.format(sources=f"Name files by: {places.sources[0].lower()}{places.sources[1:]}"),
        get_tool_input_schema=lambda name: by_name[name].schema(places) if name in by_name else None,
        on_list_tools=on_list_tools,
        on_call_tool=on_call_tool,
    )


def _listed(tool: Tool, places: Places) -> types.Tool:
    return types.Tool(
        name=tool.name, title=tool.title, description=tool.description, input_schema=tool.schema(places), annotations=tool.annotations
    )


def _answered(answer: Answer) -> types.CallToolResult:
    pictures = [types.ImageContent(data=base64.b64encode(each).decode(), mime_type="image/jpeg") for each in answer.pictures]
    return types.CallToolResult(content=[*pictures, _text(answer.result)], structured_content=answer.result)


def _failed(failure: DarkroomFailure) -> types.CallToolResult:
    """A refusal in words, and for programs."""
    found: dict[str, Any] = {"reason": failure.reason, "message": in_own_words(explained(failure))}
    if isinstance(failure, ApiError):
        found |= {name: value for name, value in (("field", failure.field), ("allowed", list(failure.allowed))) if value}
    if isinstance(failure, TaskFailed):
        found["task_id"] = str(failure.task.id)
    if isinstance(failure, OutOfSight):
        found["task_id"] = str(failure.task_id)
    if failure.retry_after is not None:
        found["retry_after_seconds"] = failure.retry_after
    if failure.request_id:
        found["request_id"] = failure.request_id
    return types.CallToolResult(content=[_text({"error": found})], structured_content={"error": found}, is_error=True)


def _text(value: object) -> types.TextContent:
    return types.TextContent(text=json.dumps(value, ensure_ascii=False))
