"""The pages of docs/reference: the JSON API, the gRPC API, and the errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, FileDescriptor, MethodDescriptor, ServiceDescriptor
from google.rpc import code_pb2

from darkroom.common.v1 import errors_pb2, options_pb2
from darkroom.field_rules import constraints, is_required, rules_of
from reference import openapi
from reference.comments import Comments
from reference.openapi import Document
from reference.operations import scopes_of
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc import catalogue
from services.platform.rpc.surfaces import Surface

GENERATED = "<!-- Generated from the protos by `make reference`. Do not edit. -->\n"

_KEYWORDS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "matches `{}`",
    "const": "always `{}`",
}


def page_name(surface: Surface) -> str:
    """The file name of a JSON surface's page in docs/reference/generated."""
    return surface.reference.page or f"{surface.name}-api.md"


def json_api(surface: Surface) -> str:
    """Every path of a surface's OpenAPI document, and every schema that they refer to."""
    document = openapi.shared_document(surface)
    parts = [GENERATED, f"# {surface.reference.title or surface.name}\n", document["info"]["description"] + "\n"]
    for tag in document["tags"]:
        parts.append(f"## {tag['name']}\n\n{tag['description']}\n")
        for path, verbs in document["paths"].items():
            parts += [_operation(document, verb, path, one) for verb, one in verbs.items() if tag["name"] in one["tags"]]
    parts.append("## Schemas\n")
    for name, schema in document["components"]["schemas"].items():
        parts.append(f"### {name}\n\n{schema.get('description', '')}\n\n{properties(schema)}")
    return "\n".join(parts)


def _operation(document: Document, verb: str, path: str, operation: Document) -> str:
    lines = [f"### {verb.upper()} {path}\n", operation["description"] + "\n"]
    if not operation["security"]:
        lines.append("It needs no key.\n")
    elif {} in operation["security"]:
        lines.append("The edge lets it pass without a key.\n")
    elif scopes := [scope for needed in operation["security"][0].values() for scope in needed]:
        lines.append(f"The key needs the scope `{scopes[0]}`.\n")
    parameters = [_resolved(document, parameter) for parameter in operation.get("parameters", ())]
    if parameters:
        lines += ["| parameter | in | type | |", "|---|---|---|---|"]
        lines += [f"| `{p['name']}` | {p['in']} | {_cell(_type(p['schema']))} | {_cell(p['description'])} |" for p in parameters]
        lines.append("")
    if body := operation.get("requestBody"):
        content = body["content"].get("application/json") or body["content"]["multipart/form-data"]
        kind = "Body" if "application/json" in body["content"] else "Form (`multipart/form-data`)"
        reference = content["schema"].get("$ref")
        lines.append(f"{kind}: {_link(reference)}\n" if reference else f"{kind}:\n\n{properties(content['schema'])}")
        if kind == "Body" and (form := body["content"].get("multipart/form-data")):
            parts = [f"`{name}`" for name, part in form["schema"]["properties"].items() if _is_file(part)]
            lines.append(f"Or a form (`multipart/form-data`) with the same fields, and files as parts: {', '.join(parts)}.\n")
        for example in content.get("examples", {}).values():
            lines.append(f"{example['summary']}:\n\n```json\n{json.dumps(example['value'], indent=2, ensure_ascii=False)}\n```\n")
    lines += ["| status | reply |", "|---|---|"]
    for status, response in operation["responses"].items():
        schemas = [content["schema"] for content in response.get("content", {}).values()]
        about = response["description"] if int(status) >= 300 else "; ".join(map(_type, schemas)) or response["description"]
        lines.append(f"| {status} | {_cell(about)} |")
    return "\n".join(lines) + "\n"


def _is_file(part: Document) -> bool:
    return "contentMediaType" in part.get("items", part)


def properties(schema: Document) -> str:
    """The fields of an object as a table; empty if it has none."""
    if not schema.get("properties"):
        return ""
    lines = ["| field | type | |", "|---|---|---|"]
    for name, field in schema["properties"].items():
        required = " **required**" if name in schema.get("required", ()) else ""
        lines.append(f"| `{name}` | {_cell(_type(field))}{required} | {_cell(field.get('description', ''))} |")
    return "\n".join(lines) + "\n"


