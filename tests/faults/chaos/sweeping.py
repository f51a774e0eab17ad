"""What the files service removes in time, removed now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from services.files.assembly import Files, assemble, probing_children
from services.files.config import FilesSettings
from services.files.object_client import store_of
from services.files.prober import Prober
from services.files.tasks_client import TasksClient
from services.platform.clock import Clock
from services.platform.database import open_database
from services.platform.identity import Signer
from services.platform.object_http import object_http
from services.platform.object_writing import ObjectWriter
from services.platform.rpc.channel import Caller, channel
from services.platform.sandbox import Sandbox
from tests.stacks import Installed

# By then uploads have expired and objects without a record are old, and outputs are still kept.
_LATER = timedelta(days=2)
# Longer than a sweeper's claim on a row, so that each round takes up what an earlier one left.
_BETWEEN_ROUNDS = timedelta(hours=1)
_ROUNDS = 20


async def sweep(stack: Installed) -> None:
    """Run every sweep of the files service, two days from now, again and again until a round of all of them changes nothing; then let the
    storage drop its own leftovers, which it does when it starts."""
    now = datetime.now(UTC) + _LATER
    async with _files(stack, lambda: now) as files:
        before: Sequence[object] = ()
        for _ in range(_ROUNDS):
            for step in (files.sweeper.sweep_files, files.sweeper.sweep_pins, files.reconciler.step, files.idempotency.sweep):
                while await step():
                    pass
            after = await asyncio.to_thread(_left, stack)
            if after == before:
                break
            before, now = after, now + _BETWEEN_ROUNDS
        else:
            raise AssertionError(f"{_ROUNDS} rounds of all sweeps have not come to an end")
    await asyncio.to_thread(stack.restart, "s3")


def _left(stack: Installed) -> Sequence[object]:
    files = stack.fetch("files", "SELECT id, state, pins, visible FROM file ORDER BY id")
    pins = stack.fetch("files", "SELECT task_id, file_id FROM pin ORDER BY task_id, file_id")
    objects = sorted(path.as_posix() for path in (stack.dir / "data" / "objects").rglob("*") if path.is_file())
    return [*map(tuple, files), *map(tuple, pins), *objects]


@asynccontextmanager
async def _files(stack: Installed, clock: Clock) -> AsyncIterator[Files]:
    """The files service's own parts on the stack's database and storage, at another time."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stack.settings("files").items():
            patch.setenv(name, value)
        settings = FilesSettings()
    async with AsyncExitStack() as parts:
        database = await parts.enter_async_context(open_database(settings.database, 4))
        tasks = await parts.enter_async_context(channel(settings.tasks_address, "tasks", settings.tls))
        objects = await parts.enter_async_context(store_of(settings))
        caller = Caller(Signer("files", settings.signing_key_file))
        # Nothing is probed here, so that no process of the sandbox is started.
        storage = await parts.enter_async_context(object_http(settings.s3_authorities))
        sandbox = Sandbox(preload=["services.pictures.probe.child"])
        prober = Prober(sandbox, probing_children(settings, sandbox), storage)
        yield assemble(settings, database, objects, prober, TasksClient(tasks, caller), ObjectWriter(storage), clock)
