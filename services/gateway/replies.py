"""Replies of public methods and errors, as the HTTP responses that the edge makes of them elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from starlette.responses import Response

from services.platform.errors import DarkroomError
from services.platform.rpc import catalogue
from services.platform.rpc.notices import NOTICES
from services.platform.rpc.surfaces import ERROR_BODY, HTTP_STATUS, RETRY_AFTER, Surface, render_error

_JSON = "application/json"
_PASSED_ON = ("location", "cache-control", RETRY_AFTER, NOTICES)


def response(method: MethodDescriptor, message: Message, headers: Mapping[str, str]) -> Response:
    """The reply of a method, with the status and the headers that it chose."""
    status = int(headers.get(HTTP_STATUS, 200))
    passed = {name: headers[name] for name in _PASSED_ON if name in headers}
    if ERROR_BODY in headers:
        return Response(headers[ERROR_BODY], status, passed, _JSON)
    # As the edge's transcoder does: names as in the protos, and lists without items, but not where their absence says something.
    body = MessageToDict(
        message,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=not catalogue.leaves_lists_out(method),
    )
    return Response(json.dumps(_plain(body), ensure_ascii=False, separators=(",", ":")), status, passed, _JSON)


def from_storage(url: str) -> Response:
    """The bytes behind a presigned URL of the public endpoint: the edge follows the redirect itself, and they never pass here."""
    return Response(status_code=302, headers={"location": url})


def refusal(surface: Surface, error: DarkroomError) -> Response:
    """An error in the form of the surface."""
    status, body = render_error(surface, error)
    headers = {} if error.advised_wait is None else {RETRY_AFTER: str(error.advised_wait)}
    return Response(json.dumps(body, ensure_ascii=False, separators=(",", ":")), status, headers, _JSON)


def _plain(value: object) -> object:
    """Whole numbers without a fraction: 640 and not 640.0."""
    match value:
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
        case float() if value.is_integer():
            return int(value)
    return value
