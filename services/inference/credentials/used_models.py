"""Which models an operation has used: content credentials name them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_used: ContextVar[dict[str, None] | None] = ContextVar("used_models", default=None)


@contextmanager
def recorded_models() -> Iterator[dict[str, None]]:
    """The names of the models that are asked in the block, in order, as they are asked; also from its threads and tasks."""
    used: dict[str, None] = {}
    token = _used.set(used)
    try:
        yield used
    finally:
        _used.reset(token)


def note_model(name: str) -> None:
    """A model is about to work for the operation that runs now, if one does."""
    used = _used.get()
    if used is not None:
        used[name] = None
