"""Results that go to a storage of the operator: a second bucket of the stack's own object storage, and what dies on the way there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from darkroom import AsyncClient
from services.files.domain.deliveries import Deliveries
from services.files.presign import Presigner
from services.inference.worker.client import AttemptClient
from tests.dying import Point, dying
from tests.stacks import Account, ObjectStorage, StackUnderTest
from tests.system.claid import Claid, claid
from tests.system.pictures import disc, encoded, opened
from tests.system.pilio import Pilio

PICTURE = encoded(disc(64, 48), "PNG")
TURN = [{"rotate": {"angle": 90}}]


@dataclass
class Shop:
    """The operator's bucket."""

    bucket: ObjectStorage
    http: httpx.AsyncClient

    @property
    def _urls(self) -> Presigner:
        return Presigner(self.bucket.endpoint, self.bucket.bucket, "us-east-1", self.bucket.access_key, self.bucket.secret_key)

    async def put(self, key: str, content: bytes = PICTURE) -> None:
        reply = await self.http.put(self._urls.put(key, 60), content=content)
        assert reply.status_code == 200, reply.text

    async def get(self, key: str) -> httpx.Response:
        return await self.http.get(self._urls.get(key, 60))


@pytest.fixture
def storages(stack: StackUnderTest, account: Account, tmp_path: Path) -> Iterator[ObjectStorage]:
    """Of the storages `shop` all accounts may write to, of `own` this test's account, and of `archive` nobody."""
    before, bucket = stack.configured, stack.create_bucket()
    file = tmp_path / "storages.toml"
    common = (
        f'type = "s3"\nendpoint = "{bucket.endpoint}"\nbucket = "{bucket.bucket}"\npath = "all"\n'
        f'access_key = "{bucket.access_key}"\nsecret_key = "{bucket.secret_key}"\n'
    )
    file.write_text(
        f"[shop]\n{common}writable = true\n[own]\n{common}writable = true\naccounts = [{account.id}]\n[archive]\n{common}"
        f"[locked]\n{common.replace(bucket.secret_key, 'wrong')}writable = true\n"
    )
    stack.configure({**before, "DARKROOM_STORAGES_FILE": str(file)})
    stack.ensure_up()
    yield bucket
    stack.configure(before)


@pytest.fixture
async def shop(storages: ObjectStorage) -> AsyncIterator[Shop]:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        yield Shop(storages, http)


@pytest.fixture
async def client(shop: Shop, stack: StackUnderTest, account: Account) -> AsyncIterator[Claid]:
    async with claid(stack.url, account.api_key) as made:
        yield made


async def _create(pilio: Pilio, **body: Any) -> dict[str, Any]:
    reply = await pilio.post("/v1/tasks", {"operations": TURN, "wait": 60, **body})
    found: dict[str, Any] = reply.json()
    return found


async def test_what_clients_see(
    shop: Shop, client: Claid, pilio: Pilio, other_pilio: Pilio, native: AsyncClient, stack: StackUnderTest
) -> None:
    """In one test, since the stack is made anew for it."""
    file = await native.upload(PICTURE, name="shoe.png")
    await _tasks_of_our_own_apis(shop, pilio, file.id)
    await _batch(shop, pilio, native, file.id)
    await _refusals(pilio, other_pilio, native, file.id)
    await _edits(shop, client, file.id)
    await _folders(shop, client, native)


async def _tasks_of_our_own_apis(shop: Shop, pilio: Pilio, file_id: int) -> None:
    for destination in ("storage://own/sets/", "storage://shop/one.png"):
        done = (await _create(pilio, file_ids=[str(file_id)], destination=destination))["data"]
        assert done["status"] == "Succeeded", done
        [file] = done["files"]
        details = (await pilio.get(f"/v1/tasks/{done['task_id']}")).json()["data"]
        uri = f"{destination}{file['name']}" if destination.endswith("/") else destination
        assert (details["destination"], details["delivered_uris"]) == (destination, [uri])
        result = (await pilio.http.get(file["download_url"])).content
        assert opened(result).size == (48, 64)
        arrived = await shop.get(f"all/{uri.split('/', 3)[3]}")
        assert (arrived.status_code, arrived.content, arrived.headers["content-type"]) == (200, result, "image/png")
        again = (await pilio.post(f"/v1/tasks/{done['task_id']}/rerun", {"wait": 60})).json()["data"]
        await pilio.get(f"/v1/tasks/{again['task_id']}/result?wait=60")
        details = (await pilio.get(f"/v1/tasks/{again['task_id']}")).json()["data"]
        assert (details["state"], details["delivered_uris"]) == ("succeeded", [uri])


