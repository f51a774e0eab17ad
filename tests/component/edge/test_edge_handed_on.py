"""Surfaces that the gateway answers over HTTP: what reaches it, as whom, and what its clients get."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import grpc
import httpx
import pytest
import yaml

from deploy.local.scratch.resources import free_port
from edge.settings import EdgeSettings
from edge.topology import PUBLIC
from services.files.presign import Presigner
from services.platform.rpc import catalogue
from tests.component.edge.conftest import UPLOAD_LIMIT, envoy
from tests.component.edge.handed_on import KEY, LIMITS, TOO_MANY, Checks, Gateway, behind
from tests.component.edge.new_surface import surface_added
from tests.component.edge.storekeeper import storekeeping
from tests.harness.parts import stack_with

ORIGIN = "https://app.example.com"
POLICY = "content-security-policy"
HSTS = {"strict-transport-security": "max-age=31536000"}
SECURE = dict(catalogue.surface("snapotter").reply_headers)
SANDBOX = "sandbox; default-src 'none'"


@dataclass(frozen=True)
class HandedOn:
    http: httpx.AsyncClient
    gateway: Gateway
    checks: Checks
    presigner: Presigner
    port: int

    async def raw(self, path: str, *headers: str) -> tuple[str, str]:
        """Head and body of the reply to a GET with one of the keys; the path goes over the wire as it is."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = [f"GET {path} HTTP/1.1", "host: h", "connection: close", f"authorization: {KEY['authorization']}", *headers, "", ""]
        writer.write("\r\n".join(lines).encode("latin-1"))
        async with asyncio.timeout(10):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            # Not until the end of the connection, for which Envoy takes a second.
            length = head.partition("content-length: ")[2].partition("\r\n")[0]
            body = (await (reader.readexactly(int(length)) if length else reader.read())).decode("latin-1")
        writer.close()
        return head.strip(), body


@pytest.fixture(scope="module")
async def edge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HandedOn]:
    """An edge with real storage behind it."""
    folder = tmp_path_factory.mktemp("handed-on")
    storage = await asyncio.to_thread(stack_with(request, "s3").create_bucket)
    port = free_port()
    settings = EdgeSettings(
        out=folder / "envoy",
        edge_listen=f"127.0.0.1:{port}",
        authorization_address=f"unix:{folder}/check.sock",
        s3_endpoint=storage.endpoint,
        s3_bucket=storage.bucket,
        public_url="https://media.example.com",
        edge_cors_origins=ORIGIN,
        edge_upload_limit=UPLOAD_LIMIT,
        **{f"edge_{name}": f"unix:{folder}/{name}.sock" for name in PUBLIC},
    )
    presigner = Presigner(str(settings.public_url), storage.bucket, "us-east-1", storage.access_key, storage.secret_key)
    async with AsyncExitStack() as stack:
        stack.enter_context(surface_added("notes", folder / "gen"))
        gateway, checks = await stack.enter_async_context(behind(f"unix:{folder}/gateway.sock", settings.authorization_address))
        await stack.enter_async_context(storekeeping(f"unix:{folder}/files.sock"))
        await stack.enter_async_context(envoy(settings))
        http = httpx.AsyncClient(base_url=f"http://{settings.edge_listen}", trust_env=False, timeout=30)
        yield HandedOn(await stack.enter_async_context(http), gateway, checks, presigner, port)


def is_secured(reply: httpx.Response, policy: str = SECURE[POLICY]) -> bool:
    """Whether a reply has the headers that every one of the surface's has, once each; pages and downloads have policies of their own."""
    return all(reply.headers.get_list(name) == [value] for name, value in (SECURE | HSTS | {POLICY: policy}).items())


async def stored(edge: HandedOn, key: str, content: bytes) -> None:
    """Put an object where the edge's URLs lead."""
    put = await edge.http.put(httpx.URL(edge.presigner.put(key, 60)).raw_path.decode(), content=content)
    assert put.status_code == 200


async def test_any_path_and_verb_is_the_gateways(edge: HandedOn) -> None:
    for verb in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        for path in ("/api/v1/tools/resize", "/api", "/api/auth/login", "/api/v1/nothing/at/all?x=1&y=%20", "/api/v1/health/"):
            reply = await edge.http.request(verb, path, headers=KEY)
            seen = reply.json()
            assert (reply.status_code, seen["verb"]) == (201 if verb == "POST" else 200, verb), path
            assert seen["path"] + (f"?{seen['query']}" if seen["query"] else "") == path
            assert is_secured(reply)
            assert {name: reply.headers[name] for name in LIMITS} == LIMITS
    assert (await edge.http.head("/api/v1/health")).status_code == 200


