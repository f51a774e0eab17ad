"""Every error has the shape of the surface it happened on, and says nothing internal."""

from __future__ import annotations

import json
from typing import Any

import grpc
import httpx
import pytest

from darkroom.tasks.v1.tasks_service_pb2 import GetTaskRequest
from darkroom.tasks.v1.tasks_service_pb2_grpc import TasksServiceStub
from services.platform.errors import ErrorReason
from services.platform.rpc import catalogue
from tests.component.edge.conftest import Edge

INTERNAL_WORDS = ("grpc", "envoy", "upstream", "INVALID_ARGUMENT", "/secret", ".sock", "compat.", "proto")


def assert_envelope(reply: httpx.Response, status: int, reason: ErrorReason, data: Any = None) -> str:
    body = reply.json()
    data = data or {"error_code": reason.value.lower()}
    assert (reply.status_code, body) == (status, {"code": catalogue.surface("rest").code(reason), "message": body["message"], "data": data})
    retry_after = reason.mapping.retry_after_seconds
    assert reply.headers.get("retry-after") == (str(retry_after) if retry_after else None)
    assert list(body) == ["code", "message", "data"]
    assert type(body["code"]) is int
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-request-id"]
    assert not [word for word in INTERNAL_WORDS if word in body["message"]], body["message"]
    assert not [name for name in reply.headers if name.startswith(("grpc-", "x-envoy", "x-error", "x-http"))]
    return str(body["message"])


async def test_services_errors_arrive_as_written(edge: Edge, http: httpx.AsyncClient) -> None:
    reply = await http.get("/v1/tasks/missing/status", headers=edge.headers)
    assert_envelope(reply, 404, ErrorReason.TASK_NOT_FOUND)
    reply = await http.get("/v1/tasks/field/status", headers=edge.headers)
    data = {"error_code": "field_invalid", "field": "id", "allowed": ["a", "b"]}
    assert assert_envelope(reply, 400, ErrorReason.FIELD_INVALID, data) == "id: must be “a” or “b”"
    reply = await http.get("/v1/tasks/long/status", headers=edge.headers)
    data = {"error_code": "field_invalid", "field": "id"}
    assert len(assert_envelope(reply, 400, ErrorReason.FIELD_INVALID, data)) == 6000


async def test_crash_of_a_service_leaks_nothing(edge: Edge, http: httpx.AsyncClient) -> None:
    reply = await http.get("/v1/tasks/crash/status", headers=edge.headers)
    assert_envelope(reply, 500, ErrorReason.INTERNAL)


@pytest.mark.parametrize("what", ["bare", "stopping"])
async def test_status_that_a_service_did_not_word_is_worded(edge: Edge, http: httpx.AsyncClient, what: str) -> None:
    assert_envelope(await http.get(f"/v1/tasks/{what}/status", headers=edge.headers), 503, ErrorReason.UNAVAILABLE)


NOT_JSON = "The request body is not valid JSON: "


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", NOT_JSON + "Unexpected end of string. Expected an object key or }."),
        ("not json", NOT_JSON + "Unexpected token."),
        ('{"a": 1}}', NOT_JSON + "Parsing terminated before end of input."),
        (b"\xff\xfe", NOT_JSON + "Encountered non UTF-8 code points."),
        ("[1]", "The request body must be a JSON object."),
        ('"text"', "The request body must be a JSON object."),
        ('{"image_file_id": ["1"]}', "One of the fields of the request has a list in place of a single value; none of them is a list."),
    ],
)
async def test_malformed_json_is_explained(edge: Edge, http: httpx.AsyncClient, body: str | bytes, message: str) -> None:
    reply = await http.post("/v1/images/upscale", headers=edge.headers, content=body)
    assert assert_envelope(reply, 400, ErrorReason.MALFORMED_REQUEST) == message
    assert edge.upstream.calls == 0


async def test_a_list_that_may_not_be_one_is_told_from_those_that_may(edge: Edge, http: httpx.AsyncClient) -> None:
    """Which one it is, Envoy does not say."""
    for path in ("/v1/batches", "/v1/batches/?x=1"):
        reply = await http.post(path, headers=edge.headers, json={"items": [], "priority": [1]})
        message = "One of the fields of the request has a list in place of a single value; only these are lists: items, operations."
        assert assert_envelope(reply, 400, ErrorReason.MALFORMED_REQUEST) == message


