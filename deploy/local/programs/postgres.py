"""PostgreSQL: a cluster of its own on a Unix socket, with one database and role per service."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import quote

import asyncpg

from deploy.local.config import StackConfig
from deploy.local.errors import NotReady
from deploy.local.program import Program
from deploy.local.programs.postgres_cluster import SUPERUSER, Cluster
from deploy.local.system_user import AS_ROOT, UNPRIVILEGED_USER
from edge.topology import DATABASES

# Memory and connections for one small machine; everything that guards data (fsync, full_page_writes,
# synchronous_commit, checksums) stays at PostgreSQL's own safe default, unless the stack need not be durable.
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "120",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    # Reads are mostly served from the system's memory: separate reader processes would only take memory.
    "io_method": "sync",
    # A connection keeps a plan that was made while a table was small. With the default of 4 it would read the table from end to end for a
    # few rows, however large the table has become.
    "random_page_cost": "1.1",
    "max_logical_replication_workers": "0",
    "log_line_prefix": "%m [%p] %d ",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def database_url(config: StackConfig, name: str) -> str:
    """SQLAlchemy URL of a service's database, as the role that owns it."""
    password = config.credentials.databases[name]
    return f"postgresql+asyncpg://{name}:{password}@/{name}?host={quote(str(config.layout.postgres_sockets), safe='/')}"


async def connect(config: StackConfig, database: str = "postgres") -> asyncpg.Connection:
    """Connect as the superuser; for administration and tests, never for a service."""
    return await asyncpg.connect(
        host=str(config.layout.postgres_sockets), user=SUPERUSER, password=config.credentials.postgres, database=database, timeout=5
    )


async def create_database(connection: asyncpg.Connection, name: str, password: str) -> None:
    """Create a role, and a database that it owns and no other role can enter. Repeating it sets the password again."""
    exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name)
    await connection.execute(f"""{"ALTER" if exists else "CREATE"} ROLE "{name}" LOGIN PASSWORD '{password}'""")
    if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
        await connection.execute(f'CREATE DATABASE "{name}" OWNER "{name}"')
    await connection.execute(f'REVOKE CONNECT, TEMPORARY ON DATABASE "{name}" FROM PUBLIC')


async def migrated_to(config: StackConfig, database: str) -> str:
    """The last note of `note_migrated`; empty for a database that is new or has been migrated by other means."""
    connection = await connect(config)
    try:
        query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1"
        return await connection.fetchval(query, database) or ""
    finally:
        await connection.close()


async def note_migrated(config: StackConfig, database: str, digest: str) -> None:
    """Note which migrations a database has had. The note is the database's own comment, so it is backed up and lost with the database."""
    connection = await connect(config)
    try:
        await connection.execute(f"""COMMENT ON DATABASE "{database}" IS '{digest}'""")
    finally:
        await connection.close()


def postgres(config: StackConfig) -> Program:
    """The PostgreSQL server of a stack, without a TCP listener."""
    cluster = Cluster(config)
    options = [f"--{name}={value}" for name, value in (_SETTINGS | ({} if config.settings.durable else _NOT_DURABLE)).items()]

    async def ready() -> None:
        try:
            connection = await connect(config)
        except (asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError, OSError) as error:
            raise NotReady(str(error)) from error
        try:
            await connection.fetchval("SELECT 1")
        finally:
            await connection.close()

    async def provision() -> None:
        connection = await connect(config)
        try:
            for name in DATABASES:
                await create_database(connection, name, config.credentials.databases[name])
        finally:
            await connection.close()

    return Program(
        name="postgres",
        command=(str(cluster.binaries / "postgres"), "-D", str(cluster.data), "-k", str(config.layout.postgres_sockets), *options),
        # When started by root, the process may be unable to enter the folder in which the supervisor was started.
        directory=Path("/"),
        user=UNPRIVILEGED_USER if AS_ROOT else None,
        ready=ready,
        prepare=lambda: asyncio.to_thread(cluster.prepare),
        provision=provision,
        # SIGTERM would wait for clients to disconnect; SIGINT ends their sessions and shuts down cleanly.
        stop_signal="INT",
        # It flushes its data before it ends, which takes long on a busy disk. If killed earlier, it leaves children that keep the next one
        # from starting for a while.
        stop_seconds=60,
        stop_group=False,
    )
