"""What an operator's settings change in SnapOtter's API (section 1 of its contract), on a stack that has them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.snapotter import ADMIN, Part, SnapOtter
from tests.system.test_snapotter_pdf_tools import pdf

PICTURE = encoded(disc(64, 48), "PNG")
LIMITS = {
    "DARKROOM_MAX_UPLOAD_SIZE_MB": "1",
    "DARKROOM_MAX_SVG_SIZE_MB": "0.01",
    "DARKROOM_MAX_BATCH_SIZE": "2",
    "DARKROOM_MAX_LOGO_SIZE_KB": "3",
    "DARKROOM_MAX_PDF_PAGES": "2",
    "DARKROOM_MAX_MEGAPIXELS": "1",
    "DARKROOM_MAX_USERS": "3",
    "DARKROOM_SESSION_DURATION_HOURS": "0.5",
    "DARKROOM_LOGIN_ATTEMPT_LIMIT": "60",
    # Not the one of wrong passwords: those of this test would keep the new people of the next ones out.
    "DARKROOM_RATE_LIMIT_FAILED_SIGN_INS": "0",
}


@pytest.fixture(scope="module")
def limited(_stack_alone: StackUnderTest) -> Iterator[StackUnderTest]:
    before = _stack_alone.configured
    _stack_alone.configure({**before, **LIMITS})
    yield _stack_alone
    _stack_alone.configure(before)


@pytest.fixture
async def visitor(limited: StackUnderTest) -> AsyncIterator[SnapOtter]:
    limited.ensure_up()
    client = SnapOtter(limited.url)
    yield client
    await client.http.aclose()


@pytest.mark.thorough
async def test_limits_by_setting(visitor: SnapOtter) -> None:
    admin = await visitor.admin()
    large = PICTURE + bytes(1_100_000)
    reply = await admin.tool("resize", large, {"width": 9})
    assert (reply.status_code, reply.json()["error"]) == (400, "Failed to parse multipart request")
    assert (await admin.form("/api/v1/preview", ("file", large, "a.png"))).status_code == 413
    assert (await admin.tool("resize", PICTURE + bytes(900_000), {"width": 9})).status_code == 200

    drawing = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><!--%s--></svg>'
    reply = await admin.tool("resize", drawing % (b"x" * 20_000), {"width": 9})
    assert (reply.status_code, reply.json()["error"]) == (400, "Invalid image: SVG exceeds maximum size (limit: 0.01MB)")
    assert (await admin.tool("resize", drawing % b"x", {"width": 9})).status_code == 200

    reply = await admin.form("/api/v1/tools/pdf-to-image/preview", ("file", pdf(3), "a.pdf"))
    assert (reply.json()["pageCount"], [each["page"] for each in reply.json()["thumbnails"]]) == (3, [1, 2])

    three: list[Part] = [("file", PICTURE, f"{number}.png") for number in range(3)]
    reply = await admin.form("/api/v1/tools/info", *three)
    assert (reply.status_code, reply.json()["error"]) == (400, "Failed to parse multipart request")
    assert (await admin.form("/api/v1/upload", *three)).status_code == 413
    assert (await admin.form("/api/v1/upload", *three[:2])).status_code == 200
    settings: Part = ("settings", '{"width": 9}')
    reply = await admin.form("/api/v1/tools/resize/batch", *three, settings)
    assert (reply.status_code, reply.json()["error"]) == (400, "Failed to parse multipart request")
    assert "Too many files" in reply.json()["details"]
    assert (await admin.form("/api/v1/tools/resize/batch", *three[:2], settings)).status_code == 200

    logo = b'--e\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n%s\r\n--e--\r\n'
    for more, status in ((3072, 400), (0, 200)):
        sent = {"content-type": "multipart/form-data; boundary=e"}
        reply = await admin.call("POST", "/api/v1/settings/logo", logo % (PICTURE + bytes(more)), **sent)
        assert reply.status_code == status
        assert status == 200 or reply.json() == {"error": "Logo must be 3KB or smaller", "code": "VALIDATION_ERROR"}
    await admin.call("DELETE", "/api/v1/settings/logo")

    wide = encoded(disc(1200, 1000), "PNG")
    reply = await admin.tool("resize", wide, {"width": 9})
    assert reply.status_code == 400
    assert reply.json()["error"] == "Invalid image: Image exceeds maximum size: 1.2MP (limit: 1MP)"

    ends = datetime.fromisoformat((await admin.get("/api/auth/session")).json()["expiresAt"])
    assert timedelta(minutes=29) < ends - datetime.now(UTC) <= timedelta(minutes=30)
    people = (await admin.get("/api/auth/users")).json()
    assert people["maxUsers"] == 3
    # Those of other tests.
    for user in people["users"]:
        if user["username"] != ADMIN:
            assert (await admin.call("DELETE", f"/api/auth/users/{user['id']}")).status_code == 200
    await admin.person()
    await admin.person()
    full = await admin.post("/api/auth/register", {"username": "one-too-many", "password": "First-Password-1"})
    assert (full.status_code, full.json()) == (403, {"error": "User limit reached (3 max)", "code": "USER_LIMIT_REACHED"})
    taken = await admin.post("/api/auth/register", {"username": "admin", "password": "First-Password-1"})
    assert taken.status_code == 409

    # At once: what a minute allows comes back within the minute.
    attempts = (visitor.post("/api/auth/login", {"username": "x", "password": "y"}) for _ in range(100))
    replies = await asyncio.gather(*attempts)
    refused = [reply for reply in replies if reply.status_code == 429]
    assert refused
    assert int(refused[0].headers["retry-after"]) > 0
    assert "error" in refused[0].json()
    # Only signing in is held back.
    assert (await admin.get("/api/auth/session")).status_code == 200


@pytest.mark.thorough
async def test_without_signing_in_everybody_is_one_user(limited: StackUnderTest) -> None:
    limited.configure({**limited.configured, "DARKROOM_AUTH_ENABLED": "false"})
    limited.ensure_up()
    visitor = SnapOtter(limited.url)
    try:
        assert (await visitor.get("/api/v1/config/auth")).json() == {"authEnabled": False}
        for body in ({"username": "admin", "password": "admin"}, {}):
            login = await visitor.post("/api/auth/login", body)
            assert (login.status_code, login.json()["error"]) == (403, "Authentication is disabled")
        session = await visitor.get("/api/auth/session")
        assert (session.status_code, session.json()["error"]) == (401, "No session token provided")
        assert (await visitor.post("/api/auth/logout")).json() == {"ok": True}
        assert len(await visitor.result("resize", PICTURE, {"width": 9})) > 0
        assert (await visitor.get("/api/auth/users")).status_code == 403
        assert (await visitor.get("/api/v1/admin/health")).status_code == 403
        assert (await visitor.get("/api/v1/nothing")).status_code == 404
        # Other surfaces want keys as before.
        assert (await visitor.get("/v1/files")).status_code == 401
    finally:
        await visitor.http.aclose()