FILES, UPSCALE, BATCHES = "/v1/files/batch-create", "/v1/images/upscale", "/v1/batches"
LIST = "one of its fields has a list in place of a single value; "
UPSCALE_LISTS = LIST + "only these are lists: enhancements"
SUBJECTS = ["SUBJECT_PORTRAIT", "SUBJECT_PRODUCT", "SUBJECT_GENERAL"]


@pytest.mark.parametrize(
    ("path", "body", "field", "problem"),
    [
        (UPSCALE, '{"enhance_face": "perhaps"}', "enhance_face", "must be true or false"),
        (UPSCALE, '{"enhance_face": "a: invalid value 1 for type TYPE_INT32"}', "enhance_face", "must be true or false"),
        (UPSCALE, '{"image_file_id": {"a": 1}}', "image_file_id", "must not be an object"),
        (UPSCALE, '{"type": "2X", "type": "4X"}', "type", "is given twice, or beside another field that it takes the place of"),
        (FILES, '{"files": [{"nanoid": "a"}, {"size": "big"}]}', "files[1].size", "must be an integer"),
        (FILES, '{"files": [{"size": 1.5}]}', "files[0].size", "must be an integer"),
        (FILES, '{"files": [{"name": {}}]}', "files[0].name", "must not be an object"),
        (FILES, '{"files": [{"name": ["a.png"]}]}', "files[0]", LIST + "none of them is a list"),
        (BATCHES, '{"items": [{}, {"operations": [{"upscale": {"factor": [2]}}]}]}', "items[1].operations[0].upscale", UPSCALE_LISTS),
        (BATCHES, '{"items": [{"file_ids": 7}]}', "items[0].file_ids", "must be a list of strings"),
        (BATCHES, '{"items": [{"file_ids": [7]}]}', "items[0].file_ids[0]", "must be a string"),
        (UPSCALE, '{"factor": -2}', "factor", "must be an integer, 0 or more"),
        (FILES, '{"files": ["a.png"]}', "files[0]", "must be an object"),
        (FILES, '{"files": "a.png"}', "files", "must be a list of objects"),
        ("/v1/files/7/complete", '{"id": "5"}', "id", "must be the same in the body as in the path, or left out of the body"),
        (BATCHES, '{"deadline": "noon"}', "deadline", "must be a time with a time zone, such as 2030-01-31T12:00:00Z"),
        (BATCHES, '{"operations": [{"upscale": 2}]}', "operations[0].upscale", "must be an object"),
    ],
)
async def test_mistyped_field_is_blamed(edge: Edge, http: httpx.AsyncClient, path: str, body: str, field: str, problem: str) -> None:
    reply = await http.post(path, headers=edge.headers, content=body)
    data = {"error_code": "malformed_request", "field": field}
    assert assert_envelope(reply, 400, ErrorReason.MALFORMED_REQUEST, data) == f"{field}: {problem}"


async def test_names_that_are_allowed_are_listed(edge: Edge, http: httpx.AsyncClient) -> None:
    reply = await http.post(BATCHES, headers=edge.headers, json={"operations": [{"remove_background": {"subject": 'a"b'}}]})
    field = "operations[0].remove_background.subject"
    data = {"error_code": "malformed_request", "field": field, "allowed": SUBJECTS}
    assert assert_envelope(reply, 400, ErrorReason.MALFORMED_REQUEST, data) == f"{field}: must be one of {', '.join(SUBJECTS)}"
    reply = await http.get("/v1/files?page_size=many", headers=edge.headers)
    assert_envelope(reply, 400, ErrorReason.MALFORMED_REQUEST, {"error_code": "malformed_request", "field": "page_size"})


async def test_empty_body_is_an_empty_object(edge: Edge, http: httpx.AsyncClient) -> None:
    reply = await http.post("/v1/images/upscale", headers=edge.headers)
    assert_envelope(reply, 400, ErrorReason.FIELD_INVALID, {"error_code": "field_invalid", "field": "image_file_id", "rule": "required"})


async def test_unknown_fields_are_tolerated(edge: Edge, http: httpx.AsyncClient) -> None:
    reply = await http.post("/v1/images/upscale?x=1", headers=edge.headers, json={"image_file_id": "7", "novel": {"a": [1]}})
    assert reply.status_code == 200
    assert json.loads(reply.json()["data"]["status_url"]) == {"image_file_id": "7"}


