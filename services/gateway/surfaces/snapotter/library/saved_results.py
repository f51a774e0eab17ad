"""Results of tools that become new versions of files in the library (`fileId`)."""

from __future__ import annotations

from darkroom.common.v1 import scope_pb2
from darkroom.files.v1 import library_service_pb2
from darkroom.internal.tasks.v1 import run_service_pb2
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.forms import FormContent
from services.gateway.surfaces.snapotter.library.calls import LibraryCalls
from services.gateway.surfaces.snapotter.names import display_name
from services.gateway.surfaces.snapotter.tool_settings import read_json
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity
from services.platform.scopes import require_scope

FILE_ID = "fileId"
_LONGEST_ID = 100


class SavedResults:
    """Saves them."""

    def __init__(self, calls: LibraryCalls) -> None:
        self._calls = calls

    def parent(self, identity: Identity, sent: FormContent, settings: str) -> str:
        """The library file that a form names, in a field of its own or in its settings, if it may be one; empty if there is none.

        Raises PERMISSION_DENIED for a caller who may not add to the library.
        """
        named = sent.fields.get(FILE_ID, "").strip() or _in_settings(settings)
        if not named or len(named) > _LONGEST_ID or not named.isascii() or not named.isprintable():
            return ""
        require_scope(scope_pb2.SCOPE_FILES_WRITE, identity)
        return named

    async def save(self, identity: Identity, parent: str, run: run_service_pb2.Run, name: str, tool: str) -> str | None:
        """The id of the new version, which belongs to its parent's owner; None if there is no such parent."""
        new = library_service_pb2.NewLibraryFile(
            file_id=run.outputs[0].id, name=display_name(name), parent_id=parent, tool=tool, owned_as_parent=True
        )
        try:
            [added] = await self._calls.add(identity, new)
        except DarkroomError as error:
            if error.reason is ErrorReason.FILE_NOT_FOUND:
                return None
            raise
        return added.id


def _in_settings(text: str) -> str:
    if FILE_ID not in text:
        return ""
    try:
        said = read_json(text)
    except Refusal:
        # The tool says what is wrong with them.
        return ""
    named = said.get(FILE_ID) if isinstance(said, dict) else None
    return named.strip() if isinstance(named, str) else ""
