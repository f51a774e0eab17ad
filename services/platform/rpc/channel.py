"""Channels to other services: calls go to all replicas in turn, and not to one that cannot be reached."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from services.platform.identity import Signer
from services.platform.rpc.local import hosted
from services.platform.rpc.local_channel import LocalChannel
from services.platform.rpc.spans import ClientSpans
from services.platform.rpc.targets import LOCAL_OPTIONS, is_remote
from services.platform.rpc.trace import TRACE_HEADER, current_trace_id
from services.platform.telemetry import tracing
from services.platform.tls import MutualTls

_IN_TURN: dict[str, object] = {"loadBalancingConfig": [{"round_robin": {}}]}
# Every internal call may be repeated, so calls wait for a service that is restarting, and go to another replica.
_RETRY = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
_MESSAGE_BYTES = 8 << 20
"""The limit of a reply, which may contain a small file."""
_OPTIONS = (
    ("grpc.enable_retries", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.max_receive_message_length", _MESSAGE_BYTES),
)
# A host that is cut off says nothing, and without these a call to it waits for its deadline and a stream for ever. The first two ask a
# silent replica; more often than the servers allow, they would end the connection. The timeout is
# also that of the kernel (TCP_USER_TIMEOUT) for what has been sent and not been received, which is how soon a call is repeated elsewhere.
_REMOTE_OPTIONS = (
    ("grpc.keepalive_time_ms", 15_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.keepalive_timeout_ms", 4_000),
    ("grpc.http2.max_pings_without_data", 0),
    # How long to wait for a connection, and not only between attempts. It has 20 s otherwise.
    ("grpc.min_reconnect_backoff_ms", 5_000),
)


@asynccontextmanager
async def channel(
    address: str, service: str = "darkroom", tls: MutualTls | None = None, *, repeats: bool = True
) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a service's listener, or those of its replicas, closed when the block ends. `address` is a gRPC target (`targets.py`).

    With `tls`, the listener's certificate must name the service, whatever the address. Without `repeats`, a call is repeated only if the
    service cannot have seen it. The listeners of this process itself are called directly, unless there is `tls`: certificates show who
    calls.
    """
    spans = [ClientSpans()] if tracing.is_enabled() else []
    options: tuple[tuple[str, str | int], ...] = (
        *_OPTIONS,
        *(_REMOTE_OPTIONS if is_remote(address) else LOCAL_OPTIONS),
        ("grpc.service_config", json.dumps({**_IN_TURN, **_RETRY} if repeats else _IN_TURN)),
        # Unix sockets have no host; without this the authority would be the escaped path, which some servers refuse.
        ("grpc.default_authority", service),
    )
    if tls is None:
        opening = grpc.aio.insecure_channel(address, options=options, interceptors=spans)
    else:
        options = (*options, ("grpc.ssl_target_name_override", service))
        opening = grpc.aio.secure_channel(address, tls.channel(), options=options, interceptors=spans)
    listener = hosted(address) if tls is None else None
    async with opening as opened:
        yield opened if listener is None else LocalChannel(listener, opened, _MESSAGE_BYTES, repeats=repeats)


class Caller:
    """Makes the metadata of calls to other services: the service token and the trace."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def on_behalf_of(self, account_id: int) -> tuple[tuple[str, str], ...]:
        """Metadata for a call that acts for an account; 0 for a call on the service's own behalf."""
        return (*self._signer.service_metadata(account_id), (TRACE_HEADER, current_trace_id()))
