"""What tests do with SnapOtter's library."""

from __future__ import annotations

from typing import Any

import httpx

from tests.system.pictures import disc, encoded
from tests.system.snapotter import SnapOtter

PICTURE = encoded(disc(64, 48), "PNG")
FIELDS = {"id", "originalName", "mimeType", "size", "width", "height", "version", "parentId", "toolChain", "createdAt"}
FILES = "/api/v1/files"
SAVE = "/api/v1/files/save-result"
UNKNOWN = "7b0d3c1e-5a52-4d5f-8f0e-1c2d3e4f5a6b"


async def kept(caller: SnapOtter, content: bytes = PICTURE, name: str = "photo.png") -> dict[str, Any]:
    """A file in the caller's library."""
    reply = await caller.form(f"{FILES}/upload", ("file", content, name))
    assert reply.status_code == 201, reply.text
    [file] = reply.json()["files"]
    found: dict[str, Any] = file
    return found


async def saved(caller: SnapOtter, parent: str, content: bytes = PICTURE, name: str = "new.png", **fields: str) -> dict[str, Any]:
    """A new version of a file."""
    reply = await caller.form(SAVE, ("file", content, name), ("parentId", parent), *fields.items())
    assert reply.status_code == 201, reply.text
    file: dict[str, Any] = reply.json()["file"]
    return file


async def listed(caller: SnapOtter, query: str = "") -> list[str]:
    """The ids of what the caller sees."""
    reply = await caller.get(f"{FILES}{query}")
    assert reply.status_code == 200, reply.text
    return [file["id"] for file in reply.json()["files"]]


async def delete(caller: SnapOtter, *ids: object) -> httpx.Response:
    """Delete files, each with its chain."""
    return await caller.call("DELETE", FILES, {"ids": list(ids)})
