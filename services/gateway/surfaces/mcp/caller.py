"""The project's own client, as the account whose request is served: its calls go to the services' public listeners."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from darkroom.connection import Server
from darkroom.failures import ApiError, family
from services.gateway.backend import Backend
from services.platform.errors import DarkroomError
from services.platform.identity import Identity
from services.platform.revocations import Watcher
from services.platform.rpc import catalogue


@dataclass(frozen=True)
class CallerServer(Server):
    """A server for `AsyncClient` whose calls carry the caller's identity, as all calls of the gateway do, in place of a key. They pass the
    same checks of scopes and limits as those of any client."""

    backend: Backend
    identity: Identity
    watcher: Watcher
    """Ends the calls of a key that is revoked meanwhile."""

    def channel(self) -> grpc.aio.Channel:
        """One channel to all services. Closing it closes nothing: the gateway's channels stay."""
        return _ChannelToAll(self.backend)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The metadata for every call. Raises Unauthenticated once the key is revoked."""
        with as_failures():
            self.watcher.check()
        return tuple(self.backend.metadata(self.identity))


@contextmanager
def as_failures() -> Iterator[None]:
    """Raise the platform's errors as the client's exceptions."""
    try:
        yield
    except DarkroomError as error:
        kind = family(error.reason.value)
        failure = kind(error.reason.value, error.message) if issubclass(kind, ApiError) else kind(error.message)
        failure.reason = error.reason.value
        raise failure from error


class _ChannelToAll(grpc.aio.Channel):
    """Each method goes to the service that answers it."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._answering = {service.full_name: catalogue.served_by(service) for service in catalogue.called_services()}

    def _of(self, method: str) -> grpc.aio.Channel:
        return self._backend.channel(self._answering[method[1:].rpartition("/")[0]])

    def unary_unary(self, method: str, *arguments: Any, **options: Any) -> Any:
        """A callable that calls a method."""
        return self._of(method).unary_unary(method, *arguments, **options)

    def unary_stream(self, method: str, *arguments: Any, **options: Any) -> Any:
        """A callable that calls a method with a stream of replies."""
        return self._of(method).unary_stream(method, *arguments, **options)

    def stream_unary(self, method: str, *arguments: Any, **options: Any) -> Any:
        """A callable that calls a method with a stream of requests."""
        return self._of(method).stream_unary(method, *arguments, **options)

    def stream_stream(self, method: str, *arguments: Any, **options: Any) -> Any:
        """A callable that calls a method with streams both ways."""
        return self._of(method).stream_stream(method, *arguments, **options)

    async def channel_ready(self) -> None:
        """Return at once: each call waits for its own service."""

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """READY: each call has a state of its own."""
        return grpc.ChannelConnectivity.READY

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Not needed here. Raises NotImplementedError."""
        raise NotImplementedError

    async def close(self, grace: float | None = None) -> None:
        """Close nothing."""

    async def __aenter__(self) -> _ChannelToAll:
        return self

    async def __aexit__(self, *error: object) -> None:
        return None
