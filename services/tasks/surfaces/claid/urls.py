"""URLs of edits and batches, with the prefix that the caller uses."""

from __future__ import annotations

from services.common.rpc.interceptor import Context

_ORIGINAL_PATH = "x-envoy-original-path"
_BETA = "/v1-beta1"
_STABLE = "/v1"


class Urls:
    """Builds absolute URLs. `public_url` is that of the edge, without a slash at its end."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url

    def edit(self, context: Context, task_id: int) -> str:
        """Where the state of a task is."""
        return self._of(context, "async", task_id)

    def batch(self, context: Context, batch_id: int) -> str:
        """Where the state of a batch is."""
        return self._of(context, "batch", batch_id)

    def _of(self, context: Context, kind: str, number: int) -> str:
        called = str(dict(context.invocation_metadata() or ()).get(_ORIGINAL_PATH, ""))
        prefix = _BETA if called.startswith(f"{_BETA}/") else _STABLE
        return f"{self._public_url}{prefix}/image/edit/{kind}/{number}"
