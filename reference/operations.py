"""Methods with HTTP annotations as OpenAPI operations."""

from __future__ import annotations

import json
import re
from typing import Any

from google.api import httpbody_pb2
from google.protobuf.descriptor import Descriptor, MethodDescriptor

from darkroom.common.v1 import options_pb2
from darkroom.common.v1.scopes import SCOPES
from darkroom.common.v1.surface_pb2 import KeyScheme
from darkroom.field_rules import is_required, requires_one_of_several
from reference import operation_paths
from reference.comments import Comments
from reference.refusals import Refusals
from reference.schemas import FILE, Schemas, is_about_reply
from services.platform.rpc import catalogue
from services.platform.rpc.catalogue import HttpBinding, bindings, is_anonymous
from services.platform.rpc.permissions import scope_of
from services.platform.rpc.surfaces import Surface

Schema = dict[str, Any]

_PARAMETER = re.compile(r"\{(\w+)(?:=[^}]*)?\}")
_JSON, _FORM = "application/json", "multipart/form-data"
_EVENT_STREAM = "text/event-stream"
_NO_CONTENT = "204"
# The responses describe it in full.
_CODES = re.compile(r"\s*\b(?:Codes|Errors): .*\Z", re.DOTALL)
_LAST_EVENT_ID = "`Last-Event-ID`"


class Operations:
    """Renders methods, one operation per binding, with schemas and refusals collected elsewhere."""

    def __init__(self, comments: Comments, schemas: Schemas, refusals: Refusals, surface: Surface) -> None:
        self._comments, self._schemas, self._refusals, self._surface = comments, schemas, refusals, surface

    def of(self, method: MethodDescriptor) -> dict[str, dict[str, Schema]]:
        """Path → verb in lower case → operation."""
        paths: dict[str, dict[str, Schema]] = {}
        for number, binding in enumerate(bindings(method)):
            if catalogue.has_path_for_each_operation(method):
                one = self._operation(method, binding, number)
                for call in operation_paths.calls_of(binding.template):
                    made = operation_paths.expanded(call, one, self._comments, self._schemas)
                    paths.setdefault(call.path, {})[binding.verb.lower()] = made
                continue
            path = openapi_path(binding.template, method)
            paths.setdefault(path, {})[binding.verb.lower()] = self._operation(method, binding, number)
        return paths

    def _operation(self, method: MethodDescriptor, binding: HttpBinding, number: int) -> Schema:
        operation: Schema = {
            "tags": [tag_of(method)],
            "operationId": operation_id(method) + (str(number + 1) if number else ""),
            "summary": self._comments.first_sentence(method.full_name),
            "description": _CODES.sub("", self._comments.of(method.full_name)),
            "security": security_of(method, self._surface),
        }
        if parameters := self._parameters(method, binding):
            operation["parameters"] = parameters
        bare = catalogue.is_over_http(method.containing_service) and not catalogue.takes_body(method)
        if binding.has_body and not bare:
            operation["requestBody"] = self._body(method, binding)
        operation["responses"] = {**self._success(method), **self._refusals.responses(method, binding)}
        return operation

    def _parameters(self, method: MethodDescriptor, binding: HttpBinding) -> list[Schema]:
        in_path, body = path_parameters(binding.template), catalogue.body_field(method)
        found = []
        for field in method.input_type.fields:
            place = "path" if field.name in in_path else "query"
            in_body = binding.has_body and (field.name == body if body else not is_about_reply(field))
            options = field.GetOptions().Extensions
            if place == "query" and (in_body or options[options_pb2.form_part] or options[options_pb2.set_by_gateway]):
                continue
            schema = self._schemas.field(field, reply=False)
            found.append(
                {
                    "name": self._schemas.name(field),
                    "in": place,
                    "required": place == "path" or is_required(field),
                    "description": schema.pop("description", ""),
                    "schema": schema,
                }
            )
        if method.GetOptions().Extensions[options_pb2.takes_idempotency_key]:
            found.append({"$ref": "#/components/parameters/IdempotencyKey"})
        if _LAST_EVENT_ID in self._comments.of(method.full_name):
            found.append({"$ref": "#/components/parameters/LastEventId"})
        return found

    def _body(self, method: MethodDescriptor, binding: HttpBinding) -> Schema:
        in_path = frozenset(path_parameters(binding.template))
        if catalogue.settings_part(method):
            return self._settings_form(method)
        if catalogue.is_over_http(method.containing_service) and catalogue.takes_form(method):
            return {"required": True, "content": {_FORM: {"schema": self._schemas.form(method.input_type, in_path)}}}
        if body := catalogue.body_field(method):
            schema = self._schemas.field(method.input_type.fields_by_name[body], reply=False)
        elif in_path & set(method.input_type.fields_by_name):
            schema = self._schemas.object(method.input_type, reply=False, without=in_path)
        else:
            schema = self._schemas.reference(method.input_type, reply=False)
        required = any(is_required(field) for field in method.input_type.fields if field.name not in in_path)
        required = required or requires_one_of_several(method.input_type)
        content: Schema = {"schema": schema}
        if examples := examples_of(method):
            content["examples"] = {example.name: {"summary": example.summary, "value": json.loads(example.request)} for example in examples}
        found = {_JSON: content}
        if catalogue.takes_form(method):
            found[_FORM] = {"schema": self._schemas.form(method.input_type, in_path)}
        return {"required": required, "content": found}

    def _settings_form(self, method: MethodDescriptor) -> Schema:
        """A file, and what to do with it: JSON as the text of a part."""
        part, message = catalogue.settings_part(method), method.input_type
        needed = [part] if any(map(is_required, message.fields)) or requires_one_of_several(message) else []
        schema = {
            "type": "object",
            "properties": {
                "file": {**FILE, "description": "The file. Any other name of the part will do, too."},
                part: self._schemas.reference(message, reply=False),
                "clientJobId": {
                    "type": "string",
                    "description": "An id of the caller's choice, by which the progress of the call can be watched.",
                },
                "fileId": {"type": "string", "description": "A file of the library, of which the result becomes a new version."},
            },
            "required": ["file", *needed],
        }
        content: Schema = {"schema": schema, "encoding": {part: {"contentType": _JSON}}}
        if examples := examples_of(method):
            content["examples"] = {one.name: {"summary": one.summary, "value": {part: json.loads(one.request)}} for one in examples}
        return {"required": True, "content": {_FORM: content}}

    def _success(self, method: MethodDescriptor) -> dict[str, Schema]:
        headers = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
        statuses = [str(status) for status in method.GetOptions().Extensions[options_pb2.success_http]] or ["200"]
        if method.output_type.full_name == httpbody_pb2.HttpBody.DESCRIPTOR.full_name:
            options = method.GetOptions().Extensions
            if not method.server_streaming:
                content = {options[options_pb2.media_type] or "*/*": {"schema": dict(FILE)}}
                return {status: {"description": "The file.", "headers": headers, "content": content} for status in statuses}
            self._schemas.reference(self._beside(method, options[options_pb2.streams]), reply=True)
            # No type: some tools apply the schema to the whole body, some to each event.
            schema = {"description": f"Server-Sent Events, one `{options[options_pb2.streams]}` each."}
            bodies: Schema = {_EVENT_STREAM: {"schema": schema}}
            if name := options[options_pb2.lists]:
                bodies = {_JSON: {"schema": self._schemas.reply(self._beside(method, name))}, **bodies}
            events = {"description": "The events.", "headers": headers, "content": bodies}
            ended = {"description": "No more events will follow.", "headers": headers}
            return {status: ended if status == _NO_CONTENT else events for status in statuses}
        content = {_JSON: {"schema": self._schemas.reply(method.output_type)}}
        one = {"description": self._comments.of(method.output_type.full_name), "headers": headers, "content": content}
        found = dict.fromkeys(statuses, one)
        if "redirect" in method.input_type.fields_by_name:
            leading = {**headers, "Location": {"description": "The URL to GET.", "schema": {"type": "string", "format": "uri-reference"}}}
            found["303"] = {"description": "Where the result is; only with `redirect`.", "headers": leading, "content": content}
        return found

    @staticmethod
    def _beside(method: MethodDescriptor, name: str) -> Descriptor:
        """A message of the method's package."""
        file = method.containing_service.file
        return file.pool.FindMessageTypeByName(f"{file.package}.{name}")


