"""Calls of the JSON API as forms: the files go to storage as they arrive, and then the call is made as JSON's is, with their ids."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import chain

from google.protobuf.descriptor import MethodDescriptor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from darkroom.common.v1 import options_pb2
from darkroom.files.v1 import files_service_pb2
from darkroom.internal.files.v1 import intake_service_pb2_grpc
from services.common.errors import DarkroomError, ErrorReason
from services.common.idempotency import HEADER as IDEMPOTENCY_HEADER
from services.common.idempotency import REPLAYED
from services.common.identity import Identity
from services.common.log import get_logger
from services.common.object_writing import ObjectWriter
from services.common.revocations import Revocations
from services.common.rpc import catalogue
from services.common.rpc.channel import Caller
from services.gateway import replies
from services.gateway.backend import Backend, FilesOfAccount
from services.gateway.calls import Calls
from services.gateway.forms import Form, FormLimits, Part
from services.gateway.surfaces.rest.fields import Fields

_SURFACE = "rest"
_UPLOADING = files_service_pb2.DESCRIPTOR.services_by_name["FilesService"].methods_by_name["CreateFiles"]
# After these, the call may have been made in spite of the error, and what it made may need the files.
_UNCERTAIN = (ErrorReason.UNAVAILABLE, ErrorReason.INTERNAL)
_logger = get_logger()


@dataclass(slots=True)
class _Received:
    """What a form held."""

    texts: list[tuple[str, str]] = field(default_factory=list)
    files: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Ids of stored files, by part."""
    content: hashlib._Hash = field(default_factory=hashlib.sha256)
    """Of all files and where they stood."""

    @property
    def file_ids(self) -> list[int]:
        """All files."""
        return list(chain.from_iterable(self.files.values()))


class RestForms:
    """One endpoint for each method that takes a form."""

    def __init__(
        self,
        calls: Calls,
        backend: Backend,
        intake: intake_service_pb2_grpc.IntakeServiceAsyncStub,
        caller: Caller,
        writer: ObjectWriter,
        revocations: Revocations,
        limits: FormLimits,
        max_file_bytes: int,
    ) -> None:
        self._calls, self._backend, self._intake, self._caller = calls, backend, intake, caller
        self._writer, self._revocations, self._limits, self._max_file_bytes = writer, revocations, limits, max_file_bytes

    def routes(self) -> Iterator[Route]:
        """The routes of the application."""
        for route in catalogue.routes():
            if route.surface.name != _SURFACE or not catalogue.takes_form(route.method):
                continue
            scopes = [method.GetOptions().Extensions[options_pb2.scope] for method in (_UPLOADING, route.method)]
            taking = _FormOf(self, route.method)
            endpoint = self._calls.endpoint(route.surface, route.method, scopes, taking.serve)
            for path in (route.template.text, route.template.text + "/"):
                yield Route(path, endpoint, methods=[route.verb])

    async def receive(self, request: Request, fields: Fields, account_id: int) -> _Received:
        """Read a form, and store its files. What was stored is deleted if anything goes wrong."""
        form = Form(request.headers.get("content-type", ""), request.stream(), self._limits)
        received = _Received()
        try:
            async for part in form.parts():
                if part.file_name is None:
                    fields.check_field(part.name)
                    received.texts.append((part.name, await part.text()))
                else:
                    fields.check_file(part.name, len(received.files[part.name]))
                    received.files[part.name].append(await self._store(part, account_id, received))
        except BaseException:
            await self.discard(account_id, received.file_ids)
            raise
        return received

    async def _store(self, part: Part, account_id: int, received: _Received) -> int:
        received.content.update(f"\0{part.name}\0".encode())

        async def chunks() -> AsyncIterator[bytes]:
            async for chunk in part.chunks():
                received.content.update(chunk)
                yield chunk

        target = FilesOfAccount(self._intake, self._caller, account_id, part.file_name or "")
        try:
            return await self._writer.write(target, chunks(), self._max_file_bytes)
        except DarkroomError as error:
            if error.reason in (ErrorReason.MALFORMED_REQUEST, ErrorReason.UNAVAILABLE, ErrorReason.INTERNAL):
                raise
            raise error.at(part.name) from error

    async def call(self, method: MethodDescriptor, request: Request, received: _Received, fields: Fields, identity: Identity) -> Response:
        """Make the call with what the form held."""
        key = request.headers.get(IDEMPOTENCY_HEADER)
        try:
            message = fields.request(received.texts, request.query_params.multi_items(), received.files)
            service = catalogue.served_by(method.containing_service)
            reply = await self._backend.call(service, method, message, identity, key, received.content.digest())
        except DarkroomError as error:
            if error.reason not in _UNCERTAIN:
                await self.discard(identity.account_id, received.file_ids)
            raise fields.blamed(error, received.files) from error
        if REPLAYED in reply.trailers:
            await self.discard(identity.account_id, received.file_ids)
        return replies.response(method, reply.message, reply.headers)

    async def discard(self, account_id: int, file_ids: list[int]) -> None:
        """Delete files that no task needs. Those that cannot be deleted now expire."""
        if not file_ids:
            return
        try:
            await asyncio.shield(FilesOfAccount(self._intake, self._caller, account_id).discard(*file_ids))
        except DarkroomError as error:
            _logger.warning("files_not_discarded", files=len(file_ids), error=str(error))

    async def serve(self, method: MethodDescriptor, fields: Fields, request: Request, identity: Identity) -> Response:
        """Receive the form, and make the call."""
        async with self._revocations.watching(identity.key_id) as revoked:
            received = await self.receive(request, fields, identity.account_id)
            if revoked.is_set():
                await self.discard(identity.account_id, received.file_ids)
                raise DarkroomError(ErrorReason.API_KEY_INVALID, "The key was revoked.")
        return await self.call(method, request, received, fields, identity)


class _FormOf:
    """The form of one method."""

    def __init__(self, forms: RestForms, method: MethodDescriptor) -> None:
        self._forms, self._method, self._fields = forms, method, Fields(method.input_type)

    async def serve(self, request: Request, identity: Identity) -> Response:
        """Serve one request."""
        return await self._forms.serve(self._method, self._fields, request, identity)
