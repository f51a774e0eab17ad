"""Uploads to object storage pass the edge only if the files service lets them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx
import pytest

from darkroom.files.v1 import files_service_pb2, files_service_pb2_grpc
from edge.settings import EdgeSettings
from services.files.domain.arrivals import PutRefusal, UploadPut
from services.files.presign import Presigner
from services.platform.errors import ErrorReason, from_rpc
from tests.component.edge.conftest import Edge, envoy
from tests.component.edge.storekeeper import Storekeeper
from tests.harness.parts import stack_with

ANSWERS = {
    PutRefusal.UNSIGNED: (403, "PERMISSION_DENIED", None),
    PutRefusal.ENDED: (404, "UPLOAD_NOT_FOUND", None),
    PutRefusal.BUSY: (503, "UNAVAILABLE", "2"),
    PutRefusal.NO_LENGTH: (411, "MALFORMED_REQUEST", None),
    PutRefusal.TOO_LONG: (413, "BODY_TOO_LARGE", None),
    PutRefusal.DISK_FULL: (503, "DISK_FULL", "10"),
    PutRefusal.TOO_MANY: (429, "TOO_MANY_STREAMS", "5"),
}


@pytest.fixture
def storekeeper(edge: Edge) -> Storekeeper:
    return edge.upstream.storekeeper


async def test_each_refusal_has_an_answer_and_nothing_is_stored(edge: Edge, http: httpx.AsyncClient, storekeeper: Storekeeper) -> None:
    origin = {"origin": "https://shop.example"}
    async with httpx.AsyncClient(base_url=edge.url, http1=False, http2=True, trust_env=False) as http2:
        for client in (http, http2):
            for refusal in PutRefusal:
                storekeeper.refusal = refusal
                reply = await client.put(edge.presigner.put("refused", 60), content=b"x", headers=origin)
                answer = reply.status_code, reply.json()["error"]["reason"], reply.headers.get("retry-after")
                assert answer == ANSWERS[refusal]
                assert reply.headers["access-control-allow-origin"] == "https://shop.example"
    storekeeper.refusal = ""
    assert (await http.get(edge.presigner.get("refused", 60))).status_code == 404


async def test_only_uploads_are_asked_about_and_without_their_other_headers(
    edge: Edge, http: httpx.AsyncClient, storekeeper: Storekeeper
) -> None:
    url, content = edge.presigner.put("asked", 60, "image/png"), b"content"
    headers = {**edge.headers, "content-type": "image/png", "x-refused": PutRefusal.ENDED}
    assert (await http.put(url, content=content, headers=headers)).status_code == 200
    assert (await http.get(edge.presigner.get("asked", 60))).content == content
    [asked] = storekeeper.asked
    assert (asked.method, asked.path) == ("PUT", url.removeprefix(edge.url))
    assert {"content-length": "7", "content-type": "image/png"}.items() <= dict(asked.headers).items()
    assert "authorization" not in asked.headers
    # It is as it was signed.
    signed = edge.presigner.signed_put(asked.path, asked.headers)
    assert signed is not None
    assert signed.key == "asked"


def put_of(key: str, size: int, upload_id: str | None = None) -> UploadPut:
    return UploadPut(key, upload_id, 3, size)


async def test_files_hears_of_a_put_until_it_ends(edge: Edge, http: httpx.AsyncClient, storekeeper: Storekeeper) -> None:
    storekeeper.put, puts = put_of("followed", 7, "upload"), storekeeper.puts
    assert (await http.put(edge.presigner.put("followed", 60), content=b"content")).status_code == 200
    assert puts.began == puts.stored_ones == [storekeeper.put]
    # What the storage refuses has stored nothing.
    assert (await http.put(edge.presigner.put("followed", 60).replace("Signature=", "Signature=0"), content=b"content")).status_code == 403
    await puts.run(0)
    assert (len(puts.began), len(puts.stored_ones)) == (2, 1)
    # No PUT fails because files cannot follow it.
    puts.away = True
    assert (await http.put(edge.presigner.put("followed", 60), content=b"content")).status_code == 200


async def test_a_put_of_an_upload_that_has_ended_meanwhile(edge: Edge, http: httpx.AsyncClient, storekeeper: Storekeeper) -> None:
    storekeeper.put, storekeeper.puts.open = put_of("late", 7), False
    reply = await http.put(edge.presigner.put("late", 60), content=b"content", headers={"origin": "https://shop.example"})
    assert (reply.status_code, reply.json()["error"]["reason"]) == (404, "UPLOAD_NOT_FOUND")
    assert reply.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in (await http.put(edge.presigner.put("late", 60), content=b"content")).headers


async def test_one_too_many_is_refused(edge: Edge, http: httpx.AsyncClient, storekeeper: Storekeeper) -> None:
    storekeeper.put, storekeeper.puts.refuses = put_of("crowded", 7), PutRefusal.TOO_MANY
    reply = await http.put(edge.presigner.put("crowded", 60), content=b"content")
    assert (reply.status_code, reply.json()["error"]["reason"]) == (429, "TOO_MANY_STREAMS")
    assert (await http.get(edge.presigner.get("crowded", 60))).status_code == 404


async def test_a_running_put_ends_with_its_upload_and_with_its_client(
    edge: Edge, http: httpx.AsyncClient, storekeeper: Storekeeper
) -> None:
    puts, goes_on = storekeeper.puts, asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"half"
        await goes_on.wait()
        yield b"half"

    async def begun(key: str) -> asyncio.Task[httpx.Response]:
        storekeeper.put = put_of(key, 8)
        sending = asyncio.create_task(http.put(edge.presigner.put(key, 60), content=slowly(), headers={"content-length": "8"}))
        await puts.run(1)
        return sending

    leaving = await begun("left")
    leaving.cancel()
    await puts.run(0)
    ending = await begun("ended")
    puts.running_ones[0].set()
    await puts.run(0)
    goes_on.set()
    reply = await ending
    assert (reply.status_code, reply.json()["error"]["reason"]) == (404, "UPLOAD_NOT_FOUND")
    assert not puts.stored_ones
    for key in ("left", "ended"):
        assert (await http.get(edge.presigner.get(key, 60))).status_code == 404


@pytest.fixture
async def without_files(request: pytest.FixtureRequest, edge_settings: dict[str, Any]) -> AsyncIterator[tuple[EdgeSettings, Presigner]]:
    """An edge with nothing where files should be."""
    storage = await asyncio.to_thread(stack_with(request, "s3").create_bucket)
    nowhere = {"edge_files": f"unix:{edge_settings['out']}.sock", "s3_endpoint": storage.endpoint, "s3_bucket": storage.bucket}
    settings = EdgeSettings(**edge_settings | nowhere)
    async with envoy(settings):
        yield settings, Presigner(str(settings.public_url), storage.bucket, "us-east-1", storage.access_key, storage.secret_key)


async def test_a_files_service_that_is_down(without_files: tuple[EdgeSettings, Presigner], edge: Edge, http: httpx.AsyncClient) -> None:
    settings, presigner = without_files
    refused = await http.put(presigner.put("x", 60), content=b"x")
    assert (refused.status_code, refused.json()["error"]["reason"]) == (503, "UNAVAILABLE")
    assert refused.headers["retry-after"]
    assert (await http.get(presigner.get("x", 60))).status_code == 404
    async with grpc.aio.insecure_channel(settings.edge_listen) as channel:
        files, key = files_service_pb2_grpc.FilesServiceStub(channel), (("authorization", f"Bearer {edge.account.api_key}"),)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await files.GetFile(files_service_pb2.GetFileRequest(file_id=1), metadata=key)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert from_rpc(caught.value).reason is ErrorReason.UNAVAILABLE
    assert ".sock" not in str(caught.value.details())
