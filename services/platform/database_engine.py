"""Connections to PostgreSQL: how each is made, and what is different behind a pooler."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
from sqlalchemy import Engine, create_engine

from services.platform.database_address import DatabaseAddress

_CONNECT_SECONDS = 10.0
# With several hosts, of which one that is off says nothing.
_EACH_SECONDS = 1.5
# A server whose machine is gone answers nothing, and closes nothing either.
_IDLE_SECONDS, _PROBE_SECONDS, _PROBES = 15, 5, 3
_SILENT_MILLISECONDS = 30_000
_SERVER_NOTICES = (
    f"SET tcp_keepalives_idle = {_IDLE_SECONDS}; SET tcp_keepalives_interval = {_PROBE_SECONDS}; SET tcp_keepalives_count = {_PROBES}; "
    f"SET tcp_user_timeout = {_SILENT_MILLISECONDS}"
)
_READ_ONLY = "25006"


class PooledConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection to a pooler, which gives each transaction whichever of its connections to the server is free.

    A statement by itself is one transaction: asyncpg prepares and runs it without a Sync in between, after which the server could change.
    """


def new_engine(where: DatabaseAddress | str, **options: Any) -> Engine:
    """An engine of SQLAlchemy's for a database, or for its URL; `options` are those of `create_engine`.

    It connects by asyncpg, so what uses it runs in `greenlet_spawn`. AsyncEngine does that for its callers, and loads the ORM: 6 MiB.
    """
    address = where if isinstance(where, DatabaseAddress) else DatabaseAddress.parse(where)
    arguments: dict[str, Any] = {"async_creator_fn": _Connecting()}
    if (mode := address.ssl()) is not None:
        arguments["ssl"] = mode
    if address.pooler == "transaction":
        arguments |= {
            "connection_class": PooledConnection,
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            # Without a name, a statement leaves nothing behind in the server.
            "prepared_statement_name_func": str,
        }
    return create_engine(address.url, connect_args=arguments, **options)


def is_gone(state: str | None) -> bool:
    """Whether an SQLSTATE says that the database cannot be used now."""
    # PostgreSQL's appendix of error codes. Class 08: connection exceptions; 25006: a server that only follows another; class 53: no disk,
    # memory or connections left; 57P: the server is shutting down, has crashed, or is starting.
    return (state or "").startswith(("08", _READ_ONLY, "53", "57P"))


class _Connecting:
    """Connects to the first of several hosts that is there and is what is wanted, which asyncpg does too, but waiting for one that is off
    until it gives up altogether."""

    def __init__(self) -> None:
        self._last: tuple[str, int | None] | None = None

    async def __call__(
        self, *, host: str | Sequence[str] | None = None, port: int | Sequence[int] | None = None, **options: Any
    ) -> asyncpg.Connection:
        if host is None or isinstance(host, str):
            made = await asyncpg.connect(host=host, port=port, timeout=_CONNECT_SECONDS, **options)
        else:
            made = await self._to_one_of(list(zip(host, port if isinstance(port, Sequence) else [port] * len(host), strict=True)), options)
        await _notice_silence(made)
        return made

    async def _to_one_of(self, hosts: Sequence[tuple[str, int | None]], options: Mapping[str, Any]) -> asyncpg.Connection:
        problem: Exception | None = None
        # First that which was the right one last time.
        for host, port in sorted(hosts, key=lambda one: one != self._last):
            try:
                made = await asyncpg.connect(host=host, port=port, timeout=_EACH_SECONDS, **options)
            except (OSError, asyncpg.InternalClientError) as error:
                problem = error
            except asyncpg.PostgresError as error:
                if not is_gone(error.sqlstate):
                    raise
                problem = error
            else:
                self._last = host, port
                return made
        raise ConnectionError(f"no host of {len(hosts)} can be used; the last error: {problem!r}") from problem


async def _notice_silence(connection: asyncpg.Connection) -> None:
    """Let each system end a connection whose other side has become silent: a server would keep the locks of one that has lost its power
    for a quarter of an hour, or hours."""
    used: socket.socket | None = connection._transport.get_extra_info("socket")
    if used is None or used.family == socket.AF_UNIX:
        return
    used.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    used.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE_SECONDS)
    used.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _PROBE_SECONDS)
    used.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
    used.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENT_MILLISECONDS)
    # A pooler's connections to the server are not this one's, and every connection of asyncpg's is an instance of all its kinds.
    if type(connection) is not PooledConnection:
        await connection.execute(_SERVER_NOTICES)
