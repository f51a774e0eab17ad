"""SnapOtter's API: one route for each method of its protos, and 404 for everything else below `/api`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from compat.snapotter.v1 import surface_pb2
from services.gateway import paths  # noqa: F401 - the convertor `anything`
from services.gateway.surfaces.parts import GatewayParts
from services.gateway.surfaces.snapotter.assembly import Endpoints, assemble
from services.gateway.surfaces.snapotter.endpoints import EndpointFactory
from services.gateway.surfaces.snapotter.errors import not_found
from services.gateway.surfaces.snapotter.runs import SURFACE
from services.gateway.surfaces.snapotter.settings import SnapOtterSettings
from services.platform.identity import Identity
from services.platform.rpc import catalogue

_PACKAGE = surface_pb2.DESCRIPTOR.package
_VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def routes(parts: GatewayParts) -> Sequence[Route]:
    """The routes of the application."""
    factory = EndpointFactory(parts.calls)
    endpoints = assemble(parts, factory, SnapOtterSettings())
    unknown = factory.anyone(f"/{_PACKAGE}/unknown", _nothing)
    nothing = [Route(path, unknown, methods=list(_VERBS)) for path in ("/api", "/api/{rest:anything}")]
    return [*_declared(endpoints), *nothing]


def _declared(endpoints: Endpoints) -> Iterator[Route]:
    """Raise LookupError for a method without an endpoint, and for an endpoint without a method."""
    wanted: Mapping[str, list[catalogue.Route]] = {}
    for route in catalogue.routes():
        if route.surface.name == SURFACE:
            wanted = {**wanted, route.method.full_name: [*wanted.get(route.method.full_name, []), route]}
    if wanted.keys() != endpoints.keys():
        raise LookupError(f"methods and endpoints differ: {sorted(wanted.keys() ^ endpoints.keys())}")
    for name, found in wanted.items():
        for route in found:
            yield Route(_path(route.template.text), endpoints[name], methods=[route.verb])


def _path(template: str) -> str:
    # The name of a download, that of a job and the key of a setting may hold encoded slashes; the handlers of downloads and jobs read the
    # path as it came.
    widened = template.replace("{filename}", "{filename:anything}").replace("{job_id}/progress", "{job_id:anything}/progress")
    return widened.replace("settings/{key}", "settings/{key:anything}")


async def _nothing(request: Request, identity: Identity | None) -> Response:
    return not_found(request.method, request.url.path)
