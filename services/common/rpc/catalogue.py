"""What the platform offers to the outside, read from the generated protos: the public services, their HTTP paths, and the compatibility
surfaces. The edge's routes and the shape of a refusal by path both come from here, so that a new proto needs no second list."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor, ServiceDescriptor

from darkroom.common.v1 import options_pb2

_INTERNAL = "darkroom.internal."


@dataclass(frozen=True, slots=True)
class HttpBinding:
    """One HTTP method and path template of an rpc, such as `GET /v1/tasks/{id}/status`."""

    verb: str
    template: str


@cache
def public_services() -> tuple[ServiceDescriptor, ...]:
    """Every service for clients, sorted by its full name. What `darkroom.internal` holds is for services and never listed."""
    services = (service for file in _files() for service in file.services_by_name.values())
    return tuple(sorted((s for s in services if not s.full_name.startswith(_INTERNAL)), key=lambda s: s.full_name))


@cache
def surfaces() -> tuple[options_pb2.Surface, ...]:
    """The compatibility surfaces, longest path prefix first, so that the first match is the right one."""
    found = {}
    for service in public_services():
        surface = service.GetOptions().Extensions[options_pb2.surface]
        if surface.name:
            found[surface.path_prefix] = surface
    return tuple(sorted(found.values(), key=lambda surface: (-len(surface.path_prefix), surface.path_prefix)))


def surface_at(path: str) -> str:
    """The name of the surface that a request path (a query may follow) belongs to; empty for none."""
    bare = path.partition("?")[0]
    for surface in surfaces():
        if bare == surface.path_prefix or bare.startswith(surface.path_prefix + "/"):
            return surface.name
    return ""


def bindings(method: MethodDescriptor) -> tuple[HttpBinding, ...]:
    """The HTTP verbs and path templates by which the edge transcodes a method; none for a method that is gRPC only."""
    options = method.GetOptions()
    if not options.HasExtension(annotations_pb2.http):
        return ()
    rule = options.Extensions[annotations_pb2.http]
    return tuple(_binding(one) for one in (rule, *rule.additional_bindings))


def _binding(rule: http_pb2.HttpRule) -> HttpBinding:
    kind = rule.WhichOneof("pattern")
    if kind == "custom":
        return HttpBinding(rule.custom.kind, rule.custom.path)
    return HttpBinding(str(kind).upper(), getattr(rule, str(kind)))


def _files() -> Iterator[FileDescriptor]:
    # All generated code stands in one folder.
    root = Path(options_pb2.__file__).parents[2]
    for module in sorted(root.rglob("*_pb2.py")):
        parts = module.relative_to(root.parent).with_suffix("").parts
        yield importlib.import_module(".".join(parts)).DESCRIPTOR
