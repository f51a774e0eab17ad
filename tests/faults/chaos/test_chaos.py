"""Clients of all APIs press on while every process is killed, alone and two at once, NATS, PostgreSQL and S3 are frozen, the disk is full
and the clock is stepped. Nothing that was accepted is lost, stuck, done twice or charged twice, and nothing is left over.

What a run does at least is in minimums.py: `make test-all` has the form of five minutes, `make chaos` the full one. CHAOS_SEED repeats
the order of a run's deeds. The report is in `.cache/chaos.txt`.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from services.platform.bus import connect
from tests.conftest import IMPATIENT
from tests.faults.chaos import verdict
from tests.faults.chaos.havoc import Havoc
from tests.faults.chaos.load import KINDS, Load, Tenant
from tests.faults.chaos.machine import SmallDisk, SteppedClock, small_disk, stepped_clock
from tests.faults.chaos.minimums import FIVE_MINUTES, FULL, Deed, plan
from tests.faults.chaos.recovery import Recovery
from tests.faults.chaos.report import report, write
from tests.faults.chaos.surfaces import SNAPOTTER
from tests.faults.chaos.sweeping import sweep
from tests.faults.chaos.verdict import Wrong
from tests.faults.chaos.world import check_books, person, proxies, published, tenants, unreliable_receiver
from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded

IS_FULL = os.environ.get("CHAOS") == "full"
LEAST = FULL if IS_FULL else FIVE_MINUTES
SEED = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(10**6))
SEPARATE = os.environ.get("CHAOS_SEPARATE", "true")
_ACCOUNTS = 12
_SETTLE_SECONDS = 400
# Beyond the last deed, for the tasks that are still lacking.
_PRESS_SECONDS = 1200
REPORT = Path(__file__).resolve().parents[3] / "samples" / "report.pdf"
SETTINGS = {
    **IMPATIENT,
    # So that each service can be killed alone; `false`: those that share a process by default do.
    "DARKROOM_SEPARATE_SERVICES": SEPARATE,
    # That of a real disk would be most of this one.
    "DARKROOM_DISK_RESERVE_BYTES": str(64 << 20),
}


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    with small_disk() as made:
        yield made


@pytest.fixture
def clock(disk: SmallDisk) -> Iterator[SteppedClock]:
    with stepped_clock(disk.folder) as made:
        yield made


@pytest.fixture
def stack(disk: SmallDisk, clock: SteppedClock, few_models: Path) -> Iterator[StackUnderTest]:
    """A stack on the disk, and with the clock."""
    under_test = StackUnderTest(disk.folder / "stack", models=few_models)
    under_test.dir.mkdir(mode=0o711)
    under_test.configure(SETTINGS)
    try:
        under_test.up()
        yield under_test
    finally:
        under_test.close()


@pytest.mark.thorough
@pytest.mark.alone
@pytest.mark.timeout(7200)
@pytest.mark.flaky(reruns=0)
async def test_nothing_is_lost_and_nothing_is_done_twice(
    stack: StackUnderTest, disk: SmallDisk, clock: SteppedClock, tmp_path: Path
) -> None:
    print(f"CHAOS_SEED={SEED}, {LEAST}")
    picture = tmp_path / "disc.png"
    picture.write_bytes(encoded(disc(160, 120), "PNG"))
    with proxies(stack, everywhere=IS_FULL) as connections:
        async with unreliable_receiver(SEED) as receiver:
            own_url = receiver.url.replace("/hook", "/own")
            load = Load(SEED, picture, (160, 120), REPORT, own_url, light=True, kinds=(*KINDS, SNAPOTTER))
            clients = [*await tenants(stack, _ACCOUNTS, receiver.url), await person(stack, receiver.url)]
            ids = [tenant.account_id for tenant in clients]
            recovery = Recovery(stack.url, await asyncio.to_thread(stack.create_account, "recovery"))
            havoc = Havoc(stack, SEED, connections, disk, clock, recovery)
            try:
                await _press(stack, load, clients, havoc, _possible(stack, disk, clock), f"http://127.0.0.1:{connections['the edge'].port}")
                await _until_settled(stack, ids, havoc)
            finally:
                ends = await asyncio.to_thread(_ends, stack, ids)
                write(report(havoc, load, recovery, disk, clock, ends), havoc.log)
            wrong = verdict.check_watched(load.watched)
            wrong += [Wrong(problem) for problem in load.replies.wrong.values()]
            wrong += await asyncio.to_thread(verdict.check_load, stack, load, LEAST.tasks)
            wrong += await asyncio.to_thread(verdict.check_once, stack, load, ids)
            wrong += await asyncio.to_thread(verdict.check_tasks, stack, ids, load)
            wrong += await asyncio.to_thread(verdict.check_outputs, stack, load.accepted)
            wrong += await asyncio.to_thread(
                verdict.check_webhooks, stack, dict.fromkeys(ids, receiver.url), load.accepted, receiver.requests
            )
        async with connect(stack.nats_url, "chaos") as bus:
            wrong += await asyncio.to_thread(verdict.check_stream, stack, ids, await published(bus, ids))
        wrong += await check_books(stack, ids)
        await sweep(stack)
        wrong += await asyncio.to_thread(verdict.check_storage, stack, ids)
        if wrong:
            pytest.fail(await asyncio.to_thread(_told, stack, wrong), pytrace=False)


def _possible(stack: StackUnderTest, disk: SmallDisk, clock: SteppedClock) -> Sequence[Deed]:
    """The plan, without what this machine does not allow; the report says so."""
    impossible = {*([] if disk.mounted else ["disk"]), *([] if clock.environment else ["clock"])}
    deeds = plan(LEAST, list(stack.stack.programs), random.Random(SEED))
    return [deed for deed in deeds if deed.kind not in impossible]


async def _press(stack: StackUnderTest, load: Load, clients: Sequence[Tenant], havoc: Havoc, deeds: Sequence[Deed], url: str) -> None:
    """Clients and havoc beside each other, and clients alone until there are enough tasks; afterwards every part is up again."""
    stop = asyncio.Event()
    pressing = asyncio.create_task(load.press([url], clients, stop))
    try:
        await havoc.wreak(deeds, lambda: len(load.accepted) / LEAST.tasks)
        print(f"havoc is over; {len(load.accepted)} tasks accepted", flush=True)
        async with asyncio.timeout(_PRESS_SECONDS):
            while len(load.accepted) < LEAST.tasks or not load.varied():
                await asyncio.sleep(0.1)
    finally:
        stop.set()
        await asyncio.to_thread(stack.up)
    print(f"every part is up; {len(load.accepted)} tasks accepted", flush=True)
    try:
        await asyncio.wait_for(pressing, _SETTLE_SECONDS)
    except TimeoutError:
        unfinished = [Wrong("was not watched to its end", task_id) for task_id in load.unfinished()]
        pytest.fail(await asyncio.to_thread(_told, stack, unfinished), pytrace=False)


async def _until_settled(stack: StackUnderTest, accounts: Sequence[int], havoc: Havoc) -> None:
    deadline = time.monotonic() + _SETTLE_SECONDS
    told = time.monotonic()
    while left := await asyncio.to_thread(verdict.unsettled, stack, accounts):
        if time.monotonic() > deadline:
            query = "SELECT id FROM task WHERE account_id = ANY($1) AND end_time IS NULL LIMIT 3"
            stuck = [Wrong("is stuck", row["id"]) for row in await asyncio.to_thread(stack.fetch, "tasks", query, accounts)]
            pytest.fail(await asyncio.to_thread(_told, stack, [Wrong(f"{left} are not done"), *stuck]), pytrace=False)
        if time.monotonic() - told > 10:
            print(f"{left} are not done", flush=True)
            told = time.monotonic()
        await asyncio.sleep(0.5)


def _ends(stack: StackUnderTest, accounts: Sequence[int]) -> Counter[str]:
    query = "SELECT state, coalesce(' ' || error_reason, '') AS reason, count(*) FROM task WHERE account_id = ANY($1) GROUP BY 1, 2"
    return Counter({f"{row['state']}{row['reason']}": row["count"] for row in stack.fetch("tasks", query, list(accounts))})


def _told(stack: StackUnderTest, wrong: Sequence[Wrong]) -> str:
    """Everything that is wrong, and all that is known about the first tasks of those."""
    tasks = list(dict.fromkeys(one.task_id for one in wrong if one.task_id is not None))[:5]
    told = [f"task {task_id}:\n{verdict.history(stack, task_id)}" for task_id in tasks]
    return "\n".join([f"CHAOS_SEED={SEED}", *map(str, wrong[:20]), f"({len(wrong)} in all)", *told, *_errors(stack)])


def _errors(stack: StackUnderTest) -> list[str]:
    """The first lines about bugs, and work that crashed, that the services have logged."""
    lines = [line for log in sorted((stack.dir / "logs").glob("*.log")) for line in log.read_text(errors="replace").splitlines()]
    return [line for line in lines if '"level": "error"' in line or '"sandbox_crashed"' in line][:40]