async def _batch(shop: Shop, pilio: Pilio, native: AsyncClient, file_id: int) -> None:
    items: list[dict[str, Any]] = [{"file_ids": [str(file_id)], "destination": f"storage://shop/batch/{n}.png"} for n in range(2)]
    batch = (await pilio.post("/v1/batches", {"items": items, "operations": TURN})).json()["data"]["batch"]
    await native.batches.wait(int(batch["batch_id"]))
    for number in range(2):
        assert opened((await shop.get(f"all/batch/{number}.png")).content).size == (48, 64)
    items[1]["destination"] = "storage://archive/1.png"
    reply = (await pilio.post("/v1/batches", {"items": items, "operations": TURN})).json()
    assert (reply["code"], reply["data"]["field"]) == (40001, "items[1].destination"), reply


async def _refusals(pilio: Pilio, other_pilio: Pilio, native: AsyncClient, file_id: int) -> None:
    strange = await native_upload(other_pilio)
    mine, own, others = str(file_id), "locked, own, shop", "it has archive, locked, shop."
    for caller, file, destination, message, allowed in (
        (pilio, mine, "storage://archive/1.png", f"this server may not write to the storage 'archive': it may write to {own}.", own),
        (pilio, mine, "https://example.com/1.png", "must be storage://NAME/path of a storage of this server.", own),
        (pilio, mine, "storage://own/../1.png", "must name a file or a folder of the storage", ""),
        (other_pilio, strange, "storage://own/1.png", f"this server has no storage 'own': {others}", "locked, shop"),
        (other_pilio, strange, "storage://none/1.png", f"this server has no storage 'none': {others}", "locked, shop"),
    ):
        reply = await _create(caller, file_ids=[file], destination=destination)
        assert (reply["code"], reply["data"]["field"]) == (40001, "destination"), reply
        assert reply["message"].startswith(f"destination: {message}"), reply
        assert ", ".join(reply["data"].get("allowed", [])) == allowed
    failed = (await _create(pilio, file_ids=[str(file_id)], destination="storage://locked/1.png"))["data"]
    assert (failed["status"], failed["error_type"]) == ("Failed", "delivery_failed")
    assert failed["error_message"].startswith("The storage 'locked' refuses storage://locked/1.png (403"), failed


async def native_upload(pilio: Pilio) -> str:
    """The id of a file of the caller's."""
    async with AsyncClient(pilio.url, pilio.api_key) as client:
        return str((await client.upload(PICTURE, name="other.png")).id)


async def _edits(shop: Shop, client: Claid, file_id: int) -> None:
    sent = {"input": f"storage://files/{file_id}", "operations": {"resizing": {"width": 20}}}
    for output in ("storage://shop/edits/shoe.jpg", {"destination": "storage://shop/edits/shoe.jpg", "format": "jpeg"}):
        reply = await client.post("image/edit", {**sent, "output": output})
        made = reply.json()["data"]["output"]
        assert {name: made[name] for name in made if name.startswith(("object", "claid", "tmp"))} == {
            "object_key": "all/edits/shoe.jpg",
            "object_bucket": shop.bucket.bucket,
            "object_uri": f"s3://{shop.bucket.bucket}/all/edits/shoe.jpg",
            "claid_storage_uri": "storage://shop/edits/shoe.jpg",
        }
        assert opened((await shop.get("all/edits/shoe.jpg")).content).size == (20, 15)
    form = {"file": ("boot.png", PICTURE), "data": (None, '{"operations": {}, "output": "storage://shop/forms/"}')}
    made = (await client.call("POST", "image/edit/upload", files=form)).json()["data"]["output"]
    assert made["claid_storage_uri"] == "storage://shop/forms/boot.jpg"
    assert (await shop.get("all/forms/boot.jpg")).status_code == 200
    reply = await client.post("image/edit/async", {**sent, "output": "storage://archive/1.jpg"})
    assert (reply.status_code, list(reply.json()["error_details"])) == (422, ["output.destination"]), reply.text


