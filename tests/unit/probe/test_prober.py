"""Probing over HTTP in the sandbox, from servers that answer ranges in each of the ways that S3 servers do."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from services.files.prober import ProbeLimits, Prober, StoredRanges
from services.pictures.probe.model import Probe
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.object_http import ObjectHttp, object_http
from services.platform.sandbox import Sandbox, SandboxFailed, WarmChildren
from tests.unit.probe import specimens
from tests.unit.probe.specimens import encoded

ETAG = '"abc123"'


class Storage(ThreadingHTTPServer):
    """Serves one object under each path; the first part of the path says how."""

    daemon_threads = True

    def __init__(self, data: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.data = data
        self.ranges: list[tuple[int, int]] = []

    def url(self, manner: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{manner}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Storage

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        manner = self.path.strip("/")
        if manner == "failing":
            self.send_error(503)
            return
        if manner == "missing":
            self.send_error(404)
            return
        first, last = (int(part) for part in self.headers["Range"].removeprefix("bytes=").split("-"))
        self.server.ranges.append((first, last))
        data = self.server.data
        body = data if manner == "rangeless" else data[first : last + 1]
        if manner == "short":
            body = body[:-1]
        self.send_response(206 if manner == "usual" else 200)
        self.send_header("ETag", '"another"' if manner == "overwritten" else ETAG)
        if manner != "rangeless":
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data) + (manner == 'grown')}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


@pytest.fixture
def storage() -> Iterator[Storage]:
    storage = Storage(encoded("PNG", size=(800, 600)))
    thread = threading.Thread(target=storage.serve_forever, args=(0.01,))
    thread.start()
    yield storage
    storage.shutdown()
    thread.join()
    storage.server_close()


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(preload=["services.pictures.probe.child"]) as sandbox:
        yield sandbox


@pytest.fixture
async def children(sandbox: Sandbox) -> AsyncIterator[WarmChildren]:
    async with WarmChildren(sandbox, working=2, kept=2, jobs=2, seconds=60, limits=ProbeLimits().of_child) as made:
        yield made


@pytest.fixture
async def client() -> AsyncIterator[ObjectHttp]:
    async with object_http() as made:
        yield made


@pytest.mark.parametrize("manner", ["usual", "rclone"])
async def test_ranges_only(storage: Storage, sandbox: Sandbox, children: WarmChildren, client: ObjectHttp, manner: str) -> None:
    found = await Prober(sandbox, children, client).probe(1, storage.url(manner), len(storage.data), ETAG)
    assert found == Probe(media_type="image/png", width=800, height=600, frames=1, has_alpha=False)
    read = sum(last - first + 1 for first, last in storage.ranges)
    assert read <= 192 << 10 < len(storage.data)


async def test_small_files_are_examined_in_children_of_their_account(
    storage: Storage, sandbox: Sandbox, children: WarmChildren, client: ObjectHttp
) -> None:
    prober, damaged = Prober(sandbox, children, client), storage.data[:100]
    for account in (1, 2, 1):
        found = await prober.probe(account, "", len(storage.data), ETAG, storage.data)
        assert found == Probe(media_type="image/png", width=800, height=600, frames=1, has_alpha=False)
        with pytest.raises(DarkroomError) as caught:
            await prober.probe(account, "", len(damaged), ETAG, damaged)
        assert caught.value.reason is ErrorReason.FILE_CORRUPT
    document = specimens.pdf(12)
    assert (await prober.probe(1, "", len(document), ETAG, document)).pages == 12
    assert storage.ranges == []


async def test_documents_are_read_over_ranges_too(storage: Storage, sandbox: Sandbox, children: WarmChildren, client: ObjectHttp) -> None:
    storage.data = specimens.pdf(12)
    found = await Prober(sandbox, children, client).probe(1, storage.url("usual"), len(storage.data))
    assert (found.media_type, found.pages) == ("application/pdf", 12)


@pytest.mark.parametrize(
    ("manner", "reason"),
    [
        ("overwritten", ErrorReason.FILE_SIZE_MISMATCH),
        ("grown", ErrorReason.FILE_SIZE_MISMATCH),
        ("missing", ErrorReason.FILE_SIZE_MISMATCH),
        ("rangeless", ErrorReason.UNAVAILABLE),
        ("short", ErrorReason.UNAVAILABLE),
        ("failing", ErrorReason.UNAVAILABLE),
    ],
)
@pytest.mark.parametrize("document", [False, True])
async def test_storage_that_misbehaves(
    storage: Storage, sandbox: Sandbox, children: WarmChildren, client: ObjectHttp, manner: str, reason: ErrorReason, document: bool
) -> None:
    if document:
        storage.data = specimens.pdf(3)
        storage.data += b"\n%" * len(storage.data) * 60
    with pytest.raises(DarkroomError) as caught:
        await Prober(sandbox, children, client).probe(1, storage.url(manner), len(storage.data), ETAG)
    assert caught.value.reason is reason


async def test_an_unreachable_storage(sandbox: Sandbox, children: WarmChildren, client: ObjectHttp) -> None:
    with pytest.raises(DarkroomError) as caught:
        await Prober(sandbox, children, client).probe(1, "http://127.0.0.1:1/x", 100)
    assert caught.value.reason is ErrorReason.UNAVAILABLE


async def test_a_file_that_takes_too_much(storage: Storage, sandbox: Sandbox, children: WarmChildren, client: ObjectHttp) -> None:
    limits = ProbeLimits(read_bytes=1 << 10)
    with pytest.raises(DarkroomError) as caught:
        await Prober(sandbox, children, client, limits).probe(1, storage.url("usual"), len(storage.data))
    assert caught.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED
    hurried = ProbeLimits(wall_seconds=0)
    with pytest.raises(DarkroomError) as caught:
        await Prober(sandbox, children, client, hurried).probe(1, storage.url("usual"), len(storage.data))
    assert caught.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED


async def test_typed_errors_come_through(storage: Storage, sandbox: Sandbox, children: WarmChildren, client: ObjectHttp) -> None:
    storage.data = b"a text file named photo.png"
    with pytest.raises(DarkroomError) as caught:
        await Prober(sandbox, children, client).probe(1, storage.url("rclone"), len(storage.data), ETAG)
    assert caught.value.reason is ErrorReason.MEDIA_UNSUPPORTED
    assert "image/png" in caught.value.allowed


@pytest.mark.parametrize("ranges", [[(-1, 10)], [(0, 0)], [(0, 10**9)], [(10**9, 1)], [(0, 600), (0, 600)]])
async def test_a_reader_gets_nothing_beyond_the_object_and_its_budget(
    storage: Storage, client: ObjectHttp, ranges: list[tuple[int, int]]
) -> None:
    """A child that was taken over may ask for anything."""
    read = StoredRanges(client, storage.url("usual"), len(storage.data), ETAG, 1000)
    *allowed, last = ranges
    for offset, length in allowed:
        assert await read(offset, length) == storage.data[offset : offset + length]
    before = len(storage.ranges)
    with pytest.raises(DarkroomError) as caught:
        await read(*last)
    assert (caught.value.reason, len(storage.ranges)) == (ErrorReason.MEDIA_LIMIT_EXCEEDED, before)


async def test_what_no_parser_has_foreseen_is_the_fault_of_the_file() -> None:
    class Failing:
        async def run(self, *_: object, **__: object) -> None:
            raise SandboxFailed("KeyError", "Traceback")

    with pytest.raises(DarkroomError) as raised:
        await Prober(Failing(), Failing(), Failing()).probe(1, "", 3, head=b"abc")
    assert (raised.value.reason, raised.value.metadata) == (ErrorReason.FILE_CORRUPT, {"problem": "unreadable"})
    assert "Traceback" not in raised.value.message
