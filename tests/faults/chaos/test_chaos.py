"""Clients press on while parts of the platform are killed, paused and restarted and connections are dropped at random. Nothing that was
accepted is lost or done twice.

`make test` runs a short form; `make chaos` a long one. CHAOS_SEED repeats a run's deeds, CHAOS_SECONDS sets its length; it goes on
a little longer where not every kind of deed was done by then.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from services.platform.bus import connect
from tests.faults.chaos import verdict
from tests.faults.chaos.havoc import Havoc
from tests.faults.chaos.load import Load, Tenant
from tests.faults.chaos.sweeping import sweep
from tests.faults.chaos.verdict import Wrong
from tests.faults.chaos.world import check_books, proxies, published, tenants, unreliable_receiver
from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded

SECONDS = float(os.environ.get("CHAOS_SECONDS", "12"))
SEED = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(10**6))
_LONG = SECONDS >= 60
_LEAST_ACCEPTED_PER_SECOND = 0.5
_ACCOUNTS = 8 if _LONG else 4
_SETTLE_SECONDS = 600 if _LONG else 400
REPORT = Path(__file__).resolve().parents[3] / "samples" / "report.pdf"


@pytest.mark.thorough
@pytest.mark.timeout(SECONDS + 1200)
async def test_nothing_is_lost_and_nothing_is_done_twice(stack: StackUnderTest, tmp_path: Path) -> None:
    print(f"CHAOS_SEED={SEED} CHAOS_SECONDS={SECONDS:g}")
    picture = tmp_path / "disc.png"
    picture.write_bytes(encoded(disc(160, 120), "PNG"))
    with proxies(stack, everywhere=_LONG) as connections:
        async with unreliable_receiver(SEED) as receiver:
            own_url = receiver.url.replace("/hook", "/own")
            load = Load(SEED, picture, (160, 120), REPORT, own_url, light=_LONG)
            accounts = await tenants(stack, _ACCOUNTS, receiver.url)
            ids = [tenant.account_id for tenant in accounts]
            havoc = Havoc(stack, SEED, connections)
            await _press(stack, load, accounts, havoc, f"http://127.0.0.1:{connections['the edge'].port}")
            await _until_settled(stack, ids, havoc)
            wrong = verdict.check_watched(load.watched)
            wrong += await asyncio.to_thread(verdict.check_enough, stack, load, havoc, int(SECONDS * _LEAST_ACCEPTED_PER_SECOND))
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
            pytest.fail(await asyncio.to_thread(_report, stack, wrong, havoc), pytrace=False)
    print(
        f"{len(load.accepted)} tasks accepted, {len(load.watched)} watched, {len(receiver.requests)} webhooks received, "
        f"{load.turned_away} calls turned away, {load.refused} refused by limits, {dict(havoc.done)} done"
    )


async def _press(stack: StackUnderTest, load: Load, accounts: Sequence[Tenant], havoc: Havoc, url: str) -> None:
    """Clients and havoc beside each other; afterwards every part is up again."""
    stop = asyncio.Event()
    pressing = asyncio.create_task(load.press([url], accounts, stop))
    try:
        await havoc.wreak(SECONDS, load.varied)
    finally:
        stop.set()
        print("havoc is over; starting what is down", flush=True)
        await asyncio.to_thread(stack.up)
    print(f"every part is up; {len(load.accepted)} tasks accepted", flush=True)
    try:
        await asyncio.wait_for(pressing, _SETTLE_SECONDS)
    except TimeoutError:
        unfinished = [Wrong("was not watched to its end", task_id) for task_id in load.unfinished()]
        pytest.fail(await asyncio.to_thread(_report, stack, unfinished, havoc), pytrace=False)


async def _until_settled(stack: StackUnderTest, accounts: Sequence[int], havoc: Havoc) -> None:
    deadline = time.monotonic() + _SETTLE_SECONDS
    told = time.monotonic()
    while left := await asyncio.to_thread(verdict.unsettled, stack, accounts):
        if time.monotonic() > deadline:
            query = "SELECT id FROM task WHERE account_id = ANY($1) AND end_time IS NULL LIMIT 3"
            stuck = [Wrong("is stuck", row["id"]) for row in await asyncio.to_thread(stack.fetch, "tasks", query, accounts)]
            pytest.fail(await asyncio.to_thread(_report, stack, [Wrong(f"{left} are not done"), *stuck], havoc), pytrace=False)
        if time.monotonic() - told > 10:
            print(f"{left} are not done", flush=True)
            told = time.monotonic()
        await asyncio.sleep(0.5)


def _report(stack: StackUnderTest, wrong: Sequence[Wrong], havoc: Havoc) -> str:
    """Everything that is wrong, what was done, and all that is known about the first tasks of those."""
    tasks = list(dict.fromkeys(one.task_id for one in wrong if one.task_id is not None))[:5]
    told = [f"task {task_id}:\n{verdict.history(stack, task_id)}" for task_id in tasks]
    return "\n".join([f"CHAOS_SEED={SEED} CHAOS_SECONDS={SECONDS:g}", *map(str, wrong[:20]), f"({len(wrong)} in all)", *havoc.log, *told])
