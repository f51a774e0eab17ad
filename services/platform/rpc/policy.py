"""The rules of the protos about each method: who may call it, and which surface it belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from darkroom.common.v1 import options_pb2, scope_pb2
from services.platform.rpc import catalogue
from services.platform.rpc.permissions import access_of, callers_of, scope_of
from services.platform.rpc.surfaces import Surface
from services.platform.tls import EDGE, SCALER

# Services of gRPC itself, of KEDA and of Envoy, whose protos carry no options of ours.
_STANDARD = {
    "grpc.health.v1.Health": options_pb2.ACCESS_ANYONE,
    "grpc.reflection.v1alpha.ServerReflection": options_pb2.ACCESS_ANYONE,
    "grpc.reflection.v1.ServerReflection": options_pb2.ACCESS_ANYONE,
    "externalscaler.ExternalScaler": options_pb2.ACCESS_ANYONE,
    "envoy.service.auth.v3.Authorization": options_pb2.ACCESS_ANYONE,
    "envoy.service.ext_proc.v3.ExternalProcessor": options_pb2.ACCESS_ANYONE,
}
# Any process that reaches these can ask; certificates identify it.
_CERTIFIED = {
    "externalscaler.ExternalScaler": frozenset({SCALER}),
    "envoy.service.auth.v3.Authorization": frozenset({EDGE}),
    "envoy.service.ext_proc.v3.ExternalProcessor": frozenset({EDGE}),
}


@dataclass(frozen=True, slots=True)
class MethodPolicy:
    """The rules for one method."""

    access: options_pb2.Access.ValueType
    surface: Surface | None
    """The surface in whose form callers get errors; None for services that only other services call."""
    scope: scope_pb2.Scope.ValueType = scope_pb2.SCOPE_UNSPECIFIED
    """The scope that the caller's key needs; unspecified means all."""
    takes_idempotency_key: bool = False
    callers: frozenset[str] = frozenset()
    """The services that may call a method with ACCESS_SERVICE. For any other, where callers have certificates: whose."""
    reads: bool = False
    """Whether its calls change nothing."""
    names_unknown_fields: bool = False
    """Whether its replies name fields that a JSON request has and the call has not; else it refuses them."""
    waiting_fields: tuple[str, ...] = ()
    """Fields of a request by which it asks for an answer that takes its time."""

    def waits(self, request: object) -> bool:
        """Whether a request asks for an answer that takes its time."""
        return bool(self.waiting_fields) and any(getattr(request, name) for name in self.waiting_fields)


class PolicyTable:
    """The policies of the services that one listener offers. A method it does not know is denied.

    Raises CatalogueError for a method that only services may call and that does not name any, and for one that names some without need.
    """

    def __init__(self, services: Iterable[ServiceDescriptor]) -> None:
        self._methods: dict[str, MethodPolicy] = {}
        for service in services:
            surface = catalogue.surface_of(service)
            for method in service.methods:
                access = _STANDARD.get(service.full_name, access_of(method))
                callers = callers_of(method)
                if not callers and service.full_name in _CERTIFIED:
                    callers = _CERTIFIED[service.full_name]
                elif bool(callers) != (access == options_pb2.ACCESS_SERVICE):
                    raise catalogue.CatalogueError(f"{method.full_name}: the option callers goes with ACCESS_SERVICE, and only with it")
                self._methods[f"/{service.full_name}/{method.name}"] = MethodPolicy(
                    access,
                    surface,
                    scope_of(method),
                    method.GetOptions().Extensions[options_pb2.takes_idempotency_key],
                    callers,
                    catalogue.is_read(method),
                    catalogue.names_unknown_fields(method),
                    _waiting_fields(method),
                )

    def of(self, method: str) -> MethodPolicy:
        """The policy of a method, by its full path `/package.Service/Method`."""
        found = self._methods.get(method)
        if found is not None:
            return found
        return MethodPolicy(_STANDARD.get(method[1:].rpartition("/")[0], options_pb2.ACCESS_UNSPECIFIED), None)


def _waiting_fields(method: MethodDescriptor) -> tuple[str, ...]:
    return tuple(field.name for field in method.input_type.fields if field.GetOptions().Extensions[options_pb2.holds_back_reply])
