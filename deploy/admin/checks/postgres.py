"""PostgreSQL, as a service sees it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from enum import Enum

import asyncpg

from deploy.admin.checks.clocks import clock
from deploy.admin.checks.connecting import CONNECT_SECONDS, Unreachable
from deploy.admin.checks.findings import Finding, Level, ok, problem, warning
from deploy.admin.checks.migration_state import state_of
from deploy.admin.checks.postgres_connection import URL, connect, hosts, is_encrypted
from services.platform.config import DatabaseSettings
from services.platform.database_address import DatabaseAddress

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


SUBJECT = "PostgreSQL"
_OLDEST = 150_000

_STATE = """
SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version, current_user AS role,
       current_database() AS database, pg_is_in_recovery() AS standby, current_setting('transaction_read_only') = 'on' AS read_only,
       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS creates, current_schema() AS schema,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS connections,
       clock_timestamp() AS time
"""


@dataclass(frozen=True)
class DatabaseFacts:
    """The facts that the checks of several services compare."""

    server: str
    database: str
    connections: int
    pool: int


async def check_database(service: str, settings: DatabaseSettings) -> tuple[list[Finding], DatabaseFacts | None]:
    """The findings, and what to compare with other services."""
    address = settings.database
    try:
        named = hosts(address)
    except Unreachable as error:
        return [problem(SUBJECT, error.text, error.remedy)], None
    each = [await _look(address, host) for host in named]
    used = next((host for host, (row, _) in zip(named, each, strict=True) if row is not None and not row["standby"]), None)
    found = [finding for _, findings in each for finding in findings]
    if used is None:
        return found or [problem(SUBJECT, f"{', '.join(named)}: all are read-only standbys", f"let {URL} name the primary")], None
    # With another one that takes writes, it goes on.
    found = [replace(one, level=Level.WARNING) for one in found]
    try:
        async with connect(address, used) as connection:
            before = time.time()
            row = await connection.fetchrow(_STATE, timeout=CONNECT_SECONDS)
            offset = row["time"].timestamp() - (before + time.time()) / 2
            found += [*_server(row, used), *clock("PostgreSQL", offset), *await _migrations(connection, service, row["creates"])]
            found += _transport(address, used, encrypted=is_encrypted(connection))
            found += _pooler(address, await pooling(lambda: connect(address, used), connection))
    except Unreachable as error:
        return [problem(SUBJECT, error.text, error.remedy)], None
    text = f"{row['version'].split()[0]} at {used}, database {row['database']}, role {row['role']}"
    return [ok(SUBJECT, text), *found], DatabaseFacts(used, row["database"], row["connections"], settings.database_pool)


async def _look(address: DatabaseAddress, host: str) -> tuple[asyncpg.Record | None, list[Finding]]:
    """The state of one of the hosts, or why there is none."""
    try:
        async with connect(address, host) as connection:
            return await connection.fetchrow(_STATE, timeout=CONNECT_SECONDS), []
    except Unreachable as error:
        return None, [problem(SUBJECT, error.text, error.remedy)]


def _server(row: asyncpg.Record, at: str) -> list[Finding]:
    found = []
    if row["number"] < _OLDEST:
        found.append(problem(SUBJECT, f"{at} is version {row['version']}; version 15 or later is required", "upgrade it"))
    if row["read_only"]:
        found.append(problem(SUBJECT, f"the role {row['role']} can only read there", "ALTER ROLE … RESET default_transaction_read_only"))
    return found


async def _migrations(connection: asyncpg.Connection, service: str, creates: bool) -> list[Finding]:
    state = await state_of(connection, service)
    found = []
    if state.foreign:
        text = f"the database contains tables of another application: {', '.join(state.foreign)}"
        found.append(problem(SUBJECT, text, f"give the service its own database in {URL}"))
    elif state.pending:
        remedy = f"`darkroom-admin migrate {service}`"
        found.append(warning("migrations", f"{len(state.pending)} to run, from {state.pending[0]} on", remedy))
    else:
        found.append(ok("migrations", f"up to date, {state.current}" + (" of a later version" if state.later else "")))
    if not creates:
        remedy = "ALTER DATABASE … OWNER TO the role, or GRANT CREATE ON SCHEMA public TO it"
        found.append((problem if state.pending else warning)("migrations", "the role may not create tables, so none can run", remedy))
    return found


def _transport(address: DatabaseAddress, at: str, *, encrypted: bool) -> list[Finding]:
    if at.startswith(("/", "localhost:", "127.", "[::1]:")) or (encrypted and address.verifies):
        return []
    how = "encrypted, but the server's identity is not verified" if encrypted else "not encrypted"
    return [warning(SUBJECT, f"the connection to {at} is {how}", f"?ssl=verify-full in {URL}, and DARKROOM_DATABASE_CA_FILE")]


def _pooler(address: DatabaseAddress, found: Pooling) -> list[Finding]:
    if found is Pooling.TRANSACTION and address.pooler == "none":
        return [problem(SUBJECT, "a pooler in transaction mode is in between", "DARKROOM_DATABASE_POOLER=transaction")]
    if found is Pooling.NONE and address.pooler == "transaction":
        text = "DARKROOM_DATABASE_POOLER is transaction, but no pooler is in between"
        return [warning(SUBJECT, text, "DARKROOM_DATABASE_POOLER=none, which is faster")]
    return []
