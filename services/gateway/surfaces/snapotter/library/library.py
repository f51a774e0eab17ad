"""The library: pictures that people keep, in versions."""

from __future__ import annotations

import math

from starlette.requests import Request
from starlette.responses import Response

from darkroom.files.v1 import library_file_pb2, library_service_pb2
from services.gateway.replies import from_storage
from services.gateway.surfaces.snapotter.bodies import json_body, storable
from services.gateway.surfaces.snapotter.errors import Refusal, answer, image_problem
from services.gateway.surfaces.snapotter.forms import FormContent, Forms, check_files, require_form
from services.gateway.surfaces.snapotter.library.calls import LibraryCalls, is_about, version_fields
from services.gateway.surfaces.snapotter.names import display_name
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity

_DEFAULT_LIMIT, _MOST = 50, 10_000
_LARGEST = 1 << 53
_PAGE, _IDS = 200, 1000
"""The number of files that the platform lists, and deletes, in a call."""
_LONGEST_NAME = 300
_LONGEST_TOOL = 100
_LONGEST_ID = 100


class Library:
    """Serves it."""

    def __init__(self, forms: Forms, calls: LibraryCalls) -> None:
        self._forms, self._calls = forms, calls

    async def list_files(self, request: Request, identity: Identity) -> Response:
        """The newest version of each chain."""
        asked = request.query_params
        limit, skip = min(_number(asked.get("limit")) or _DEFAULT_LIMIT, _MOST), _number(asked.get("offset"))
        # No name contains a longer text.
        search = storable(asked.get("search", "")).strip()[: _LONGEST_NAME + 1]
        found: list[library_file_pb2.LibraryFile] = []
        while True:
            size = min(limit - len(found), _PAGE)
            page = library_service_pb2.ListLibraryFilesRequest(page_size=size, skip=skip + len(found), search=search)
            reply: library_service_pb2.ListLibraryFilesResponse = await self._calls.ask("ListLibraryFiles", page, identity)
            found += reply.files
            if len(reply.files) < size or len(found) == limit:
                break
        return answer({"files": [version_fields(file) for file in found], "total": reply.total_size, "limit": limit, "offset": skip})

    async def upload(self, request: Request, identity: Identity) -> Response:
        """Keep pictures."""
        require_form(request)
        sent = await self._forms.read(request, identity.account_id, "all", in_tool=False)
        try:
            check_files(sent)
            new = [library_service_pb2.NewLibraryFile(file_id=file.file_id, name=display_name(file.name)) for file in sent.files]
            added = await self._calls.add(identity, *new)
        except DarkroomError as error:
            await self._forms.discard(identity.account_id, sent)
            problem = image_problem(error)
            if problem is None:
                raise
            raise Refusal(400, f'Invalid file "{_name_of(error, sent)}": {problem}') from error
        except BaseException:
            await self._forms.discard(identity.account_id, sent)
            raise
        return answer({"files": [version_fields(file) for file in added]}, 201)

    async def save_result(self, request: Request, identity: Identity) -> Response:
        """Keep a picture as a new version of another."""
        require_form(request)
        sent = await self._forms.read(request, identity.account_id, "last", in_tool=False)
        try:
            [added] = await self._calls.add(identity, _new_version(sent))
        except DarkroomError as error:
            await self._forms.discard(identity.account_id, sent)
            if is_about(error, "parent_id"):
                raise Refusal(404, "Parent file not found") from error
            problem = image_problem(error)
            if problem is None:
                raise
            raise Refusal(400, f"Invalid file: {problem}") from error
        except BaseException:
            await self._forms.discard(identity.account_id, sent)
            raise
        return answer({"file": version_fields(added)}, 201)

    async def get(self, request: Request, identity: Identity) -> Response:
        """A version and its chain."""
        reply = await self.find(request, identity)
        return answer({"file": version_fields(reply.file), "versions": [version_fields(each) for each in reply.versions]})

    async def find(self, request: Request, identity: Identity) -> library_service_pb2.GetLibraryFileResponse:
        """The version that the path names. Raises `Refusal` if the caller does not see it."""
        asked = library_service_pb2.GetLibraryFileRequest(id=_id(request))
        try:
            reply: library_service_pb2.GetLibraryFileResponse = await self._calls.ask("GetLibraryFile", asked, identity)
        except DarkroomError as error:
            raise _absent(error) from error
        return reply

    async def download(self, request: Request, identity: Identity) -> Response:
        """A version's bytes."""
        asked = library_service_pb2.CreateLibraryDownloadUrlRequest(id=_id(request), for_head=request.method == "HEAD")
        try:
            reply: library_service_pb2.CreateLibraryDownloadUrlResponse = await self._calls.ask("CreateLibraryDownloadUrl", asked, identity)
        except DarkroomError as error:
            raise _absent(error) from error
        return from_storage(reply.url)

    async def delete(self, request: Request, identity: Identity) -> Response:
        """Delete the chains of versions."""
        body = await json_body(request)
        ids = body.get("ids") if isinstance(body, dict) else None
        if not isinstance(ids, list) or not ids or not all(isinstance(each, str) for each in ids):
            raise Refusal(400, "ids must be a list of one or more file ids", code="VALIDATION_ERROR")
        return answer({"deleted": await self._delete([storable(each) for each in ids], identity)})

    async def delete_one(self, request: Request, identity: Identity) -> Response:
        """Delete the chain of a version."""
        deleted = await self._delete([_id(request)], identity)
        if not deleted:
            raise Refusal(404, "File not found", code="NOT_FOUND")
        return answer({"deleted": deleted})

    async def _delete(self, ids: list[str], identity: Identity) -> int:
        deleted = 0
        for start in range(0, len(ids), _IDS):
            asked = library_service_pb2.DeleteLibraryFilesRequest(ids=ids[start : start + _IDS])
            deleted += (await self._calls.ask("DeleteLibraryFiles", asked, identity)).deleted
        return deleted


def _new_version(sent: FormContent) -> library_service_pb2.NewLibraryFile:
    """The files that a form asks to save. Raises `Refusal`."""
    if not sent.files:
        raise Refusal(400, "No file provided")
    parent, tool = (storable(sent.fields.get(name, "")).strip() for name in ("parentId", "toolId"))
    if not parent:
        raise Refusal(400, "parentId is required")
    [file] = sent.files
    if file.problem:
        raise Refusal(400, f"Invalid file: {file.problem}")
    if len(tool) > _LONGEST_TOOL:
        raise Refusal(400, f"toolId must be at most {_LONGEST_TOOL} characters")
    return library_service_pb2.NewLibraryFile(
        file_id=file.file_id,
        name=display_name(file.name),
        # The beginning of a text that is too long for an id is not an id either.
        parent_id=parent[:_LONGEST_ID],
        tool=display_name(tool, ""),
        named_as_parent=True,
    )


def _id(request: Request) -> str:
    return storable(request.path_params["id"])


def _absent(error: DarkroomError) -> DarkroomError | Refusal:
    return Refusal(404, "File not found", code="NOT_FOUND") if error.reason is ErrorReason.FILE_NOT_FOUND else error


def _name_of(error: DarkroomError, sent: FormContent) -> str:
    """The name of the file that an error is about."""
    return next((file.name for file in sent.files if str(file.file_id) == error.metadata.get("file_id")), sent.files[0].name)


def _number(text: str | None) -> int:
    """The whole number in a text; 0 for any other text, and for one below 0."""
    try:
        number = float(text or 0)
    except ValueError:
        return 0
    return min(int(number), _LARGEST) if math.isfinite(number) and number > 0 else 0
