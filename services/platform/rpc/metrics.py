"""Metrics of served calls, named as in go-grpc-middleware, so that existing dashboards work."""

from __future__ import annotations

from functools import lru_cache

from prometheus_client import Counter, Histogram

from services.platform.telemetry.durations import CALLS

_HANDLED = Counter("grpc_server_handled", "Calls that have ended, by gRPC status.", ["grpc_service", "grpc_method", "grpc_code"])
_SECONDS = Histogram(
    "grpc_server_handling_seconds", "Time from a call's arrival to its end.", ["grpc_service", "grpc_method"], buckets=CALLS
)


def observe_call(method: str, code: str, seconds: float) -> None:
    """Count a call that has ended. `method` is the full path of an existing method, `/package.Service/Method`; `code` is its gRPC name."""
    handled, duration = _series(method, code)
    handled.inc()
    duration.observe(seconds)


@lru_cache(maxsize=4096)
def _series(method: str, code: str) -> tuple[Counter, Histogram]:
    service, _, name = method.removeprefix("/").rpartition("/")
    customary = code if code == "OK" else code.title().replace("_", "")
    return _HANDLED.labels(service, name, customary), _SECONDS.labels(service, name)
