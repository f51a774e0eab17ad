"""All tasks of an account as a web page follows them: listed, created and streamed through the public port by a plain HTTP client."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from tests.system.event_stream import Event, events
from tests.system.pilio import Pilio, assert_envelope

ENDED = ("succeeded", "failed", "cancelled")


async def begin(pilio: Pilio, steps: int, milliseconds: int = 100) -> str:
    body: dict[str, object] = {"operations": [{"noop": {"steps": steps, "step_milliseconds": milliseconds}}]}
    return str((await pilio.post("/v1/tasks", body)).json()["data"]["task_id"])


class Page:
    """What a page shows of all tasks."""

    def __init__(self, pilio: Pilio, last: str) -> None:
        self._pilio, self._last = pilio, last
        self.shown: dict[str, dict[str, Any]] = {}
        self.ready = 0

    def shows_ends(self, ids: set[str]) -> bool:
        """Whether all these tasks are shown to have ended."""
        return self.shown.keys() >= ids and all(self.shown[task_id]["state"] in ENDED for task_id in ids)

    async def listen(self, most: int, ids: set[str]) -> None:
        """Take so many events from a connection that is then dropped; fewer, if they show the ends of the tasks."""
        headers = self._pilio.headers | {"Last-Event-ID": self._last}
        async with self._pilio.http.stream("GET", f"{self._pilio.url}/v1/events", headers=headers) as response:
            assert response.status_code == 200
            assert response.headers["content-type"] == "text/event-stream"
            assert response.headers["cache-control"] == "no-store"
            taken = 0
            async with aclosing(events(response)) as stream:
                async for event in stream:
                    self._take(event)
                    taken += 1
                    if taken == most or self.shows_ends(ids):
                        break

    def _take(self, event: Event) -> None:
        self._last = event.id
        if event.kind != "message":
            assert event.kind == "ready"
            self.ready += 1
            return
        known = self.shown.get(event.data["task_id"])
        if known is None or event.data["sequence"] > known["sequence"]:
            self.shown[event.data["task_id"]] = event.data


async def test_a_page_that_loses_its_connection_again_and_again_misses_nothing(pilio: Pilio, other_pilio: Pilio) -> None:
    page = Page(pilio, (await pilio.get("/v1/tasks")).json()["data"]["event_id"])
    ids = {await begin(pilio, steps) for steps in (0, 20, 30)}
    theirs = await begin(other_pilio, 0)
    connections = 0
    while connections < 3 or not page.shows_ends(ids):
        connections += 1
        assert connections < 200, page.shown
        if connections == 2:
            # Nobody listens while it is created and ends.
            unheard = await begin(pilio, 0)
            await pilio.finish(unheard)
            ids.add(unheard)
        # A connection may begin with what an earlier one has told.
        await page.listen(4 + connections, ids)
    assert theirs not in page.shown
    assert page.ready
    listed = {item["task_id"]: item for item in (await pilio.get("/v1/tasks")).json()["data"]["items"]}
    for task_id in ids:
        assert page.shown[task_id] == listed[task_id]
        details = (await pilio.get(f"/v1/tasks/{task_id}")).json()["data"]
        assert {name: details.get(name) for name in page.shown[task_id]} == page.shown[task_id]


async def test_a_page_is_told_what_happens_while_it_listens(pilio: Pilio) -> None:
    async with pilio.http.stream("GET", f"{pilio.url}/v1/events", headers=pilio.headers) as response:
        stream = events(response)
        assert (await anext(stream)).kind == "ready"
        task_id = await begin(pilio, 1000)
        async for event in stream:
            if event.data.get("task_id") != task_id:
                continue
            if event.data["state"] == "running" and event.data["progress"] > 0:
                await pilio.post(f"/v1/tasks/{task_id}/cancel", {})
            if event.data["state"] == "cancelled":
                break
        await pilio.delete(f"/v1/tasks/{task_id}")
        async for event in stream:
            if event.kind == "deleted":
                assert event.data == {"task_id": task_id}
                break


async def test_a_task_is_created_awaited_found_and_told_in_full(pilio: Pilio) -> None:
    body = {"operations": [{"noop": {"steps": 2}}], "priority": 5, "wait": 60}
    data = (await pilio.post("/v1/tasks", body)).json()["data"]
    assert data["status"] == "Succeeded"
    for query in ("operation=noop", "state=succeeded", f"created_after={data['created_at']}", "created_after=2026-01-01T00%3A00%3A00Z"):
        found = (await pilio.get(f"/v1/tasks?page_size=200&{query}")).json()["data"]["items"]
        assert data["task_id"] in [item["task_id"] for item in found], query
    for query in ("operation=upscale", "state=failed", "name=holiday", "batch_id=1", f"created_before={data['created_at']}"):
        found = (await pilio.get(f"/v1/tasks?page_size=200&{query}")).json()["data"]["items"]
        assert data["task_id"] not in [item["task_id"] for item in found], query
    details = (await pilio.get(f"/v1/tasks/{data['task_id']}")).json()["data"]
    assert (details["state"], details["priority"]) == ("succeeded", 5)
    assert details["parameters"][0]["noop"]["steps"] == 2
    assert [attempt["outcome"] for attempt in details["attempts"]] == ["succeeded"]
    assert (details["events"][0]["state"], details["events"][-1]["state"]) == ("queued", "succeeded")


async def test_refusals_are_in_the_surfaces_shape(pilio: Pilio, other_pilio: Pilio) -> None:
    task_id = await begin(pilio, 0)
    for response, status, code in (
        (await pilio.http.get(f"{pilio.url}/v1/events"), 401, 1402),
        (await pilio.http.get(f"{pilio.url}/v1/events", headers=pilio.headers | {"Last-Event-ID": "x"}), 400, 40001),
        (await pilio.http.get(f"{pilio.url}/v1/events?batch_id=7", headers=pilio.headers), 404, 40470),
        (await pilio.http.get(f"{pilio.url}/v1/tasks/{task_id}", headers=other_pilio.headers), 404, 40402),
        (await pilio.http.get(f"{pilio.url}/v1/tasks?state=done", headers=pilio.headers), 400, 40001),
        (await pilio.http.post(f"{pilio.url}/v1/tasks", headers=pilio.headers, json={}), 400, 40001),
        (await pilio.http.post(f"{pilio.url}/v1/tasks", headers=pilio.headers, json={"operations": [{"upscale": {}}]}), 400, 40001),
        (await pilio.http.put(f"{pilio.url}/v1/tasks", headers=pilio.headers, json={}), 405, 40500),
    ):
        assert (response.status_code, response.json()["code"]) == (status, code), response.text
        assert_envelope(response.json())
