"""Files of a caller elsewhere: named by URL or id, and handed back by URL."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from darkroom.client import AsyncClient
from darkroom.content import is_url
from darkroom.files.v1 import files_service_pb2
from darkroom.mcp.checking import refused
from darkroom.mcp.schemas import Schema
from darkroom.mcp.tool import Result
from darkroom.running import Input

_ID = re.compile(r"\d{1,15}")
Read = Callable[[files_service_pb2.Download], Awaitable[bytes]]


class Remote:
    """Files on the server, and those that it fetches."""

    sources = "A URL, or the id of a file on the server."
    destination: Mapping[str, Schema] = {}

    def __init__(self, read: Read) -> None:
        """`read` gets the bytes of a small result."""
        self._read = read

    def source(self, given: str, field: str) -> Input:
        """The file that a text names. Raises InvalidRequest for anything but a URL and an id: paths name files of another machine."""
        if is_url(given):
            return given
        if _ID.fullmatch(given):
            return int(given)
        raise refused(field, f"{given[:80]!r} is neither a URL (http:// or https://) nor the id of a file on the server")

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Results go nowhere: their URLs do."""

    async def keep(self, client: AsyncClient, download: files_service_pb2.Download, arguments: Mapping[str, Any]) -> Result:
        """The URL of a result, for anyone who has it, for 24 hours."""
        return {"download_url": download.url}

    async def read(self, client: AsyncClient, download: files_service_pb2.Download) -> bytes:
        """The bytes of a small result."""
        return await self._read(download)
