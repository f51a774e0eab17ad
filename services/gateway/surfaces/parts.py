"""The parts from which every surface of the gateway is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from darkroom.internal.accounts.v1 import setting_values_service_pb2_grpc
from darkroom.internal.files.v1 import intake_service_pb2_grpc, pictures_service_pb2_grpc, storage_service_pb2_grpc
from darkroom.internal.tasks.v1 import run_service_pb2_grpc
from services.gateway.backend import Backend
from services.gateway.calls import Calls
from services.gateway.receiving import Receiver
from services.platform.bus import Bus
from services.platform.object_http import ObjectHttp
from services.platform.revocations import Revocations
from services.platform.rpc.channel import Caller
from services.platform.rpc.open_calls import OpenCalls


@dataclass(frozen=True, slots=True)
class GatewayParts:
    """A surface's `routes(parts)` answers its requests with these."""

    calls: Calls
    backend: Backend
    receiver: Receiver
    revocations: Revocations
    caller: Caller
    runs: run_service_pb2_grpc.RunServiceAsyncStub
    storage: storage_service_pb2_grpc.StorageServiceAsyncStub
    intake: intake_service_pb2_grpc.IntakeServiceAsyncStub
    pictures: pictures_service_pb2_grpc.PicturesServiceAsyncStub
    settings: setting_values_service_pb2_grpc.SettingValuesServiceAsyncStub
    """The settings of people."""
    http: ObjectHttp
    """To object storage."""
    bus: Bus
    streams: OpenCalls
    """Counts the streams of each account, or of each address where nobody signs in, at all replicas."""
    derived_secret: Callable[[str], bytes]
    """32 bytes for a purpose, the same in every replica."""
    forms_at_once: int
    forms_at_once_each: int
    """The limit for one account."""
    picture_memory_bytes: int
    """For pictures by URL."""
