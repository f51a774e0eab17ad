"""A task's events as Server-Sent Events through the public port, by a plain HTTP client."""

from __future__ import annotations

from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from tests.system.event_stream import Event, events
from tests.system.pilio import Pilio, assert_envelope


async def begin(native: AsyncClient, steps: int) -> str:
    noop = operation_pb2.Operation(noop=noop_pb2.Noop(steps=steps, step_milliseconds=100))
    return str((await native.create_task([], [noop])).id)


async def test_a_stream_is_resumed_without_a_gap(native: AsyncClient, pilio: Pilio) -> None:
    task_id = await begin(native, steps=40)
    url = f"{pilio.url}/v1/tasks/{task_id}/events"
    seen: list[Event] = []
    # Connect, take two events while the task runs, and drop the connection, again and again.
    while not seen or seen[-1].data["status"] not in ("Succeeded", "Failed"):
        headers = pilio.headers | ({"Last-Event-ID": seen[-1].id} if seen else {})
        async with pilio.http.stream("GET", url, headers=headers) as response:
            assert response.status_code == 200
            assert response.headers["content-type"] == "text/event-stream"
            assert response.headers["cache-control"] == "no-store"
            before = len(seen)
            async for event in events(response):
                seen.append(event)
                if len(seen) == before + 2:
                    break
    assert [event.id for event in seen] == [str(number) for number in range(1, len(seen) + 1)]
    assert len(seen) > 4  # More than its four states: progress, too.
    assert seen[-1].data["status"] == "Succeeded"
    progress = [event.data["progress"] for event in seen]
    assert progress == sorted(progress)
    whole = [event async for event in native.watch(int(task_id))]
    assert len(whole) == len(seen)
    # A browser connects again after the end, and is told that there is nothing more.
    response = await pilio.http.get(url, headers=pilio.headers | {"Last-Event-ID": seen[-1].id})
    assert (response.status_code, response.content) == (204, b"")


async def test_events_arrive_while_the_task_runs(native: AsyncClient, pilio: Pilio) -> None:
    task_id = await begin(native, steps=1000)
    async with pilio.http.stream("GET", f"{pilio.url}/v1/tasks/{task_id}/events", headers=pilio.headers) as response:
        async for event in events(response):
            if event.data["status"] == "Processing" and event.data["progress"] > 0:
                await native.cancel_task(int(task_id))
            last = event
    assert (last.data["status"], last.data["error_type"]) == ("Failed", "cancelled")


async def test_refusals_are_in_the_surfaces_shape(native: AsyncClient, pilio: Pilio, other_pilio: Pilio) -> None:
    task_id = await begin(native, steps=0)
    path = f"/v1/tasks/{task_id}/events"
    for response, status, code in (
        (await pilio.http.get(pilio.url + path), 401, 1402),
        (await other_pilio.http.get(pilio.url + path, headers=other_pilio.headers), 404, 40402),
        (await pilio.http.get(pilio.url + path, headers=pilio.headers | {"Last-Event-ID": "x"}), 400, 40001),
        (await pilio.http.post(pilio.url + path, headers=pilio.headers), 405, 40500),
    ):
        assert (response.status_code, response.json()["code"]) == (status, code)
        assert_envelope(response.json())