async def test_the_gateway_learns_who_calls_and_never_how(edge: HandedOn) -> None:
    spoofed = {"x-darkroom-identity": "root", "x-envoy-original-url": "http://x/api", "x-ratelimit-limit": "1000000", "cookie": "a=b"}
    known = (await edge.http.get("/api/v1/health", headers=KEY | spoofed)).json()["headers"]
    assert known["x-darkroom-identity"] == "somebody"
    unknown = (await edge.http.get("/api/v1/health", headers=spoofed)).json()["headers"]
    assert "x-darkroom-identity" not in unknown
    ignored = (await edge.http.get("/api/v1/health", headers=spoofed | {"authorization": "Bearer bad"})).json()["headers"]
    assert "x-darkroom-identity" not in ignored
    for headers in (known, unknown, ignored):
        assert not {"authorization", "cookie", "x-envoy-original-url"} & headers.keys()
        assert (headers["x-ratelimit-limit"], headers["x-darkroom-origin"]) == (LIMITS["x-ratelimit-limit"], "https://media.example.com")
        assert {"x-request-id", "x-envoy-external-address"} <= headers.keys()


async def test_nothing_of_a_request_without_a_key_reaches_it(edge: HandedOn) -> None:
    calls = edge.gateway.calls
    for path in ("/api/v1/tools/resize", "/api/v1/nothing", "/api", "/api/v1/settings"):
        reply = await edge.http.post(path, content=b"x" * 1000)
        assert (reply.status_code, reply.json(), is_secured(reply)) == (401, {"error": "Authentication required"}, True), path
    assert edge.gateway.calls == calls


async def test_what_is_another_surfaces_stays_there(edge: HandedOn) -> None:
    calls = edge.gateway.calls
    for verb, path, status in (
        ("GET", "/api/v1/jobs/1", 503),
        ("GET", "/api/v1/jobs", 503),
        ("DELETE", "/api/v1/jobs/1", 405),
        ("GET", "/api/v1/jobs/1/nothing", 404),
        ("GET", "/api/v1/images", 404),
        ("POST", "/api/v1/brands/x/y", 404),
    ):
        reply = await edge.http.request(verb, path, headers=KEY)
        assert (reply.status_code, reply.json()["error"].keys() > {"type", "code"}) == (status, True), path
        assert "x-frame-options" not in reply.headers
    assert edge.gateway.calls == calls
    # A path of its own goes before another's prefix.
    assert (await edge.http.get("/v1/tasks/7/notes/frame", headers=KEY)).status_code == 404
    async with edge.http.stream("PUT", "/v1/tasks/7/notes", headers=KEY) as reply:
        assert (reply.status_code, reply.headers["x-notes"]) == (200, "yes")


ODD = (
    *("a%2F..%2Fb", "..%2f..%2fetc", "%00", "../users", "%252e%252e%252f", "a\\b", "a%5Cb", "//x///y", "./z", "a;b=c", "%ff", "a%zz"),
    *('"<>^`{|}', "%E6%B0%B4", "a%20b?c=%2F&&d", "%3F%23"),
)


async def test_paths_arrive_as_they_were_sent(edge: HandedOn) -> None:
    for odd in ODD:
        path = f"/api/v1/download/1/{odd}"
        head, body = await edge.raw(path)
        assert head.startswith("http/1.1 200"), path
        assert json.loads(body)["path"] == path.partition("?")[0]
        assert "x-frame-options: deny" in head
    for path in ("/%61pi/v1/health", "/API/v1/health", "/apix", "/api%2fv1"):
        assert json.loads((await edge.raw(path))[1])["error"]["reason"] == "ROUTE_NOT_FOUND", path
    head, body = await edge.raw("/api/v1/x#y")
    assert (head.split()[1], json.loads(body), "x-frame-options: deny" in head) == ("400", {"error": "The request is malformed."}, True)
    # Before Envoy knows the path.
    for path in ("/api/v1/a b", "/api/v1/\xe9", "/api/v1/a\x00b"):
        assert (await edge.raw(path))[0].split()[1] == "400"


