"""The way to object storage: presigned URLs work untouched, and nothing else does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

import httpx
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from services.files.presign import Presigner
from tests.component.edge.conftest import UPLOAD_LIMIT, Edge

KEYS = ["plain", "folder/a b.png", "水印/é+%2F&=.pdf", "..dots/x"]


async def pieces(size: int) -> AsyncIterator[bytes]:
    for start in range(0, size, 65536):
        yield bytes(min(65536, size - start))


@pytest.mark.parametrize("key", KEYS)
async def test_presigned_put_and_get(edge: Edge, http: httpx.AsyncClient, key: str) -> None:
    content = os.urandom(100_000)
    put = await http.put(edge.presigner.put(quoted(key), 60), content=content)
    assert put.status_code == 200
    assert put.headers["etag"]
    got = await http.get(edge.presigner.get(quoted(key), 60))
    assert (got.status_code, got.content) == (200, content)


def quoted(key: str) -> str:
    return quote(key, safe="/-_.~")


async def test_larger_than_any_buffer(edge: Edge, http: httpx.AsyncClient) -> None:
    length = {"content-length": str(UPLOAD_LIMIT)}
    assert (await http.put(edge.presigner.put("large", 60), headers=length, content=pieces(UPLOAD_LIMIT))).status_code == 200
    assert len((await http.get(edge.presigner.get("large", 60))).content) == UPLOAD_LIMIT


async def test_a_part_of_an_object_is_marked_as_one(edge: Edge, http: httpx.AsyncClient) -> None:
    await http.put(edge.presigner.put("x", 60), content=b"0123456789")
    reply = await http.get(edge.presigner.get("x", 60), headers={"range": "bytes=3-5"})
    assert (reply.status_code, reply.content, reply.headers["content-range"]) == (206, b"345", "bytes 3-5/10")


async def test_nothing_stored_is_called_compressed(edge: Edge, http: httpx.AsyncClient) -> None:
    """Storage keeps that header and repeats it; who believes it expands a file that nobody ever compressed."""
    content, gzip = b"\x1f\x8b not gzip", {"content-encoding": "gzip"}
    assert (await http.put(edge.presigner.put("lie", 60), headers=gzip, content=content)).status_code == 200
    # Past the edge, as before it took the header away.
    direct = Presigner(edge.storage.endpoint, edge.storage.bucket, "us-east-1", edge.storage.access_key, edge.storage.secret_key)
    assert (await http.put(direct.put("older", 60), headers=gzip, content=content)).status_code == 200
    assert "content-encoding" not in (await http.head(direct.get("lie", 60))).headers
    for key in ("lie", "older"):
        reply = await http.get(edge.presigner.get(key, 60))
        assert (reply.status_code, reply.headers.get("content-encoding"), reply.content) == (200, None, content)


async def test_tampered_url_is_refused(edge: Edge, http: httpx.AsyncClient) -> None:
    url = edge.presigner.put("mine", 60)
    assert (await http.put(url.replace("/mine?", "/yours?"), content=b"x")).status_code == 403
    assert (await http.get(url)).status_code == 403
    assert (await http.get(edge.presigner.get("yours", 60))).status_code == 404


async def test_expired_url_says_so(edge: Edge, http: httpx.AsyncClient) -> None:
    origin = {"origin": "https://shop.example"}
    url = httpx.URL(edge.presigner.get("x", 7200))
    for seconds in (7000, 7300):
        signed = datetime.now(UTC) - timedelta(seconds=seconds)
        reply = await http.get(url.copy_set_param("X-Amz-Date", f"{signed:%Y%m%dT%H%M%SZ}"), headers=origin)
        assert reply.status_code == 403
        # Within its time the storage judges it, and finds that its date is not the one that was signed.
        assert ("This URL has expired." in reply.text) == (seconds > 7200)
        assert reply.headers["access-control-allow-origin"] == "https://shop.example"
    assert reply.json() == {"error": {"reason": "PERMISSION_DENIED", "message": "This URL has expired. Ask for a new one."}}


async def test_upload_limit(edge: Edge, http: httpx.AsyncClient) -> None:
    reply = await http.put(edge.presigner.put("too-large", 60), content=bytes(UPLOAD_LIMIT + 1))
    assert reply.status_code == 413
    assert reply.json() == {"error": {"reason": "BODY_TOO_LARGE", "message": "The request body is too large."}}
    assert (await http.get(edge.presigner.get("too-large", 60))).status_code == 404


async def test_a_url_may_take_less(edge: Edge, http: httpx.AsyncClient) -> None:
    url = edge.presigner.put("small", 60, most_bytes=1000)
    reply = await http.put(url, content=bytes(1001))
    assert (reply.status_code, reply.json()["error"]["reason"]) == (413, "BODY_TOO_LARGE")
    assert "exceeds the announced size" in reply.json()["error"]["message"]
    assert (await http.put(url, content=pieces(1001))).status_code == 411
    assert (await http.put(url.replace("max-bytes=1000", "max-bytes=2000"), content=bytes(1001))).status_code == 403
    assert (await http.get(edge.presigner.get("small", 60))).status_code == 404
    assert (await http.put(url, content=bytes(1000))).status_code == 200


async def test_upload_of_undeclared_length_leaves_nothing(edge: Edge, http: httpx.AsyncClient) -> None:
    """S3 wants a length (411); the edge counts what comes without one (413)."""
    reply = await http.put(edge.presigner.put("too-large", 60), content=pieces(UPLOAD_LIMIT + 1))
    assert reply.status_code in (411, 413)
    assert (await http.get(edge.presigner.get("too-large", 60))).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "", 404),
        ("GET", "/", 404),
        ("GET", "?list-type=2", 404),
        ("GET", "/?list-type=2", 404),
        ("GET", "//?list-type=2", 404),
        ("PUT", "/", 404),
        ("DELETE", "/", 404),
        ("GET", "/key", 403),
        ("PUT", "/key", 403),
        ("DELETE", "/key", 405),
        ("POST", "/key?uploads", 405),
    ],
)
async def test_nothing_but_objects_by_url(edge: Edge, http: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    """Even for who has the storage's credentials."""
    url = f"{edge.url}/{edge.storage.bucket}{path}"
    request = AWSRequest(method, url, headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    S3SigV4Auth(Credentials(edge.storage.access_key, edge.storage.secret_key), "s3", "us-east-1").add_auth(request)
    reply = await http.request(method, url, headers=dict(request.headers.items()))
    assert reply.status_code == status
    assert reply.json().keys() == {"error"}


async def test_listing_by_presigned_url_is_refused(edge: Edge, http: httpx.AsyncClient) -> None:
    reply = await http.get(edge.presigner.get("", 60))
    assert (reply.status_code, reply.json()["error"]["reason"]) == (404, "ROUTE_NOT_FOUND")


async def test_presigned_put_cannot_copy_another_object(edge: Edge, http: httpx.AsyncClient) -> None:
    await http.put(edge.presigner.put("theirs", 60), content=b"secret")
    headers = {"x-amz-copy-source": f"/{edge.storage.bucket}/theirs"}
    await http.put(edge.presigner.put("mine", 60), headers=headers, content=b"own")
    assert (await http.get(edge.presigner.get("mine", 60))).content == b"own"


async def test_key_sent_by_mistake_does_no_harm(edge: Edge, http: httpx.AsyncClient) -> None:
    assert (await http.put(edge.presigner.put("x", 60), headers=edge.headers, content=b"x")).status_code == 200
    assert (await http.get(edge.presigner.get("x", 60), headers=edge.headers)).content == b"x"


async def test_downloads_never_run_in_a_browser(edge: Edge, http: httpx.AsyncClient) -> None:
    await http.put(edge.presigner.put("page.html", 60), content=b"<script>", headers={"content-type": "text/html"})
    reply = await http.get(edge.presigner.get("page.html", 60))
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert reply.headers["content-disposition"] == "attachment"
    named = await http.get(edge.presigner.get("page.html", 60, disposition='attachment; filename="a.html"'))
    assert named.headers.get_list("content-disposition") == ['attachment; filename="a.html"']


@pytest.mark.parametrize("method", ["PUT", "GET", "HEAD"])
async def test_preflight_from_any_origin(edge: Edge, http: httpx.AsyncClient, method: str) -> None:
    origin = {"origin": "https://shop.example"}
    asked = {**origin, "access-control-request-method": method, "access-control-request-headers": "content-type"}
    reply = await http.options(edge.presigner.put("x", 60), headers=asked)
    assert reply.status_code in (200, 204)
    assert reply.headers["access-control-allow-origin"] == "https://shop.example"
    assert method in reply.headers["access-control-allow-methods"]
    assert reply.headers["access-control-allow-headers"] == "content-type"


async def test_scripts_can_read_the_etag(edge: Edge, http: httpx.AsyncClient) -> None:
    origin = {"origin": "https://shop.example"}
    reply = await http.put(edge.presigner.put("x", 60), headers=origin, content=b"x")
    assert reply.headers["access-control-allow-origin"] == "https://shop.example"
    assert "ETag" in reply.headers["access-control-expose-headers"]
    refused = await http.put(edge.presigner.put("x", 60).replace("/x?", "/y?"), headers=origin, content=b"x")
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (403, "https://shop.example")


async def test_plain_options(edge: Edge, http: httpx.AsyncClient) -> None:
    reply = await http.options(edge.presigner.put("x", 60))
    assert (reply.status_code, reply.headers["allow"]) == (204, "GET, HEAD, PUT, OPTIONS")


async def test_signature_is_for_the_public_host_whatever_a_proxy_sends(edge: Edge, http: httpx.AsyncClient) -> None:
    parts = urlsplit(edge.presigner.put("x", 60))
    reply = await http.put(f"{parts.path}?{parts.query}", headers={"host": "edge.internal:8080"}, content=b"x")
    assert reply.status_code == 200
    other = Presigner("http://other.example", edge.storage.bucket, "us-east-1", edge.storage.access_key, edge.storage.secret_key)
    parts = urlsplit(other.put("x", 60))
    reply = await http.put(f"{parts.path}?{parts.query}", headers={"host": "other.example"}, content=b"x")
    assert reply.status_code == 403


async def test_query_is_not_logged(edge: Edge, http: httpx.AsyncClient) -> None:
    # Envoy itself has something to say about an upload that is too large.
    reply = await http.put(edge.presigner.put("refused-key", 60), content=b"x" * (UPLOAD_LIMIT + 1))
    assert reply.status_code == 413
    await http.get(edge.presigner.get("logged-key", 60))
    async with asyncio.timeout(60):
        while not all(key in edge.log.read_text() for key in ("refused-key", "logged-key")):
            await asyncio.sleep(0.1)
    assert "Signature" not in edge.log.read_text()
