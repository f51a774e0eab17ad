"""The platform's public API, read from the generated protos: surfaces, their services, and which paths lead to which method.

Compatibility surfaces can be switched off (`offer`): what is read here is about those that are on, unless it says otherwise.

The edge's routes, the shape of a refusal by path, and the reference all come from here, so a new surface needs no second list: its
generated modules are in `darkroom`, or in `compat` anywhere on Python's path.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from darkroom.common.v1 import options_pb2
from services.platform.compatibility import COMPATIBLE, compatibility_surfaces
from services.platform.rpc.path_templates import PathTemplate
from services.platform.rpc.permissions import access_of
from services.platform.rpc.surfaces import Surface

GATEWAY = "gateway"
"""The service of the platform that speaks HTTP: nothing transcodes its methods, and they cannot be called as gRPC."""


class CatalogueError(Exception):
    """The protos describe something that cannot be served."""


@dataclass(frozen=True, slots=True)
class HttpBinding:
    """One HTTP method and path template of an rpc, such as `GET /v1/tasks/{id}/status`."""

    verb: str
    template: str
    body: str = ""
    """The field of the request that the body is; `*` for all of it, empty if it says nothing of a body."""

    @property
    def has_body(self) -> bool:
        """Whether a request may have a body. One to read or to delete has none unless its binding says so."""
        return bool(self.body) or self.verb not in ("GET", "DELETE")


@dataclass(frozen=True, slots=True)
class Route:
    """A binding and the method it leads to."""

    verb: str
    template: PathTemplate
    method: MethodDescriptor
    surface: Surface


@dataclass(frozen=True)
class SurfaceRule:
    """Paths that belong to a surface, unless a rule before this one matches."""

    surface: Surface | None
    """None for paths of no surface."""
    template: PathTemplate
    off: Surface | None = None
    """The surface that would answer these paths if it were on."""

    @cached_property
    def regex(self) -> str:
        """A regular expression for whole paths without their query, in the syntax of Python and RE2."""
        return f"{self.template.regex}/?"

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """`regex`, compiled."""
        return re.compile(self.regex)


class _Switch:
    """The compatibility surfaces that are on in this process; None: all."""

    names: frozenset[str] | None = None


def offer(names: Iterable[str] | None) -> None:
    """Switch on the compatibility surfaces of these names, and all others off, in this process; None, as at first, switches on all."""
    _Switch.names = frozenset(names) if names is not None else None
    _forget_what_is_offered()


@contextmanager
def offering(names: Iterable[str]) -> Iterator[None]:
    """The same for as long as the context lasts."""
    before = _Switch.names
    offer(names)
    try:
        yield
    finally:
        offer(before)


def is_on(name: str) -> bool:
    """Whether the surface of that name is on: each but the compatibility surfaces that are switched off."""
    return _Switch.names is None or name in _Switch.names or name not in compatibility_surfaces()


def surfaces() -> tuple[Surface, ...]:
    """Every surface that is on, by name. Raises what `declared_surfaces` raises."""
    return tuple(one for one in declared_surfaces() if is_on(one.name))


def surfaces_among(offered: Collection[str]) -> tuple[Surface, ...]:
    """Every surface that would be on if the compatibility surfaces of these names were."""
    return tuple(one for one in declared_surfaces() if one.name in offered or one.name not in compatibility_surfaces())


def surfaces_off() -> tuple[Surface, ...]:
    """Every surface that is off, by name."""
    return tuple(one for one in declared_surfaces() if not is_on(one.name))


@cache
def declared_surfaces() -> tuple[Surface, ...]:
    """Every surface, on or off, by name. Raises CatalogueError when two share a name or a path prefix, or one is incomplete."""
    found: dict[str, Surface] = {}
    owners: dict[str, str] = {}
    for file in _files():
        try:
            surface = Surface.declared_in(file)
        except ValueError as error:
            raise CatalogueError(str(error)) from error
        if surface is None:
            continue
        if surface.name in found:
            raise CatalogueError(f"{file.name}: there is another surface {surface.name}")
        for prefix in surface.path_prefixes:
            if prefix in owners:
                raise CatalogueError(f"the surfaces {owners[prefix]} and {surface.name} both have the path prefix {prefix}")
            owners[prefix] = surface.name
        found[surface.name] = surface
    return tuple(found[name] for name in sorted(found))


def surface(name: str) -> Surface:
    """The surface of that name, on or off. Raises CatalogueError."""
    for one in declared_surfaces():
        if one.name == name:
            return one
    raise CatalogueError(f"there is no surface {name}")


def surface_of(service: ServiceDescriptor) -> Surface | None:
    """The surface, on or off, that a service belongs to; None for services that only other services call. Raises CatalogueError for an
    undeclared surface."""
    name = service.GetOptions().Extensions[options_pb2.surface]
    return surface(name) if name else None


@cache
def public_services() -> tuple[ServiceDescriptor, ...]:
    """Every service of a surface that is on, sorted by full name. Raises CatalogueError when a service for clients names no surface, an
    internal service names one, or the gateway serves one whose surface is not `over_http`."""
    services = [service for file in _files() for service in file.services_by_name.values()]
    for service in services:
        public = bool(service.GetOptions().Extensions[options_pb2.surface])
        owner = surface_of(service)
        if is_over_http(service) and (owner is None or not owner.over_http):
            raise CatalogueError(f"{service.full_name}: the gateway serves only surfaces that are declared with `over_http`")
        for method in service.methods:
            access = access_of(method)
            if public != (access in (options_pb2.ACCESS_ACCOUNT, options_pb2.ACCESS_ANYONE)):
                said = options_pb2.Access.Name(access)
                raise CatalogueError(f"{method.full_name}: {said} {'does not fit a' if public else 'needs the'} surface of its service")
    named = ((service, service.GetOptions().Extensions[options_pb2.surface]) for service in services)
    return tuple(sorted((service for service, name in named if name and is_on(name)), key=lambda service: service.full_name))


@cache
def called_services() -> tuple[ServiceDescriptor, ...]:
    """The public services that are called as gRPC, by their clients or by the edge that transcodes JSON: all but the gateway's."""
    return tuple(service for service in public_services() if not is_over_http(service))


