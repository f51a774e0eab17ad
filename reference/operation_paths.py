"""The calls whose path names an operation, as OpenAPI operations: a path for each, with the parameters of that operation."""

from __future__ import annotations

import json
import tomllib
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from darkroom.field_rules import is_required
from darkroom.operations.v1 import operation_pb2
from reference.comments import Comments
from reference.schemas import FILE, Schemas
from services.pictures.operation_calls import FILE as FILE_PART
from services.pictures.operation_calls import FILE_IDS, WEBHOOK_URL, OperationCall, operation_calls
from services.pictures.operations import Arity
from services.platform.rpc.json_messages import short_names

Schema = dict[str, Any]

_EXAMPLES = Path(__file__).resolve().parent / "operation_examples.toml"
_JSON, _FORM = "application/json", "multipart/form-data"
_ID = "123456789"
_FILE_ID: Schema = {"type": "string", "minLength": 1}


def calls_of(template: str) -> list[OperationCall]:
    """The calls that the method of a path template serves."""
    collection = template.split("/")[-2]
    return [call for call in operation_calls() if call.collection == collection]


def example_of(call: OperationCall) -> Schema:
    """A request of the call."""
    parameters: Schema = {
        name: str(value) if name in call.spec.auxiliary else value for name, value in _examples().get(call.spec.name, {}).items()
    }
    match call.spec.arity:
        case Arity.NONE:
            return parameters
        case Arity.ALL:
            return {FILE_IDS: [_ID, "123456790"], **parameters}
    return {call.id_field: _ID, **parameters}


def expanded(call: OperationCall, template: Schema, comments: Comments, schemas: Schemas) -> Schema:
    """The OpenAPI operation of one call, from that of the method, whose body and texts it replaces."""
    operation = deepcopy(template)
    words = "".join(word.capitalize() for word in call.spec.name.split("_"))
    about = comments.of(f"{operation_pb2.Operation.DESCRIPTOR.full_name}.{call.spec.name}")
    operation["operationId"] = call.collection + words
    operation["summary"] = about.removesuffix(".")
    operation["description"] = comments.of(call.spec.message.full_name)
    operation["parameters"] = [each for each in operation["parameters"] if each.get("in") != "path"]
    properties = {**_inputs(call), **_parameters(call, schemas), WEBHOOK_URL: _WEBHOOK}
    required = [name for name, field in call.parameters.items() if is_required(field)]
    body: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    form: Schema = {"type": "object", "properties": {**_parts(call), **properties}}
    for schema in (body, form) if required else ():
        schema["required"] = required
    example = {"summary": operation["summary"], "value": example_of(call)}
    operation["requestBody"] = {
        "required": call.takes_files or bool(required),
        "content": {_JSON: {"schema": body, "examples": {call.spec.name: example}}, _FORM: {"schema": form}},
    }
    return operation


_WEBHOOK: Schema = {
    "type": "string",
    "maxLength": 2000,
    "description": "A URL to notify when the task ends, in addition to the account's webhooks.",
}


def _inputs(call: OperationCall) -> dict[str, Schema]:
    if not call.takes_files:
        return {}
    noun = "PDF" if call.collection == "pdfs" else "picture"
    listed = {"type": "array", "items": _FILE_ID, "maxItems": 500}
    return {
        call.id_field: {**_FILE_ID, "description": f"Id of the {noun}."},
        call.url_field: {
            "type": "string",
            "minLength": 1,
            "maxLength": 8000,
            "description": f"URL of the {noun}, in place of its id: http or https. The server fetches it, from public addresses only; "
            "the API key also needs the scope files:write.",
        },
        FILE_IDS: {**listed, "description": f"Ids of several files, in place of {call.id_field}."},
    }


def _parts(call: OperationCall) -> dict[str, Schema]:
    parts: dict[str, Schema] = {}
    for part, name in call.file_parts.items():
        if not name:
            parts[FILE_PART] = {"type": "array", "items": dict(FILE), "description": "The files themselves: one part for each."}
        elif part != name:
            parts[part] = {**FILE, "description": f"The file itself, in place of {name}."}
    return parts


def _parameters(call: OperationCall, schemas: Schemas) -> dict[str, Schema]:
    return {name: _parameter(field, call, schemas) for name, field in call.parameters.items()}


def _parameter(field: FieldDescriptor, call: OperationCall, schemas: Schemas) -> Schema:
    schema = schemas.field(field, reply=False)
    if field.name in call.spec.auxiliary:
        return {**_FILE_ID, "description": schema.get("description", "")}
    if field.enum_type is not None:
        short = {number: name for name, number in short_names(field.enum_type).items()}
        names = {value.name: short[value.number] for value in field.enum_type.values if value.number}
        renamed: Schema = json.loads(_renamed(json.dumps(schema), names))
        return renamed
    return schema


def _renamed(text: str, names: dict[str, str]) -> str:
    """Long names first: one may be the beginning of another."""
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, names[name])
    return text


@cache
def _examples() -> dict[str, Schema]:
    with _EXAMPLES.open("rb") as file:
        return tomllib.load(file)
