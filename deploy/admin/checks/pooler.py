"""Whether a pooler such as PgBouncer is between a service and PostgreSQL, and what it pools."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from enum import Enum

import asyncpg

from deploy.admin.checks.connecting import Unreachable

_SECONDS = 3.0
_OWN = "SELECT pg_backend_pid()"


class Pooling(Enum):
    """The kind of pooler in between."""

    NONE = "none"
    SESSION = "session"
    TRANSACTION = "transaction"


async def pooling(connect: Callable[[], AbstractAsyncContextManager[asyncpg.Connection]], first: asyncpg.Connection) -> Pooling:
    """Look at which process of the server does the work, with a second connection next to the first.

    A pooler makes up the process that it reports when a connection begins. One that pools transactions gives the process of the first to
    another connection, or another to the first, as soon as the first has none open.
    """
    process = await first.fetchval(_OWN, timeout=_SECONDS)
    if process == first.get_server_pid():
        return Pooling.NONE
    try:
        async with asyncio.timeout(2 * _SECONDS), connect() as second, second.transaction():
            if await second.fetchval(_OWN, timeout=_SECONDS) == process or await first.fetchval(_OWN, timeout=_SECONDS) != process:
                return Pooling.TRANSACTION
    except (TimeoutError, Unreachable):
        # The pooler has one connection, which the first keeps.
        return Pooling.SESSION
    return Pooling.SESSION
