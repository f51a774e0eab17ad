"""gRPC channels to a service that a test is about to start."""

from __future__ import annotations

EAGER = (
    # Unix sockets have no host.
    ("grpc.default_authority", "darkroom"),
    # The first attempt to connect comes before the service listens; the next would come a second later.
    ("grpc.initial_reconnect_backoff_ms", 20),
    ("grpc.min_reconnect_backoff_ms", 20),
)
"""Options of such a channel."""
