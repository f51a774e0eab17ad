"""Whether a service's gRPC listener serves."""

from __future__ import annotations

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from deploy.local.errors import NotReady
from services.platform.tls import MutualTls


def check_health(target: str, service: str, tls: MutualTls | None, seconds: float = 2.0) -> None:
    """Raise NotReady unless a service's gRPC listener reports SERVING, within some seconds."""
    named = (("grpc.ssl_target_name_override", service),)
    with grpc.insecure_channel(target) if tls is None else grpc.secure_channel(target, tls.channel(), named) as channel:
        try:
            reply = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=seconds)
        except grpc.RpcError as error:
            raise NotReady(f"health on {target}: {error.code().name}") from error
    if reply.status != health_pb2.HealthCheckResponse.SERVING:
        raise NotReady(f"health on {target}: {health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status)}")
