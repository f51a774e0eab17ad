"""Which parts Darkroom consists of, and what each one needs.

This is the one place that lists them. The embedded stack's programs, ports, keys, databases and scrape targets, the edge's upstreams and
the benchmarks derive from it, so that a new service is one entry in `SERVICES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    """One of Darkroom's own services, `python -m services.NAME`."""

    name: str
    requires: tuple[str, ...]
    """Parts that must be ready before it starts. Not the other services, nor Triton: a service waits for those by itself when it calls
    them, so that all start at the same time."""
    public: bool = True
    """Whether it has a listener that the edge routes to. Every service has an internal listener, and one for metrics."""
    database: bool = True
    """Whether it has its own database."""
    http: bool = False
    """Whether its public listener speaks HTTP in place of gRPC."""
    ready_seconds: float = 120.0
    """How long it may take to start."""


SERVICES: Mapping[str, Service] = {
    service.name: service
    for service in (
        Service("accounts", requires=("postgres", "nats")),
        Service("files", requires=("postgres", "nats", "s3")),
        Service("tasks", requires=("postgres", "nats")),
        # Forms, which no transcoding can carry.
        Service("gateway", requires=("nats", "s3"), database=False, http=True),
        # It takes its work from tasks, over a stream, and waits for Triton's models. NATS brings it cancellations.
        Service("inference", requires=("nats", "s3"), public=False, database=False, ready_seconds=180.0),
    )
}

CORE = ("accounts", "files", "tasks", "gateway")
"""The services that share a process where all are on one machine: those that call each other. They end in reverse order."""

EDGE = "envoy"
AUTHORIZER = "accounts"
"""The service that the edge asks about every request."""
STOREKEEPER = "files"
"""The service that the edge asks about every upload to object storage."""
AUTHORIZATION = f"{AUTHORIZER}-authorization"
"""The name of its listener for that."""

THIRD_PARTY = ("postgres", "nats", "s3", "triton")
PARTS = (*THIRD_PARTY, *SERVICES, EDGE)
"""Every part of a stack, in the order in which they are shown."""

PUBLIC = tuple(service.name for service in SERVICES.values() if service.public)
"""The services that the edge routes to."""
DATABASES = tuple(service.name for service in SERVICES.values() if service.database)
"""The databases, named after the services that own them."""
