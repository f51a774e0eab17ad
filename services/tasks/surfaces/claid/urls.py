"""URLs of edits and batches, under the host and the prefix that the caller uses."""

from __future__ import annotations

from services.platform.rpc.interceptor import Context
from services.platform.rpc.origin import origin_of

_ORIGINAL_PATH = "x-envoy-original-path"
_BETA = "/v1-beta1"
_STABLE = "/v1"


def edit_url(context: Context, task_id: int) -> str:
    """Where the state of a task is."""
    return _url(context, "async", task_id)


def batch_url(context: Context, batch_id: int) -> str:
    """Where the state of a batch is."""
    return _url(context, "batch", batch_id)


def _url(context: Context, kind: str, number: int) -> str:
    called = str(dict(context.invocation_metadata() or ()).get(_ORIGINAL_PATH, ""))
    prefix = _BETA if called.startswith(f"{_BETA}/") else _STABLE
    return f"{origin_of(context)}{prefix}/image/edit/{kind}/{number}"
