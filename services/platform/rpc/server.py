"""One gRPC listener: services, interceptor, health and, where wanted, reflection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from services.platform.identity import Verifier
from services.platform.log import get_logger
from services.platform.rpc import catalogue, http1, validation
from services.platform.rpc.interceptor import CallInterceptor, Handler, Listener
from services.platform.rpc.local import LocalListener, hosted
from services.platform.rpc.open_calls import OpenCalls
from services.platform.rpc.policy import PolicyTable
from services.platform.rpc.targets import LOCAL_OPTIONS, is_remote, over_http1
from services.platform.telemetry.health import Health
from services.platform.tls import MutualTls

if TYPE_CHECKING:
    from services.platform.revocations import RevokedWorkers

_logger = get_logger()
_MESSAGE_BYTES = 4 * 1024 * 1024
# Above what the edge lets in, to which it adds the identity and the client's own path. When it refuses more, gRPC reveals the headers'
# names.
_METADATA_BYTES = 64 * 1024
_OPTIONS = (
    ("grpc.max_metadata_size", _METADATA_BYTES),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.so_reuseport", 0),
)
# A client on a host that is cut off says nothing. Connections are closed at times, without an end to the calls on them, so that clients ask
# DNS again: otherwise they would never hear of a replica that was added.
_REMOTE_OPTIONS = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_connection_age_ms", 600_000),
)


@dataclass(frozen=True)
class Mount:
    """A servicer. Its generated base class says which service it is and how to add it to a server."""

    servicer: object

    @property
    def descriptor(self) -> ServiceDescriptor:
        """The service, as its proto declares it."""
        base = self._base
        messages = import_module(base.__module__.removesuffix("_grpc"))
        service: ServiceDescriptor = messages.DESCRIPTOR.services_by_name[base.__name__.removesuffix("Servicer")]
        return service

    def add_to(self, methods: _Methods) -> None:
        """Add the servicer's methods to those of a server."""
        base = self._base
        getattr(import_module(base.__module__), f"add_{base.__name__}_to_server")(self.servicer, methods)

    @property
    def _base(self) -> type:
        generated = [
            base for base in type(self.servicer).__mro__ if base.__module__.endswith("_pb2_grpc") and base.__name__.endswith("Servicer")
        ]
        if len(generated) != 1:
            raise TypeError(f"{type(self.servicer).__name__} must have one generated servicer as a base; it has {len(generated)}")
        return generated[0]


class _Methods(grpc.GenericRpcHandler):
    """The methods of a server, as gRPC looks them up.

    Generated code adds each servicer's to what it takes for the server. That would wait for a call of each of them separately, and go
    through all that it waits for at every call: a tenth of a millisecond and more for a hundred methods.
    """

    def __init__(self, interceptor: CallInterceptor) -> None:
        self._interceptor = interceptor
        self._handlers: dict[str, Handler] = {}

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Handler]) -> None:
        paths = {f"/{service}/{name}": handler for name, handler in handlers.items()}
        self._handlers |= {path: self._interceptor.wrap(handler, path) for path, handler in paths.items()}

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """The same methods in gRPC's other form."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """The method that is called; None for one that does not exist."""
        return self.at(handler_call_details.method)

    def at(self, path: str) -> Handler | None:
        """The method with a path, `/package.Service/Method`."""
        return self._handlers.get(path)


@asynccontextmanager
async def listening(
    listener: Listener,
    address: str,
    mounts: Sequence[Mount],
    verifier: Verifier,
    reflect: Sequence[str] = (),
    health: Health | None = None,
    drain_seconds: float = 5.0,
    open_calls: OpenCalls | None = None,
    tls: MutualTls | None = None,
    revoked: RevokedWorkers | None = None,
) -> AsyncIterator[None]:
    """Serve the mounts at `address` (`unix:/path` or `host:port`) until the block ends; then accept no more calls, and let those in
    flight continue for up to `drain_seconds`. With `tls`, only clients with a certificate of its authority can connect.

    `reflect` names the services that gRPC reflection lists; their descriptors must have been imported. `grpc.health.v1` reports `liveness`
    (SERVING as long as it answers) and `readiness`, which is also the state of the whole server. Readiness comes from `health`; without it,
    the server is always ready. `open_calls` limits how many calls that last are open.
    `revoked` refuses workers from other machines.
    """
    # A message without fields breaks none.
    if any(method.input_type.fields for mount in mounts for method in mount.descriptor.methods):
        validation.rules()
    policies = PolicyTable(mount.descriptor for mount in mounts)
    # The edge keeps each method to its own limit; a server has one for all.
    largest = max([_MESSAGE_BYTES, *(catalogue.max_request_bytes(method) for mount in mounts for method in mount.descriptor.methods)])
    options = (*_OPTIONS, *(_REMOTE_OPTIONS if is_remote(address) else LOCAL_OPTIONS), ("grpc.max_receive_message_length", largest))
    methods = _Methods(CallInterceptor(listener, policies, verifier, open_calls, revoked, certified=tls is not None))
    for mount in mounts:
        mount.add_to(methods)
    status = health_aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(status, methods)
    if reflect:
        names = [*reflect, reflection.SERVICE_NAME, health_pb2.DESCRIPTOR.package + ".Health"]
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflection.aio.ReflectionServicer(names), methods)
    server = grpc.aio.server(handlers=[methods], options=options)
    if tls is None:
        server.add_insecure_port(address)
    else:
        server.add_secure_port(address, tls.server())
    await server.start()
    local = hosted(address) or LocalListener(address)
    local.open(methods.at, largest)
    await status.set("liveness", health_pb2.HealthCheckResponse.SERVING)

    async def set_status(ready: bool) -> None:
        state = health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in ("", "readiness"):
            await status.set(name, state)

    await (health or Health()).on_change(set_status)
    _logger.info("listening", listener=listener, address=address)
    try:
        async with AsyncExitStack() as opening:
            if listener == "public" and (beside := over_http1(address)) is not None:
                await opening.enter_async_context(http1.serving(beside, local))
            yield
    finally:
        await status.enter_graceful_shutdown()
        await asyncio.gather(server.stop(drain_seconds), local.close(drain_seconds))
