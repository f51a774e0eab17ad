"""The OpenAPI 3.1 document of a JSON surface.

A surface has one document, since its calls share a prefix, an envelope, a key and an error table, and a client uses them side by side.
docs/explanation/pilio-differences.md lists those that Pilio lacks.
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from darkroom.common.v1.surface_pb2 import KeyScheme
from reference.comments import Comments, version
from reference.operations import Operations, security_name
from reference.refusals import Refusals
from reference.schemas import Schemas
from services.platform.rpc import catalogue
from services.platform.rpc.surfaces import Surface
from services.platform.version import version as own_version

Document = dict[str, Any]

SUMMARY = "Media processing as tasks that never get lost."

# Introductions by surface name, for the surfaces that have one.
_INTRODUCTIONS = Path(__file__).resolve().parent / "introductions"


def surfaces() -> list[Surface]:
    """The JSON surfaces."""
    return [surface for surface in catalogue.surfaces() if any(map(catalogue.is_json, catalogue.services_of(surface)))]


def file_name(surface: Surface) -> str:
    """The file name of the surface's document, in docs/reference/generated and at the edge."""
    return surface.reference.openapi or f"{surface.name}.openapi.json"


def document(surface: Surface) -> Document:
    """The whole document, deterministic for one version of the protos. Raises the errors of its parts about incomplete protos."""
    return deepcopy(shared_document(surface))


def shared_document(surface: Surface) -> Document:
    """The same for those who only read it: one object for all."""
    return _document(surface.name, version())


@lru_cache(maxsize=16)
def _document(name: str, _version: Hashable) -> Document:
    surface, comments = catalogue.surface(name), Comments()
    schemas = Schemas(comments, camel_case=surface.camel_case)
    operations = Operations(comments, schemas, Refusals(comments, schemas, surface), surface)
    paths: dict[str, dict[str, Document]] = {}
    tags = []
    for service in catalogue.services_of(surface):
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
            "title": surface.reference.title if surface.over_http else "Darkroom",
            "version": own_version(),
            "summary": SUMMARY,
            "description": _introduction(surface),
        },
        "servers": [{"url": "/", "description": "The server that serves this document."}],
        "security": [{security_name(key): []} for key in surface.keys],
        "tags": tags,
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas.components,
            **deepcopy({"parameters": _PARAMETERS, "headers": _HEADERS}),
            "securitySchemes": {security_name(key): _security_scheme(key, first=key is surface.keys[0]) for key in surface.keys},
        },
    }


def render(surface: Surface) -> str:
    """The document as it is served."""
    return json.dumps(shared_document(surface), ensure_ascii=False, indent=2) + "\n"


def as_yaml(surface: Surface) -> str:
    """The same document as YAML."""
    return yaml.dump(shared_document(surface), Dumper=_WithoutReferences, sort_keys=False, allow_unicode=True, width=120)


class _WithoutReferences(yaml.CSafeDumper):
    """Writes what occurs twice out twice."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _introduction(surface: Surface) -> str:
    file = _INTRODUCTIONS / f"{surface.name}.md"
    return file.read_text().strip() if file.is_file() else ""


_KINDS_OF_KEYS = {"si_": "the API key of a person (`si_…`)", "": "the token of a session"}
"""Other credentials that callers of a surface may send, by its prefix."""


def _security_scheme(key: KeyScheme, *, first: bool) -> Document:
    value = " ".join(filter(None, (key.scheme, f"{next(iter(key.prefixes), '')}…")))
    others = [_KINDS_OF_KEYS[prefix] for prefix in key.prefixes if prefix in _KINDS_OF_KEYS]
    about = f"`{key.header}: {value}`" if first else "The same API key, for clients that send it in this header."
    about += f"{'' if about.endswith('.') else '.'} It may also be {' or '.join(others)}." if others else ""
    if key.scheme:
        return {"type": "http", "scheme": key.scheme.lower(), "description": about}
    return {"type": "apiKey", "in": "header", "name": key.header, "description": about}


_PARAMETERS: Document = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "1 to 255 printable ASCII characters of your choice. For 24 hours, a call with the same key and the same body "
        "returns what the first call created, and creates nothing new. So a call can be retried safely if its reply was lost.",
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
        "description": "Seconds after which a retry may succeed.",
        "schema": {"type": "integer", "minimum": 1},
    },
}
