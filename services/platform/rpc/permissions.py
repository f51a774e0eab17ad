"""The callers that a method allows: by its own option, or else by the default of its service."""

from __future__ import annotations

from google.protobuf.descriptor import MethodDescriptor

from darkroom.common.v1 import options_pb2, scope_pb2


def access_of(method: MethodDescriptor) -> options_pb2.Access.ValueType:
    """The callers that a method allows."""
    said = method.GetOptions().Extensions[options_pb2.access]
    return said or method.containing_service.GetOptions().Extensions[options_pb2.default_access]


def scope_of(method: MethodDescriptor) -> scope_pb2.Scope.ValueType:
    """The scope that the caller's API key needs; unspecified where the method is not for accounts."""
    said = method.GetOptions().Extensions[options_pb2.scope]
    if said or access_of(method) != options_pb2.ACCESS_ACCOUNT:
        return said
    return method.containing_service.GetOptions().Extensions[options_pb2.default_scope]


def callers_of(method: MethodDescriptor) -> frozenset[str]:
    """The services that may call a method; none where the method is not for services."""
    said = method.GetOptions().Extensions[options_pb2.callers]
    if said or access_of(method) != options_pb2.ACCESS_SERVICE:
        return frozenset(said)
    return frozenset(method.containing_service.GetOptions().Extensions[options_pb2.default_callers])
