"""PostgreSQL, as a service sees it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.engine import URL, make_url

from deploy.admin.checks.clocks import clock
from deploy.admin.checks.connecting import CONNECT_SECONDS, Unreachable, unreachable
from deploy.admin.checks.findings import Finding, ok, problem, warning
from deploy.admin.checks.migration_state import state_of
from deploy.admin.checks.pooler import Pooling, pooling
from services.common.config import DatabaseSettings

SUBJECT = "PostgreSQL"
_URL = "DARKROOM_DATABASE_URL"
_OLDEST = 150_000

_STATE = """
SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version, current_user AS role,
       current_database() AS database, pg_is_in_recovery() AS standby, current_setting('transaction_read_only') = 'on' AS read_only,
       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS creates, current_schema() AS schema,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS connections,
       coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS encrypted, clock_timestamp() AS time
"""


@dataclass(frozen=True)
class DatabaseFacts:
    """What the checks of several services compare."""

    server: str
    database: str
    connections: int
    pool: int


async def check_database(service: str, settings: DatabaseSettings) -> tuple[list[Finding], DatabaseFacts | None]:
    """The findings, and what to compare with other services."""
    url = make_url(settings.database_url)
    try:
        async with connected(settings) as connection:
            before = time.time()
            row = await connection.fetchrow(_STATE, timeout=CONNECT_SECONDS)
            offset = row["time"].timestamp() - (before + time.time()) / 2
            found = [*_server(row, where(url)), *clock("PostgreSQL", offset), *await _migrations(connection, service, row["creates"])]
            found += _transport(url, encrypted=row["encrypted"])
            found += _pooler(settings, await pooling(lambda: connected(settings), connection))
    except Unreachable as error:
        return [problem(SUBJECT, error.text, error.remedy)], None
    text = f"{row['version'].split()[0]} at {where(url)}, database {row['database']}, role {row['role']}"
    facts = DatabaseFacts(where(url), row["database"], row["connections"], settings.database_pool)
    return [ok(SUBJECT, text), *found], facts


@asynccontextmanager
async def connected(settings: DatabaseSettings) -> AsyncIterator[asyncpg.Connection]:
    """A connection, without prepared statements. Raises Unreachable."""
    url = make_url(settings.database_url)
    try:
        connection = await asyncpg.connect(**_arguments(url), timeout=CONNECT_SECONDS, statement_cache_size=0)
    except Exception as error:
        raise _explained(error, url) from error
    try:
        yield connection
    finally:
        connection.terminate()


def where(url: URL) -> str:
    """Where a server is, without the password."""
    hosts = url.query.get("host", url.host or "localhost")
    listed = ",".join(hosts) if isinstance(hosts, tuple) else hosts
    return listed if listed.startswith("/") else f"{listed}:{url.port or 5432}" if ":" not in listed.split(",")[0] else listed


def _arguments(url: URL) -> dict[str, Any]:
    _, options = dialect().create_connect_args(url)  # type: ignore[no-untyped-call]
    return {name: value for name, value in options.items() if not name.startswith("prepared_statement_")}


def _explained(error: BaseException, url: URL) -> Unreachable:
    at, database, role = where(url), url.database or "", url.username or ""
    match error:
        case asyncpg.InvalidPasswordError():
            found = f"{at} refuses the password of the role {role}", f"correct it in {_URL}, or set it with ALTER ROLE … PASSWORD"
        case asyncpg.InvalidAuthorizationSpecificationError():
            remedy = f"create the role, allow it in pg_hba.conf, or correct {_URL} (and ?ssl= in it)"
            found = f"{at} lets the role {role} not in: {error}", remedy
        case asyncpg.InvalidCatalogNameError():
            found = f"{at} has no database {database}", f"create it (CREATE DATABASE … OWNER {role}), or correct {_URL}"
        case asyncpg.CannotConnectNowError():
            found = f"{at} is starting, or stopping: {error}", "try again"
        case asyncpg.TooManyConnectionsError():
            found = f"{at} has no connection left: {error}", "raise max_connections, or lower DARKROOM_DATABASE_POOL"
        case ConnectionError() if "SSL" in str(error):
            found = f"{at} offers no TLS", f"switch it on there, or take ?ssl= out of {_URL}"
        case _:
            return unreachable(error, at, _URL, "name its authority in DARKROOM_DATABASE_CA_FILE")
    return Unreachable(*found)


def _server(row: asyncpg.Record, at: str) -> list[Finding]:
    found = []
    if row["number"] < _OLDEST:
        found.append(problem(SUBJECT, f"{at} is version {row['version']}; 15 is the oldest that works", "upgrade it"))
    if row["standby"]:
        remedy = f"let {_URL} name the primary, or all hosts with target_session_attrs=read-write"
        found.append(problem(SUBJECT, f"{at} is a standby, which only reads", remedy))
    elif row["read_only"]:
        found.append(problem(SUBJECT, f"the role {row['role']} only reads there", "ALTER ROLE … RESET default_transaction_read_only"))
    return found


async def _migrations(connection: asyncpg.Connection, service: str, creates: bool) -> list[Finding]:
    state = await state_of(connection, service)
    found = []
    if state.foreign:
        text = f"the database holds tables of something else: {', '.join(state.foreign)}"
        found.append(problem(SUBJECT, text, f"give the service a database of its own in {_URL}"))
    elif state.pending:
        remedy = f"`darkroom-admin migrate {service}`"
        found.append(warning("migrations", f"{len(state.pending)} to run, {state.pending[0]} to {state.pending[-1]}", remedy))
    else:
        found.append(ok("migrations", f"up to date, {state.current}" + (" of a later version" if state.later else "")))
    if not creates:
        remedy = "ALTER DATABASE … OWNER TO the role, or GRANT CREATE ON SCHEMA public TO it"
        found.append((problem if state.pending else warning)("migrations", "the role must not create tables, so none can run", remedy))
    return found


def _transport(url: URL, *, encrypted: bool) -> list[Finding]:
    verified = url.query.get("ssl", url.query.get("sslmode", "")) in ("verify-full", "verify-ca")
    if where(url).startswith("/") or url.host in ("localhost", "127.0.0.1", "::1") or (encrypted and verified):
        return []
    how = "encrypted, but whose it is is not verified" if encrypted else "not encrypted"
    return [warning(SUBJECT, f"the connection is {how}", f"?ssl=verify-full in {_URL}, and DARKROOM_DATABASE_CA_FILE")]


def _pooler(settings: DatabaseSettings, found: Pooling) -> list[Finding]:
    configured = getattr(settings, "database_pooler", "none")
    if found is Pooling.TRANSACTION and configured == "none":
        return [problem(SUBJECT, "a pooler that pools transactions is in between", "DARKROOM_DATABASE_POOLER=transaction")]
    if found is Pooling.NONE and configured == "transaction":
        text = "DARKROOM_DATABASE_POOLER is transaction, and no pooler is in between"
        return [warning(SUBJECT, text, "DARKROOM_DATABASE_POOLER=none, which is faster")]
    return []
