"""Clients of the Model Context Protocol: the SDK's own, over standard input and output and over HTTP."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import mcp_types as types
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from tests.stacks import StackUnderTest

MODES = ("auto", "legacy")
"""The protocol of 2026, in which each request is complete in itself, and the one before, which begins with a handshake."""


@asynccontextmanager
async def over_stdio(stack: StackUnderTest, api_key: str, folder: Path, *options: str, mode: str = "auto") -> AsyncIterator[Client]:
    """A client of `darkroom mcp`."""
    started = StdioServerParameters(
        command=sys.executable,
        args=["-m", "darkroom.cli.app", "mcp", "--folder", str(folder), *options],
        env={**os.environ, "DARKROOM_URL": stack.url, "DARKROOM_API_KEY": api_key},
    )
    async with Client(stdio_client(started), mode=mode) as client:
        yield client


@asynccontextmanager
async def over_http(stack: StackUnderTest, api_key: str, query: str = "", mode: str = "auto") -> AsyncIterator[Client]:
    """A client of `/mcp`."""
    async with (
        create_mcp_http_client({"authorization": f"Bearer {api_key}"}) as http,
        Client(streamable_http_client(f"{stack.url}/mcp{query}", http_client=http), mode=mode) as client,
    ):
        yield client


async def result_of(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool returns; its text says the same."""
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    found = answer.structured_content
    assert isinstance(found, dict)
    assert json.loads(texts(answer)) == found
    return found


async def error_of(client: Client, tool: str, **arguments: Any) -> Mapping[str, Any]:
    """How a tool refuses."""
    answer = await client.call_tool(tool, arguments)
    assert answer.is_error, answer.content
    error: dict[str, Any] = json.loads(texts(answer))["error"]
    return error


def texts(answer: types.CallToolResult) -> str:
    """The text of an answer."""
    return "".join(each.text for each in answer.content if isinstance(each, types.TextContent))
