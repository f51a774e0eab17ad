"""Bytes over connections that break."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from darkroom.backoff import Backoff
from darkroom.content import open_content
from darkroom.failures import ConnectionFailed, StorageError
from darkroom.files.v1 import files_service_pb2
from darkroom.naming import partial
from darkroom.transfer import Transfers
from darkroom.upload_calls import matching_parts
from tests.unit.client.storage import Storage, storage

BODY = bytes(range(256)) * 4096
PART = 300_000


@pytest.fixture
async def store() -> AsyncIterator[Storage]:
    async with storage() as opened_storage:
        yield opened_storage


@pytest.fixture
async def transfers() -> AsyncIterator[Transfers]:
    made = Transfers(Backoff(attempts=3, first_seconds=0.001))
    yield made
    await made.close()


async def test_a_download_goes_on_where_it_broke_off(store: Storage, transfers: Transfers, tmp_path: Path) -> None:
    store.objects["/a"] = BODY
    # More breaks than attempts: what moves on does not count as failing again.
    store.cuts = [100_000] * 5
    moved: list[int] = []
    await transfers.get(f"{store.url}/a", tmp_path / "a", moved.append)
    assert (tmp_path / "a").read_bytes() == BODY
    assert [sent for _, _, sent in store.requests] == ["", *(f"bytes={step * 100_000}-" for step in range(1, 6))]
    assert sum(moved) == len(BODY)


async def test_a_download_starts_over_when_what_is_stored_has_changed(store: Storage, transfers: Transfers, tmp_path: Path) -> None:
    store.objects["/a"] = b"old" * 10_000
    store.cuts = [20_000]
    moved: list[int] = []

    def progress(size: int) -> None:
        moved.append(size)
        store.objects["/a"] = BODY

    await transfers.get(f"{store.url}/a", tmp_path / "a", progress)
    assert (tmp_path / "a").read_bytes() == BODY
    assert sum(moved) == len(BODY)


async def test_a_download_that_fails_leaves_nothing(store: Storage, transfers: Transfers, tmp_path: Path) -> None:
    store.objects["/a"] = BODY
    store.cuts = [100, 0, 0, 0]
    with pytest.raises(ConnectionFailed), partial(tmp_path / "a") as part:
        await transfers.get(f"{store.url}/a", part, lambda _: None)
    assert list(tmp_path.iterdir()) == []


async def test_only_parts_that_are_missing_or_broke_off_are_sent(store: Storage, transfers: Transfers) -> None:
    urls = [f"{store.url}/{number}" for number in range(1, 5)]
    store.cuts = [1000]
    etags = {2: "there"}
    moved: list[int] = []
    with open_content(BODY, "a.png") as content:
        await transfers.put_parts(urls, PART, content, dict(etags), moved.append, etags.__setitem__)
    assert sorted(path for _, path, _ in store.requests) == ["/1", "/1", "/3", "/4"]
    assert store.objects["/1"] == BODY[:PART]
    assert store.objects["/4"] == BODY[3 * PART :]
    assert sorted(etags) == [1, 2, 3, 4]
    assert sum(moved) == len(BODY) - PART


async def test_a_part_that_is_refused_ends_the_others(store: Storage, transfers: Transfers) -> None:
    store.refusals = ["403 Forbidden"]
    etags: dict[int, str] = {}
    parts = len(BODY) // 10_000 + 1
    with open_content(BODY, "a.png") as content, pytest.raises(StorageError) as caught:
        await transfers.put_parts(
            [f"{store.url}/{number}" for number in range(parts)], 10_000, content, {}, lambda _: None, etags.__setitem__
        )
    assert caught.value.reason == "URL_EXPIRED"
    assert [task for task in asyncio.all_tasks() if "put_parts" in repr(task)] == []
    assert len(store.requests) < parts


async def test_a_busy_storage_is_asked_again(store: Storage, transfers: Transfers) -> None:
    store.refusals = ["503 Slow Down", "429 Too Many Requests\r\nretry-after: 0"]
    with open_content(BODY, "a.png") as content:
        await transfers.put(f"{store.url}/a", content, 0, len(BODY), lambda _: None)
    assert store.objects["/a"] == BODY


async def test_a_storage_that_asks_for_more_time_than_there_is_fails(store: Storage, transfers: Transfers) -> None:
    store.refusals = ["503 Slow Down\r\nretry-after: 9999"]
    with pytest.raises(StorageError) as caught:
        await transfers.read(f"{store.url}/a")
    assert caught.value.retry_after == 9999


def test_a_part_of_another_version_of_the_file_is_sent_again() -> None:
    parts = files_service_pb2.MultipartUpload(part_size_bytes=PART)
    reply = files_service_pb2.ResumeUploadResponse(upload=files_service_pb2.Upload(multipart=parts))
    pieces = {1: BODY[:PART], 2: bytes(PART), 4: BODY[3 * PART :]}
    for number, piece in pieces.items():
        etag = f'"{hashlib.md5(piece).hexdigest()}"'
        reply.arrived.add(part=files_service_pb2.UploadedPart(part_number=number, etag=etag), size_bytes=len(piece))
    with open_content(BODY, "a.png") as content:
        assert list(matching_parts(content, reply)) == [1, 4]


class _Pipe(io.RawIOBase):
    """A stream that cannot be rewound."""

    def __init__(self, body: bytes) -> None:
        self._body = io.BytesIO(body)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        return self._body.readinto(buffer)


def test_anything_that_holds_bytes_is_a_source(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(b"\x89PNG 1234")
    with path.open("rb") as file:
        file.seek(5)
        sources = [(path, "photo.png", 9), (str(path), "photo.png", 9), (file, "photo.png", 4), (b"%PDF-1.7", "upload.pdf", 8)]
        for source, name, size in sources:
            with open_content(source) as content:
                assert (content.name, content.size_bytes) == (name, size)
        with open_content(file) as content:
            assert content.read(1, 2) == b"23"
    with open_content(_Pipe(b"\x89PNG"), "named.png") as content:
        assert (content.name, content.size_bytes, content.read(0, 9)) == ("named.png", 4, b"\x89PNG")
    with pytest.raises(ValueError, match="name"), open_content(b"unknown"):
        pass