async def test_the_edges_own_errors_have_the_surfaces_form(edge: HandedOn) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        # With its length in a header, so large a body is refused unread, and a client that writes all of it first may miss that.
        for _ in range(80):
            yield bytes(65536)

    too_large = await edge.http.post("/api/v1/upload", content=pieces(), headers=KEY)
    long_headers = await edge.http.get("/api/v1/health", headers={"x-long": "x" * 9000})
    busy = await edge.http.get("/api/v1/health", headers=TOO_MANY)
    upgrade = await edge.raw("/api/v1/health", "connection: upgrade", "upgrade: websocket")
    assert [reply.status_code for reply in (too_large, long_headers, busy)] == [413, 431, 429]
    for reply in (too_large, long_headers, busy):
        assert (reply.json().keys(), is_secured(reply)) == ({"error"}, True)
        assert reply.headers["content-type"] == "application/json"
    assert {name: busy.headers[name] for name in (*LIMITS, "retry-after")} == {**LIMITS, "retry-after": "6"}
    assert (upgrade[0].split()[1], json.loads(upgrade[1]).keys(), "x-frame-options: deny" in upgrade[0]) == ("400", {"error"}, True)


async def test_uploads_are_as_large_as_files(edge: HandedOn) -> None:
    reply = await edge.http.post("/api/v1/upload", content=bytes(UPLOAD_LIMIT), headers=KEY)
    assert (reply.status_code, reply.json()["bytes"]) == (201, UPLOAD_LIMIT)


async def test_a_header_of_the_gateways_own_stays(edge: HandedOn) -> None:
    reply = await edge.http.get("/api/v1/frame", headers=KEY)
    assert reply.headers.get_list("x-frame-options") == ["SAMEORIGIN"]
    assert reply.headers["x-xss-protection"] == "0"


async def test_an_event_arrives_at_once_and_an_end_is_noticed(edge: HandedOn) -> None:
    async with edge.http.stream("GET", "/v1/tasks/7/notes/", headers=KEY) as reply:
        assert (reply.headers["content-type"], reply.headers["x-notes"]) == ("text/event-stream; charset=utf-8", "yes")
        assert await anext(reply.aiter_lines()) == "data: {}"
        assert not edge.gateway.stream_ended.is_set()
    async with asyncio.timeout(5):
        await edge.gateway.stream_ended.wait()


async def test_pages_of_other_origins_call_it(edge: HandedOn) -> None:
    page = {"origin": ORIGIN}
    for path in ("/api/v1/tools/resize", "/api/v1/nothing", "/api/auth/login"):
        preflight = {**page, "access-control-request-method": "DELETE", "access-control-request-headers": "authorization"}
        reply = await edge.http.options(path, headers=preflight)
        assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (200, ORIGIN)
        assert {"GET", "POST", "PUT", "PATCH", "DELETE"} <= set(reply.headers["access-control-allow-methods"].split(", "))
        assert "authorization" in reply.headers["access-control-allow-headers"].lower()
    for headers in (page, page | KEY):
        assert (await edge.http.get("/api/v1/settings", headers=headers)).headers["access-control-allow-origin"] == ORIGIN
    foreign = await edge.http.get("/api/v1/settings", headers=KEY | {"origin": "https://other.example"})
    assert "access-control-allow-origin" not in foreign.headers


