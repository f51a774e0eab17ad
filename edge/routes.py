"""Where each request is routed, derived from the protos."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, takewhile

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from darkroom.common.v1 import options_pb2
from services.platform.rpc import catalogue

GATEWAY = catalogue.GATEWAY
"""The service that takes forms, and all requests that it gets unchanged, over HTTP."""
REFLECTOR = "tasks"
"""The service that answers gRPC reflection for all public services, and health checks of gRPC clients. No header of such a call says which
service it is about, so one service answers for all: the one whose `__main__` sets `reflected`."""
_ESCAPE = "\\"
_TEXT = re.compile(r"(?:[\w~]|\\[^\w]|-)+")
_EXPOSED = (
    "ETag",
    "X-Request-Id",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
    *(f"{prefix}RateLimit-{part}" for prefix in ("", "X-") for part in ("Limit", "Remaining", "Reset")),
    "Content-Disposition",
    "X-Job-Id",
    "X-File-Results",
    "X-Notices",
)


@dataclass(frozen=True, slots=True)
class ServiceRoute:
    """How the calls of one gRPC service are forwarded."""

    service: str
    upstream: str
    is_transcoded: bool
    """True: reachable only as JSON over HTTP; False: only as gRPC."""
    streams: tuple[str, ...]
    """Methods whose replies may last forever."""
    reads: tuple[str, ...]
    """Methods that may be repeated after any failure."""
    waits: tuple[str, ...]
    """Reads whose answer may take a minute because the client asked to wait."""
    writes: tuple[str, ...]
    """All others."""
    limits: Mapping[str, int]
    """Maximum request bytes of the methods that have a limit of their own. For JSON calls the path decides; see `Treatment`."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """How the edge treats calls of a path before they are transcoded."""

    upstream: str
    anonymous: bool
    """Whether they need no key."""
    leaves_lists_out: bool
    """Whether empty lists are left out of the replies, because their absence has a meaning."""
    max_request_bytes: int
    """Maximum bytes of a request; 0: the edge's setting applies."""
    form: bool
    """Whether a request may also be a form, which goes to the gateway."""
    body: str
    """Full name of the message that the body of a request becomes; empty for calls without a body."""


@dataclass(frozen=True, slots=True)
class KnownPath:
    """A path of a JSON surface and the verbs that it accepts."""

    regex: str
    treatments: Mapping[Treatment, tuple[str, ...]]
    """Verbs by their treatment."""

    @property
    def prefix(self) -> str:
        """The prefix of each such path: the texts among its first two segments."""
        return _beginning(self.regex)

    @property
    def verbs(self) -> tuple[str, ...]:
        """All verbs."""
        return tuple(sorted(chain.from_iterable(self.treatments.values())))


@dataclass(frozen=True, slots=True)
class HandedOnPath:
    """A path whose requests the gateway gets unchanged, for any verb."""

    regex: str
    streams: bool
    """Whether replies may last forever."""
    late: bool
    """Whether the replies to forms may begin as late as forms may end."""

    @property
    def prefix(self) -> str:
        """The prefix of each such path: the texts among its first two segments."""
        return _beginning(self.regex)


@dataclass(frozen=True, slots=True)
class Remainder:
    """The paths below a prefix that no other entry has."""

    prefix: str
    handed_on: bool
    """Whether the gateway gets their requests unchanged, for any verb; else there is nothing."""
    keyless: bool = False
    """Whether their surface knows no keys, so that accounts is not asked whose a request is."""
    off: bool = False
    """Whether they are of a surface that is off: there is nothing, and callers hear why without a key."""


@dataclass(frozen=True, slots=True)
class Download:
    """A reply of the gateway's that storage gives in its place."""

    surface: str
    prefixes: str
    """A regular expression for the prefixes of the paths that were asked for."""
    reply_headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PathGroup:
    """The meanings of requests whose paths begin alike. The first match counts."""

    paths: Sequence[KnownPath | HandedOnPath]
    remainders: Sequence[Remainder]

    @property
    def transcoded_paths(self) -> list[KnownPath]:
        """The paths with verbs of their own."""
        return [path for path in self.paths if isinstance(path, KnownPath)]


def service_routes() -> list[ServiceRoute]:
    """One entry for each public service but the gateway's. Raises LookupError for one that no service of the platform serves."""
    return [_route(service) for service in catalogue.called_services()]


def upstreams() -> list[str]:
    """The services of the platform that answer public calls."""
    return sorted({REFLECTOR, *(route.upstream for route in service_routes())})


def transcoded_services() -> list[str]:
    """Full names of the services that have HTTP annotations."""
    return [service.full_name for service in catalogue.called_services() if catalogue.is_json(service)]


def known_paths() -> list[KnownPath]:
    """Every path that is transcoded, so that a wrong verb can be distinguished from an unknown path. The first match counts, the most
    specific.
    """
    return [path for path in paths() if isinstance(path, KnownPath)]


