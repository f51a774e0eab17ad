"""The ground rules of SnapOtter's API, its health and its documents (sections 1 and 3 of its contract), through the public port."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
import yaml

from tests.stacks import Account, StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.snapotter import SnapOtter, form_of

PICTURE = encoded(disc(32, 24), "PNG")
SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-xss-protection": "0",
    "referrer-policy": "strict-origin-when-cross-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
PRIVATE = [
    ("POST", "/api/v1/tools/resize"),
    ("POST", "/api/v1/upload"),
    ("POST", "/api/v1/preview"),
    ("GET", "/api/v1/api-keys"),
    ("GET", "/api/v1/admin/health"),
    ("GET", "/api/v1/nothing"),
    ("DELETE", "/api/v2/x/y"),
    ("GET", "/api/"),
]


@pytest.mark.parametrize(("verb", "path"), PRIVATE)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic YTpi"}, {"Authorization": "token"}, {"Cookie": "token=x"}])
async def test_without_a_token_every_path_is_refused_also_unknown_ones(
    visitor: SnapOtter, verb: str, path: str, headers: dict[str, str]
) -> None:
    reply = await visitor.call(verb, path, **headers)
    assert reply.status_code == 401
    assert reply.json() in ({"error": "Authentication required"}, {"error": "Session expired or invalid"})


@pytest.mark.parametrize("token", ["5c9b3f0e-8f0c-4d53-9d1f-3a7d2b1c4e6f", "si_" + "0" * 96, "dk_sk_nonsense", "x"])
async def test_a_bad_token_is_refused(visitor: SnapOtter, token: str) -> None:
    reply = await visitor.of(token).get("/api/v1/api-keys")
    assert (reply.status_code, reply.json()) == (401, {"error": "Session expired or invalid"})


async def test_an_empty_token_is_none(visitor: SnapOtter) -> None:
    assert (await visitor.get("/api/v1/api-keys", Authorization="Bearer")).status_code == 401


async def test_the_query_holds_no_token(visitor: SnapOtter, admin: SnapOtter) -> None:
    assert (await visitor.get(f"/api/v1/api-keys?token={admin.token}")).status_code == 401


async def test_a_call_without_a_token_is_refused_before_its_body_is_read(visitor: SnapOtter) -> None:
    content, kind = form_of(("file", b"x" * 3_000_000, "a.png"))
    reply = await visitor.http.post(f"{visitor.url}/api/v1/tools/resize", content=content, headers={"content-type": kind})
    assert reply.json() == {"error": "Authentication required"}


@pytest.mark.parametrize("path", ["/api/v1/health", "/api/v1/config/auth", "/api/v1/config/analytics", "/llms.txt"])
async def test_public_paths_take_a_bad_token_for_none(visitor: SnapOtter, path: str) -> None:
    assert (await visitor.of("nonsense").get(path)).status_code == 200
    assert (await visitor.get(path)).status_code == 200


@pytest.mark.parametrize("path", ["/api/auth/nothing", "/api/auth/login/more", "/api/v1/download/x"])
async def test_an_unknown_path_that_is_public(visitor: SnapOtter, path: str) -> None:
    reply = await visitor.get(path)
    assert reply.status_code == 404, reply.text
    assert reply.json() == {"message": f"Route GET:{path} not found", "error": "Not Found", "statusCode": 404}


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/api"),
        ("TRACE", "/api/v1/tools/resize"),
        ("OPTIONS", "/api/v1/health"),
        ("GET", "/api/v1/nothing"),
        ("GET", "/api/v1/tools/nothing"),
        ("PUT", "/api/v1/api-keys"),
        ("GET", "/api/v1/tools/resize"),
    ],
)
async def test_an_unknown_path_or_verb_is_not_found(admin: SnapOtter, verb: str, path: str) -> None:
    reply = await admin.call(verb, path)
    assert reply.status_code == 404
    assert reply.json() == {"message": f"Route {verb}:{path} not found", "error": "Not Found", "statusCode": 404}


async def test_browsers_run_nothing_of_a_reply(visitor: SnapOtter, admin: SnapOtter) -> None:
    download = (await admin.tool("resize", PICTURE, {"width": 8})).json()["downloadUrl"]
    for path, policy in (
        ("/api/v1/health", "default-src 'none'; frame-ancestors 'none'"),
        ("/api/v1/nothing", "default-src 'none'; frame-ancestors 'none'"),
        (download, "sandbox; default-src 'none'"),
    ):
        assert (await visitor.get(path)).headers.get_list("content-security-policy") == [policy]
    page = await visitor.get("/api/docs/")
    assert "script-src 'self'" in page.headers["content-security-policy"]


async def test_every_reply_has_the_security_headers(visitor: SnapOtter, admin: SnapOtter) -> None:
    made = await admin.tool("resize", PICTURE, {"width": 8})
    download = await visitor.get(made.json()["downloadUrl"])
    for reply in (
        made,
        download,
        await visitor.get("/api/v1/health"),
        await visitor.get("/api/v1/nothing"),
        await visitor.get("/api/auth/nothing"),
        await admin.get("/api/v1/nothing"),
        await visitor.get("/api/docs/"),
        await visitor.get("/api/v1/openapi.yaml"),
        await visitor.post("/api/auth/login", {}),
    ):
        assert SECURITY.items() <= dict(reply.headers).items(), (reply.url, reply.headers)


async def test_an_empty_json_body_is_an_empty_object(admin: SnapOtter) -> None:
    reply = await admin.post("/api/v1/api-keys", b"")
    assert reply.status_code == 201, reply.text
    assert reply.json()["name"] == "Default API Key"


@pytest.mark.parametrize("body", [b"{", b"nothing", b'{"username": NaN}', b"[" * 100_000])
async def test_a_body_that_is_no_json(visitor: SnapOtter, body: bytes) -> None:
    reply = await visitor.post("/api/auth/login", body)
    assert reply.status_code == 400
    assert set(reply.json()) == {"error", "details"}


async def test_a_body_of_another_type(visitor: SnapOtter) -> None:
    reply = await visitor.http.post(
        f"{visitor.url}/api/auth/login", content=b"a=b", headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert reply.status_code == 415


async def test_a_body_that_is_too_large(visitor: SnapOtter) -> None:
    body = json.dumps({"username": "x" * 2_000_000, "password": "x"}).encode()
    assert (await visitor.post("/api/auth/login", body)).status_code == 413


async def test_limits_on_requests_are_told(admin: SnapOtter) -> None:
    headers = (await admin.get("/api/v1/api-keys")).headers
    limit, left = int(headers["x-ratelimit-limit"]), int(headers["x-ratelimit-remaining"])
    assert 0 <= left < limit
    assert int(headers["x-ratelimit-reset"]) < 3600


async def test_limits_on_requests_are_told_to_everybody(visitor: SnapOtter, admin: SnapOtter) -> None:
    download = (await admin.tool("resize", PICTURE, {"width": 8})).json()["downloadUrl"]
    for reply in (
        await visitor.get("/api/v1/health"),
        await visitor.get("/api/v1/nothing"),
        await visitor.of("nonsense").get("/api/v1/api-keys"),
        await visitor.post("/api/auth/login", {}),
        await visitor.get(download),
    ):
        assert 0 <= int(reply.headers["x-ratelimit-remaining"]) < int(reply.headers["x-ratelimit-limit"]), reply.url
        assert int(reply.headers["x-ratelimit-reset"]) < 3600


async def logged(stack: StackUnderTest, reply: httpx.Response) -> dict[str, Any]:
    """What the gateway has written of a call."""
    async with asyncio.timeout(30):
        while True:
            lines = [json.loads(line) for line in await asyncio.to_thread(stack.log, "gateway", 1000) if line.startswith("{")]
            for line in lines:
                if line["event"] == "call" and line["trace_id"] == reply.headers["x-request-id"]:
                    return dict(line)
            await asyncio.sleep(0.1)


async def test_a_line_of_the_log_names_what_was_called(stack: StackUnderTest, visitor: SnapOtter, admin: SnapOtter) -> None:
    reply = await admin.tool("resize", PICTURE, {"width": 8}, "secret-name.png")
    made = await logged(stack, reply)
    assert (made["method"], made["code"]) == ("/compat.snapotter.v1.ShapeToolsService/Resize", "OK")
    assert made["account_id"] > 0
    assert made["task_id"] > 0
    assert "secret-name" not in json.dumps(made)
    download = await logged(stack, await visitor.get(reply.json()["downloadUrl"]))
    assert (download["method"], download["task_id"]) == ("/compat.snapotter.v1.FilesService/Download", made["task_id"])
    refused = await logged(stack, await admin.tool("resize", PICTURE, {"width": "8"}))
    assert (refused["code"], "task_id" in refused, refused["account_id"]) == ("INVALID_ARGUMENT", False, made["account_id"])
    assert (await logged(stack, await admin.get("/api/v1/nothing")))["method"] == "/compat.snapotter.v1/unknown"


async def test_health_says_no_more_than_it_should(visitor: SnapOtter) -> None:
    reply = await visitor.get("/api/v1/health")
    assert (reply.status_code, set(reply.json()), reply.json()["status"]) == (200, {"status", "version"}, "healthy")


async def test_health_for_administrators(admin: SnapOtter) -> None:
    body = (await admin.get("/api/v1/admin/health")).json()
    assert (body["status"], body["database"]) == ("healthy", "ok")
    assert body["uptime"].endswith("s")
    assert int(body["uptime"][:-1]) >= 0
    assert set(body["queue"]) == {"active", "pending"}
    assert isinstance(body["storage"]["mode"], str)
    assert isinstance(body["ai"]["gpu"], bool)


async def test_health_for_others_is_forbidden(admin: SnapOtter) -> None:
    for role in ("user", "editor"):
        _, person = await admin.person(role)
        reply = await person.get("/api/v1/admin/health")
        assert (reply.status_code, reply.json()["code"]) == (403, "FORBIDDEN")


async def test_what_pages_have_to_know(visitor: SnapOtter) -> None:
    assert (await visitor.get("/api/v1/config/auth")).json() == {"authEnabled": True}
    analytics = (await visitor.get("/api/v1/config/analytics")).json()
    assert analytics == {"enabled": False, "posthogApiKey": "", "posthogHost": "", "sentryDsn": "", "sampleRate": 0, "instanceId": ""}


async def test_the_documents(visitor: SnapOtter) -> None:
    spec = await visitor.get("/api/v1/openapi.yaml")
    assert spec.headers["content-type"].startswith("text/yaml")
    assert "\nopenapi: 3.1.0" in f"\n{spec.text}"
    document = yaml.safe_load(spec.text)
    assert document["info"]["title"] == "SnapOtter API"
    for tool in ("resize", "compress"):
        assert f"/api/v1/tools/{tool}" in document["paths"]
    docs = await visitor.http.get(f"{visitor.url}/api/docs", follow_redirects=True)
    assert docs.headers["content-type"].startswith("text/html")
    assert (await visitor.get("/api/docs/")).headers["content-type"].startswith("text/html")
    for path in ("/llms.txt", "/llms-full.txt"):
        text = await visitor.get(path)
        assert text.headers["content-type"] == "text/plain; charset=utf-8"
        assert text.text.startswith("# ")
    assert "/api/v1/tools/resize" in (await visitor.get("/llms-full.txt")).text


async def test_keys_of_the_account_itself_go_on_working(visitor: SnapOtter, account: Account) -> None:
    owner = visitor.of(account.api_key)
    assert (await owner.tool("resize", PICTURE, {"width": 8})).status_code == 200
    assert (await owner.get("/api/auth/session")).status_code == 401


async def test_another_surface_keeps_its_paths(visitor: SnapOtter, account: Account) -> None:
    assert (await visitor.of(account.api_key).get("/api/v1/jobs")).json()["object"] == "list"
    assert (await visitor.get("/api/v1/jobs")).json()["error"]["type"] == "authentication_error"
