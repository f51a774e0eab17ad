"""Batches of SnapOtter's API, as its users send them and read their archives."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx
from PIL import Image

from tests.system.snapotter import Part, SnapOtter


@dataclass(frozen=True)
class Archive:
    """A reply that is a ZIP."""

    reply: httpx.Response

    @property
    def zip(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(io.BytesIO(self.reply.content))

    @property
    def names(self) -> list[str]:
        return self.zip.namelist()

    @property
    def results(self) -> Mapping[str, str]:
        """The entries by the places of their files."""
        found: Mapping[str, str] = json.loads(self.reply.headers["x-file-results"])
        return found

    def picture(self, name: str) -> Image.Image:
        return Image.open(io.BytesIO(self.zip.read(name)))


async def send(
    caller: SnapOtter, path: str, files: Sequence[tuple[str, bytes]], settings: object = None, *, field: str = "settings", **fields: str
) -> httpx.Response:
    """A batch of files, each a name and its content."""
    parts: list[Part] = [("file", content, name) for name, content in files]
    if settings is not None:
        parts.append((field, settings if isinstance(settings, str) else json.dumps(settings)))
    return await caller.form(path, *parts, *fields.items())


async def batch(caller: SnapOtter, tool: str, files: Sequence[tuple[str, bytes]], settings: object = None, **fields: str) -> httpx.Response:
    """A batch of a tool."""
    return await send(caller, f"/api/v1/tools/{tool}/batch", files, settings, **fields)


def archive(reply: httpx.Response) -> Archive:
    """The archive of a batch of which something has worked."""
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "application/zip"
    found = Archive(reply)
    assert found.zip.testzip() is None
    return found
