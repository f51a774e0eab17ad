"""Claid's upload of a picture together with its edit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from compat.claid.v1 import edits_pb2
from darkroom.common.v1 import scope_pb2
from darkroom.common.v1.held_pb2 import HeldFile
from services.gateway import replies
from services.gateway.backend import Reply
from services.gateway.surfaces.parts import GatewayParts
from services.platform.errors import MISSING, UNKNOWN, DarkroomError, ErrorReason, Violation
from services.platform.idempotent_call import REPLAYED
from services.platform.identity import Identity
from services.platform.json_models import struct_of
from services.platform.rpc import catalogue
from services.platform.rpc.origin import ORIGIN_HEADER

FILE, DATA = "file", "data"
_BOTH = (FILE, DATA)


class UploadParts:
    """One picture and one field."""

    def is_field(self, name: str) -> bool:
        """Browsers give JSON a file name if it has a content type."""
        return name == DATA

    def check_field(self, name: str) -> None:
        """Refuse any field but `data`. Raises FIELD_INVALID."""
        if name == FILE:
            raise _invalid(FILE, "must be a file: a part with a file name")
        if name != DATA:
            raise _invalid(name, f"is not a part of this form, which has {' and '.join(_BOTH)}", UNKNOWN)

    def check_file(self, name: str, before: int) -> None:
        """Refuse any file but one in `file`. Raises FIELD_INVALID."""
        if name != FILE:
            raise _invalid(name, f"is not a part of this form, which has {' and '.join(_BOTH)}", UNKNOWN)
        if before:
            raise _invalid(FILE, "is given twice")


def upload(texts: Sequence[tuple[str, str]], file_ids: Sequence[int]) -> edits_pb2.UploadAndEditImageRequest:
    """The call that a form stands for. Raises FIELD_INVALID."""
    if not file_ids:
        raise _invalid(FILE, "is required", MISSING)
    if not texts:
        raise _invalid(DATA, "is required", MISSING)
    if len(texts) > 1:
        raise _invalid(DATA, "is given twice")
    [(_, text)] = texts
    return edits_pb2.UploadAndEditImageRequest(file=str(file_ids[0]), data=struct_of(_object(text)))


def _object(text: str) -> dict[str, Any]:
    try:
        read = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise _invalid(DATA, 'must be an object as JSON, such as {"operations": {}}')
    return read


def _refuse(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")


def _invalid(field: str, problem: str, kind: str = "value_error") -> DarkroomError:
    return DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: {problem}.", violations=[Violation(field, problem, kind)])


_METHOD = edits_pb2.DESCRIPTOR.services_by_name["EditsService"].methods_by_name["UploadAndEditImage"]
_ORIGINAL_PATH_HEADER = "x-envoy-original-path"
_SCOPES = (scope_pb2.SCOPE_FILES_WRITE, scope_pb2.SCOPE_TASKS_WRITE)
# After these, the edit may have been made in spite of the error, and need the file.
_UNCERTAIN = (ErrorReason.UNAVAILABLE, ErrorReason.INTERNAL)


def routes(parts: GatewayParts) -> Sequence[Route]:
    """One for each path of the method."""
    uploads = _Uploads(parts)
    return [
        Route(f"{route.template.text}{slash}", parts.calls.endpoint(route.surface, _METHOD, _SCOPES, uploads.serve), methods=[route.verb])
        for route in catalogue.routes()
        if route.method.full_name == _METHOD.full_name
        for slash in ("", "/")
    ]


class _Uploads:
    def __init__(self, parts: GatewayParts) -> None:
        self._backend, self._receiver, self._revocations = parts.backend, parts.receiver, parts.revocations

    async def serve(self, request: Request, identity: Identity) -> Response:
        """Store the picture, and have it edited."""
        account_id = identity.account_id
        async with self._revocations.watching(identity) as watcher:
            received = await self._receiver.receive(request, UploadParts(), account_id, holds=True)
            try:
                watcher.check()
            except DarkroomError:
                await self._receiver.discard(account_id, received.file_ids)
                raise
        try:
            call = upload(received.texts, received.file_ids)
            service, asked_by = catalogue.served_by(_METHOD.containing_service), _asked_by(request)

            async def make(held: HeldFile | None) -> Reply:
                whole = edits_pb2.UploadAndEditImageRequest(file=call.file, data=call.data, held=held)
                return await self._backend.call(service, _METHOD, whole, identity, received.key, received.content.digest(), asked_by)

            reply = await self._receiver.pass_on(account_id, received.held, make)
        except DarkroomError as error:
            if error.reason not in _UNCERTAIN:
                await self._receiver.discard(account_id, received.file_ids)
            raise
        if REPLAYED in reply.trailers:
            await self._receiver.discard(account_id, received.file_ids)
        return replies.response(_METHOD, reply.message, reply.headers)


def _asked_by(request: Request) -> dict[str, str]:
    """Headers that say by which URL the caller came."""
    return {ORIGIN_HEADER: request.headers.get(ORIGIN_HEADER, ""), _ORIGINAL_PATH_HEADER: request.url.path}
