import asyncio
from collections.abc import Callable

import pytest

from services.common.backoff import Backoff
from services.common.loop import Loop


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.001)


async def test_runs_at_once_while_there_is_more_and_when_woken() -> None:
    left = 3
    calls = 0

    async def step() -> bool:
        nonlocal left, calls
        calls += 1
        left -= 1
        return left > 0

    loop = Loop("test", 3600, step)
    running = asyncio.create_task(loop.run())
    await _until(lambda: calls == 3)
    loop.wake()
    await _until(lambda: calls == 4)
    running.cancel()


async def test_a_wake_during_a_step_is_not_lost() -> None:
    calls = 0
    loop: Loop

    async def step() -> bool:
        nonlocal calls
        calls += 1
        if calls == 1:
            loop.wake()
        return False

    loop = Loop("test", 3600, step)
    running = asyncio.create_task(loop.run())
    await _until(lambda: calls == 2)
    running.cancel()


async def test_outlives_a_failing_step(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    async def step() -> bool:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise RuntimeError("passing trouble")
        return False

    monkeypatch.setattr("services.common.loop._BACKOFF", Backoff(0.01, 0.01))
    running = asyncio.create_task(Loop("test", 3600, step).run())
    await _until(lambda: calls == 3)
    assert not running.done()
    running.cancel()


async def test_a_spaced_loop_runs_at_once_when_idle_and_then_waits() -> None:
    calls = 0

    async def step() -> bool:
        nonlocal calls
        calls += 1
        return False

    loop = Loop("test", 3600, step, spacing=3600)
    running = asyncio.create_task(loop.run())
    await _until(lambda: calls == 1)
    for _ in range(100):
        loop.wake()
        await asyncio.sleep(0)
    assert calls == 1
    running.cancel()
