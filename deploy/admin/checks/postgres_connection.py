"""Connections to PostgreSQL, one for each host that a URL names, with what an error of one means."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from deploy.admin.checks.connecting import CONNECT_SECONDS, Unreachable, unreachable
from services.platform.database_address import DatabaseAddress
from services.platform.database_engine import PooledConnection

URL = "DARKROOM_DATABASE_URL"
_PORT = 5432
_STANDBY = "SELECT pg_is_in_recovery()"


def hosts(address: DatabaseAddress) -> list[str]:
    """Where the database may be: `host:port`, or the folder of a Unix socket. Raises Unreachable."""
    options = _options(address)
    named, ports = _listed(options.get("host", "localhost")), _listed(options.get("port", _PORT))
    return [_where(str(host), ports[min(number, len(ports) - 1)]) for number, host in enumerate(named)]


@asynccontextmanager
async def connect(address: DatabaseAddress, host: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to one of the hosts, through a pooler or not. Raises Unreachable."""
    options = {name: value for name, value in _options(address).items() if name not in ("host", "port", "target_session_attrs")}
    named, _, port = host.rpartition(":") if ":" in host else (host, "", str(_PORT))
    try:
        connection = await asyncpg.connect(
            **options,
            host=named.strip("[]"),
            port=int(port),
            ssl=address.ssl(),
            timeout=CONNECT_SECONDS,
            statement_cache_size=0,
            connection_class=PooledConnection,
        )
    except Exception as error:
        raise _explained(error, address, host) from error
    try:
        yield connection
    finally:
        connection.terminate()


def is_encrypted(connection: asyncpg.Connection) -> bool:
    """Whether TLS is between here and whatever the connection leads to, a pooler or the server."""
    return connection._transport.get_extra_info("ssl_object") is not None


@asynccontextmanager
async def connected_to_primary(address: DatabaseAddress) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the host that takes writes. Raises Unreachable."""
    failure: Unreachable | None = None
    for host in hosts(address):
        try:
            async with connect(address, host) as connection:
                if not await connection.fetchval(_STANDBY):
                    break
                failure = Unreachable(f"{host} is a read-only standby", f"let {URL} name the primary")
        except Unreachable as error:
            failure = error
    else:
        raise failure or Unreachable("no host is named", f"correct {URL}")
    async with connect(address, host) as connection:
        yield connection


def _options(address: DatabaseAddress) -> dict[str, Any]:
    try:
        _, options = dialect().create_connect_args(make_url(address.url))  # type: ignore[no-untyped-call]
    except ArgumentError as error:
        raise Unreachable(f"the hosts cannot be read: {error}", f"correct {URL}") from None
    return {name: value for name, value in options.items() if not name.startswith("prepared_statement_")}


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else [value]


def _where(host: str, port: object) -> str:
    if host.startswith("/") and port == _PORT:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _explained(error: BaseException, address: DatabaseAddress, at: str) -> Unreachable:
    url = make_url(address.url)
    database, role = url.database or "", url.username or ""
    match error:
        case asyncpg.InvalidPasswordError():
            found = f"{at} rejects the password of the role {role}", f"correct it in {URL}, or set it with ALTER ROLE … PASSWORD"
        case asyncpg.InvalidAuthorizationSpecificationError():
            remedy = f"create the role, allow it in pg_hba.conf, or correct {URL} (and ?ssl= in it)"
            found = f"{at} rejects the role {role}: {error}", remedy
        case asyncpg.InvalidCatalogNameError():
            found = f"{at} has no database {database}", f"create it (CREATE DATABASE … OWNER {role}), or correct {URL}"
        case asyncpg.CannotConnectNowError():
            found = f"{at} is starting, or stopping: {error}", "try again"
        case asyncpg.TooManyConnectionsError():
            found = f"{at} has no connection left: {error}", "raise max_connections, or lower DARKROOM_DATABASE_POOL"
        case ConnectionError() if "SSL" in str(error):
            found = f"{at} offers no TLS", f"switch it on there, or take ?ssl= out of {URL}"
        case _:
            return unreachable(error, at, URL, "name its authority in DARKROOM_DATABASE_CA_FILE")
    return Unreachable(*found)
