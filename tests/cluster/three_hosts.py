"""The tests of the system on three hosts, in the order in which they run. `test_three_hosts.py` starts them in a network of their own.

While each fault lasts, clients press on by both edges, and a client at the edge that is left does so without an error.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.platform.bus import EVENTS_STREAM
from tests.cluster import clocks, plan
from tests.cluster.cluster import Cluster
from tests.cluster.drill import drill
from tests.cluster.trial import Trial, operator, trial

# Of the client at the edge that is left, while the fault lasts.
ROUNDS = 12
MIGRATED = ("accounts", "files", "tasks")
# As docs/how-to/upgrade.md has it: accounts before the edge, tasks before the workers, files before gateway and workers.
REPLACED = ("nats", "s3", "accounts", "files", "tasks", "gateway", "triton", "inference", "envoy")


@pytest.fixture(scope="session")
async def cluster(tiny_models: Path) -> AsyncIterator[Cluster]:
    begun = time.monotonic()
    made = Cluster(tiny_models)
    try:
        await asyncio.to_thread(made.up)
        print(f"three hosts are up after {time.monotonic() - begun:.0f} s", flush=True)
        yield made
    finally:
        await asyncio.to_thread(made.close)


@pytest.fixture(scope="session")
async def work(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trial]:
    async with trial(cluster, tmp_path_factory.mktemp("cluster")) as made:
        yield made


def test_the_clocks_of_the_hosts_differ() -> None:
    """It is skipped, and the summary says so, where nothing makes them differ."""
    if clocks.library() is None:
        pytest.skip(clocks.SAME)
    # Starting Python takes its time, too.
    assert clocks.measured(1) - clocks.measured(2) == pytest.approx(2, abs=0.5)
    assert clocks.measured(plan.STORING) == pytest.approx(0, abs=0.5)


async def test_a_host_is_cut_off_and_comes_back(cluster: Cluster, work: Trial) -> None:
    probe = await asyncio.to_thread(work.probe, 1)

    async def deed() -> None:
        await probe.go_on(3)
        cluster.hosts[2].cut_off()
        try:
            await probe.go_on(ROUNDS)
        finally:
            cluster.hosts[2].reconnect()
        await asyncio.to_thread(cluster.wait)

    await work.under_load(deed)
    print(f"the slowest round took {probe.longest:.1f} s")


async def test_a_host_dies_and_comes_back(cluster: Cluster, work: Trial) -> None:
    probe = await asyncio.to_thread(work.probe, 2)

    async def deed() -> None:
        cluster.hosts[1].die()
        cluster.lead_clients_to(2)
        await probe.go_on(ROUNDS)
        await asyncio.to_thread(cluster.boot, 1)
        cluster.lead_clients_to(1)

    await work.under_load(deed)
    print(f"the slowest round took {probe.longest:.1f} s")


async def test_nats_loses_its_leader(cluster: Cluster, work: Trial) -> None:
    probes = [await asyncio.to_thread(work.probe, number) for number in plan.EDGES]
    async with operator(cluster) as bus:
        state = (await bus.jetstream.stream_info(EVENTS_STREAM)).cluster
    assert state is not None
    assert state.replicas is not None
    assert len(state.replicas) == len(plan.HOSTS) - 1
    [leader] = [host.number for host in cluster.hosts.values() if host.name == state.leader]

    async def deed() -> None:
        await asyncio.to_thread(cluster.kill, leader, "nats")
        await asyncio.gather(*(probe.go_on(ROUNDS) for probe in probes))
        await asyncio.to_thread(cluster.start, leader, "nats")
        await asyncio.to_thread(cluster.wait)

    await work.under_load(deed)
    print(f"the slowest round took {max(probe.longest for probe in probes):.1f} s")


async def test_postgresql_restarts(cluster: Cluster, work: Trial) -> None:
    probes = [await asyncio.to_thread(work.probe, number) for number in plan.EDGES]

    async def deed() -> None:
        stop = asyncio.Event()
        going_on = asyncio.gather(*(probe.go_on_until(stop) for probe in probes))
        try:
            await asyncio.to_thread(cluster.restart, "postgres")
            await asyncio.to_thread(cluster.wait)
        finally:
            stop.set()
        await going_on

    await work.under_load(deed)
    print(f"the slowest round took {max(probe.longest for probe in probes):.1f} s")


async def test_the_host_that_stores_everything_is_cut_off_and_dies_and_comes_back(cluster: Cluster, work: Trial) -> None:
    """Nothing can go on without it, and everything goes on by itself when it is back."""
    probes = [await asyncio.to_thread(work.probe, number) for number in plan.EDGES]
    host = cluster.hosts[plan.STORING]

    async def deed() -> None:
        host.cut_off()
        going_on = asyncio.gather(*(probe.go_on(3) for probe in probes))
        await asyncio.sleep(8)
        host.reconnect()
        await going_on
        host.die()
        going_on = asyncio.gather(*(probe.go_on(3) for probe in probes))
        await asyncio.to_thread(cluster.boot, plan.STORING)
        await going_on
        await asyncio.to_thread(cluster.wait)

    await work.under_load(deed)
    print(f"the slowest round took {max(probe.longest for probe in probes):.1f} s")


async def test_all_parts_are_replaced_one_by_one(cluster: Cluster, work: Trial) -> None:
    probes = [await asyncio.to_thread(work.probe, number) for number in plan.EDGES]

    async def deed() -> None:
        stop = asyncio.Event()
        going_on = asyncio.gather(*(probe.go_on_until(stop) for probe in probes))
        try:
            for service in MIGRATED:
                await asyncio.to_thread(cluster.command, service, "migrate")
            for part in REPLACED:
                for number in plan.PLACES[part]:
                    if part == "envoy":
                        cluster.lead_clients_to(next(other for other in plan.EDGES if other != number))
                    await asyncio.to_thread(cluster.stop, number, part)
                    await asyncio.to_thread(cluster.start, number, part)
        finally:
            stop.set()
        await going_on
        await asyncio.to_thread(cluster.wait)

    await work.under_load(deed)
    print(f"the slowest round took {max(probe.longest for probe in probes):.1f} s")


async def test_nothing_was_lost_or_done_twice_and_nothing_is_left_over(work: Trial) -> None:
    await work.judge_all()


@pytest.mark.parametrize("section", ["Three hosts", "Compose"])
async def test_everything_is_destroyed_and_restored_as_of_one_moment(cluster: Cluster, work: Trial, section: str) -> None:
    await drill(section, cluster, work)
