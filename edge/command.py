"""How Envoy is started."""

from __future__ import annotations

from pathlib import Path

# Messages of the component `http` quote whole URLs, with the signatures of presigned ones; what happened is in the access log.
_LOGGING = ("--log-level", "warning", "--component-log-level", "http:critical")


def arguments(configuration: Path) -> tuple[str, ...]:
    """Arguments of `envoy` for a rendered configuration."""
    return ("-c", str(configuration), "--disable-hot-restart", *_LOGGING)
