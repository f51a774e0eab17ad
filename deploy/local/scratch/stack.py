"""The real stack of deploy/local in a folder and on ports of its own, for a program that starts it, breaks it and throws it away.

Every method blocks. Asynchronous code whose own tasks must continue meanwhile calls it through `asyncio.to_thread`.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Collection, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import asyncpg
from dotenv import dotenv_values
from sqlalchemy import make_url

from deploy.local.access import write_env
from deploy.local.assembly import create_stack
from deploy.local.errors import StackError
from deploy.local.layout import REPOSITORY, Layout
from deploy.local.programs.nats_users import scratch_user
from deploy.local.programs.object_storage import create_bucket
from deploy.local.programs.postgres import connect, create_database, database_url
from deploy.local.programs.services import address, internal_address, run_service_command, service_environment
from deploy.local.scratch.resources import new_folder
from deploy.local.stack import Stack, tail

Result = TypeVar("Result")


@dataclass(frozen=True)
class ObjectStorage:
    """An S3 server and an empty bucket."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str


class ScratchStack:
    """One stack. `up` starts it, or its missing parts; `close` ends it and deletes its folder."""

    def __init__(self, directory: Path | None = None, *, models: Path | None = None, guarded: bool = True) -> None:
        self.dir = directory or new_folder()
        self._models = models
        if guarded:
            # In a session of its own, so that no signal to this one reaches it. Its input ends on `close`, or with this process.
            command = [sys.executable, "-m", "deploy.local.scratch.guardian", str(self.dir)]
            self._guardian = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, start_new_session=True)
        self._guarded = guarded
        self._stack: Stack | None = None
        self.configured: Mapping[str, str] = {}
        self._seen_up: dict[str, tuple[int, bool]] = {}
        self._superuser: asyncpg.Connection | None = None

    def up(self, only: Collection[str] = ()) -> None:
        """Bring up every part, or those named and what they require. Quick if they are already up."""
        stack = self._create()
        with stack.config.layout.lock():
            self.run(stack.up(only))
            if not only:
                self.run(write_env(stack.config))
        self._seen_up |= self.run(self._processes(only or tuple(stack.programs)))

    def ensure_up(self, only: Collection[str] = ()) -> None:
        """`up`, unless the processes are the same as after the last one: a few milliseconds between tests that break nothing."""
        wanted = tuple(only) or tuple(self._create().programs)
        if not self._seen_up.keys() >= set(wanted) or self.run(self._processes(wanted)) != {name: self._seen_up[name] for name in wanted}:
            self.up(only)

    async def _processes(self, names: Collection[str]) -> dict[str, tuple[int, bool]]:
        processes = await self.stack.supervisor.processes()
        found = {name: processes[self.stack.program(name).name] for name in names}
        return {name: (process.pid, process.is_up) for name, process in found.items()}

    def down(self) -> int:
        """Stop every process; returns how many had to be ended without the supervisor."""
        self._seen_up.clear()
        return self.run(self.stack.down())

    def close(self) -> None:
        """Stop every process and delete the folder."""
        if self._stack is not None or (self.dir / "ports.json").exists():
            self._create()
            if self._superuser is not None:
                self.run(self._superuser.close())
            self.run(self.stack.down(at_once=True))
        Layout.at(self.dir).delete()
        if self._guarded:
            self._guardian.communicate()

    def configure(self, settings: Mapping[str, str]) -> None:
        """Replace the operator's settings (`settings.env`, names with DARKROOM_); in effect from the next `up` or `ensure_up`."""
        (self.dir / "settings.env").write_text("".join(f"{name}='{value}'\n" for name, value in settings.items()))
        self._stack = None
        self._seen_up.clear()
        self.configured = settings

    def use_models(self, repository: Path) -> None:
        """Serve another model repository: only Triton and the worker, which manages it, are restarted."""
        self._models = repository
        self._stack = None
        self.up()

    @property
    def stack(self) -> Stack:
        """The stack of deploy.local behind this one."""
        if self._stack is None:
            raise StackError("the stack has not been started")
        return self._stack

    @property
    def url(self) -> str:
        """The public port: http://host:port."""
        return self.stack.config.public_url

    @property
    def api_key(self) -> str:
        """The first account's key, which `up` writes for the operator."""
        return dotenv_values(self.dir / "env")["DARKROOM_API_KEY"] or ""

    def admin(self, service: str, *arguments: str) -> str:
        """Run `python -m services.SERVICE ARGUMENTS` with the service's settings; returns what it printed."""
        return self.run(run_service_command(self.stack.config, service, *arguments))

    def settings(self, service: str) -> dict[str, str]:
        """The DARKROOM_* environment that a service of this stack runs with."""
        return service_environment(self.stack.config, service)

    def address(self, service: str) -> str:
        """gRPC target of a service's public listener, bypassing the edge."""
        return address(self.stack.config, service)

    def internal_address(self, service: str) -> str:
        """gRPC target of a service's internal listener."""
        return internal_address(self.stack.config, service)

    def start(self, part: str) -> None:
        """Start a stopped part and wait until it is ready."""
        self.run(self.stack.start(part))

    def stop(self, part: str) -> None:
        """Stop a part; it stays down until `start` or `up`."""
        self.run(self.stack.stop(part))

    @contextmanager
    def pause(self, part: str) -> Iterator[None]:
        """Suspend a part's process, without notice, until the block ends."""
        pid = self.pid(part)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def restart(self, part: str) -> None:
        """Stop a part, start it, and wait until it is ready."""
        self.run(self.stack.restart(part))

    def kill(self, part: str) -> int:
        """SIGKILL a part's process and return its pid; the supervisor starts it again by itself."""
        return self.run(self.stack.kill(part))

    def wait_ready(self, part: str) -> None:
        """Wait until a part is ready, no matter who starts it."""
        self.run(self.stack.wait_ready(part))

    def pid(self, part: str) -> int:
        """Process id of a running part."""
        return self.run(self.stack.pid(part))

    @property
    def nats_url(self) -> str:
        """The URL of NATS, with the credentials of a user without limits."""
        return self.stack.config.nats_url

    @property
    def triton_address(self) -> str:
        """gRPC target of Triton."""
        return self.stack.config.triton_address

    def database_url(self, service: str) -> str:
        """SQLAlchemy URL of a service's own database."""
        return database_url(self.stack.config, service)

    def fetch(self, service: str, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Rows of a service's database, read as the superuser: for what cannot be seen through the API."""
        return self.run(self._fetch(service, query, *arguments))

    async def _fetch(self, service: str, query: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await connect(self.stack.config, service)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    def create_database(self) -> str:
        """Create an empty database with a role of its own; returns its SQLAlchemy URL."""
        name, password = f"scratch_{secrets.token_hex(5)}", secrets.token_hex(8)

        async def create() -> None:
            await create_database(await self._as_superuser(), name, password)

        self.run(create())
        return f"postgresql+asyncpg://{name}:{password}@/{name}?host={self.stack.config.layout.postgres_sockets}"

    def create_bucket(self) -> ObjectStorage:
        """Create an empty bucket."""
        bucket, config = f"scratch-{secrets.token_hex(5)}", self.stack.config
        self.run(create_bucket(config, bucket))
        return ObjectStorage(config.s3_endpoint, config.credentials.s3_access_key, config.credentials.s3_secret_key, bucket)

    def copy_database(self, url: str) -> str:
        """Create a database with the content and the role of another, to which nobody is connected; returns its SQLAlchemy URL."""
        source, name = make_url(url), f"scratch_{secrets.token_hex(5)}"
        # FILE_COPY: the default writes all of it to the log as well.
        copy = f'CREATE DATABASE "{name}" OWNER "{source.username}" TEMPLATE "{source.database}" STRATEGY FILE_COPY'
        self.run(self._execute(copy))
        return source.set(database=name).render_as_string(hide_password=False)

    def drop_database(self, url: str) -> None:
        """Delete a database, and end the connections to it."""
        self.run(self._execute(f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)'))

    async def _execute(self, statement: str) -> None:
        await (await self._as_superuser()).execute(statement)

    async def _as_superuser(self) -> asyncpg.Connection:
        """A connection to PostgreSQL, which stays open: making one takes longer than most statements."""
        if self._superuser is None or self._superuser.is_closed():
            self._superuser = await connect(self.stack.config)
        return self._superuser

    def take_nats_account(self) -> str:
        """The URL of a NATS account with an empty JetStream, never given out before. The setting NATS_ACCOUNTS says how many there are."""
        with (self.dir / "nats-accounts").open("a+") as taken:
            fcntl.flock(taken, fcntl.LOCK_EX)
            taken.write("|")
            taken.flush()
            number = taken.tell()
        if number > self.stack.config.settings.nats_accounts:
            raise StackError(f"all {number - 1} NATS accounts are taken; DARKROOM_NATS_ACCOUNTS sets their number")
        return self.stack.config.nats_user_url(scratch_user(number))

    def log(self, part: str, lines: int = 30) -> list[str]:
        """The last lines of a part's log."""
        return tail(self.stack.config.layout, self.stack.log_name(part), lines)

    def _create(self) -> Stack:
        if self._stack is None:
            public = None if (self.dir / "ports.json").exists() else 0
            self._stack = create_stack(self.dir, port=public, models=self._models)
        return self._stack

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine to its end, on the event loop of a thread, since the caller's may already run one."""
        running = asyncio.run_coroutine_threadsafe(work, _loop())
        try:
            return running.result()
        finally:
            # Does nothing to one that has ended.
            running.cancel()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The one event loop of all stacks of this process, on which their connections stay open."""
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, name="stacks", daemon=True).start()
    return loop
