"""Calls of the JSON API as forms: the files go to storage as they arrive, and then the call is made as JSON's is, with their ids."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.descriptor import MethodDescriptor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from darkroom.common.v1.held_pb2 import HeldFile
from darkroom.files.v1 import files_service_pb2
from darkroom.rest.v1 import operation_calls_pb2
from services.gateway import replies
from services.gateway.backend import Reply
from services.gateway.calls import Handle
from services.gateway.receiving import ReceivedForm
from services.gateway.surfaces.parts import GatewayParts
from services.gateway.surfaces.rest import logo
from services.gateway.surfaces.rest.fields import Fields
from services.gateway.surfaces.rest.operation_form import OperationForm
from services.pictures.operation_calls import operation_call
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import REPLAYED
from services.platform.identity import Identity
from services.platform.rpc import catalogue
from services.platform.rpc.permissions import scope_of

_SURFACE = "rest"
_UPLOADING = files_service_pb2.DESCRIPTOR.services_by_name["FilesService"].methods_by_name["CreateFiles"]
# After these, the call may have been made in spite of the error, and what it made may need the files.
_UNCERTAIN = (ErrorReason.UNAVAILABLE, ErrorReason.INTERNAL)


class RestForms:
    """One endpoint for each method that takes a form."""

    def __init__(self, parts: GatewayParts) -> None:
        self._calls, self._backend, self._receiver, self._revocations = parts.calls, parts.backend, parts.receiver, parts.revocations
        self._logo = logo.LogoForm(parts)

    def routes(self) -> Iterator[Route]:
        """The routes of the application."""
        for route in catalogue.routes():
            if route.surface.name != _SURFACE or not catalogue.takes_form(route.method):
                continue
            scopes = [scope_of(method) for method in (_UPLOADING, route.method)]
            endpoint = self._calls.endpoint(route.surface, route.method, scopes, self._handler(route))
            for path in (route.template.text, route.template.text + "/"):
                yield Route(path, endpoint, methods=[route.verb])

    def _handler(self, route: catalogue.Route) -> Handle:
        if route.method.full_name == logo.METHOD.full_name:
            return self._logo.serve
        if catalogue.has_path_for_each_operation(route.method):
            return _FormOfOperation(self, route.method, route.template.text.split("/")[-2]).serve
        return _FormOf(self, route.method).serve

    async def call(
        self, method: MethodDescriptor, request: Request, received: ReceivedForm, fields: Fields | OperationForm, identity: Identity
    ) -> Response:
        """Make the call with what the form held."""
        try:
            message = fields.request(received.texts, request.query_params.multi_items(), received.files, request.path_params)
            service = catalogue.served_by(method.containing_service)

            async def make(held: HeldFile | None) -> Reply:
                if isinstance(message, operation_calls_pb2.RunOperationRequest):
                    message.ClearField("held")
                    message.MergeFrom(operation_calls_pb2.RunOperationRequest(held=held))
                return await self._backend.call(service, method, message, identity, received.key, received.content.digest())

            reply = await self._receiver.pass_on(identity.account_id, received.held, make)
        except DarkroomError as error:
            if error.reason not in _UNCERTAIN:
                await self._receiver.discard(identity.account_id, received.file_ids)
            raise fields.translate_error(error, received.files) from error
        if REPLAYED in reply.trailers:
            await self._receiver.discard(identity.account_id, received.file_ids)
        return replies.response(method, reply.message, reply.headers)

    async def serve(self, method: MethodDescriptor, fields: Fields | OperationForm, request: Request, identity: Identity) -> Response:
        """Receive the form, and make the call."""
        async with self._revocations.watching(identity) as watcher:
            holds = isinstance(fields, OperationForm) and fields.may_be_short
            received = await self._receiver.receive(request, fields, identity.account_id, holds=holds)
            try:
                watcher.check()
            except DarkroomError:
                await self._receiver.discard(identity.account_id, received.file_ids)
                raise
        return await self.call(method, request, received, fields, identity)


class _FormOf:
    """The form of one method."""

    def __init__(self, forms: RestForms, method: MethodDescriptor) -> None:
        self._forms, self._method, self._fields = forms, method, Fields(method.input_type)

    async def serve(self, request: Request, identity: Identity) -> Response:
        return await self._forms.serve(self._method, self._fields, request, identity)


class _FormOfOperation:
    """The form of a method whose path names the operation."""

    def __init__(self, forms: RestForms, method: MethodDescriptor, collection: str) -> None:
        self._forms, self._method, self._collection = forms, method, collection

    async def serve(self, request: Request, identity: Identity) -> Response:
        """Raises ROUTE_NOT_FOUND for an operation that there is not."""
        call = operation_call(self._collection, request.path_params["operation"])
        return await self._forms.serve(self._method, OperationForm(call, self._method.input_type), request, identity)
