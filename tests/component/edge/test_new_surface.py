"""A surface is added from files of its own alone: its protos and a servicer. No file of the platform names it."""

from __future__ import annotations

import importlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from deploy.local.scratch.resources import free_port
from edge.render import render
from edge.settings import EdgeSettings
from edge.topology import PUBLIC
from services.accounts.domain.admission import Admission
from services.accounts.domain.authentication import IdentitySigner, KeyAuthenticator
from services.accounts.domain.keys import make_key
from services.accounts.records import KeyOwner
from services.accounts.surfaces.edge import listener
from services.platform.errors import ErrorReason, from_rpc
from services.platform.identity import IDENTITY_ISSUER
from services.platform.rpc.catalogue import CatalogueError
from services.platform.rpc.server import listening
from services.platform.telemetry.health import Health
from tests.component.edge.conftest import envoy
from tests.component.edge.new_surface import surface_added, tiny_mounts
from tests.component.edge.upstream import Upstream
from tests.unit.accounts.limits import unlimited
from tests.unit.platform.keys import Keys

KEY = make_key()
ACCOUNT = 77
NO_KEY = {"error": "no_key", "detail": "No API key was sent. Send it in a header: X-Tiny: Key …", "status": 401}


def settings(folder: Path, **others: Any) -> EdgeSettings:
    port = free_port()
    addresses = {f"edge_{name}": f"unix:{folder}/{name}.sock" for name in PUBLIC}
    return EdgeSettings(
        out=folder / "envoy", edge_listen=f"127.0.0.1:{port}", authorization_address=f"unix:{folder}/check.sock", **addresses, **others
    )


@dataclass(frozen=True)
class Served:
    http: httpx.AsyncClient
    upstream: Upstream
    target: str


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    """The surface `tiny` beside those of the platform, behind a real Envoy and the real answer to its checks."""
    tmp_path = tmp_path_factory.mktemp("tiny")
    keys = Keys(tmp_path)
    signer = keys.signer(IDENTITY_ISSUER)
    verifier = keys.verifier()

    async def owner(digest: bytes) -> KeyOwner | None:
        return KeyOwner(key_id=7, account_id=ACCOUNT) if digest == KEY.digest else None

    authenticator = KeyAuthenticator(owner, IdentitySigner(signer), lambda key_id, now: None)
    upstream = Upstream()
    async with AsyncExitStack() as stack:
        stack.enter_context(surface_added("tiny", tmp_path / "gen"))
        edge = settings(tmp_path, edge_cors_origins=getattr(request, "param", ""))
        await stack.enter_async_context(listener.listening(edge.authorization_address, Admission(authenticator, unlimited()), Health(), 5))
        await stack.enter_async_context(listening("public", f"unix:{tmp_path}/tasks.sock", [*upstream.mounts(), *tiny_mounts()], verifier))
        await stack.enter_async_context(envoy(edge))
        client = httpx.AsyncClient(base_url=f"http://{edge.edge_listen}", trust_env=False, timeout=60)
        yield Served(await stack.enter_async_context(client), upstream, edge.edge_listen)


@pytest.mark.thorough
async def test_a_surface_of_files_of_its_own(served: Served) -> None:
    http = served.http
    key = {"x-tiny": f"Key {KEY.secret}"}

    # One method is for anybody, and a key that is sent all the same goes no further.
    for headers in ({}, key, {"authorization": f"Bearer {KEY.secret}", "x-darkroom-identity": "spoofed"}):
        reply = await http.get("/v1/tiny/greeting?name=Ann", headers=headers)
        assert (reply.status_code, reply.json()) == (200, {"text": "Hello, Ann.", "account": "0"})
    # Its errors have the surface's shape, codes and statuses.
    reply = await http.get("/v1/tiny/greeting")
    assert (reply.status_code, reply.json()) == (422, {"error": "wrong", "detail": "name: say who you are", "status": 422})

    # The other needs a key, where the surface's callers show it.
    for headers in ({}, {"x-tiny": KEY.secret}, {"x-tiny": f"Key {make_key().secret}"}, {"authorization": f"Bearer {KEY.secret}"}):
        reply = await http.post("/v1/apples/count", json={"by": 2}, headers=headers)
        refused = {**NO_KEY, "detail": "Invalid token"} if "x-tiny" in headers else NO_KEY
        assert (reply.status_code, reply.json(), reply.headers["www-authenticate"]) == (401, refused, "Key")
    reply = await http.post("/v1/apples/count", json={"by": 2}, headers=key)
    assert (reply.status_code, reply.json()) == (200, {"things": "apples", "account": str(ACCOUNT)})
    reply = await http.post("/v1/none/count", json={"by": 2}, headers=key)
    assert (reply.status_code, reply.json()) == (404, {"error": "refused", "detail": "There are none.", "status": 404})
    reply = await http.post("/v1/apples/count", json={"by": 0}, headers=key)
    assert (reply.status_code, reply.json()["error"]) == (422, "wrong")


