"""Which request goes where, derived from the protos."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor

from darkroom.common.v1 import options_pb2
from deploy.topology import PUBLIC
from services.common.rpc import catalogue

# Native services are served by the service whose name their package has. A compatibility surface is spread over several.
_COMPATIBILITY = {
    "darkroom.rest.v1.BatchesService": "tasks",
    "darkroom.rest.v1.BillingService": "tasks",
    "darkroom.rest.v1.FilesService": "files",
    "darkroom.rest.v1.ImagesService": "tasks",
    "darkroom.rest.v1.KeysService": "accounts",
    "darkroom.rest.v1.PdfsService": "tasks",
    "darkroom.rest.v1.TasksService": "tasks",
    "darkroom.rest.v1.WebhooksService": "tasks",
}
# AIP-131 and AIP-132: methods named so have no side effects, and may be repeated.
_READS = re.compile(r"(Get|List)[A-Z]")
# A request field of this name says for how many seconds, up to 60, an answer may be held back.
_WAIT_FIELDS = ("wait", "wait_seconds")


@dataclass(frozen=True, slots=True)
class ServiceRoute:
    """How the calls of one gRPC service are forwarded."""

    service: str
    upstream: str
    transcoded: bool
    """Reached as JSON over HTTP only; else as gRPC only."""
    streams: tuple[str, ...]
    """Methods whose replies may last for ever."""
    reads: tuple[str, ...]
    """Methods that may be repeated after any failure."""
    waits: tuple[str, ...]
    """Those of the reads whose answer may take a minute, because the client asked for it."""


@dataclass(frozen=True, slots=True)
class KnownPath:
    """A path of a JSON surface and the verbs that it takes."""

    regex: str
    verbs: tuple[str, ...]
    leaves_lists_out: bool
    """Whether lists without items are left out of its replies, because the absence of one says something."""


def service_routes() -> list[ServiceRoute]:
    """One entry a public service. Raises LookupError for a service that nobody is said to serve."""
    return [_route(service) for service in catalogue.public_services()]


def transcoded_services() -> list[str]:
    """Full names of the services that have HTTP annotations."""
    return [service.full_name for service in catalogue.public_services() if _is_transcoded(service)]


def known_paths() -> list[KnownPath]:
    """Every path of the JSON surfaces, so that another verb there is told from a path that does not exist. The first that matches counts:
    those with fewer variables go before those with more."""
    verbs: dict[str, set[str]] = defaultdict(set)
    leaving_out = set()
    for service in catalogue.public_services():
        for method in service.methods:
            for binding in catalogue.bindings(method):
                regex = _path_regex(binding.template)
                verbs[regex].add(binding.verb)
                if any(field.GetOptions().Extensions[options_pb2.absent_when_empty] for field in lists_in(method.output_type)):
                    leaving_out.add(regex)
    return [KnownPath(regex, tuple(sorted(found)), regex in leaving_out) for regex, found in sorted(verbs.items(), key=_generality)]


def lists_in(message: Descriptor, seen: frozenset[str] = frozenset()) -> Iterator[FieldDescriptor]:
    """The lists of a message and of the messages in it."""
    for field in message.fields:
        if field.is_repeated:
            yield field
        if field.message_type is not None and field.message_type.full_name not in seen:
            yield from lists_in(field.message_type, seen | {message.full_name})


def _route(service: ServiceDescriptor) -> ServiceRoute:
    return ServiceRoute(
        service=service.full_name,
        upstream=_upstream(service.full_name),
        transcoded=_is_transcoded(service),
        streams=tuple(method.name for method in service.methods if method.server_streaming or method.client_streaming),
        reads=tuple(method.name for method in service.methods if _is_read(method)),
        waits=tuple(method.name for method in service.methods if _is_read(method) and _may_wait(method)),
    )


def _upstream(service: str) -> str:
    if service in _COMPATIBILITY:
        return _COMPATIBILITY[service]
    owner = service.removeprefix("darkroom.").partition(".")[0]
    if not service.startswith("darkroom.") or owner not in PUBLIC:
        raise LookupError(f"{service}: say in edge/routes.py which service serves it")
    return owner


def _is_transcoded(service: ServiceDescriptor) -> bool:
    return any(catalogue.bindings(method) for method in service.methods)


def _is_read(method: MethodDescriptor) -> bool:
    if method.server_streaming or method.client_streaming:
        return False
    bound = catalogue.bindings(method)
    return all(binding.verb == "GET" for binding in bound) if bound else _READS.match(method.name) is not None


def _may_wait(method: MethodDescriptor) -> bool:
    return any(name in method.input_type.fields_by_name for name in _WAIT_FIELDS)


def _generality(path: tuple[str, set[str]]) -> tuple[int, str]:
    regex, _ = path
    return regex.count("[^/]+") + regex.count(".*"), regex


def _path_regex(template: str) -> str:
    """`/v1/tasks/{id}/status` → `/v1/tasks/[^/]+/status`; `{name=files/*}` and `**` as in google.api.http."""
    pattern = ""
    for piece in re.split(r"(\{[^}]*\}|\*\*|\*)", template):
        if piece.startswith("{"):
            pattern += _path_regex(piece[1:-1].partition("=")[2] or "*")
        else:
            pattern += {"**": ".*", "*": "[^/]+"}.get(piece, re.escape(piece))
    return pattern
