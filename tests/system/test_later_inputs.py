"""Inputs that the worker has fetched, through the running services: what the internal parts accept, the way that a surface has them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from darkroom import AsyncClient, TaskFailed, operations
from darkroom.common.v1.errors_pb2 import ErrorReason
from darkroom.tasks.v1 import task_pb2
from deploy.local.credentials import signing_key_file
from services.platform.errors import DarkroomError
from services.platform.identity import Signer
from services.tasks.config import TasksSettings
from services.tasks.domain.acceptance.requests import InputUrl, TaskRequest
from services.tasks.model import Task
from tests.component.tasks.accepting import Accepting, accepting
from tests.origin import Origin, redirect, response
from tests.stacks import Account, StackUnderTest
from tests.system.pictures import disc, encoded, opened

PICTURE = encoded(disc(64, 48), "PNG")
UPSCALE = operations.upscale(factor=2)


@pytest.fixture
async def parts(stack: StackUnderTest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Accepting]:
    for name, value in stack.settings("tasks").items():
        monkeypatch.setenv(name, value)
    signer = Signer("tasks", signing_key_file(stack.stack.config.layout, "tasks"))
    async with accepting(TasksSettings(), signer) as made:
        yield made


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with Origin({"/disc.png": response(PICTURE), "/page": response(b"<!doctype html>")}) as serving:
        yield serving


async def created(parts: Accepting, account: Account, *urls: str, files: tuple[int, ...] = ()) -> Task:
    return await parts.acceptance.create(
        TaskRequest(
            account_id=int(account.id),
            operations=[UPSCALE],
            input_file_ids=files,
            input_fields=["input"] * len(files),
            later_urls=[InputUrl(url, "input") for url in urls],
        )
    )


async def failure(native: AsyncClient, task: Task) -> tuple[str, str]:
    """Why a task failed."""
    with pytest.raises(TaskFailed):
        await native.wait(task.id)
    error = (await native.get_task(task.id)).error
    return ErrorReason.Name(error.reason).removeprefix("ERROR_REASON_"), error.message


async def test_they_are_fetched_and_worked_on_in_order(
    stack: StackUnderTest, parts: Accepting, native: AsyncClient, account: Account, origin: Origin
) -> None:
    first = await native.upload(encoded(disc(32, 32), "PNG"), name="first.png")
    task = await created(parts, account, origin.url("/disc.png?token=secret"), files=(first.id,))
    done = await native.wait(task.id)
    assert [opened(await native.read(file_id)).size for file_id in done.output_file_ids] == [(64, 64), (128, 96)]
    assert (await native.get_file(done.input_file_ids[1])).name == "disc.png"
    assert not [line for part in ("tasks", "files", "inference") for line in stack.log(part, 1000) if "token=secret" in line]


async def test_what_the_worker_cannot_have_fetched_fails_the_task_with_the_reason(
    parts: Accepting, native: AsyncClient, account: Account, origin: Origin
) -> None:
    origin.pages |= {
        "/inside": redirect("http://169.254.169.254/latest"),
        "/report.pdf": response(b"%PDF-1.4\n"),
        "/large.png": response(PICTURE, length=1 << 40),
    }
    told = {
        "/inside": ("FIELD_INVALID", "input: it leads to an address that files may not be fetched from"),
        "/nothing.png": ("URL_FETCH_FAILED", "input: there is nothing at this URL: its server answers 404."),
        "/page": ("MEDIA_UNSUPPORTED", "input: the content at this URL is not a picture or document of a known format."),
        "/report.pdf": ("FILE_CORRUPT", "The file is damaged"),
        "/large.png": ("FILE_TOO_LARGE", "input: the file has more bytes than"),
    }
    tasks = {path: await created(parts, account, origin.url(path)) for path in told}
    for path, task in tasks.items():
        reason, message = await failure(native, task)
        assert (reason, message.startswith(told[path][1])) == (told[path][0], True), message
    assert len(origin.requests) == len(told)
    for url in ("http://10.0.0.1/a.png", "ftp://example.com/a.png"):
        with pytest.raises(DarkroomError, match="input: "):
            await created(parts, account, url)


async def test_a_server_that_is_out_of_order_is_asked_again(
    parts: Accepting, native: AsyncClient, account: Account, origin: Origin
) -> None:
    async def once(writer: asyncio.StreamWriter) -> None:
        writer.write(response(b"", "503 Service Unavailable"))
        origin.pages["/disc.png"] = response(PICTURE)

    origin.pages["/disc.png"] = once
    task = await created(parts, account, origin.url("/disc.png"))
    assert (await native.wait(task.id)).attempt == 2
    assert len(origin.requests) == 2


async def test_a_task_is_cancelled_while_its_input_is_on_its_way(
    parts: Accepting, native: AsyncClient, account: Account, origin: Origin
) -> None:
    asked, hung_up = asyncio.Event(), asyncio.Event()

    async def hangs(writer: asyncio.StreamWriter) -> None:
        asked.set()
        while not writer.is_closing():
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            try:
                await writer.drain()
            except ConnectionError:
                break
            await asyncio.sleep(0.05)
        hung_up.set()

    origin.pages["/slow.png"] = hangs
    task = await created(parts, account, origin.url("/slow.png"))
    await asyncio.wait_for(asked.wait(), 60)
    await native.cancel_task(task.id)
    # The worker stops waiting, and with it all that fetches for it.
    await asyncio.wait_for(hung_up.wait(), 30)
    assert (await native.get_task(task.id)).state == task_pb2.TASK_STATE_CANCELLED
    assert await native.list_files() == []
