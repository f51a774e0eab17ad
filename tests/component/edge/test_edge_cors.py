"""Pages of the origins that the operator names may call; no others."""

from __future__ import annotations

import httpx
import pytest

from services.platform.rpc import catalogue
from tests.component.edge.conftest import Edge

APP, PREVIEW, STRANGER = "https://app.example.com", "https://pr-7.preview.example.com:8443", "https://app.example.com.evil.net"


@pytest.fixture
def cors_origins() -> str:
    return f"{APP}, https://*.preview.example.com:8443"


def preflight(origin: str, method: str = "POST") -> dict[str, str]:
    return {"origin": origin, "access-control-request-method": method, "access-control-request-headers": "authorization,content-type"}


def cors(reply: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in reply.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("origin", [APP, PREVIEW])
async def test_preflight_is_answered_here(edge: Edge, http: httpx.AsyncClient, origin: str) -> None:
    reply = await http.options("/v1/images/upscale", headers=preflight(origin))
    assert reply.status_code == 200
    assert reply.headers["access-control-allow-origin"] == origin
    assert {"GET", "POST"} <= set(reply.headers["access-control-allow-methods"].split(", "))
    allowed = reply.headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "x-api-key", "content-type", "idempotency-key", "last-event-id"} <= set(allowed)
    assert {name for surface in catalogue.surfaces() for name in surface.request_headers} <= set(allowed)
    assert edge.upstream.calls == 0


async def test_reply_is_readable(edge: Edge, http: httpx.AsyncClient) -> None:
    reply = await http.get("/v1/tasks/7/status?wait=0", headers=edge.headers | {"origin": APP})
    assert (reply.status_code, reply.json()["data"]["task_id"]) == (200, "7")
    assert reply.headers["access-control-allow-origin"] == APP
    exposed = {name.lower() for name in reply.headers["access-control-expose-headers"].split(", ")}
    assert {"etag", "x-request-id", "retry-after", "content-disposition"} <= exposed
    reply = await http.post("/v1/images/upscale", headers=edge.headers | {"origin": PREVIEW}, json={"image_file_id": "7"})
    assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (200, PREVIEW)


@pytest.mark.parametrize(
    ("path", "status", "headers"),
    [
        ("/v1/tasks/7/status", 401, {"authorization": "Bearer dk_sk_unknown"}),
        ("/v1/tasks/missing/status", 404, {}),
        ("/v1/tasks/bare/status", 503, {}),
    ],
)
async def test_refusals_are_readable(edge: Edge, http: httpx.AsyncClient, path: str, status: int, headers: dict[str, str]) -> None:
    reply = await http.get(path, headers=edge.headers | headers | {"origin": APP})
    assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (status, APP)
    assert reply.json()["data"]["error_code"]
    assert reply.headers["x-request-id"]


async def test_body_that_is_too_large_is_refused_readably(edge: Edge, http: httpx.AsyncClient) -> None:
    reply = await http.post("/v1/images/upscale", headers=edge.headers | {"origin": APP}, content=b"x" * (1024**2 + 1))
    assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (413, APP)


async def test_strangers_read_nothing(edge: Edge, http: httpx.AsyncClient) -> None:
    refused = await http.options("/v1/images/upscale", headers=preflight(STRANGER))
    assert (refused.status_code, cors(refused)) == (401, {})
    assert edge.upstream.calls == 0
    for origin in (STRANGER, "null", "https://preview.example.com:8443", "http://app.example.com"):
        assert cors(await http.get("/v1/tasks/7/status", headers=edge.headers | {"origin": origin})) == {}


async def test_paths_and_verbs_that_there_are_not(edge: Edge, http: httpx.AsyncClient) -> None:
    assert (await http.get("/v1/nothing", headers=edge.headers | {"origin": APP})).status_code == 404
    assert (await http.delete("/v1/images/upscale", headers=edge.headers | {"origin": APP})).status_code == 405
    assert (await http.options("/v1/images/upscale", headers=edge.headers)).status_code == 405
    assert edge.upstream.calls == 0


async def test_upload_urls_work_from_any_page(edge: Edge, http: httpx.AsyncClient) -> None:
    reply = await http.put(edge.presigner.put("file", 60), content=b"bytes", headers={"origin": STRANGER})
    assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (200, STRANGER)
    assert "etag" in reply.headers["access-control-expose-headers"].lower()
