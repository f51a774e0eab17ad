"""The Python client against the public port: what a program of a user's does."""

from __future__ import annotations

import asyncio
import os
import random
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from darkroom import (
    AsyncClient,
    Client,
    InvalidRequest,
    NotFound,
    TaskFailed,
    Unauthenticated,
    operations,
)
from darkroom.files.v1 import files_service_pb2, files_service_pb2_grpc
from darkroom.operations.v1 import operation_pb2, upscale_pb2
from darkroom.tasks.v1 import task_pb2
from darkroom.transfer import Transfers
from tests.stacks import Account, StackUnderTest
from tests.system.cutting_proxy import CuttingProxy, cutting_proxy
from tests.system.documented import small_samples
from tests.system.pictures import disc, encoded, opened

CLIENT = Path(__file__).resolve().parents[2] / "clients" / "python"
MEBIBYTE = 1 << 20


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[CuttingProxy]:
    """Between the client and the storage; gRPC, which reads the name in lower case only, goes past it."""
    for name in ("http_proxy", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with cutting_proxy() as opened_proxy:
        monkeypatch.setenv("HTTP_PROXY", opened_proxy.url)
        yield opened_proxy


@pytest.fixture
async def sdk(stack: StackUnderTest, account: Account, proxy: CuttingProxy) -> AsyncIterator[AsyncClient]:
    """A client whose transfers go through the proxy."""
    async with AsyncClient(stack.url, account.api_key) as client:
        yield client


@pytest.fixture(scope="module")
def large() -> bytes:
    """A picture of 12 MiB: three parts."""
    noise = random.Random(1).randbytes(2048 * 3)
    header = b"BM" + (54 + 2048 * 2048 * 3).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little") + (40).to_bytes(4, "little")
    size = (2048).to_bytes(4, "little") * 2 + (1).to_bytes(2, "little") + (24).to_bytes(2, "little") + bytes(24)
    return header + size + b"".join(noise[row % 97 :] + noise[: row % 97] for row in range(2048))


def a_program(url: str, key: str, folder: Path) -> None:
    """Written without asyncio, it is run in a thread."""
    picture = folder / "disc.png"
    picture.write_bytes(encoded(disc(), "PNG"))
    events: list[task_pb2.TaskEvent] = []
    sent: list[int] = []
    with Client(url, key) as client:
        task = client.remove_background(picture, trim=True, idempotency_key="mine", on_upload=sent.append, on_event=events.append)
        assert sum(sent) == picture.stat().st_size
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        assert client.remove_background(picture, trim=True, idempotency_key="mine").id == task.id
        (path,) = client.download(task, folder / "results")
        assert opened(path.read_bytes()).mode == "RGBA"
        with pytest.raises(FileExistsError):
            client.download_file(task.output_file_ids[0], path)
        assert client.read(task.output_file_ids[0]) == path.read_bytes()
        steps = [operations.remove_background(quality="fast"), operations.upscale(factor=2)]
        assert client.estimate_price(steps, file_count=1).price_millicredits > 0
        assert [path.name for path in client.process(path.read_bytes(), steps, folder)] == ["upload-cutout-2x.png"]
        assert [listed.id for listed in client.iterate_tasks()][1] == task.id
        assert len(list(client.iterate_files())) == 4
        assert client.account().name
        assert client.balance().available_millicredits >= 0
        assert {entry.task_id for entry in client.iterate_ledger()} >= {task.id}


async def test_a_program_without_asyncio(stack: StackUnderTest, account: Account, tmp_path: Path) -> None:
    await asyncio.to_thread(a_program, stack.url, account.api_key, tmp_path)


async def test_errors_are_typed(native: AsyncClient, stack: StackUnderTest, portrait: bytes) -> None:
    file = await native.upload(portrait)
    wrong = operation_pb2.Operation(upscale=upscale_pb2.Upscale(factor=5))
    with pytest.raises(InvalidRequest) as refused:
        await native.create_task([file.id], [wrong])
    assert refused.value.field == "operations[0].upscale.factor"
    assert refused.value.request_id
    with pytest.raises(NotFound) as missing:
        await native.get_task(1)
    assert (missing.value.reason, missing.value.field) == ("TASK_NOT_FOUND", None)
    with pytest.raises(TaskFailed) as ended:
        task = await native.create_task([], [operations.noop(steps=1000, step_milliseconds=1000)])
        await native.cancel_task(task.id)
        await native.wait(task.id)
    assert (ended.value.reason, ended.value.task.id) == ("CANCELLED", task.id)
    async with AsyncClient(stack.url, "dk_sk_wrong") as stranger:
        with pytest.raises(Unauthenticated):
            await stranger.balance()


async def test_an_upload_whose_connections_break_arrives_whole(sdk: AsyncClient, proxy: CuttingProxy, large: bytes) -> None:
    proxy.cuts = [MEBIBYTE, 2 * MEBIBYTE]
    moved: list[int] = []
    file = await sdk.upload(large, moved.append)
    assert (file.size_bytes, sum(moved)) == (len(large), len(large))
    assert proxy.cuts == []
    assert proxy.sent > len(large) + MEBIBYTE
    assert await sdk.read(file.id) == large


async def test_another_process_sends_only_the_parts_that_are_missing(sdk: AsyncClient, proxy: CuttingProxy, large: bytes) -> None:
    # What a process that died half-way has left: a file by its key, and its first part.
    files = files_service_pb2_grpc.FilesServiceStub(sdk.server.channel())
    new = files_service_pb2.NewFile(name="upload.bmp", size_bytes=len(large))
    metadata = (*sdk.server.metadata, ("idempotency-key", "night-shift"))
    created = await files.CreateFiles(files_service_pb2.CreateFilesRequest(files=[new]), metadata=metadata)
    parts = created.uploads[0].multipart
    size = parts.part_size_bytes
    async with httpx.AsyncClient(trust_env=False) as http:
        (await http.put(parts.part_urls[0], content=large[:size])).raise_for_status()
    moved: list[int] = []
    file = await sdk.upload(large, moved.append, idempotency_key="night-shift")
    assert file.id == created.uploads[0].file.id
    assert len(large) - size <= proxy.sent < len(large) - size + MEBIBYTE
    assert sum(moved) == len(large)
    before = proxy.sent
    assert (await sdk.upload(large, idempotency_key="night-shift")).id == file.id
    assert (await sdk.resume_upload(file.id, large)).id == file.id
    assert proxy.sent == before
    assert await sdk.read(file.id) == large


async def test_another_process_completes_the_upload_first(native: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    picture, put, others = encoded(disc(), "PNG"), Transfers.put, []

    async def late(*arguments: Any) -> str:
        monkeypatch.setattr(Transfers, "put", put)
        others.append(await native.upload(picture, name="a.png", idempotency_key="both"))
        return await put(*arguments)

    monkeypatch.setattr(Transfers, "put", late)
    file = await native.upload(picture, name="a.png", idempotency_key="both")
    assert [other.id for other in others] == [file.id]
    assert await native.read(file.id) == picture


async def test_a_download_goes_on_where_its_connection_broke(sdk: AsyncClient, proxy: CuttingProxy, large: bytes, tmp_path: Path) -> None:
    file = await sdk.upload(large)
    await sdk.close()
    async with AsyncClient(sdk.server.url, sdk.server.api_key) as client:
        proxy.cuts, proxy.received = [5 * MEBIBYTE, 4 * MEBIBYTE], 0
        path = await client.download_file(file.id, tmp_path / "large.bmp")
    assert path.read_bytes() == large
    assert len(large) <= proxy.received < len(large) + MEBIBYTE
    assert list(tmp_path.iterdir()) == [path]


async def test_an_upload_can_be_given_up(native: AsyncClient, large: bytes) -> None:
    files = files_service_pb2_grpc.FilesServiceStub(native.server.channel())
    new = files_service_pb2.NewFile(name="a.bmp", size_bytes=len(large))
    created = await files.CreateFiles(files_service_pb2.CreateFilesRequest(files=[new]), metadata=native.server.metadata)
    file_id = created.uploads[0].file.id
    with pytest.raises(InvalidRequest, match="declared"):
        await native.resume_upload(file_id, b"something else")
    await native.abort_upload(file_id)
    with pytest.raises(NotFound):
        await native.get_file(file_id)


async def test_the_examples_of_the_readme_run_as_they_stand(stack: StackUnderTest, account: Account, tmp_path: Path) -> None:
    shown = re.findall(r"```python\n(.*?)```", (CLIENT / "README.md").read_text(), re.DOTALL)
    examples = {path.name: path.read_text() for path in sorted((CLIENT / "examples").glob("*.py"))}
    assert sorted(shown) == sorted(examples.values())
    environment = {**os.environ, "DARKROOM_URL": stack.url, "DARKROOM_API_KEY": account.api_key}

    async def output(name: str) -> str:
        folder = tmp_path / name
        small_samples(folder)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            CLIENT / "examples" / name,
            cwd=folder,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode()

    cutout, together, batch = await asyncio.gather(*(output(f"{name}.py") for name in ("cutout", "together", "batch")))
    assert "portrait-cutout.png" in cutout
    assert "portrait-cutout-2x.png" in cutout
    assert "results/portrait-cutout.png" in together
    assert ".zip" in batch