def services_of(surface: Surface) -> tuple[ServiceDescriptor, ...]:
    """The services of a surface, sorted by full name."""
    return tuple(service for service in public_services() if service.GetOptions().Extensions[options_pb2.surface] == surface.name)


def is_over_http(service: ServiceDescriptor) -> bool:
    """Whether the gateway answers, which gets the requests unchanged from the edge."""
    return bool(service.GetOptions().Extensions[options_pb2.served_by] == GATEWAY)


def is_json(service: ServiceDescriptor) -> bool:
    """Whether a service is reached as JSON over HTTP; else as gRPC."""
    return any(bindings(method) for method in service.methods)


def is_anonymous(method: MethodDescriptor) -> bool:
    """Whether a method is called without a key."""
    return access_of(method) == options_pb2.ACCESS_ANYONE


@cache
def anonymous_rpcs() -> frozenset[str]:
    """The paths of the methods that are called as gRPC without a key."""
    services = (service for service in called_services() if not is_json(service))
    return frozenset(f"/{one.full_name}/{method.name}" for one in services for method in one.methods if is_anonymous(method))


def is_read(method: MethodDescriptor) -> bool:
    """Whether calls of a method change nothing."""
    return method.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS


def max_request_bytes(method: MethodDescriptor) -> int:
    """How many bytes the body of a request may have; 0 if the method leaves that to the edge."""
    limit: int = method.GetOptions().Extensions[options_pb2.max_request_bytes]
    return limit


def takes_form(method: MethodDescriptor) -> bool:
    """Whether a call may also be sent as multipart/form-data."""
    return bool(method.GetOptions().Extensions[options_pb2.takes_form])