async def test_unset_fields_are_left_out_and_lists_without_items_are_not(edge: Edge, http: httpx.AsyncClient) -> None:
    reply = await http.get("/v1/tasks/7/status", headers=edge.headers)
    expected = {"task_id": "7", "status": "Pending", "error_message": edge.account.id, "not_applied": [], "notices": []}
    assert reply.json() == {"code": 200, "message": "success", "data": expected}
    assert type(reply.json()["code"]) is int


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/nothing", "/v1/tasks/1/status/more", "/v1?x"])
async def test_unknown_path(edge: Edge, http: httpx.AsyncClient, path: str) -> None:
    assert_envelope(await http.get(path, headers=edge.headers), 404, ErrorReason.ROUTE_NOT_FOUND)


async def test_unknown_path_outside_a_surface_is_neutral(edge: Edge, http: httpx.AsyncClient) -> None:
    for path in ("/nothing", "/v10/tasks", "/v1x"):
        reply = await http.get(path, headers=edge.headers)
        assert (reply.status_code, reply.json()) == (404, {"error": {"reason": "ROUTE_NOT_FOUND", "message": "No such endpoint."}})


@pytest.mark.parametrize(("method", "path", "allowed"), [("GET", "/v1/images/upscale", "POST"), ("DELETE", "/v1/tasks/1/status", "GET")])
async def test_other_verb(edge: Edge, http: httpx.AsyncClient, method: str, path: str, allowed: str) -> None:
    reply = await http.request(method, path, headers=edge.headers)
    assert_envelope(reply, 405, ErrorReason.METHOD_NOT_ALLOWED)
    assert reply.headers["allow"] == allowed


@pytest.mark.parametrize("chunked", [False, True])
async def test_body_limit(edge: Edge, http: httpx.AsyncClient, chunked: bool) -> None:
    body = json.dumps({"image_file_id": "1", "novel": "x" * 1024**2}).encode()

    async def pieces() -> Any:
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    reply = await http.post("/v1/images/upscale", headers=edge.headers, content=pieces() if chunked else body)
    assert_envelope(reply, 413, ErrorReason.BODY_TOO_LARGE)
    assert edge.upstream.calls == 0
    small = json.dumps({"image_file_id": "1", "novel": "x" * (1024**2 - 1000)})
    assert (await http.post("/v1/images/upscale", headers=edge.headers, content=small)).status_code == 200


async def test_service_that_is_down(edge: Edge, http: httpx.AsyncClient) -> None:
    reply = await http.post("/v1/images/upscale", headers=edge.headers, files={"file": b"x"})
    assert_envelope(reply, 503, ErrorReason.UNAVAILABLE)


@pytest.mark.breaks("accounts")
async def test_authorisation_that_is_down_lets_nobody_in(edge: Edge, http: httpx.AsyncClient) -> None:
    edge.accounts.stop("accounts")
    try:
        assert_envelope(await http.get("/v1/tasks/1/status", headers=edge.headers), 503, ErrorReason.UNAVAILABLE)
        key = (("authorization", f"Bearer {edge.account.api_key}"),)
        async with grpc.aio.insecure_channel(edge.target) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await TasksServiceStub(channel).GetTask(GetTaskRequest(task_id=1), metadata=key)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert edge.upstream.calls == 0
    finally:
        edge.accounts.start("accounts")
    assert (await http.get("/v1/tasks/1/status", headers=edge.headers)).status_code == 200


async def test_reads_are_repeated_and_writes_are_not(edge: Edge, http: httpx.AsyncClient) -> None:
    assert (await http.get("/v1/tasks/1/result", headers=edge.headers)).status_code == 200
    assert edge.upstream.calls == 3
    reply = await http.post("/v1/images/upscale", headers=edge.headers, json={"image_file_id": "busy"})
    assert_envelope(reply, 503, ErrorReason.UNAVAILABLE)
    assert edge.upstream.calls == 4


async def test_headers_that_are_too_large(edge: Edge, http: httpx.AsyncClient) -> None:
    reply = await http.get("/v1/tasks/1/status", headers={**edge.headers, "x-large": "x" * 100_000})
    # Refused before the path is known.
    assert (reply.status_code, reply.json()) == (
        431,
        {"error": {"reason": "MALFORMED_REQUEST", "message": "The URL and headers of the request are too large."}},
    )
