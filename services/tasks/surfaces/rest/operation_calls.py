"""`POST /v1/images/{operation}` and `POST /v1/pdfs/{operation}`: one operation, with its parameters as fields of the request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from darkroom.operations.v1 import operation_pb2
from darkroom.rest.v1 import operation_calls_pb2, operation_calls_pb2_grpc, tasks_pb2
from services.pictures.operation_calls import FILE, FILE_IDS, REPLY_FIELDS, WEBHOOK_URL, OperationCall, operation_call
from services.pictures.operations import Arity, parameters_of
from services.platform.errors import DarkroomError
from services.platform.idempotent_call import REPLAYED
from services.platform.identity import GATEWAY, current_identity
from services.platform.json_models import python_of
from services.platform.rpc.held_files import held_file
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.interceptor import Context
from services.platform.rpc.json_messages import invalid, message_of
from services.platform.rpc.trace import Origin
from services.platform.rpc.unknown_fields import UnknownField
from services.platform.rpc.validation import RequestValidator
from services.tasks.domain.acceptance.acceptance import Acceptance
from services.tasks.domain.acceptance.requests import TaskRequest
from services.tasks.domain.plan import operations_of
from services.tasks.surfaces import ids
from services.tasks.surfaces.rendering import input_urls
from services.tasks.surfaces.rest.notices import SURFACE
from services.tasks.surfaces.rest.replies import Replies, waits

_MOST_FILES = 500
_LONGEST_URL = {"webhook_url": 2000, "image_url": 8000, "pdf_url": 8000}


@dataclass(frozen=True, slots=True)
class FlatRequest:
    """A request whose fields are those of the operation."""

    operation: operation_pb2.Operation
    file_ids: list[int] = field(default_factory=list)
    """The inputs."""
    file_fields: list[str] = field(default_factory=list)
    """For each input, the field or part that names it."""
    urls: Mapping[str, str] = field(default_factory=dict)
    """Inputs to fetch, by the fields that name them."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """For parameters that name a file, the part of the form that holds it."""
    webhook_url: str = ""


def flat_request(call: OperationCall, request: operation_calls_pb2.RunOperationRequest) -> FlatRequest:
    """The task that a request asks for; `wait` and `redirect` of its input become those of the request. Raises FIELD_INVALID."""
    values: dict[str, Any] = {name: value for name, value in python_of(request.input).items() if value is not None}
    for name in values:
        if name not in call.names:
            raise UnknownField(name, call.names).refusal()
    _take_reply_fields(request, values)
    webhook_url = _text(values, WEBHOOK_URL)
    parameters = {name: value for name, value in values.items() if name in call.parameters}
    parts = _add_files(call, request, parameters)
    operation = call.operation(parameters)
    RequestValidator().check(parameters_of(operation))
    file_ids, fields, urls = _inputs(call, request, values)
    return FlatRequest(operation, file_ids, fields, urls, parts, webhook_url)


def _take_reply_fields(request: operation_calls_pb2.RunOperationRequest, values: dict[str, Any]) -> None:
    given = {name: values.pop(name) for name in REPLY_FIELDS if name in values}
    for name in given:
        if request.HasField(name):  # type: ignore[arg-type]
            raise invalid(name, "is given twice, in the query and in the body")
    request.MergeFrom(message_of(given, request.DESCRIPTOR))  # type: ignore[arg-type]
    RequestValidator().check(request)


def _add_files(call: OperationCall, request: operation_calls_pb2.RunOperationRequest, parameters: dict[str, Any]) -> dict[str, str]:
    """Add the ids of files besides the inputs to the parameters; returns the parts that hold them."""
    parts: dict[str, str] = {}
    for each in request.files:
        name = call.file_parts.get(each.part)
        if name is None:
            raise UnknownField(each.part, list(call.file_parts)).refusal()
        if not name:
            continue
        if name in parameters:
            raise invalid(each.part, f"replaces {name}; send only one of them" if each.part != name else "is given twice")
        parameters[name], parts[name] = each.file_id, each.part
    return parts


def _inputs(
    call: OperationCall, request: operation_calls_pb2.RunOperationRequest, values: Mapping[str, Any]
) -> tuple[list[int], list[str], dict[str, str]]:
    """The ids of the inputs, the fields that name them, and inputs by URL."""
    sent = [each.file_id for each in request.files if each.part == FILE]
    given = [name for name in call.input_fields if name in values]
    if sent and given:
        raise invalid(FILE, f"replaces {given[0]}; send only one of them")
    if len(given) > 1:
        raise invalid(given[0], f"cannot be given together with {given[1]}")
    if sent:
        return sent, [FILE] if len(sent) == 1 else [f"{FILE}[{at}]" for at in range(len(sent))], {}
    if not given:
        if call.spec.arity in (Arity.EACH, Arity.ALL):
            needed, *others = call.input_fields if current_identity().service != GATEWAY else (FILE, *call.input_fields)
            alternatives = " or ".join(others)
            raise invalid(needed, f"is required, unless {alternatives} is given")
        return [], [], {}
    name = given[0]
    if name == call.url_field:
        return [], [], {name: _text(values, name)}
    listed = values[name] if isinstance(values[name], list) else [values[name]]
    if name == FILE_IDS and len(listed) > _MOST_FILES:
        raise invalid(name, f"must have at most {_MOST_FILES} items")
    fields = [name] if name != FILE_IDS else [f"{name}[{at}]" for at in range(len(listed))]
    if len(listed) != len(fields):
        raise invalid(name, f"must be one id; {FILE_IDS} takes several")
    return [ids.file_id(_id(each, at), at) for each, at in zip(listed, fields, strict=True)], fields, {}


def _id(value: Any, name: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise invalid(name, "must be an id: a whole number as a text")
    return str(value)


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name, "")
    if not isinstance(value, str):
        raise invalid(name, "must be a text")
    if len(value) > _LONGEST_URL[name]:
        raise invalid(name, f"must have at most {_LONGEST_URL[name]} characters")
    return value


class RestOperationCalls(operation_calls_pb2_grpc.OperationsServiceServicer):
    """Calls of one operation each."""

    def __init__(self, acceptance: Acceptance, replies: Replies) -> None:
        self._acceptance, self._replies = acceptance, replies

    async def RunImageOperation(self, request: operation_calls_pb2.RunOperationRequest, context: Context) -> tasks_pb2.TaskCreateEnvelope:
        """On pictures."""
        return await self._run("images", request, context)

    async def RunPdfOperation(self, request: operation_calls_pb2.RunOperationRequest, context: Context) -> tasks_pb2.TaskCreateEnvelope:
        """On PDFs."""
        return await self._run("pdfs", request, context)

    async def _run(
        self, collection: str, request: operation_calls_pb2.RunOperationRequest, context: Context
    ) -> tasks_pb2.TaskCreateEnvelope:
        idempotency = current_idempotency()
        call = operation_call(collection, request.operation)
        asked, held = flat_request(call, request), held_file(request)
        try:
            task = await self._acceptance.create(
                TaskRequest(
                    account_id=current_identity().account_id,
                    operations=[asked.operation],
                    input_file_ids=asked.file_ids,
                    input_fields=asked.file_fields,
                    files_field=FILE_IDS if call.takes_files else "operation",
                    auxiliary_field=lambda _position, _operation, auxiliary: asked.parts.get(auxiliary.field, auxiliary.field),
                    trace_id=str(Origin.current()),
                    idempotency=idempotency,
                    webhook_url=asked.webhook_url,
                    input_urls=input_urls(asked.urls),
                    surface=SURFACE,
                    held=held,
                    is_awaited=waits(request),
                )
            )
        except DarkroomError as error:
            raise _flat(error, call) from error
        if request.files and (list(task.input_file_ids) != asked.file_ids or operations_of(task) != [asked.operation]):
            # An earlier call of the same form has made it, with files of its own.
            context.set_trailing_metadata(((REPLAYED, "true"),))
        return await self._replies.creation_reply(task, request, context)


def _flat(error: DarkroomError, call: OperationCall) -> DarkroomError:
    """An error of a creation in the terms of the request, which has no list of operations."""
    for prefix in (f"operations[0].{call.spec.name}.", f"operations[0].{call.spec.name}", "operations[0]"):
        if error.field is not None and error.field.startswith(prefix):
            field_name = error.field.removeprefix(prefix) or "operation"
            rest = error.message.removeprefix(error.field).removeprefix(":").strip()
            return error.at(field_name).saying(f"{field_name}: {rest}")
    return error
