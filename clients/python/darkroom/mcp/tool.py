"""A tool: its description for the model, and its work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import mcp_types as types

from darkroom.client import AsyncClient
from darkroom.files.v1 import files_service_pb2
from darkroom.mcp.schemas import Schema
from darkroom.running import Input

Result = dict[str, Any]

LOOKS = types.ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
"""For a tool that changes nothing and costs nothing."""
ADDS = types.ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False)
"""For a tool that adds something, and may be charged: nothing that exists changes."""
REACHES_OUT = types.ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True)
"""The same, of one that has something done elsewhere: by a provider, or by the server that a URL names."""
ENDS = types.ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)
"""For a tool that ends something."""


class Places(Protocol):
    """Where files come from, and where results go."""

    @property
    def sources(self) -> str:
        """The ways to name a file, for the model."""

    @property
    def destination(self) -> Mapping[str, Schema]:
        """The parameters that say where results go."""

    def source(self, given: str, field: str) -> Input:
        """The file that a text names. Raises InvalidRequest for one that may not be read, about the parameter `field`."""

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Raise InvalidRequest unless results may go where the arguments say."""

    async def keep(self, client: AsyncClient, download: files_service_pb2.Download, arguments: Mapping[str, Any]) -> Result:
        """Put a result where the arguments say. Returns what names it."""

    async def read(self, client: AsyncClient, download: files_service_pb2.Download) -> bytes:
        """The bytes of a small result."""


Report = Callable[[float, str], Awaitable[None]]
"""Reports progress, from 0 to 1, and the current step."""


@dataclass(frozen=True)
class Setting:
    """The means of a tool: the caller's client, the places of files, and how to report progress."""

    client: AsyncClient
    places: Places
    report: Report


@dataclass(frozen=True)
class Answer:
    """The result of a tool."""

    result: Result
    pictures: Sequence[bytes] = ()
    """JPEGs to show to the model."""


Run = Callable[[Setting, Mapping[str, Any]], Awaitable[Answer]]


@dataclass(frozen=True)
class Tool:
    """One tool."""

    name: str
    title: str
    description: str
    properties: Mapping[str, Schema]
    required: tuple[str, ...]
    annotations: types.ToolAnnotations
    run: Run
    group: str = ""
    """The group that it is chosen by; empty for a tool that is always there."""
    keeps_results: bool = False
    """Whether it takes the parameters that say where results go."""
    files: tuple[str, ...] = field(default=())
    """The parameters that name files."""

    def schema(self, places: Places) -> Schema:
        """The schema of its arguments."""
        properties = {name: _with_sources(schema, places) if name in self.files else schema for name, schema in self.properties.items()}
        schema: Schema = {
            "type": "object",
            "properties": {**properties, **(places.destination if self.keeps_results else {})},
            "additionalProperties": False,
        }
        return schema | ({"required": list(self.required)} if self.required else {})


def _with_sources(schema: Schema, places: Places) -> Schema:
    return schema | {"description": f"{schema.get('description', '')} {places.sources}".strip()}