def _type(schema: Document) -> str:
    if reference := schema.get("$ref"):
        return _link(reference)
    if schema.get("type") == "array":
        about = f"list of {_type(schema['items'])}"
    elif "enum" in schema:
        about = " | ".join(f"`{value}`" for value in schema["enum"])
    else:
        about = str(schema.get("format") if schema.get("format") in ("date-time", "uri") else schema.get("type", "any"))
    limits = _limits(schema)
    return ", ".join([about, *limits])


def _limits(schema: Mapping[str, Any]) -> list[str]:
    """The keywords of JSON Schema in words."""
    texts = {keyword: text.format(schema[keyword]) for keyword, text in _KEYWORDS.items() if keyword in schema}
    found = [text.removesuffix("s") if schema[keyword] == 1 else text for keyword, text in texts.items()]
    return [*found, f"by default `{json.dumps(schema['default'])}`"] if "default" in schema else found


def _resolved(document: Document, parameter: Document) -> Document:
    name = parameter.get("$ref", "").rpartition("/")[2]
    resolved: Document = document["components"]["parameters"][name] if name else parameter
    return resolved


def _link(reference: str) -> str:
    name = reference.rpartition("/")[2]
    return f"[{name}](#{name.lower()})"


def _cell(text: str) -> str:
    """Text for one cell of a table: no line breaks, no bars."""
    return re.sub(r"\s*\n+(?:- )?", " · ", text.strip().removeprefix("- ")).replace("|", "\\|")


def grpc_api(comments: Comments) -> str:
    """Every native service with its methods and messages."""
    services = [service for service in catalogue.public_services() if not catalogue.is_json(service)]
    parts = [
        GENERATED,
        "# gRPC API\n",
        "The native API, on the same port as the JSON API. Send the API key in the metadata `authorization: Bearer …`. Server "
        "reflection is enabled for callers with a key, so `grpcurl -H 'authorization: Bearer …'` works without the protos (`buf curl` "
        "needs `--reflect-header '*'` besides `-H`). An error carries `google.rpc.ErrorInfo` with the domain "
        "`darkroom` and a `reason` from [errors.md](../errors.md), `BadRequest` if a field is invalid, and `RetryInfo` if a later "
        "retry may succeed.\n",
    ]
    parts += [_service(service, comments) for service in services]
    parts.append("## Messages\n")
    for file in _files_of(services):
        parts += [_message(message, comments) for message in file.message_types_by_name.values()]
        parts += [_enum(enum, comments) for enum in file.enum_types_by_name.values() if enum.name != "ErrorReason"]
    return "\n".join(parts)


def _service(service: ServiceDescriptor, comments: Comments) -> str:
    lines = [f"## {service.full_name}\n", comments.of(service.full_name) + "\n"]
    lines += [f"### {service.name}.{m.name}\n\n{_signature(m)}\n\n{comments.of(m.full_name)}\n\n{_needs(m)}\n" for m in service.methods]
    return "\n".join(lines)


def _needs(method: MethodDescriptor) -> str:
    scopes = scopes_of(method)
    scope = f"Scope: `{scopes[0]}`." if scopes else "Scope: any."
    parts = ["It needs no key." if catalogue.is_anonymous(method) else scope]
    if method.GetOptions().Extensions[options_pb2.takes_idempotency_key]:
        parts.append("Takes an `idempotency-key`.")
    if limit := catalogue.max_request_bytes(method):
        parts.append(f"A request has at most {limit:,} bytes.")
    return " ".join(parts)


def _signature(method: MethodDescriptor) -> str:
    stream = "stream " if method.server_streaming else ""
    return f"`{method.name}({method.input_type.name}) returns ({stream}{method.output_type.name})`"


def _files_of(services: list[ServiceDescriptor]) -> list[FileDescriptor]:
    """The files of the services and all our own files that they import, sorted by name."""
    found: dict[str, FileDescriptor] = {}

    def add(file: FileDescriptor) -> None:
        if file.name not in found and file.package.startswith("darkroom."):
            found[file.name] = file
            for dependency in file.dependencies:
                add(dependency)

    for service in services:
        add(service.file)
    # Options are for the protos themselves, not for clients.
    return [file for name, file in sorted(found.items()) if not name.endswith(("/options.proto", "/errors.proto"))]