def has_path_for_each_operation(method: MethodDescriptor) -> bool:
    """Whether the path names an operation whose input the body is."""
    return bool(method.GetOptions().Extensions[options_pb2.path_for_each_operation])


def settings_part(method: MethodDescriptor) -> str:
    """The part of a form whose text is the request, as JSON; empty for methods that take no such form."""
    part: str = method.GetOptions().Extensions[options_pb2.settings_part]
    return part


def replies_late(method: MethodDescriptor) -> bool:
    """Whether the reply to a form may begin as late as a form may end."""
    return bool(method.GetOptions().Extensions[options_pb2.replies_late])


def takes_body(method: MethodDescriptor) -> bool:
    """Whether the body of a JSON call is the request, except for the fields in the path and the query."""
    options = method.GetOptions()
    if not options.HasExtension(annotations_pb2.http):
        return False
    rule = options.Extensions[annotations_pb2.http]
    return any(one.body == "*" for one in (rule, *rule.additional_bindings))


def body_field(method: MethodDescriptor) -> str:
    """The field of the request that the whole body of a JSON call becomes; empty if the body is the request, or there is none."""
    options = method.GetOptions()
    body = options.Extensions[annotations_pb2.http].body if options.HasExtension(annotations_pb2.http) else ""
    return "" if body == "*" else body


def names_unknown_fields(method: MethodDescriptor) -> bool:
    """Whether fields that a JSON call does not have are named in its reply; else they are refused."""
    return bool(method.GetOptions().Extensions[options_pb2.names_unknown_fields])


def served_by(service: ServiceDescriptor) -> str:
    """The service of the platform that answers. Raises LookupError for one without."""
    name: str = service.GetOptions().Extensions[options_pb2.served_by]
    if not name:
        raise LookupError(f"{service.full_name}: option (darkroom.common.v1.served_by) must say which service answers")
    return name


def leaves_lists_out(method: MethodDescriptor) -> bool:
    """Whether lists without items are left out of the JSON replies of a method."""
    return any(field.GetOptions().Extensions[options_pb2.absent_when_empty] for field in lists_in(method.output_type))


def lists_in(message: Descriptor, seen: frozenset[str] = frozenset()) -> Iterator[FieldDescriptor]:
    if message.full_name.startswith("google.protobuf."):
        return  # Struct and the like have a form of their own in JSON.
    for field in message.fields:
        if field.is_repeated:
            yield field
        if field.message_type is not None and field.message_type.full_name not in seen:
            yield from lists_in(field.message_type, seen | {message.full_name})


@cache
def routes() -> tuple[Route, ...]:
    """Every HTTP binding, the most specific template first. Raises CatalogueError when two methods have the same binding, or one path
    leads to the gateway by one verb and past it by another."""
    found: dict[tuple[str, str], Route] = {}
    at_path: dict[str, Route] = {}
    for owner in surfaces():
        for method in (method for service in services_of(owner) for method in service.methods):
            for binding in bindings(method):
                route = Route(binding.verb, PathTemplate(binding.template), method, owner)
                other = found.setdefault((route.verb, route.template.shape), route)
                if other is not route:
                    both, path = f"{other.method.full_name} and {method.full_name}", f"{binding.verb} {binding.template}"
                    raise CatalogueError(f"{both} both take {path}: give one another path")
                neighbour = at_path.setdefault(route.template.shape, route).method
                if is_over_http(neighbour.containing_service) != is_over_http(method.containing_service):
                    both = f"{neighbour.full_name} and {method.full_name}"
                    raise CatalogueError(f"{both} share the path {binding.template}, which is the gateway's for all verbs or for none")
    return tuple(sorted(found.values(), key=lambda route: (route.template.generality, route.verb)))


