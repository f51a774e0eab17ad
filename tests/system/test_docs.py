"""The examples of docs/, run as they stand there."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
import time
from pathlib import Path

import httpx
import pytest

from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from darkroom.tasks.v1 import task_pb2
from services.pictures.operations import parameters_of, specs
from tests.stacks import Account, StackUnderTest
from tests.system.documented import DOCS, pages_with_examples, run

# Tested without a stack.
ELSEWHERE = DOCS / "how-to" / "own-model.md"
# Its examples are different calls.
SEVERAL_CALLS = ("archive",)


def _name(page: Path) -> str:
    return str(page.relative_to(DOCS))


@pytest.mark.parametrize("page", [page for page in pages_with_examples() if page != ELSEWHERE], ids=_name)
async def test_examples(page: Path, stack: StackUnderTest, account: Account, native: AsyncClient, tmp_path: Path) -> None:
    env_file = f"export DARKROOM_URL={stack.url}\nexport DARKROOM_API_KEY={account.api_key}\n"
    if page.stem == "migrate-from-snapotter":
        # Only the first account's key may add people.
        env_file = (stack.dir / "env").read_text()
    status, out, err = await run(page, tmp_path, env_file)
    assert status == 0, out + err
    tasks = await native.list_tasks()
    assert all(task.state == task_pb2.TASK_STATE_SUCCEEDED for task in tasks), tasks
    if page.stem == "service-account":
        # Each of its jobs was asked for twice.
        assert len(tasks) == 2
    operation = page.stem.replace("-", "_")
    if operation in specs() and page.stem not in SEVERAL_CALLS:
        # With curl, the command, Python and gRPC it is the same call; the last one says no more than it must.
        *others, said = [parameters_of(task.operations[0]) for task in tasks[-1:-5:-1]]
        assert len(others) == 3
        for field, value in said.ListFields():
            assert [getattr(other, field.name) for other in others] == [value] * 3, field.name


async def test_documents_of_a_running_server_lead_to_each_other(stack: StackUnderTest) -> None:
    async with httpx.AsyncClient(base_url=stack.url, timeout=60) as http:
        summary = (await http.get("/llms.txt")).text
        assert summary.startswith("# Darkroom")
        assert len(summary.encode()) < 12_000
        listed = re.findall(r'<a href="([^"]+)"', (await http.get("/docs")).text)
        linked = {*re.findall(r"\]\((/[^)#]+)\)", summary), *(f"/{path}" for path in listed), "/favicon.ico", "/robots.txt"}
        assert {"/openapi.json", "/llms/operations/resize.md", "/llms/docs/how-to/uploads.md", "/llms/grpc-api.md"} < linked
        assert [path for path in sorted(linked) if (await http.head(path)).status_code != 200] == []


async def test_the_receiver(stack: StackUnderTest, native: AsyncClient, tmp_path: Path) -> None:
    program = (DOCS / "how-to" / "webhook-receiver.md").read_text().split("```python\n")[1].split("```")[0]
    (tmp_path / "receiver.py").write_text(program)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/hooks"
    webhook, secret = await native.webhooks.create(url)
    environment = {**os.environ, "PORT": str(port), "WEBHOOK_SECRETS": f"{await native.webhooks.default_secret()} {secret}"}
    receiver = await asyncio.create_subprocess_exec(
        sys.executable, "receiver.py", cwd=tmp_path, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert receiver.stdout
        await native.webhooks.test(webhook.id)
        async with asyncio.timeout(60):
            assert (await receiver.stdout.readline()).startswith(b"webhook.test ")
            task = await native.create_task([], [operation_pb2.Operation(noop=noop_pb2.Noop(steps=1))])
            assert (await receiver.stdout.readline()).startswith(f"task.succeeded {task.id} ".encode())
        forged = {"webhook-id": "msg_1", "webhook-timestamp": str(int(time.time())), "webhook-signature": "v1,Zm9yZ2Vk"}
        async with httpx.AsyncClient() as http:
            assert (await http.post(url, content=b'{"type": "forged", "data": {}}', headers=forged)).status_code == 401
            assert (await http.post(url, content=b'{"type": "forged", "data": {}}')).status_code == 401
    finally:
        receiver.terminate()
        out, _ = await receiver.communicate()
    assert b"forged" not in out
