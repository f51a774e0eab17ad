"""Client for Darkroom, the self-hosted media-processing platform.

Use `Client` in ordinary programs and `AsyncClient` with asyncio; both have the same methods. `darkroom.operations` builds the operations
of tasks. The generated modules of the native API (`darkroom.tasks.v1`, `darkroom.files.v1` …) are part of this package.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import extend_path
from typing import TYPE_CHECKING

# In a checkout the generated modules are in another folder (gen/darkroom); in an installed wheel they are next to this file.
__path__ = extend_path(__path__, __name__)

if TYPE_CHECKING:
    from darkroom.backoff import Backoff
    from darkroom.client import AsyncClient
    from darkroom.failures import (
        ApiError,
        Conflict,
        ConnectionFailed,
        DarkroomFailure,
        InsufficientCredits,
        InternalError,
        InvalidRequest,
        NotFound,
        PermissionDenied,
        RateLimited,
        StorageError,
        TaskFailed,
        TooManyTasks,
        Unauthenticated,
        Unavailable,
    )
    from darkroom.picture_urls import PictureUrls
    from darkroom.signatures import Webhook, WebhookRejected
    from darkroom.synchronous import Client

__all__ = [
    "ApiError",
    "AsyncClient",
    "Backoff",
    "Client",
    "Conflict",
    "ConnectionFailed",
    "DarkroomFailure",
    "InsufficientCredits",
    "InternalError",
    "InvalidRequest",
    "NotFound",
    "PermissionDenied",
    "PictureUrls",
    "RateLimited",
    "StorageError",
    "TaskFailed",
    "TooManyTasks",
    "Unauthenticated",
    "Unavailable",
    "Webhook",
    "WebhookRejected",
]
_MODULES = {
    "AsyncClient": "client",
    "Backoff": "backoff",
    "Client": "synchronous",
    "PictureUrls": "picture_urls",
    "Webhook": "signatures",
    "WebhookRejected": "signatures",
}


def __getattr__(name: str) -> object:
    # Services import generated modules from this package and should not pay for the client's own imports.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'failures')}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