async def test_what_the_edge_says_itself_has_the_shape_of_the_surface_that_the_path_belongs_to(served: Served) -> None:
    http = served.http
    tiny, rest = {"x-tiny": f"Key {KEY.secret}"}, {"authorization": f"Bearer {KEY.secret}"}
    for method, path, content, status in (
        ("GET", "/v1/tiny/nothing", None, 404),
        ("POST", "/v1/tiny/greeting?name=Ann", None, 405),
        ("GET", "/v1/apples/count", None, 405),
        ("POST", "/v1/apples/count", b"{", 400),
        ("POST", "/v1/apples/count", b" " * 2001, 413),
    ):
        reply = await http.request(method, path, content=content, headers=tiny)
        assert (reply.status_code, reply.json().keys()) == (status, {"error", "detail", "status"}), path
        assert reply.json()["error"] == "refused", path
    # The neighbour below the same prefix has its own methods, keys and errors.
    reply = await http.get("/v1/tasks/7/status", headers=rest)
    assert (reply.status_code, reply.json()["data"]["error_message"]) == (200, str(ACCOUNT))
    for path, headers, code in (
        ("/v1/tasks/7/status", {}, 1402),
        ("/v1/tasks/7/status", tiny, 1402),
        ("/v1/tasks/missing/status", rest, 40402),
        ("/v1/nothing", rest, 40400),
        ("/v1/apples/other", rest, 40400),
    ):
        assert (await http.get(path, headers=headers)).json()["code"] == code, path
    reply = await http.get("/elsewhere")
    assert reply.json()["error"]["reason"] == "API_KEY_INVALID"
    assert reply.json()["error"]["message"].endswith(" or X-API-Key: … or X-Tiny: Key …")


# One is smaller than the edge's setting. The other is larger than that, than what Envoy buffers by default, and than what services take.
LIMITS = {"Count": 2000, "Recount": 6_000_000}


@pytest.mark.thorough
@pytest.mark.cases(1)
@pytest.mark.parametrize("served", ["", "https://app.example.com"], indirect=True)
@pytest.mark.parametrize("things", ["apples", "pears"])
async def test_methods_of_one_path_have_limits_of_their_own(served: Served, things: str) -> None:
    """Also where a more specific path takes only another verb."""
    headers = {"x-tiny": f"Key {KEY.secret}", "origin": "https://app.example.com"}

    async def pieces(body: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    for verb, limit in (("POST", LIMITS["Count"]), ("PUT", LIMITS["Recount"])):
        body = json.dumps({"by": 1, "note": ""}).encode()
        body = body.replace(b'""', b'"%s"' % (b"x" * (limit - len(body))))
        for content in (body, pieces(body)):
            reply = await served.http.request(verb, f"/v1/{things}/count", content=content, headers=headers)
            assert (reply.status_code, reply.json()) == (200, {"things": things, "account": str(ACCOUNT)}), verb
        # With its length in a header, so large a body is refused unread, and a client that writes all of it before it reads may miss that.
        reply = await served.http.request(verb, f"/v1/{things}/count", content=pieces(body + b" "), headers=headers)
        assert (reply.status_code, reply.json()) == (413, {"error": "refused", "detail": reply.json()["detail"], "status": 413}), verb


@pytest.mark.cases(1)
@pytest.mark.parametrize("method", LIMITS)
async def test_methods_that_are_called_as_grpc_have_limits_of_their_own(served: Served, method: str) -> None:
    pb: Any = importlib.import_module("compat.tiny.v1.tiny_pb2")
    pb_grpc: Any = importlib.import_module("compat.tiny.v1.tiny_pb2_grpc")
    request = pb.CountRequest(things="apples", by=1, note="x" * (LIMITS[method] // 2))
    # Before a message there are five bytes.
    request.note += "x" * (LIMITS[method] - request.ByteSize() - 5)
    async with grpc.aio.insecure_channel(served.target) as channel:
        call = getattr(pb_grpc.TinyGrpcServiceStub(channel), method)
        metadata = (("x-tiny", f"Key {KEY.secret}"),)
        assert (await call(request, metadata=metadata)).account == str(ACCOUNT)
        request.note += "x"
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(request, metadata=metadata)
    assert from_rpc(refused.value).reason is ErrorReason.BODY_TOO_LARGE


async def test_each_surface_has_its_document(served: Served) -> None:
    document = (await served.http.get("/tiny.openapi.json")).json()
    assert document["paths"].keys() == {"/v1/tiny/greeting", "/v1/pears/count", "/v1/{things}/count"}
    assert document["paths"]["/v1/tiny/greeting"]["get"]["security"] == []
    assert document["paths"]["/v1/{things}/count"]["post"]["security"] == [{"keyAuth": []}]
    assert "`refused`" in document["paths"]["/v1/{things}/count"]["post"]["responses"]["404"]["description"]
    assert "at most 2,000 bytes" in document["paths"]["/v1/{things}/count"]["post"]["responses"]["413"]["description"]
    assert "TinyError" in document["components"]["schemas"]
    paths = (await served.http.get("/openapi.json")).json()["paths"]
    assert "/v1/tasks/{id}/status" in paths
    assert not document["paths"].keys() & paths.keys()


@pytest.mark.thorough
@pytest.mark.parametrize("served", ["https://app.example.com"], indirect=True)
async def test_pages_of_other_origins_call_it(served: Served) -> None:
    origin = {"origin": "https://app.example.com"}
    preflight = {**origin, "access-control-request-method": "GET", "access-control-request-headers": "x-tiny"}
    reply = await served.http.options("/v1/tiny/greeting", headers=preflight)
    assert (reply.status_code, "x-tiny" in reply.headers["access-control-allow-headers"]) == (200, True)
    reply = await served.http.get("/v1/tiny/greeting?name=Ann", headers=origin)
    assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (200, origin["origin"])
    assert (await served.http.post("/v1/apples/count", json={"by": 1}, headers=origin)).status_code == 401


def test_two_methods_with_one_path_are_an_error(tmp_path: Path) -> None:
    message = (
        "compat.clash.v1.ClashService.Look and darkroom.rest.v1.TasksService.GetTaskStatus both take GET /v1/tasks/{id}/status: "
        "give one another path"
    )
    with surface_added("clash", tmp_path / "gen"), pytest.raises(CatalogueError) as refused:
        render(settings(tmp_path))
    assert str(refused.value) == message
    render(settings(tmp_path))
