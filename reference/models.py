"""The JSON Schemas of classes that describe what no proto message can: pydantic models of the services that check it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from google.protobuf.descriptor import FileDescriptor
from pydantic import TypeAdapter

from darkroom.common.v1 import options_pb2
from services.platform.rpc import catalogue

_REFERENCES = "#/components/schemas/{model}"


def schemas_of(file: FileDescriptor, name: str) -> dict[str, dict[str, Any]]:
    """The schema of a class, and those that it refers to, by name. The class is in the module `models` of the surface that the
    package of the file belongs to, in a service that answers for it. Raises LookupError without such a class."""
    for module in _modules(file):
        if hasattr(module, name):
            schema = TypeAdapter(getattr(module, name)).json_schema(ref_template=_REFERENCES)
            inner: dict[str, dict[str, Any]] = schema.pop("$defs", {})
            return {**inner, name: schema}
    raise LookupError(f"{file.name}: no module `models` of its surface has {name}")


def _modules(file: FileDescriptor) -> Iterator[ModuleType]:
    services = [service for service in catalogue.public_services() if service.file.package == file.package]
    folders = {(catalogue.served_by(service), service.GetOptions().Extensions[options_pb2.surface]): None for service in services}
    for answering, surface in folders:
        package = f"services.{answering}.surfaces.{surface}"
        if importlib.util.find_spec(package) is not None and importlib.util.find_spec(f"{package}.models") is not None:
            yield importlib.import_module(f"{package}.models")
