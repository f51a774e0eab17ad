"""The JSON Schemas of classes that describe what no proto message can: pydantic models of the services that check it."""

from __future__ import annotations

import importlib
from typing import Any

from google.protobuf.descriptor import FileDescriptor
from pydantic import TypeAdapter

from darkroom.common.v1 import options_pb2
from services.common.rpc import catalogue

_REFERENCES = "#/components/schemas/{model}"


def schemas_of(file: FileDescriptor, name: str) -> dict[str, dict[str, Any]]:
    """The schema of a class, and those that it refers to, by name. The class is in the module `models` of the surface that the services of
    the file belong to. Raises LookupError without such a service or class."""
    service = next(iter(file.services_by_name.values()), None)
    if service is None:
        raise LookupError(f"{file.name}: no service of it says which surface describes {name}")
    surface = service.GetOptions().Extensions[options_pb2.surface]
    module = importlib.import_module(f"services.{catalogue.served_by(service)}.surfaces.{surface}.models")
    if not hasattr(module, name):
        raise LookupError(f"{module.__name__} has no {name}")
    schema = TypeAdapter(getattr(module, name)).json_schema(ref_template=_REFERENCES)
    inner: dict[str, dict[str, Any]] = schema.pop("$defs", {})
    return {**inner, name: schema}
