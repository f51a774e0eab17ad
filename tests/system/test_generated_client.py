"""Clients that a public generator makes from our OpenAPI documents work against the running system."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from reference import openapi, pilio
from services.platform.rpc import catalogue
from tests.stacks import Account, StackUnderTest
from tests.system.pilio import NANOID, TERMINAL

PACKAGE, FROM_PILIO = "generated_darkroom_client", "generated_pilio_client"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that holds the generated package, importable."""
    folder = tmp_path_factory.mktemp("generated")
    for package, text in ((PACKAGE, openapi.render(catalogue.surface("rest"))), (FROM_PILIO, pilio.render())):
        _generate(folder, package, text)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] in (PACKAGE, FROM_PILIO)]:
        del sys.modules[name]


def _generate(folder: Path, package: str, text: str) -> None:
    document, config = folder / f"{package}.json", folder / "config.yaml"
    document.write_text(text)
    # The generator knows no pictures.
    config.write_text("post_hooks: []\ncontent_type_overrides:\n  image/png: application/octet-stream\n")
    arguments = [
        "--path",
        str(document),
        "--config",
        str(config),
        "--meta",
        "none",
        "--output-path",
        str(folder / package),
        "--fail-on-warning",
    ]
    done = subprocess.run(
        [str(Path(sys.executable).parent / "openapi-python-client"), "generate", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def module(name: str, package: str = PACKAGE) -> ModuleType:
    return importlib.import_module(f"{package}.{name}".rstrip("."))


async def call(client: Any, name: str, package: str = PACKAGE, **arguments: Any) -> Any:
    """One call; its parsed reply."""
    return await module(f"api.{name}", package).asyncio(client=client, **arguments)


async def test_main_job(generated: Path, stack: StackUnderTest, account: Account, portrait: bytes) -> None:
    models = module("models")
    client = module("").AuthenticatedClient(base_url=stack.url, token=account.api_key, timeout=httpx.Timeout(100))
    source = models.SourceFile(nanoid=NANOID, name="portrait.jpg", type_="jpg", size=len(portrait))
    created = await call(client, "files.files_create_files", body=models.FileBatchCreateRequest(files=[source]))
    item = created.data.items[0]
    async with httpx.AsyncClient() as http:
        assert (await http.put(item.upload_url, content=portrait)).status_code == 200
        wanted = models.RemoveBackgroundRequest(image_file_id=item.id)
        task = await call(client, "images.images_remove_background", body=wanted, idempotency_key="once")
        again = await call(client, "images.images_remove_background", body=wanted, idempotency_key="once")
        assert again.data.task_id == task.data.task_id
        status = task
        while status.data.status not in TERMINAL:
            status = await call(client, "tasks.tasks_get_task_status", id=task.data.task_id, wait=60)
        assert status.data.status == "Succeeded"
        result = await call(client, "tasks.tasks_get_task_result", id=task.data.task_id)
        (file,) = result.data.files
        downloaded = await http.get(file.download_url)
    assert len(downloaded.content) == file.size


@pytest.mark.thorough
async def test_pilio_s_names(generated: Path, stack: StackUnderTest, account: Account, portrait: bytes) -> None:
    """What a generator makes of the document at Pilio's path is called as what it makes of Pilio's."""
    models = module("models", FROM_PILIO)
    client = module("", FROM_PILIO).AuthenticatedClient(base_url=stack.url, token=account.api_key, timeout=httpx.Timeout(100))
    source = models.SourceFile(nanoid=NANOID, name="portrait.jpg", type_="jpg", size=1024)
    created = await call(client, "files.create_files", FROM_PILIO, body=models.FileBatchCreateRequest(files=[source]))
    item = created.data.items[0]
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{stack.url}/developers/pilio-openapi.json")).json() == pilio.document()
        assert (await http.put(item.upload_url, content=portrait)).status_code == 200
    done = await call(
        client, "files.complete_multipart_upload", FROM_PILIO, id=item.id, body=models.CompleteMultipartUploadRequest.from_dict({})
    )
    assert done.code == 200
    # Its defaults are sent with it.
    wanted = models.RemoveBackgroundRequest(image_file_id=item.id)
    assert wanted.to_dict()["quality_type"] == "original"
    task = await call(client, "background_removal.create_remove_background", FROM_PILIO, body=wanted)
    status = await call(client, "public_basics.get_task_status", FROM_PILIO, id=task.data.task_id, wait=60)
    result = await call(client, "public_basics.get_task_result", FROM_PILIO, id=task.data.task_id)
    assert (status.data.status, len(result.data.files)) == ("Succeeded", 1)


@pytest.mark.thorough
async def test_refusals_are_parsed(generated: Path, stack: StackUnderTest, account: Account) -> None:
    models = module("models")
    client = module("").AuthenticatedClient(base_url=stack.url, token=account.api_key)
    missing = await call(client, "tasks.tasks_get_task_status", id="1")
    assert (missing.code, missing.data.error_code) == (40402, "task_not_found")
    refused = await call(client, "images.images_upscale", body=models.ImageUpscaleRequest(image_file_id="1"))
    assert (refused.code, refused.data.field) == (40401, "image_file_id")
    stranger = module("").AuthenticatedClient(base_url=stack.url, token="dk_sk_none")
    denied = await call(stranger, "tasks.tasks_get_task_status", id="1")
    assert (denied.code, denied.data.error_code) == (1402, "api_key_invalid")
