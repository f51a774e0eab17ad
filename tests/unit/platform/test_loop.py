import asyncio
from collections.abc import Callable

import pytest

from services.platform.backoff import Backoff
from services.platform.loop import Loop, to_its_end
from services.platform.process import end
from tests.virtual_time import run_in_virtual_time


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

    monkeypatch.setattr("services.platform.loop._BACKOFF", Backoff(0.01, 0.01))
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


async def test_a_spaced_loop_runs_some_more_times_at_once() -> None:
    calls = 0

    async def step() -> bool:
        nonlocal calls
        calls += 1
        return False

    running = asyncio.create_task((loop := Loop("test", 3600, step, spacing=3600, burst=2)).run())
    for count in (1, 2, 3):
        await _until(lambda: calls == count)  # noqa: B023 - awaited here
        loop.wake()
    for _ in range(100):
        loop.wake()
        await asyncio.sleep(0)
    assert calls == 3
    running.cancel()


async def test_a_step_that_nothing_has_woken_waits_for_another_such_step_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.platform.loop._ASIDE_SECONDS", 3600.0)
    steps: list[str] = []
    may_end = asyncio.Event()

    async def first() -> bool:
        steps.append("first")
        if steps.count("first") == 2:
            await may_end.wait()
        return False

    async def second() -> bool:
        steps.append("second")
        return False

    loops = Loop("first", 0.01, first), Loop("second", 0.01, second)
    running = [asyncio.create_task(loops[0].run())]
    await _until(lambda: steps.count("first") == 2)
    running.append(asyncio.create_task(loops[1].run()))
    # Its first step waits for nobody, and neither does one that is wanted.
    await _until(lambda: steps.count("second") == 1)
    loops[1].wake()
    await _until(lambda: steps.count("second") == 2)
    await asyncio.sleep(0.05)
    assert steps.count("second") == 2
    may_end.set()
    await _until(lambda: steps.count("second") == 3)
    await end(*running)


def test_loops_at_rest_wake_the_process_together() -> None:
    async def run() -> set[float]:
        at = list[float]()

        async def step() -> bool:
            at.append(asyncio.get_running_loop().time())
            return False

        running = []
        for interval in (2.0, 3.0, 5.0):
            running.append(asyncio.create_task(Loop("test", interval, step).run()))
            await asyncio.sleep(0.3)
        at.clear()
        await asyncio.sleep(30)
        await end(*running)
        assert len(at) > 25
        return {round(one % 1, 6) for one in at}

    assert run_in_virtual_time(run()) <= {0.0, 1.0}


async def test_a_pause_may_depend_on_the_last_step() -> None:
    pauses = iter([0.0, 0.0, 3600.0])
    calls = 0

    async def step() -> bool:
        nonlocal calls
        calls += 1
        return False

    running = asyncio.create_task(Loop("test", lambda: next(pauses), step).run())
    await _until(lambda: calls == 3)
    assert next(pauses, None) is None
    running.cancel()


async def test_a_step_that_is_cancelled_finishes() -> None:
    begun, finished = asyncio.Event(), asyncio.Event()

    async def step() -> bool:
        begun.set()
        await asyncio.sleep(0.01)
        finished.set()
        return False

    running = asyncio.create_task(Loop("test", 3600, step).run())
    await begun.wait()
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()
    assert finished.is_set()


async def test_a_step_that_waits_is_cancelled_at_once_but_finishes_what_it_protects() -> None:
    received, handling, handled = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handle() -> None:
        handling.set()
        await asyncio.sleep(0.01)
        handled.set()

    async def step() -> bool:
        await received.wait()
        await to_its_end(handle())
        return False

    idle = asyncio.create_task(Loop("test", 3600, step, waits=True).run())
    await asyncio.sleep(0)
    idle.cancel()
    # Well before the moment that a step has to finish.
    await asyncio.sleep(0.05)
    assert idle.cancelled()

    received.set()
    busy = asyncio.create_task(Loop("test", 3600, step, waits=True).run())
    await handling.wait()
    busy.cancel()
    await asyncio.wait({busy})
    assert handled.is_set()
