"""The OpenAPI 3.1 document of everything that is reached as JSON.

There is one document. Pilio's calls and what Darkroom adds to them share a prefix, an envelope, a key and an error table, and a client uses
both side by side; a second document would only repeat the schemas. What is an addition says so, and docs/pilio-differences.md lists it.
"""

from __future__ import annotations

import json
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from reference.comments import Comments
from reference.operations import Operations
from reference.refusals import ERROR_DATA, ERROR_ENVELOPE, Refusals
from reference.schemas import Schemas
from services.common.rpc import catalogue

Document = dict[str, Any]

_PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"

_INTRODUCTION = Path(__file__).resolve().parent / "introduction.md"


def document() -> Document:
    """The whole document, deterministic for one version of the protos. Raises what its parts raise about an incomplete proto."""
    comments = Comments()
    schemas, refusals = Schemas(comments), Refusals(comments)
    operations = Operations(comments, schemas, refusals)
    paths: dict[str, dict[str, Document]] = {}
    tags = []
    for service in json_services():
        tags.append({"name": service.name.removesuffix("Service"), "description": comments.of(service.full_name).partition("\n\n")[0]})
        for method in service.methods:
            for path, verbs in operations.of(method).items():
                paths.setdefault(path, {}).update(verbs)
        # Messages that no call names directly, such as what the events of a stream hold.
        for message in service.file.message_types_by_name.values():
            if message.name.endswith("Event"):
                schemas.reference(message, reply=True)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Darkroom",
            "version": tomllib.loads(_PROJECT.read_text())["project"]["version"],
            "summary": "Media processing as tasks that never get lost.",
            "description": _INTRODUCTION.read_text().strip(),
        },
        "servers": [{"url": "/", "description": "The server that this document came from."}],
        "security": [{"bearerAuth": []}, {"apiKeyHeader": []}],
        "tags": tags,
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {**schemas.components, **deepcopy({"ErrorData": ERROR_DATA, "ErrorEnvelope": ERROR_ENVELOPE})},
            **deepcopy({"parameters": _PARAMETERS, "headers": _HEADERS, "securitySchemes": _SECURITY_SCHEMES}),
        },
    }


def rendered() -> str:
    """The document as it is served."""
    return json.dumps(document(), ensure_ascii=False, indent=2) + "\n"


def json_services() -> list[ServiceDescriptor]:
    """The services that are reached as JSON, those with most general names first as they are sorted by name."""
    return [service for service in catalogue.public_services() if any(catalogue.bindings(method) for method in service.methods)]


def json_methods() -> list[MethodDescriptor]:
    """Every method that is reached as JSON."""
    return [method for service in json_services() for method in service.methods if catalogue.bindings(method)]


_PARAMETERS: Document = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "1 to 255 printable ASCII characters of your choice. For 24 hours, the same key with the same body gives what the "
        "first call made and makes nothing new, so that a call whose answer was lost can be repeated.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    },
    "LastEventId": {
        "name": "Last-Event-ID",
        "in": "header",
        "required": False,
        "description": "Resume after the event with this id.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
}
_HEADERS: Document = {
    "RequestId": {"description": "Identifies the request in the server's logs.", "schema": {"type": "string"}},
    "RetryAfter": {
        "description": "Seconds after which the same call may well succeed.",
        "schema": {"type": "integer", "minimum": 1},
    },
}
_SECURITY_SCHEMES: Document = {
    "bearerAuth": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer dk_sk_…`"},
    "apiKeyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key, for clients that send it so."},
}