def _message(message: Descriptor, comments: Comments) -> str:
    lines = [f"### {message.name}\n", comments.of(message.full_name) + "\n"]
    if message.fields:
        lines.append(fields(message, comments))
    return "\n".join(lines)


def fields(message: Descriptor, comments: Comments) -> str:
    """The fields of a message as a table."""
    return "\n".join(["| field | type | |", "|---|---|---|", *(_field(field, comments) for field in message.fields), ""])


def _field(field: FieldDescriptor, comments: Comments) -> str:
    about = [("repeated " if field.is_repeated else "") + _field_type(field)]
    if is_required(field):
        about.append("**required**")
    rules = rules_of(field)
    limits = constraints(rules) | constraints(rules.repeated.items)
    about += _limits(limits)
    if "enum" in limits:
        about.append("one of " + ", ".join(f"`{value}`" for value in limits["enum"]))
    return f"| `{field.name}` | {', '.join(about)} | {_cell(comments.of(field.full_name))} |".replace("\n", " ")


def _field_type(field: FieldDescriptor) -> str:
    kind: Any = field.message_type or field.enum_type
    if kind is not None:
        return f"[{kind.name}](#{kind.name.lower()})" if kind.full_name.startswith("darkroom.") else f"`{kind.full_name}`"
    return f"`{_SCALARS[field.type]}`"


_SCALARS = {
    getattr(FieldDescriptor, name): name.removeprefix("TYPE_").lower()
    for name in dir(FieldDescriptor)
    if name.startswith("TYPE_") and name not in ("TYPE_MESSAGE", "TYPE_ENUM", "TYPE_GROUP")
}


def _enum(enum: EnumDescriptor, comments: Comments) -> str:
    rows = [f"| {value.number} | `{value.name}` | {_cell(comments.of(f'{enum.full_name}.{value.name}'))} |" for value in enum.values]
    return "\n".join([f"### {enum.name}\n", comments.of(enum.full_name) + "\n", "| | value | |", "|---|---|---|", *rows, ""])


def errors(comments: Comments) -> str:
    """The single table of errors."""
    coded = [surface for surface in catalogue.surfaces() if any(surface.code(reason) is not None for reason in ErrorReason)]
    heads = [surface.name for surface in coded]
    rows = sorted(_error_rows(comments, coded))
    return "\n".join(
        [
            GENERATED,
            "# Errors\n",
            "The errors of all APIs, with the code of each: a JSON reply contains it where the page of its API says, and has the HTTP "
            "status of the first column unless another is given with the code. A gRPC status contains the reason in "
            "`google.rpc.ErrorInfo`; a failed task has it in its error. If the *retry* column has a value, the reply says in "
            "`Retry-After` when to retry the call.\n",
            f"| HTTP | {' | '.join([*heads, ''])}gRPC | reason | retry | |",
            f"|---|{'---|' * len(heads)}---|---|---|---|",
            *(row for _, row in rows),
            "",
        ]
    )


def _codes(surface: Surface, reason: ErrorReason) -> str:
    """A surface's codes for a reason, with the HTTP status if it is another; several if it distinguishes kinds."""
    shape = surface.errors
    if shape is None:
        return ""
    errors = [DarkroomError(reason, "", metadata={"kind": kind}) for kind in ("", *shape.kinds(reason))]
    told = [(shape.code_of(error), shape.http_status(error)) for error in errors]
    return ", ".join(str(code) if http == reason.mapping.http else f"{code} ({http})" for code, http in told if code is not None)


def _error_rows(comments: Comments, coded: Sequence[Surface]) -> Iterator[tuple[int, str]]:
    for reason in ErrorReason:
        mapping = reason.mapping
        meaning = comments.of(f"{errors_pb2.ErrorReason.DESCRIPTOR.full_name}.ERROR_REASON_{reason.value}")
        retry = f"{mapping.retry_after_seconds} s" if mapping.retry_after_seconds else ""
        grpc = code_pb2.Code.Name(mapping.grpc)
        codes = "".join(f"{_codes(surface, reason)} | " for surface in coded)
        yield mapping.http, f"| {mapping.http} | {codes}{grpc} | `{reason.value}` | {retry} | {_cell(meaning)} |"