def openapi_path(template: str, method: MethodDescriptor) -> str:
    """A path template of a method as OpenAPI writes it: `/v1/{name=files/*}` as `/v1/{name}`, with names as in JSON."""
    fields, surface = method.input_type.fields_by_name, catalogue.surface_of(method.containing_service)
    camel_case = surface is not None and surface.camel_case
    return _PARAMETER.sub(lambda name: f"{{{fields[name[1]].json_name if camel_case else name[1]}}}", template)


def path_parameters(template: str) -> list[str]:
    """The fields of a request that its path holds."""
    return _PARAMETER.findall(template)


def examples_of(method: MethodDescriptor) -> list[options_pb2.Example]:
    """The examples in the method's options."""
    return list(method.GetOptions().Extensions[options_pb2.examples])


def scopes_of(method: MethodDescriptor) -> list[str]:
    """The scope that a key must have to call a method; none if any key will do, or none is needed."""
    scope = scope_of(method)
    return [text for text, value in SCOPES.items() if value == scope]


def security_of(method: MethodDescriptor, surface: Surface) -> list[dict[str, list[str]]]:
    """Each way to send a key, with the scope that it must have; none for a method that needs no key. The gateway looks at a key also where
    none is needed."""
    if is_anonymous(method):
        optional: list[dict[str, list[str]]] = [{security_name(key): []} for key in surface.keys]
        return [*optional, {}] if catalogue.is_over_http(method.containing_service) else []
    return [{security_name(key): scopes_of(method)} for key in surface.keys]


def security_name(key: KeyScheme) -> str:
    """The name of a way to send a key: `bearerAuth`, or `apiKeyHeader`."""
    return f"{key.scheme.lower()}Auth" if key.scheme else "apiKeyHeader"


def tag_of(method: MethodDescriptor) -> str:
    """`Images` for a method of `ImagesService`."""
    return str(method.containing_service.name).removesuffix("Service")


def operation_id(method: MethodDescriptor) -> str:
    """`imagesUpscale` for `ImagesService.Upscale`: methods of two services may have the same name."""
    tag = tag_of(method)
    return tag[0].lower() + tag[1:] + str(method.name)