@cache
def surface_rules() -> tuple[SurfaceRule, ...]:
    """Which paths belong to which surface: the first matching rule applies. The templates of methods come before path prefixes. Paths
    below a prefix of a surface that is off belong to the surface of Darkroom's own that has a prefix above it, or to none."""
    prefixes = [SurfaceRule(one, PathTemplate(f"{prefix}/**")) for one in surfaces() for prefix in one.path_prefixes]
    prefixes += [SurfaceRule(_above(prefix), PathTemplate(f"{prefix}/**"), one) for one in surfaces_off() for prefix in one.path_prefixes]
    rules = [SurfaceRule(route.surface, route.template) for route in routes()]
    rules += sorted(prefixes, key=lambda rule: (-len(rule.template.text), rule.template.text))
    return tuple(rule for index, rule in enumerate(rules) if not _is_implied(rule, rules[index + 1 :]))


def _above(prefix: str) -> Surface | None:
    """The surface of Darkroom's own with the longest prefix above another."""
    own = (one for one in surfaces() if one.name not in compatibility_surfaces())
    found = [(len(each), one.name, one) for one in own for each in one.path_prefixes if prefix.startswith(f"{each}/")]
    return max(found)[2] if found else None


def _is_implied(rule: SurfaceRule, later: list[SurfaceRule]) -> bool:
    """Whether a path prefix of the same surface makes the rule redundant, because no other surface's rule comes in between."""
    for other in later:
        is_same = other.surface is rule.surface and other.off is rule.off
        if is_same and other.template.covers(rule.template):
            return True
        if not is_same and other.template.overlaps(rule.template):
            return False
    return False


def surface_at(path: str) -> Surface | None:
    """The surface that a request path (a query may follow) belongs to; None for none."""
    bare = path.partition("?")[0]
    for rule in surface_rules():
        if rule.pattern.fullmatch(bare):
            return rule.surface
    return _rpc_surfaces().get(bare[1:].rpartition("/")[0])


@cache
def _rpc_surfaces() -> dict[str, Surface | None]:
    """The surfaces of the services that are reached as gRPC, by the services' full names."""
    return {service.full_name: surface_of(service) for service in public_services() if not is_json(service)}


@cache
def key_headers() -> tuple[str, ...]:
    """Every header in which callers of some surface, on or off, present keys, in lower case."""
    return tuple(sorted({key.header.lower() for surface in declared_surfaces() for key in surface.keys}))


def bindings(method: MethodDescriptor) -> tuple[HttpBinding, ...]:
    """The HTTP verbs and path templates that lead to a method; none for a method that is gRPC only."""
    options = method.GetOptions()
    if not options.HasExtension(annotations_pb2.http):
        return ()
    rule = options.Extensions[annotations_pb2.http]
    return tuple(_binding(one) for one in (rule, *rule.additional_bindings))


def _binding(rule: http_pb2.HttpRule) -> HttpBinding:
    kind = rule.WhichOneof("pattern")
    if kind == "custom":
        return HttpBinding(rule.custom.kind, rule.custom.path, rule.body)
    return HttpBinding(str(kind).upper(), getattr(rule, str(kind)), rule.body)


def forget() -> None:
    """Drop what was read from the protos, so that they are read again after Python's path has changed."""
    for cached in (declared_surfaces, key_headers, _files):
        cached.cache_clear()
    _forget_what_is_offered()


def _forget_what_is_offered() -> None:
    for cached in (public_services, called_services, routes, surface_rules, _rpc_surfaces, anonymous_rpcs):
        cached.cache_clear()


@cache
def _files() -> tuple[FileDescriptor, ...]:
    return tuple(
        importlib.import_module(".".join(module.relative_to(package.parent).with_suffix("").parts)).DESCRIPTOR
        for package in _packages()
        for module in sorted(package.rglob("*_pb2.py"))
    )


def _packages() -> Iterator[Path]:
    # The client shares the name `darkroom` with the generated code, so the latter is located through one of its files.
    yield Path(options_pb2.__file__).parents[2]
    try:
        yield from map(Path, importlib.import_module(COMPATIBLE).__path__)
    except ModuleNotFoundError:
        return
