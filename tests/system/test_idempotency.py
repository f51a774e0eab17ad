"""Idempotency keys and waiting reads through the public port, on every surface."""

from __future__ import annotations

import asyncio
import json
import os
import re
from typing import Any

import httpx
import pytest

from darkroom import ApiError, AsyncClient
from darkroom.common.v1 import options_pb2
from darkroom.operations.v1 import noop_pb2, operation_pb2
from darkroom.tasks.v1 import task_pb2
from reference.operations import examples_of
from services.platform.compatibility import SETTING, compatibility_surfaces, parse_surfaces
from services.platform.rpc import catalogue
from tests.system.pictures import disc, encoded
from tests.system.pilio import NANOID, Pilio, check_reply

CUT, CREATE = "/v1/images/remove-background", "/v1/files/batch-create"


def noop(steps: int = 0, milliseconds: int = 0) -> operation_pb2.Operation:
    return operation_pb2.Operation(noop=noop_pb2.Noop(steps=steps, step_milliseconds=milliseconds))


async def post(pilio: Pilio, path: str, body: object, key: str) -> httpx.Response:
    response = await pilio.http.post(pilio.url + path, json=body, headers={**pilio.headers, "Idempotency-Key": key})
    check_reply("post", path, response)
    return response


def error(response: httpx.Response) -> tuple[int, int, Any]:
    body = response.json()
    return response.status_code, body["code"], body["data"]["error_code"]


async def test_a_pilio_client_repeats_every_creating_call(pilio: Pilio) -> None:
    content = encoded(disc(64, 64), "PNG")
    files: dict[str, Any] = {
        "files": [{"nanoid": NANOID, "name": "disc.png", "type": "png", "size": len(content)}],
        "upload_mode": "simple",
    }
    items = [(await post(pilio, CREATE, files, "k")).json()["data"]["items"][0] for _ in range(2)]
    assert items[0]["id"] == items[1]["id"]
    assert (await pilio.http.put(items[1]["upload_url"], content=content)).status_code == 200

    body = {"image_file_id": items[0]["id"]}
    first = (await post(pilio, CUT, body, "k")).json()["data"]
    again = (await post(pilio, CUT, body, "k")).json()["data"]
    assert again["task_id"] == first["task_id"]
    assert (await pilio.finish(first["task_id"]))["status"] == "Succeeded"
    # No URL leads to a file that has been used.
    [used] = (await post(pilio, CREATE, files, "k")).json()["data"]["items"]
    assert used == {**{name: items[0][name] for name in ("id", "nanoid", "name", "type", "size")}, "status": "Ready"}
    ended = (await post(pilio, CUT, body, "k")).json()["data"]
    assert (ended["task_id"], ended["status"]) == (first["task_id"], "Succeeded")
    assert ended["created_at"] == first["created_at"]

    assert error(await post(pilio, CUT, {**body, "quality_type": "fast"}, "k")) == (409, 40900, "idempotency_key_mismatch")
    files["files"][0]["name"] = "other.png"
    assert error(await post(pilio, CREATE, files, "k")) == (409, 40900, "idempotency_key_mismatch")
    status, code, reason = error(await post(pilio, CUT, body, "k" * 256))
    assert (status, code, reason) == (400, 40001, "field_invalid")


async def test_every_call_that_is_said_to_take_a_key_looks_at_it(pilio: Pilio) -> None:
    """By a key that cannot be one. What does not take a key passes it over."""
    taking = 0
    off = set(compatibility_surfaces()) - parse_surfaces(os.environ.get(SETTING))
    for service in catalogue.public_services():
        if (of := catalogue.surface_of(service)) is not None and of.name in off:
            continue
        for method in service.methods:
            for binding in catalogue.bindings(method):
                if binding.verb != "POST":
                    continue
                [example, *_] = [json.loads(each.request) for each in examples_of(method)] or [{}]
                path = re.sub(r"\{\w+(?:=[^}]*)?\}", "1", binding.template)
                headers = {**pilio.headers, "Idempotency-Key": "k" * 256}
                response = await pilio.http.post(pilio.url + path, json=example, headers=headers)
                takes = method.GetOptions().Extensions[options_pb2.takes_idempotency_key]
                # Each surface has a place of its own for the field, or only its message.
                blamed = response.status_code in (400, 422) and "idempotency-key" in response.text.lower()
                assert blamed == takes, (method.full_name, response.text)
                taking += takes
    assert taking >= 15


async def test_calls_at_once_by_grpc_create_one_task(native: AsyncClient) -> None:
    tasks = await asyncio.gather(*(native.create_task([], [noop()], idempotency_key="k") for _ in range(10)))
    assert len({task.id for task in tasks}) == 1
    await native.wait(tasks[0].id)
    assert [task.id for task in await native.list_tasks()] == [tasks[0].id]
    with pytest.raises(ApiError) as refused:
        await native.create_task([], [noop(1)], idempotency_key="k")
    assert refused.value.reason == "IDEMPOTENCY_KEY_MISMATCH"


async def test_reads_can_wait_for_the_end(native: AsyncClient, pilio: Pilio) -> None:
    task = await native.create_task([], [noop(20, 50)])
    ended = await native.get_task(task.id, wait_seconds=60)
    assert ended.state == task_pb2.TASK_STATE_SUCCEEDED
    picture = await pilio.upload("disc.png", encoded(disc(64, 64), "PNG"))
    task_id = await pilio.start(CUT, {"image_file_id": picture})
    status, result = await asyncio.gather(
        *(pilio.http.get(f"{pilio.url}/v1/tasks/{task_id}/{what}?wait=60", headers=pilio.headers) for what in ("status", "result"))
    )
    assert (status.json()["data"]["status"], len(result.json()["data"]["files"])) == ("Succeeded", 1)
    for bad, allowed in (("61", "from 0 to 60"), ("soon", "")):
        response = await pilio.http.get(f"{pilio.url}/v1/tasks/{task_id}/status?wait={bad}", headers=pilio.headers)
        assert response.status_code == 400
        assert allowed in response.json()["message"]
