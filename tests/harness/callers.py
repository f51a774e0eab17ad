"""Who calls, for tests of what lies behind a servicer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from services.platform import identity
from services.platform.identity import Client, Identity


@contextmanager
def calling(caller: Identity, client: Client) -> Iterator[None]:
    """What is done inside the block is done by this caller, from there."""
    before, before_client = identity._current.set(caller), identity._client.set(client)
    try:
        yield
    finally:
        identity._current.reset(before)
        identity._client.reset(before_client)
