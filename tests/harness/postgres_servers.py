"""PostgreSQL servers on TCP ports of loopback, as an operator's own are, and what stands before them: TLS, and PgBouncer."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import ssl
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg

from deploy.local.programs.postgres_cluster import Cluster
from deploy.local.scratch.resources import free_port
from deploy.local.system_user import AS_ROOT, UNPRIVILEGED_USER
from tests.stacks import StackUnderTest

HOST = "127.0.0.1"
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.defpath}:/usr/sbin")
WITHOUT_PGBOUNCER = "needs Debian's package pgbouncer"
_SSL_REQUEST = bytes.fromhex("0000000804d2162f")
_QUICK = ("fsync=off", "shared_buffers=16MB", "max_connections=40", "listen_addresses=127.0.0.1", "unix_socket_directories=")


class PostgresServer:
    """One server, with a role and database `darkroom` that needs no password."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries, self._data = binaries, folder / "data"
        self.port = free_port()
        self._process: asyncio.subprocess.Process | None = None

    async def create(self) -> None:
        """Create its data."""
        await self._run(
            "initdb", f"--pgdata={self._data}", "--username=darkroom", "--auth=trust", "--no-sync", "--locale=C", "--encoding=UTF8"
        )

    async def follow(self, other: PostgresServer) -> None:
        """Create its data as a copy of another server's, which it follows from then on."""
        await self._run(
            "pg_basebackup", "-h", HOST, "-p", f"{other.port}", "-U", "darkroom", "-D", f"{self._data}", "-R", "--no-sync", "-c", "fast"
        )

    async def start(self) -> None:
        """Start it and wait until it answers."""
        settings = (*_QUICK, f"port={self.port}")
        command = (self._binaries / "postgres", "-D", self._data, *(part for setting in settings for part in ("-c", setting)))
        self._process = await asyncio.create_subprocess_exec(*command, **unprivileged(), cwd="/")
        async with asyncio.timeout(60):
            while True:
                with suppress(OSError, asyncpg.CannotConnectNowError):
                    connection = await asyncpg.connect(host=HOST, port=self.port, user="darkroom", database="postgres", ssl=False)
                    await connection.close()
                    return
                await asyncio.sleep(0.05)

    async def promote(self) -> None:
        """Let it take writes."""
        await self._run("pg_ctl", "promote", "-w", "-D", f"{self._data}")

    async def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End it: with SIGQUIT as in a crash, with SIGINT in good order. Connections break in either case."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(how)
            await self._process.wait()

    async def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement."""
        connection = await asyncpg.connect(host=HOST, port=self.port, user="darkroom", database=database, ssl=False)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def _run(self, name: str, *arguments: str) -> None:
        process = await asyncio.create_subprocess_exec(
            self._binaries / name, *arguments, **unprivileged(), cwd="/", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()


def unprivileged() -> dict[str, str | Sequence[str]]:
    """For subprocesses that refuse to run as root."""
    return {"user": UNPRIVILEGED_USER, "group": "nogroup", "extra_groups": []} if AS_ROOT else {}


@asynccontextmanager
async def postgres_servers(stack: StackUnderTest, count: int) -> AsyncIterator[list[PostgresServer]]:
    """Servers, the first of them created and running. `stack` has the binaries where the user they run as can reach them."""
    binaries = Cluster(stack.stack.config).binaries
    folders = [reachable_folder() for _ in range(count)]
    servers = [PostgresServer(binaries, folder) for folder in folders]
    try:
        await servers[0].create()
        await servers[0].start()
        yield servers
    finally:
        for server in servers:
            await server.stop()
        for folder in folders:
            shutil.rmtree(folder)


def reachable_folder() -> Path:
    """A folder of the user that PostgreSQL and PgBouncer run as; pytest's own are this user's alone."""
    folder = Path(tempfile.mkdtemp(prefix="darkroom-"))
    if AS_ROOT:
        shutil.chown(folder, UNPRIVILEGED_USER)
    return folder


@asynccontextmanager
async def tls_before(server: PostgresServer, certificate: Path) -> AsyncIterator[int]:
    """A port on which a server is reached over TLS, which the wheel's is built without: PostgreSQL's own handshake, and then bytes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "tls.crt", certificate / "tls.key")
    under_way: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            # Who does not ask for TLS is refused.
            if await reader.readexactly(len(_SSL_REQUEST)) == _SSL_REQUEST:
                writer.write(b"S")
                await writer.start_tls(context)
                from_server, to_server = await asyncio.open_connection(HOST, server.port)
                for one in (_pass_on(reader, to_server), _pass_on(from_server, writer)):
                    task = asyncio.create_task(one)
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
                return
        writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as listening:
        yield listening.sockets[0].getsockname()[1]
        for task in list(under_way):
            task.cancel()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while content := await reader.read(1 << 16):
            writer.write(content)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def pgbouncer(server: PostgresServer, *, connections: int, mode: str = "transaction") -> AsyncIterator[int]:
    """The port of a PgBouncer that gives out some connections to the server for a transaction each, or for a `session`."""
    assert PGBOUNCER is not None
    folder, port = reachable_folder(), free_port()
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={HOST} port={server.port}\n"
        f"[pgbouncer]\nlisten_addr = {HOST}\nlisten_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {folder}/users\n"
        f"pool_mode = {mode}\ndefault_pool_size = {connections}\nmax_client_conn = 200\n"
    )
    (folder / "users").write_text('"darkroom" ""\n')
    for path in folder.iterdir():
        path.chmod(0o644)
    process = await asyncio.create_subprocess_exec(PGBOUNCER, "-q", folder / "pgbouncer.ini", **unprivileged(), cwd="/")
    try:
        async with asyncio.timeout(30):
            while True:
                assert process.returncode is None
                with suppress(OSError):
                    _, writer = await asyncio.open_connection(HOST, port)
                    writer.close()
                    break
                await asyncio.sleep(0.05)
        yield port
    finally:
        process.kill()
        await process.wait()
        shutil.rmtree(folder)
