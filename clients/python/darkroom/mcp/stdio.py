"""The tools over standard input and output, for a program that starts this one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mcp.server.stdio import stdio_server

from darkroom.client import AsyncClient
from darkroom.connection import Server
from darkroom.mcp.folders import Folders
from darkroom.mcp.server import server_of
from darkroom.mcp.tool import Tool


async def serve(server: Server, folders: Sequence[Path], results: Path, tools: Sequence[Tool], version: str) -> None:
    """Serve until standard input ends. Raises OSError for a folder that is not there, and InvalidRequest for results outside of them."""
    places = Folders(folders, results)
    async with AsyncClient(server=server) as client, stdio_server() as (read, write):
        serving = server_of(client, places, tools, version)
        await serving.run(read, write, serving.create_initialization_options())