async def _folders(shop: Shop, client: Claid, native: AsyncClient) -> None:
    for name in ("in/a.png", "in/b.PNG", "in/b.jpg", "in/notes.txt", "in/more/c.png"):
        await shop.put(f"all/{name}")
    for given, made in (
        ("storage://archive/in/", ["a.webp", "b.webp", "b-2.webp"]),
        ({"source": "storage://archive/in", "recursive": True}, ["a.webp", "b.webp", "b-2.webp", "more/c.webp"]),
        (["storage://archive/in/more/c.png"], ["c.webp"]),
    ):
        to = f"storage://shop/out-{len(made)}"
        sent = {"input": given, "operations": {}, "output": {"destination": to, "format": "webp"}}
        batch = (await client.post("image/edit/batch", sent)).json()["data"]
        await native.batches.wait(batch["id"])
        ended = (await client.get(f"image/edit/batch/{batch['id']}")).json()["data"]
        assert (ended["status"], ended["errors"], ended["request"]) == ("DONE", [], sent)
        assert [one["output_object"]["claid_storage_uri"] for one in ended["results"]] == [f"{to}/{name}" for name in made]
        for name in made:
            assert opened((await shop.get(f"all/out-{len(made)}/{name}")).content).size == (64, 48)
    for given, message in (
        ("storage://archive/nothing/", "input: the folder holds no picture"),
        ("storage://nowhere/", "input: this server has no storage 'nowhere'"),
    ):
        reply = await client.post("image/edit/batch", {"input": given, "operations": {}})
        assert (reply.status_code, reply.json()["error_message"][: len(message)]) == (422, message), reply.text


async def test_a_worker_or_files_dies_on_the_way(
    shop: Shop, pilio: Pilio, native: AsyncClient, stack: StackUnderTest, tmp_path: Path
) -> None:
    """A worker dies once its results have arrived and before it says so, and the files service while it copies: the object is there, and
    the task has succeeded with it."""
    file = await native.upload(PICTURE, name="shoe.png")
    await asyncio.to_thread(stack.stop, "inference")
    body = {"file_ids": [str(file.id)], "operations": TURN, "destination": "storage://shop/survivor.png"}
    task_id = (await pilio.post("/v1/tasks", body)).json()["data"]["task_id"]
    settings = {name.removeprefix("DARKROOM_").lower(): value for name, value in stack.settings("inference").items()}
    del settings["metrics_listen"]
    own = {"internal_listen": f"unix:{tmp_path}/worker", "work_dir": tmp_path / "work"}
    async with dying("inference", settings | own, Point(AttemptClient, "deliver"), tmp_path / "log") as worker:
        assert int((await worker.died(120))["task_id"]) == int(task_id)
    assert opened((await shop.get("all/survivor.png")).content).size == (48, 64)
    assert (await pilio.get(f"/v1/tasks/{task_id}")).json()["data"]["state"] in ("running", "retrying")
    await asyncio.to_thread(stack.stop, "files")
    settings = {name.removeprefix("DARKROOM_").lower(): value for name, value in stack.settings("files").items()}
    async with dying("files", settings, Point(Deliveries, "deliver"), tmp_path / "files") as files:
        await asyncio.to_thread(stack.start, "inference")
        await files.died(120)
    await asyncio.to_thread(stack.start, "files")
    done = (await pilio.get(f"/v1/tasks/{task_id}/result?wait=60")).json()["data"]
    assert done["status"] == "Succeeded", done
    arrived = (await shop.get("all/survivor.png")).content
    assert arrived == (await pilio.http.get(done["files"][0]["download_url"])).content
