import asyncio
import socket
import threading
from collections.abc import Sequence

import httpx
import pytest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

from services.platform.telemetry import listener
from services.platform.telemetry.health import Check, Health
from services.platform.telemetry.listener import observable
from services.platform.telemetry.reading import ReadGauges


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


async def get(address: str, path: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(f"http://{address}{path}")


def samples(response: httpx.Response) -> dict[tuple[str, ...], float]:
    """By name and label values."""
    families = text_string_to_metric_families(response.text)
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


async def failing() -> None:
    raise ConnectionError("gone")


async def test_ready_and_alive_are_two_things() -> None:
    address, health = free_address(), Health([Check("database", failing)])
    async with observable(address, health):
        await health.step()
        alive, ready = await get(address, "/livez"), await get(address, "/readyz")
        assert (alive.status_code, alive.json()) == (200, {"alive": True})
        assert ready.status_code == 503
        assert ready.json() == {"ready": False, "problems": {"database": "ConnectionError: gone"}}
        assert samples(await get(address, "/metrics"))["darkroom_ready",] == 0

    async with observable(address, Health()):
        assert (await get(address, "/readyz")).json() == {"ready": True, "problems": {}}
        assert samples(await get(address, "/metrics"))["darkroom_ready",] == 1
        assert (await get(address, "/")).status_code == 404


async def test_a_loop_that_hangs_is_told_from_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "_TURN_SECONDS", 0.2)
    address, answers = free_address(), []

    def ask() -> None:
        answers.append(httpx.get(f"http://{address}/livez", trust_env=False))

    async with observable(address, Health()):
        asking = threading.Thread(target=ask)
        asking.start()
        # On purpose: until the answer is there the loop does not turn.
        asking.join(30)
        assert [answer.status_code for answer in answers] == [503]
        assert (await get(address, "/livez")).status_code == 200


async def test_gauges_are_read_once_for_several_scrapes_and_absent_when_they_cannot_be_read() -> None:
    reads, broken = 0, False

    async def read() -> Sequence[Metric]:
        nonlocal reads
        if broken:
            raise ConnectionError("gone")
        reads += 1
        return [GaugeMetricFamily("depth", "Tasks.", value=reads)]

    address, gauges = free_address(), ReadGauges("test", read)
    async with observable(address, Health(), [gauges]):
        replies = await asyncio.gather(*(get(address, "/metrics") for _ in range(3)))
        assert [samples(reply)["depth",] for reply in replies] == [1, 1, 1]
        assert samples(replies[0])["darkroom_gauges_read", "test"] == 1

    broken = True
    async with observable(address, Health(), [ReadGauges("test", read)]):
        found = samples(await get(address, "/metrics"))
        assert ("depth",) not in found
        assert found["darkroom_gauges_read", "test"] == 0


async def test_without_an_address_there_is_none() -> None:
    before = threading.active_count()
    async with observable(None, Health()):
        assert threading.active_count() == before