async def test_it_is_no_grpc(edge: HandedOn) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{edge.port}") as channel:
        for method in ("/compat.snapotter.v1.HealthService/GetHealth", "/api/v1/health"):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await channel.unary_unary(method)(b"", metadata=(("authorization", KEY["authorization"]),))
            assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_download_comes_from_storage(edge: HandedOn) -> None:
    """By one request of the client's, whose URL says another host and scheme than those that the redirect's is signed for."""
    path, content, disposition = "/api/v1/download/1/a%20b.png", os.urandom(300_000), 'attachment; filename="a%20b.png"'
    await stored(edge, "out/1", content)
    edge.gateway.redirects[path] = edge.presigner.get("out/1", 60, disposition=disposition, media_type="image/png")
    for headers in ({}, KEY, {"x-envoy-original-url": "http://x/v1", "x-ratelimit-limit": "1000000"}):
        asked = len(edge.checks.asked)
        reply = await edge.http.get(path, headers=headers)
        assert (reply.status_code, reply.content == content, is_secured(reply, SANDBOX)) == (200, True, True)
        assert (reply.headers["content-type"], reply.headers["content-disposition"]) == ("image/png", disposition)
        assert {name: reply.headers[name] for name in LIMITS} == LIMITS
        assert len(edge.checks.asked) == asked + 1, "a download is one request"
    part = await edge.http.get(path, headers={"range": "bytes=5-9"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, content[5:10], "bytes 5-9/300000")
    known = await edge.http.get(path, headers={"if-none-match": reply.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    edge.gateway.redirects[path] = edge.presigner.head("out/1", 60)
    head = await edge.http.head(path)
    assert (head.status_code, head.headers["content-length"], is_secured(head, SANDBOX)) == (200, "300000", True)


async def test_storage_sees_nothing_of_the_caller(edge: HandedOn) -> None:
    """It would refuse a request with both a key and a signature."""
    path = "/api/v1/download/2/x"
    await stored(edge, "out/2", b"x")
    edge.gateway.redirects[path] = edge.presigner.get("out/2", 60)
    assert (await edge.http.get(path, headers=KEY | {"x-api-key": "y"})).text == "x"


async def test_an_object_that_is_gone_is_not_found_in_the_surfaces_form(edge: HandedOn) -> None:
    path = "/api/v1/download/3/x"
    edge.gateway.redirects[path] = edge.presigner.get("out/none", 60, disposition="attachment")
    reply = await edge.http.get(path)
    assert (reply.status_code, reply.json(), is_secured(reply, SANDBOX)) == (404, {"error": "File not found"}, True)
    assert reply.headers["content-type"] == "application/json"


async def test_other_redirects_are_the_clients(edge: HandedOn) -> None:
    path, url = "/api/v1/download/4/x", edge.presigner.get("out/2", 60)
    for target in ("/api/docs/", "https://example.com/x", "https://media.example.com/v1/tasks"):
        edge.gateway.redirects[path] = target
        reply = await edge.http.get(path)
        assert (reply.status_code, reply.headers["location"], is_secured(reply)) == (302, target, True)
    edge.gateway.redirects[path] = url
    assert (await edge.http.post(path)).status_code == 302
    # Nobody leads others' URLs there.
    direct = await edge.http.get(httpx.URL(url).raw_path.decode(), headers={"x-envoy-original-url": "http://x/api/v1/download"})
    assert (direct.status_code, "x-frame-options" in direct.headers) == (200, False)


@pytest.mark.thorough
async def test_its_documents_are_where_its_clients_look_for_them(edge: HandedOn) -> None:
    asked = len(edge.checks.asked)
    document = await edge.http.get("/api/v1/openapi.yaml")
    assert (document.status_code, document.headers["content-type"], is_secured(document)) == (200, "text/yaml", True)
    assert {"openapi: 3.1.0", "  title: SnapOtter API", "  /api/v1/health:"} <= set(document.text.splitlines())
    assert yaml.safe_load(document.text) == (await edge.http.get("/snapotter-openapi.json")).json()
    plain = await edge.http.get("/api/v1/openapi.yaml", headers={"accept-encoding": "identity"})
    assert plain.content == document.content
    assert (await edge.http.head("/api/v1/openapi.yaml")).status_code == 200

    leads = await edge.http.get("/api/docs")
    assert (leads.status_code, leads.headers["location"], is_secured(leads)) == (302, "/api/docs/", True)
    page = await edge.http.get("/api/docs", follow_redirects=True)
    policy = page.headers[POLICY]
    assert (page.status_code, page.headers["content-type"], is_secured(page, policy)) == (200, "text/html; charset=utf-8", True)
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    assert "<title>SnapOtter API</title>" in page.text
    links = re.findall(r'(?:src|href|data-document)="([^"]+)"', page.text)
    assert "../../api/v1/openapi.yaml" in links
    for link in links:
        assert (await edge.http.get(str(page.url.join(link)))).status_code == 200, link
    assert len(edge.checks.asked) == asked, "nobody needs a key for them"

    summary = (await edge.http.get("/llms-full.txt")).text
    assert summary.startswith("# ")
    for line in ("- `GET /api/v1/health`: ", "](/api/v1/openapi.yaml)", "](/api/docs/)", "](/snapotter-openapi.json)"):
        assert line in summary