def paths() -> list[KnownPath | HandedOnPath]:
    """Every path that needs routes of its own: those that are transcoded, and those of the gateway's whose replies are streams or late, or
    that lie below another surface's prefix. The first match counts: the most specific one."""
    found: list[KnownPath | HandedOnPath] = []
    apart = {rule.template for rule in catalogue.surface_rules()}
    for (regex, over_http), same in groupby(catalogue.routes(), key=_leads):
        if over_http:
            methods = list(same)
            streams = any(route.method.server_streaming for route in methods)
            late = any(catalogue.replies_late(route.method) for route in methods)
            if streams or late or any(route.template in apart for route in methods):
                found.append(HandedOnPath(regex, streams, late))
            continue
        treatments: dict[Treatment, tuple[str, ...]] = {}
        for route in same:
            treatment = _treatment(route.method)
            treatments[treatment] = (*treatments.get(treatment, ()), route.verb)
        found.append(KnownPath(regex, treatments))
    return found


def remainders() -> list[Remainder]:
    """The prefixes below which the gateway answers what nothing else does, and before them those of other surfaces that lie below them;
    also those of surfaces that are off."""
    found = [
        Remainder(
            rule.template.text.removesuffix("/**"),
            rule.surface is not None and rule.surface.over_http,
            rule.surface is not None and not rule.surface.keys,
            rule.off is not None,
        )
        for rule in catalogue.surface_rules()
        if rule.template.text.endswith("/**")
    ]
    return [one for one in found if one.off or any(other.handed_on and _is_below(one.prefix, other.prefix) for other in found)]


def downloads() -> list[Download]:
    """One for each surface that the gateway answers."""
    return [
        Download(surface.name, "|".join(re.escape(prefix) for prefix in surface.path_prefixes), surface.reply_headers)
        for surface in catalogue.surfaces()
        if surface.over_http
    ]


def path_groups(paths: Sequence[KnownPath | HandedOnPath], remainders: Sequence[Remainder] = ()) -> dict[str, PathGroup]:
    """The meanings of a request, by the prefix of its path: the longest of these texts counts."""
    prefixes = sorted({path.prefix for path in paths} | {one.prefix for one in remainders if one.handed_on or one.off})
    return {
        prefix: PathGroup(
            [path for path in paths if prefix.startswith(path.prefix)],
            [one for one in remainders if one.prefix.startswith(prefix) or prefix.startswith(one.prefix)],
        )
        for prefix in prefixes
    }


def _leads(route: catalogue.Route) -> tuple[str, bool]:
    return route.template.regex, catalogue.is_over_http(route.method.containing_service)


def _is_below(path: str, prefix: str) -> bool:
    return f"{path}/".startswith(f"{prefix}/")


def _beginning(regex: str) -> str:
    texts = takewhile(_TEXT.fullmatch, regex.split("/")[1:3])
    return "".join(f"/{text.replace(_ESCAPE, '')}" for text in texts)


def verbs() -> list[str]:
    """Every verb that a call may have."""
    return sorted({route.verb for route in catalogue.routes()})


def exposed_headers() -> list[str]:
    """The headers of replies that pages of other origins may read."""
    own = [one.request_id_header for one in catalogue.surfaces() if one.request_id_header]
    return list(dict.fromkeys([*_EXPOSED, *own, *error_headers()]))


def error_headers() -> list[str]:
    """The headers, names in lower case, in which surfaces repeat parts of their errors."""
    return list(dict.fromkeys(header.name.lower() for one in catalogue.surfaces() for header in one.error_headers))


def _route(service: ServiceDescriptor) -> ServiceRoute:
    streams = tuple(method.name for method in service.methods if method.server_streaming or method.client_streaming)
    others = [method for method in service.methods if method.name not in streams]
    reads = [method for method in others if catalogue.is_read(method)]
    transcoded = catalogue.is_json(service)
    limits = {} if transcoded else {method.name: catalogue.max_request_bytes(method) for method in service.methods}
    return ServiceRoute(
        service=service.full_name,
        upstream=catalogue.served_by(service),
        is_transcoded=transcoded,
        streams=streams,
        reads=tuple(method.name for method in reads),
        waits=tuple(method.name for method in reads if _may_wait(method)),
        writes=tuple(method.name for method in others if not catalogue.is_read(method)),
        limits={name: limit for name, limit in limits.items() if limit},
    )


def _treatment(method: MethodDescriptor) -> Treatment:
    return Treatment(
        upstream=catalogue.served_by(method.containing_service),
        anonymous=catalogue.is_anonymous(method),
        leaves_lists_out=catalogue.leaves_lists_out(method),
        max_request_bytes=catalogue.max_request_bytes(method),
        form=catalogue.takes_form(method),
        body=method.input_type.full_name if catalogue.takes_body(method) else "",
    )


def _may_wait(method: MethodDescriptor) -> bool:
    return any(field.GetOptions().Extensions[options_pb2.holds_back_reply] for field in method.input_type.fields)
