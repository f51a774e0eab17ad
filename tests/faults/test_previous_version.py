"""An upgrade from the previous version with its own code, processes of both versions side by side, and the way back.

It runs the code of an earlier commit, which takes minutes and needs the repository's history: `make test-upgrade` says which commit. What
people of SnapOtter's API have is part of it.
`tests/component/platform/test_previous_schema.py` compares only the tables, in every run.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

import pytest

from deploy.local.config import LOOPBACK
from deploy.local.scratch.resources import free_port
from tests.component.tasks.receiver import Receiver
from tests.faults.previous.people import check, settle
from tests.faults.previous.version import PARTS, Version
from tests.faults.previous.work import begin, finish, make_account, work
from tests.stacks import StackUnderTest

REVISION = os.environ.get("DARKROOM_PREVIOUS_VERSION", "")
pytestmark = [
    pytest.mark.skipif(not REVISION, reason="runs the previous version's code, which takes minutes: `make test-upgrade`"),
    pytest.mark.timeout(1800),
]
SETTINGS = {
    # Without what needs models.
    "DARKROOM_LANES": "document=1,system=8",
    "DARKROOM_DURABLE": "false",
    # So that one service can be of the other version.
    "DARKROOM_SEPARATE_SERVICES": "true",
    "DARKROOM_DIAGNOSTICS": "true",
    "DARKROOM_LEASE": "6",
    "DARKROOM_HEARTBEAT_INTERVAL": "1",
    "DARKROOM_BACKOFF": "0.5",
    "DARKROOM_WEBHOOK_ALLOW_HTTP": "true",
    "DARKROOM_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    "DARKROOM_WEBHOOK_BACKOFF": "0.5",
}
STORED = "SELECT account_id, size_bytes, files FROM account_storage WHERE files > 0"
COUNTED = """
SELECT account_id, sum(CASE WHEN state = 'ready' THEN size_bytes ELSE greatest(size_bytes, arriving_bytes) END)::bigint, count(*)
FROM file WHERE visible AND state <> 'deleting' GROUP BY account_id
"""


@pytest.fixture(scope="module")
def previous() -> Version:
    return Version(REVISION)


@pytest.fixture
def upgraded() -> Iterator[StackUnderTest]:
    """A folder without a stack, with settings that both versions know."""
    stack = StackUnderTest()
    stack.configure(SETTINGS)
    yield stack
    stack.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as running:
        yield running


def start(stack: StackUnderTest) -> None:
    """What `up` starts, without Triton, in a folder that the version before may have used in between."""
    stack.configure(SETTINGS)
    stack.up(PARTS)
    stack.start("envoy")


async def test_up_side_by_side_and_back(previous: Version, upgraded: StackUnderTest, receiver: Receiver, report: bytes) -> None:
    def of_before(*arguments: str) -> str:
        return previous.admin(upgraded, *arguments)

    url = await asyncio.to_thread(previous.up, upgraded)
    before = await begin(url, of_before, receiver, report)
    people = await settle(url)
    await asyncio.to_thread(previous.down, upgraded)

    await asyncio.to_thread(start, upgraded)
    assert upgraded.url == url
    await finish(before, upgraded.admin, receiver)
    await check(people)
    instance = (await people.admin.get("/api/v1/settings/instance_id")).json()["value"]
    during = await begin(url, upgraded.admin, receiver, report)
    _, key = await asyncio.to_thread(make_account, upgraded.admin, "during the change")

    # A replica of tasks, and the only worker, of the version before, beside a replica of tasks of this one.
    beside = f"unix:{upgraded.dir}/run/tasks-beside"
    listeners = {"LISTEN": beside, "INTERNAL_LISTEN": f"{beside}-internal", "METRICS_LISTEN": f"{LOOPBACK}:{free_port()}"}
    tasks = await asyncio.to_thread(
        previous.replica, upgraded, "tasks", False, **{f"DARKROOM_{name}": value for name, value in listeners.items()}
    )
    worker = await asyncio.to_thread(previous.replica, upgraded, "inference", DARKROOM_TASKS_ADDRESS=f"{beside}-internal")
    await work(url, key, report)
    for replica in (worker, tasks):
        await asyncio.to_thread(replica.stop)
    await asyncio.to_thread(upgraded.start, "inference")

    # One service after the other, workers before tasks, until only the edge, and accounts and files, which it asks, are of this version.
    replicas = []
    for service in ("inference", "tasks"):
        replicas.append(await asyncio.to_thread(previous.replica, upgraded, service))
        await work(url, key, report)
    for replica in replicas:
        await asyncio.to_thread(replica.stop)
    await asyncio.to_thread(upgraded.down)

    # The way back: the version before, on databases that this one has migrated.
    await asyncio.to_thread(previous.up, upgraded)
    await finish(during, of_before, receiver)
    await check(people)
    after = await begin(url, of_before, receiver, report)
    await work(url, key, report)
    await asyncio.to_thread(previous.down, upgraded)

    # And up again.
    await asyncio.to_thread(start, upgraded)
    await finish(after, upgraded.admin, receiver)
    await work(url, key, report)
    await check(people)
    assert (await people.admin.get("/api/v1/settings/instance_id")).json()["value"] == instance
    assert set(map(tuple, upgraded.fetch("files", STORED))) == set(map(tuple, upgraded.fetch("files", COUNTED)))
    assert upgraded.fetch("tasks", "SELECT 1 FROM account_policy WHERE open < 0 OR running < 0 OR pooled < 0") == []
