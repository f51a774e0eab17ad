"""Fields of JSON requests that a call does not have: what the edge tells the service about them, and what clients are told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import httpx
import pytest

from darkroom.tasks.v1 import tasks_service_pb2, tasks_service_pb2_grpc
from services.platform.errors import ErrorReason
from services.platform.rpc.unknown_fields import UNKNOWN_FIELDS_HEADER
from tests.component.edge.conftest import Edge
from tests.component.edge.test_edge_errors import assert_envelope

UPSCALE, CLEAN, BATCHES = "/v1/images/upscale", "/v1/images/remove-watermark", "/v1/batches"


async def named(edge: Edge, http: httpx.AsyncClient, body: Any, *, path: str = UPSCALE, **options: Any) -> list[str]:
    """What a call that tolerates unknown fields names."""
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    reply = await http.post(path, headers={**edge.headers, **options.pop("headers", {})}, content=content, **options)
    assert reply.status_code == 200, reply.text
    return list(reply.json()["data"].get("not_applied", []))


@pytest.mark.parametrize(
    ("body", "unknown"),
    [
        ('{"imageFileId":"7","enhanceFace":true}', []),
        ('{"image_file_id":"7","wdith":100,"enhance":{"face":[{"a":1}]},"wdith":2}', ["wdith", "enhance"]),
        ('{"\\u0069mage_file_id":"7","\\u0073ize":1,"a\\"b":1,"a\\\\":2}', ["size", 'a"b', "a\\"]),
        (
            '{"image_file_id":"7","größe":1,"\\ud83d\\ude00":2,"a.b,c[0]":4,"a\\u0000\\u001b[1m":5}',
            ["größe", "😀", "a.b,c[0]", "a��[1m"],
        ),
        ("{image_file_id:'7', wdith : 1,\n'it\\'s': {x:1}}", ["wdith", "it's"]),
        ('{"image_file_id":"}{\\\\\\":[\\" ,\\"x\\":","method":null,"y":"\\\\"}', ["y"]),
        ('{"image_file_id":"7","%2C":1,"' + "k" * 300 + '":1}', ["%2C", "k" * 100 + "..."]),
        (
            '{"image_file_id":"7"' + ',"a":1' * 3 + "".join(f',"k{number}":1' for number in range(40)) + "}",
            ["a", *(f"k{number}" for number in range(19))],
        ),
        ('{"image_file_id":"7","deep":' + '{"a":[' * 40 + "1" + "]}" * 40 + ',"end":1}', ["deep", "end"]),
    ],
    ids=["none", "twice", "escaped keys", "unicode", "what else the parser takes", "in strings", "long", "many", "nested"],
)
async def test_fields_that_a_call_does_not_have_are_named(edge: Edge, http: httpx.AsyncClient, body: str, unknown: list[str]) -> None:
    assert await named(edge, http, body) == unknown


async def test_fields_of_objects_in_lists(edge: Edge, http: httpx.AsyncClient) -> None:
    whole = {"x1": 1, "y1": 1, "x2": 2, "y2": 2}
    boxes = [whole, {**whole, "x3": {"x1": [1]}}, {**whole, "left": 1}]
    assert await named(edge, http, {"image_file_id": "7", "boxes": boxes}, path=CLEAN) == ["boxes[1].x3", "boxes[2].left"]


async def test_parameters_of_the_query_count(edge: Edge, http: httpx.AsyncClient) -> None:
    body = {"image_file_id": "7", "size": 1}
    assert await named(edge, http, body, path=f"{UPSCALE}?wait=0&wiat=1&a%20b&redirect=false&&") == ["wiat", "a b", "size"]
    # Reads ignore parameters that they do not have.
    assert (await http.get("/v1/tasks/7/status?wiat=1", headers=edge.headers)).status_code == 200


async def test_bodies_in_pieces(edge: Edge, http: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b'{"image_file_id":"7","wd', b'ith":1,"method":"enh', b'ance"}'):
            yield piece

    reply = await http.post(UPSCALE, headers=edge.headers, content=pieces())
    assert reply.json()["data"]["not_applied"] == ["wdith"]
    long = '{"image_file_id":"' + "7" * 400_000 + '"}'
    reply = await http.post(UPSCALE, headers=edge.headers, content=iter_of(long.encode()))
    assert len(json.loads(reply.json()["data"]["status_url"])["image_file_id"]) == 400_000
    reply = await http.post(UPSCALE, headers=edge.headers, content=iter_of(b" " * 1_100_000))
    assert reply.status_code == 413


def iter_of(content: bytes) -> AsyncIterator[bytes]:
    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 50_000):
            yield content[start : start + 50_000]

    return parts()


def hostile() -> Iterator[str]:
    for inner in (
        '"a":' * 60_000,
        "a:1," * 60_000,
        ":" * 250_000,
        '"' * 250_000,
        "\\" * 250_000,
        "a" * 250_000 + ":",
        " " * 250_000 + ":",
        '"boxes":' + "[" * 250_000,
        '"deep":' + '{"a":' * 40_000,
    ):
        yield "{" + inner


async def test_bodies_that_are_no_json_get_their_usual_error(edge: Edge, http: httpx.AsyncClient) -> None:
    for content in ("{", '{"', '{"a', '{"a":', "}", "]", "[]", "7", '"a"', '{"a":1}}', '{"a":1,,}', *hostile()):
        reply = await http.post(UPSCALE, headers=edge.headers, content=content)
        assert_envelope(reply, 400, ErrorReason.MALFORMED_REQUEST, {"error_code": "malformed_request"})
    assert edge.upstream.calls == 0


async def test_what_is_too_large_to_be_read_is_served_all_the_same(edge: Edge, http: httpx.AsyncClient) -> None:
    filled = {"image_file_id": "7", "wdith": 1, "filler": "x" * 300_000}
    assert await named(edge, http, filled) == []
    assert await named(edge, http, {"image_file_id": "7", "wdith": 1, "many": [{"a": 1}] * 6_000, "end": 1}) == ["wdith", "many"]


async def test_clients_cannot_say_it_themselves(edge: Edge, http: httpx.AsyncClient) -> None:
    header = {UNKNOWN_FIELDS_HEADER: "forged"}
    assert await named(edge, http, {"image_file_id": "7"}, headers=header) == []
    assert await named(edge, http, {"image_file_id": "7", "wdith": 1}, headers=header) == ["wdith"]
    reply = await http.get("/v1/tasks/7/status", headers={**edge.headers, **header})
    assert (reply.status_code, edge.upstream.metadata.get(UNKNOWN_FIELDS_HEADER)) == (200, None)
    async with grpc.aio.insecure_channel(edge.target) as channel:
        stub = tasks_service_pb2_grpc.TasksServiceStub(channel)
        metadata = (*edge.headers.items(), *header.items())
        assert (await stub.GetTask(tasks_service_pb2.GetTaskRequest(task_id=7), metadata=metadata)).task.id == 7
    assert UNKNOWN_FIELDS_HEADER not in edge.upstream.metadata


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"itmes": []}, "itmes", "itmes: is not a field of this call; did you mean items?"),
        (
            {"items": [{"file_ids": ["1"]}, {"operations": [{"remove_background": {"background_colour": "#fff"}}]}]},
            "items[1].operations[0].remove_background.background_colour",
            "items[1].operations[0].remove_background.background_colour: is not a field of this call; did you mean background_color?",
        ),
        (
            {"operations": [{"no_such_operation": {}}]},
            "operations[0].no_such_operation",
            "operations[0].no_such_operation: is not a field of this call.",
        ),
    ],
)
async def test_other_calls_refuse_them(edge: Edge, http: httpx.AsyncClient, body: Any, field: str, message: str) -> None:
    reply = await http.post(BATCHES, headers=edge.headers, json=body)
    said = reply.json()
    assert (reply.status_code, said["code"], said["message"], said["data"]["field"]) == (400, 40001, message, field)
    assert said["data"]["allowed"]


async def test_calls_without_a_key_are_refused_before_their_body_is_read(edge: Edge, http: httpx.AsyncClient) -> None:
    assert (await http.post(UPSCALE, json={"wdith": 1})).status_code == 401
