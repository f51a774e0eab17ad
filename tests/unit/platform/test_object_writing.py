"""Bytes of unknown length on their way to storage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import httpx
import pytest

from services.platform.errors import DarkroomError, ErrorReason
from services.platform.object_writing import ObjectWriter, StartedFile
from tests.harness.answering import Answering

BLOCK = 10


class Storage:
    """A target and the storage behind it."""

    def __init__(self) -> None:
        self.blocks: dict[str, bytes] = {}
        self.size: int | None = -1
        self.etags: Sequence[str] = ()
        self.discarded: list[int] = []
        self.refusing = False
        self.keeping = False
        self.conditional = False
        self.conditions: list[str | None] = []

    async def begin(self, head: bytes, size: int | None, content: bytes) -> StartedFile:
        self.size = size
        if self.keeping and content:
            self.blocks["kept"] = content
            return StartedFile(7)
        return StartedFile(7, "http://storage/whole", self.conditional)

    async def part_url(self, file_id: int, number: int) -> str:
        return f"http://storage/{number}"

    async def complete(self, file_id: int, etags: Sequence[str]) -> None:
        self.etags = etags

    async def discard(self, file_id: int) -> None:
        self.discarded.append(file_id)

    def put(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path[1:]
        self.conditions.append(request.headers.get("if-none-match"))
        if self.refusing:
            return httpx.Response(403)
        if name in self.blocks and self.conditions[-1] == "*":
            return httpx.Response(412)
        self.blocks[name] = request.content
        return httpx.Response(200, headers={"etag": f'"{name}"'})

    async def write(self, content: bytes, chunk: int, limit: int = 1000) -> int:
        return await ObjectWriter(Answering(self.put), BLOCK).write(self, _chunks(content, chunk), limit)


async def _chunks(content: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


@pytest.mark.parametrize("chunk", [1, 3, 10, 11, 1000])
@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 19, 20, 21, 95, 100])
async def test_every_byte_arrives_once_and_in_order(size: int, chunk: int) -> None:
    storage, content = Storage(), bytes(range(size))
    assert await storage.write(content, chunk) == 7
    if size <= BLOCK:
        assert (storage.size, storage.blocks) == (size, {"whole": content})
        return
    numbers = range(1, len(storage.blocks) + 1)
    assert storage.size is None
    assert b"".join(storage.blocks[str(number)] for number in numbers) == content
    assert {len(storage.blocks[str(number)]) for number in numbers[:-1]} == {BLOCK}
    assert list(storage.etags) == [f'"{number}"' for number in numbers]
    assert storage.discarded == []


@pytest.mark.parametrize("size", [15, 40])
async def test_too_much_is_refused_and_deleted(size: int) -> None:
    storage = Storage()
    with pytest.raises(DarkroomError) as raised:
        await storage.write(bytes(size), 3, limit=size - 1)
    assert raised.value.reason is ErrorReason.FILE_TOO_LARGE
    assert storage.discarded == ([7] if storage.size != -1 else [])
    assert list(storage.etags) == []


async def test_a_small_file_may_be_stored_by_its_target() -> None:
    storage = Storage()
    storage.keeping = True
    assert await storage.write(bytes(8), 3) == 7
    assert storage.blocks == {"kept": bytes(8)}


@pytest.mark.parametrize(("size", "conditions"), [(8, ["*"]), (15, [None, None])])
async def test_a_whole_file_replaces_nothing_where_storage_can_be_told_so(size: int, conditions: list[str | None]) -> None:
    storage = Storage()
    storage.conditional = True
    assert await storage.write(bytes(size), 3) == 7
    assert storage.conditions == conditions


async def test_a_file_that_an_earlier_attempt_has_stored_is_stored() -> None:
    storage = Storage()
    storage.conditional, storage.blocks = True, {"whole": b"earlier"}
    assert await storage.write(bytes(8), 3) == 7
    assert (storage.blocks, storage.discarded) == ({"whole": b"earlier"}, [])
