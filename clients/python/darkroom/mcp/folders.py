"""Files of this machine: only those inside folders that the user has named."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from darkroom.client import AsyncClient
from darkroom.content import is_url
from darkroom.failures import InvalidRequest
from darkroom.files.v1 import files_service_pb2
from darkroom.mcp.checking import refused
from darkroom.mcp.schemas import Schema
from darkroom.mcp.tool import Result
from darkroom.naming import unwritable
from darkroom.running import Input

_ID = re.compile(r"\d{1,15}")


class Folders:
    """Reads from the folders, and writes results to them. Nothing is overwritten."""

    def __init__(self, folders: Sequence[Path], results: Path) -> None:
        """`results` is where results go unless a call says otherwise; it must be in one of the folders. Raises OSError for a folder that
        is not there."""
        self._folders = tuple(folder.resolve(strict=True) for folder in folders)
        self._results = self._inside(results, "results")

    @property
    def sources(self) -> str:
        """The ways to name a file, for the model."""
        named = ", ".join(str(folder) for folder in self._folders)
        return f"A path inside {named}; a URL; or the id of a file on the server."

    @property
    def destination(self) -> Mapping[str, Schema]:
        """The parameters that say where results go."""
        text = (
            f"Folder for the results, made if it is missing. Default: {self._results}. Nothing is overwritten: a taken name gets a number."
        )
        return {"save_to": {"type": "string", "description": text}}

    def source(self, given: str, field: str) -> Input:
        """The file that a text names. Raises InvalidRequest for one outside of the folders, and for one that is not there."""
        if is_url(given):
            return given
        if _ID.fullmatch(given):
            return int(given)
        path = self._inside(Path(given), field)
        if not path.is_file():
            raise refused(field, f"there is no file {given}")
        return path

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Raise InvalidRequest unless results may go where the arguments say."""
        self._target(arguments)

    async def keep(self, client: AsyncClient, download: files_service_pb2.Download, arguments: Mapping[str, Any]) -> Result:
        """Save a result. Returns its path."""
        target = self._target(arguments)
        try:
            return {"path": str(await client.save_download(download, target))}
        except OSError as error:
            raise InvalidRequest("LOCAL_FILE", f"{target}: {error.strerror or error}", "save_to") from None

    async def read(self, client: AsyncClient, download: files_service_pb2.Download) -> bytes:
        """The bytes of a small result."""
        return await client.read_download(download)

    def _target(self, arguments: Mapping[str, Any]) -> Path:
        given = arguments.get("save_to")
        target = self._results if given is None else self._inside(Path(given), "save_to")
        if why := unwritable(target):
            raise refused("save_to", why)
        return target

    def _inside(self, path: Path, field: str) -> Path:
        """The path without symbolic links, which has to be inside the folders. A relative one is below the first of them that has it."""
        inside = []
        for candidate in [path] if path.is_absolute() or path.parts[:1] == ("~",) else [folder / path for folder in self._folders]:
            try:
                found = candidate.expanduser().resolve()
            except (OSError, RuntimeError, ValueError):
                continue  # A ring of links, or a name that no file can have.
            if any(found.is_relative_to(folder) for folder in self._folders):
                inside.append(found)
        if inside:
            return next((found for found in inside if found.exists()), inside[0])
        allowed = tuple(str(folder) for folder in self._folders)
        raise refused(field, f"{path} is outside of the folders that may be used, or leads out of them", allowed)
