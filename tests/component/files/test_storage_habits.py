"""What kinds of object storage do differently, and how Darkroom fares there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.files.domain.keys import FILES, object_key, trial_key
from services.files.domain.multipart import UploadedPart
from services.files.domain.task_files import NewOutput
from services.files.domain.uploads import UploadMode
from services.files.object_client import store_of
from services.files.presign import Presigner
from services.files.records import StoredOutput
from services.files.transfers import Transfers
from services.inference.worker.object_transfer import ObjectTransfer
from services.platform.backoff import Backoff
from services.platform.errors import DarkroomError, ErrorReason
from tests.component.files import content
from tests.component.files.world import World
from tests.harness.storage_proxy import Seen, StorageProxy, storage_proxy
from tests.stacks import ObjectStorage

MEBIBYTE = 1024**2
KINDS = pytest.mark.parametrize("object_storage", ["rclone", "aws"], indirect=True, ids=["rclone", "aws"])
AWS = pytest.mark.parametrize("object_storage", ["aws"], indirect=True)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Backoff, "pause", lambda _backoff, _failures: 0.01)


@pytest.fixture
async def proxy(object_storage: ObjectStorage) -> AsyncIterator[StorageProxy]:
    async with storage_proxy(object_storage.endpoint) as started:
        yield started


@pytest.fixture
def settings(settings: Any, proxy: StorageProxy) -> Any:
    return settings.model_copy(update={"s3_endpoint": proxy.endpoint, "s3_public_endpoint": proxy.endpoint})


def presigner(world: World) -> Presigner:
    """Signs as the service does."""
    of = world.settings
    return Presigner(of.s3_endpoint, of.s3_bucket, of.s3_region, of.s3_access_key, of.s3_secret_key.get_secret_value(), of.s3_addressing)


def operation(method: str, part: str = "") -> Any:
    """Whether a request is one of these."""
    return lambda seen: seen.method == method and part in seen.target


@pytest.mark.cases(1)
@KINDS
async def test_storage_that_is_busy_for_a_moment_is_asked_again(world: World, proxy: StorageProxy) -> None:
    account = world.account()
    file = await world.uploaded(account, "photo.png", content.png())
    for busy in (operation("GET", "uploads/"), operation("PUT", "files/"), operation("POST", "delete"), operation("GET", "list-type")):
        proxy.says(busy, 503, "SlowDown")
    [pinned] = await world.files.task_files.pin(account, world.task(), [file.id])
    copied = object_key(account, file.id)
    proxy.says(lambda seen: "x-amz-copy-source" in seen.headers, 503, "SlowDown")
    await world.objects.copy(pinned.object_key, str(pinned.etag), copied, "image/png")
    assert await world.objects.delete([copied]) == {copied}
    assert await world.keys() == [pinned.object_key]
    assert not [said for said in proxy.said if said.times], "everything was asked again"


@pytest.mark.cases(1)
@KINDS
async def test_storage_that_stays_busy_is_unavailable_and_changes_nothing(world: World, proxy: StorageProxy) -> None:
    account = world.account()
    file = await world.uploaded(account, "photo.png", content.png())
    proxy.says(operation("GET", "uploads/"), 503, "SlowDown", times=1000)
    with pytest.raises(DarkroomError) as raised:
        await asyncio.wait_for(world.files.task_files.pin(account, world.task(), [file.id]), 30)
    assert raised.value.reason is ErrorReason.UNAVAILABLE
    proxy.said.clear()
    assert await world.files.task_files.pin(account, world.task(), [file.id])


@pytest.mark.cases(1)
@KINDS
@pytest.mark.parametrize("joined", [False, True], ids=["not joined", "joined"])
async def test_an_error_with_status_200_is_an_error(world: World, proxy: StorageProxy, joined: bool) -> None:
    """Joining parts takes long, so that storage has said 200 before it knows."""
    account, data = world.account(), content.png(padding=7 * MEBIBYTE)
    created = await world.create(account, "large.png", len(data), UploadMode.MULTIPART)
    size = created.part_bytes
    etags = [await world.put(url, data[at * size : (at + 1) * size]) for at, url in enumerate(created.part_urls)]
    proxy.says(operation("POST", "uploadId"), 200, "InternalError", passed_on=joined)
    file = await world.files.uploads.complete(account, created.file.id, [UploadedPart(at, etag) for at, etag in enumerate(etags, 1)])
    assert (file.size_bytes, len(proxy.sees("POST", "uploadId"))) == (len(data), 2)


@KINDS
async def test_what_storage_needs_to_know_of_a_request_is_what_every_storage_understands(world: World, proxy: StorageProxy) -> None:
    account, data = world.account(), content.png(padding=7 * MEBIBYTE)
    created = await world.create(account, "large.png", len(data), UploadMode.MULTIPART)
    size = created.part_bytes
    etags = [await world.put(url, data[at * size : (at + 1) * size]) for at, url in enumerate(created.part_urls)]
    # Sent again, as a client does whose answer was lost.
    assert await world.put(created.part_urls[0], data[:size]) == etags[0]
    assert all(etag.startswith('"') and etag.endswith('"') for etag in etags)
    file = await world.files.uploads.complete(account, created.file.id, [UploadedPart(at, etag) for at, etag in enumerate(etags, 1)])
    await world.files.library.delete(account, file.id)
    await world.sweep()
    [deletion] = proxy.sees("POST", "delete")
    assert "content-md5" in deletion.headers
    for seen in proxy.seen:
        assert not [name for name in seen.headers if name.lower().startswith(("x-amz-checksum", "x-amz-sdk-checksum", "x-amz-trailer"))]
        assert "aws-chunked" not in seen.headers.get("content-encoding", "")


@AWS
async def test_parts_that_are_too_small_are_told_as_such(world: World) -> None:
    account, data = world.account(), content.png(padding=6 * MEBIBYTE)
    created = await world.create(account, "large.png", len(data), UploadMode.MULTIPART)
    half = len(data) // 2
    etags = [await world.put(url, piece) for url, piece in zip(created.part_urls, (data[:half], data[half:]), strict=True)]
    with pytest.raises(DarkroomError, match="every part but the last must have 5 MiB") as raised:
        await world.files.uploads.complete(account, created.file.id, [UploadedPart(at, etag) for at, etag in enumerate(etags, 1)])
    assert (raised.value.reason, raised.value.field) == (ErrorReason.FIELD_INVALID, "parts")
    etags = [await world.put(url, data[at * 5 * MEBIBYTE :][: 5 * MEBIBYTE]) for at, url in enumerate(created.part_urls)]
    file = await world.files.uploads.complete(account, created.file.id, [UploadedPart(at, etag) for at, etag in enumerate(etags, 1)])
    assert file.size_bytes == len(data)


@AWS
async def test_listings_go_on_where_a_page_ends(world: World, proxy: StorageProxy) -> None:
    def short_pages(seen: Seen) -> str:
        most = "&max-parts=5" if "uploadId" in seen.target else "&max-keys=5" if "list-type" in seen.target else ""
        return seen.target + (most if seen.method == "GET" else "")

    proxy.rewritten = short_pages
    keys = [object_key(1, number) for number in range(1, 13)]
    upload_id = await world.objects.start_upload(keys[0], "image/png")
    urls = presigner(world)
    for number in range(1, 13):
        await world.put(urls.put_part(keys[0], upload_id, number, 60), bytes(number))
        await world.put(urls.put(keys[number - 1], 60), b"x")
    parts = await world.objects.parts(keys[0], upload_id)
    assert {number: part.size_bytes for number, part in parts.items()} == {number: number for number in range(1, 13)}
    assert sorted(await world.keys()) == sorted(keys)
    assert len(proxy.sees("GET", "uploadId")) == len(proxy.sees("GET", "list-type")) == 3


@KINDS
async def test_conditional_puts_are_used_where_storage_knows_them(world: World, object_storage: ObjectStorage, proxy: StorageProxy) -> None:
    transfers = Transfers(world.writer.http, presigner(world), 60)
    assert not transfers.only_if_absent
    await transfers.try_out(trial_key)
    known = object_storage.access_key == "access"
    assert transfers.only_if_absent is known
    tried = len(proxy.seen)
    await transfers.try_out(trial_key)
    assert len(proxy.seen) == tried, "it is tried once"
    assert await world.keys() == []


@KINDS
async def test_storage_that_refuses_conditions_gets_none(world: World, proxy: StorageProxy) -> None:
    """Some storage says 501 to headers that it does not know."""
    proxy.says(lambda seen: "if-none-match" in seen.headers, 501, "NotImplemented", times=1000)
    transfers = Transfers(world.writer.http, presigner(world), 60)
    await transfers.try_out(trial_key)
    assert not transfers.only_if_absent
    assert await transfers.store(object_key(1, 2), b"x", "image/png")


async def test_what_storage_can_do_is_not_known_while_it_is_away(world: World, proxy: StorageProxy) -> None:
    transfers = Transfers(world.writer.http, presigner(world), 60)
    for status in (503, 403):
        proxy.says(operation("PUT"), status, "SlowDown", times=1000)
        with pytest.raises(DarkroomError):
            await asyncio.wait_for(transfers.try_out(trial_key), 30)
        proxy.said.clear()
    assert transfers._only_if_absent is None


@AWS
async def test_a_result_whose_answer_was_lost_stays_as_it_is(world: World, proxy: StorageProxy) -> None:
    """The worker sends it again, and storage keeps the first: its ETag is not what a late second one would make of it."""
    files = world.again(s3_conditional_puts=True)
    account, task = world.account(), world.task()
    [created] = await files.task_files.create_outputs(account, task, 1, [NewOutput("out.png", "image/png")])
    assert created.only_if_absent
    proxy.says(operation("PUT", FILES), 500, "InternalError", passed_on=True)
    transfer = ObjectTransfer(world.writer.http, 20)
    stored = await transfer.upload(created.url, "image/png", content.png(), lambda _: None, only_if_absent=created.only_if_absent)
    assert (stored.etag, len(proxy.sees("PUT", FILES))) == (None, 2)
    [ready] = await files.task_files.finalize_outputs(account, task, 1, [created.file.id])
    assert ready.size_bytes == len(content.png())
    late = await world.http.put(created.url, content=b"late", headers={"content-type": "image/png", "if-none-match": "*"})
    assert late.status_code == 412
    assert (await world.objects.head(ready.object_key)).etag == ready.etag  # type: ignore[union-attr]


@AWS
async def test_what_the_service_stores_is_stored_once(world: World, proxy: StorageProxy) -> None:
    transfers = Transfers(world.writer.http, presigner(world), 60, conditional_puts=True)
    key = object_key(1, 2)
    proxy.says(operation("PUT", FILES), 500, "InternalError", passed_on=True)
    etag = await transfers.store(key, b"content", "image/png")
    found = await world.objects.head(key)
    assert found is not None
    assert (found.etag, len(proxy.sees("PUT", FILES))) == (etag, 2)


@AWS
async def test_an_upload_by_a_url_needs_no_condition(world: World) -> None:
    files = world.again(s3_conditional_puts=True)
    account, task = world.account(), world.task()
    [created] = await files.task_files.create_outputs(account, task, 1, [NewOutput("out.png", "image/png")])
    stored = await ObjectTransfer(world.writer.http, 20).upload(created.url, "image/png", content.png(), lambda _: None)
    told = StoredOutput(created.file.id, str(stored.etag), stored.size)
    [ready] = await files.task_files.finalize_outputs(account, task, 1, [created.file.id], [told])
    assert ready.etag == stored.etag


@KINDS
async def test_an_input_that_a_rule_of_the_bucket_has_deleted(world: World, object_storage: ObjectStorage, tmp_path: Path) -> None:
    """A task that reads it ends with an error that says so, and lists show it no longer."""
    account, task = world.account(), world.task()
    file = await world.uploaded(account, "photo.png", content.png())
    [pinned] = await world.again(recent_bytes=0).task_files.pin(account, task, [file.id])
    await world.objects.delete([pinned.object_key])
    [opened] = await world.again(recent_bytes=0).task_files.open_inputs(account, task, [pinned.id])
    direct = opened.url.replace(world.settings.s3_endpoint, object_storage.endpoint)
    transfer = ObjectTransfer(world.writer.http, 1)
    if object_storage.access_key != "access":
        # moto answers 403 to presigned URLs of what is not there, which no other storage does for a key that may list the bucket.
        with pytest.raises(DarkroomError) as raised:
            await transfer.download(opened.url, str(pinned.etag), pinned.size_bytes, tmp_path / "input", lambda _: None)
        assert raised.value.reason is ErrorReason.FILE_NOT_FOUND
        assert (await world.http.get(direct)).status_code in (403, 404)
    await world.files.reconciler.step()
    assert not (await world.files.library.page(account, 10, "")).files


@AWS
async def test_a_bucket_that_keeps_versions(world: World, object_storage: ObjectStorage) -> None:
    versioned = (
        '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>'
    )
    told = await world.http.put(f"{object_storage.endpoint}/{object_storage.bucket}?versioning", content=versioned)
    assert told.status_code == 200
    account = world.account()
    file = await world.uploaded(account, "photo.png", content.png())
    ready = await world.files.uploads.complete(account, file.id, [])
    await world.files.library.delete(account, ready.id)
    await world.sweep()
    assert await world.keys() == []
    assert await world.objects.head(ready.object_key) is None
    versions = (await world.http.get(f"{object_storage.endpoint}/{object_storage.bucket}?versions")).text
    assert ready.object_key in versions


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name below `localhost` is this machine, as a resolver may have it or not."""
    resolve = socket.getaddrinfo

    def resolved(host: Any, *arguments: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        return resolve("127.0.0.1" if name.endswith(".localhost") else host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)


@AWS
@pytest.mark.usefixtures("hosts")
async def test_the_bucket_in_the_host_name(world: World, proxy: StorageProxy) -> None:
    endpoint = f"http://localhost:{proxy.port}"
    told = {"s3_endpoint": endpoint, "s3_public_endpoint": endpoint, "s3_addressing": "virtual"}
    settings = world.settings.model_copy(update=told)
    async with store_of(settings) as objects:
        virtual = replace(world, settings=settings, objects=objects)
        files = virtual.files = virtual.again()
        account, task, data = virtual.account(), virtual.task(), content.png(padding=7 * MEBIBYTE)
        small = await virtual.uploaded(account, "small.png", content.png())
        created = await virtual.create(account, "large.png", len(data), UploadMode.MULTIPART)
        size = created.part_bytes
        etags = [await virtual.put(url, data[at * size : (at + 1) * size]) for at, url in enumerate(created.part_urls)]
        await files.uploads.complete(account, created.file.id, [UploadedPart(at, etag) for at, etag in enumerate(etags, 1)])
        [pinned, _] = await files.task_files.pin(account, task, [small.id, created.file.id])
        [opened] = await virtual.again(recent_bytes=0).task_files.open_inputs(account, task, [pinned.id])
        assert (await world.http.get(opened.url)).content == content.png()
        await objects.copy(pinned.object_key, str(pinned.etag), object_key(account, 1), "image/png")
        await objects.delete([object_key(account, 1)])
    assert {seen.headers["host"] for seen in proxy.seen} == {f"{settings.s3_bucket}.localhost:{proxy.port}"}
    assert not [seen for seen in proxy.seen if seen.target.startswith(f"/{settings.s3_bucket}/")]


async def test_a_signature_that_is_refused_for_its_time_is_told_to_the_operator(world: World, proxy: StorageProxy) -> None:
    late = {"Date": "Wed, 01 Jan 2020 00:00:00 GMT"}
    for method in ("PUT", "POST"):
        proxy.says(operation(method), 403, "RequestTimeTooSkewed", times=1000, headers=late)
    with capture_logs() as lines:
        with pytest.raises(DarkroomError):
            await world.objects.start_upload(trial_key(), "image/png")
        with pytest.raises(DarkroomError):
            await Transfers(world.writer.http, presigner(world), 60).store(object_key(1, 2), b"x", "image/png")
    told = [line for line in lines if line["event"] == "storage_clock_differs"]
    assert len(told) >= 2
    assert all(line["seconds_ahead"] > 86400 and "NTP" in line["advice"] for line in told)
