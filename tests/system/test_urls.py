"""Pictures named by URLs, fetched by the server: an origin on loopback, which the stacks of tests allow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from darkroom import AsyncClient, InvalidRequest, PermissionDenied, operations
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2, tasks_service_pb2_grpc
from tests.origin import Origin, redirect, response
from tests.stacks import Account, StackUnderTest
from tests.system.pictures import disc, encoded, opened
from tests.system.pilio import Pilio, check_reply
from tests.system.shell import Shell

PICTURE = encoded(disc(64, 48), "PNG")
IMPORT = "/v1/files/import"


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    pages = {
        "/shop/disc.png": response(PICTURE),
        "/inside": redirect("http://169.254.169.254/latest"),
        "/page": response(b"<!doctype html>"),
    }
    async with Origin(pages) as serving:
        yield serving


async def test_a_file_is_imported(pilio: Pilio, origin: Origin) -> None:
    body, key = {"url": origin.url("/shop/disc.png?size=large")}, {**pilio.headers, "Idempotency-Key": "import"}
    reply = await pilio.http.post(pilio.url + IMPORT, json=body, headers=key)
    data = reply.json()["data"]
    assert (reply.status_code, data["name"], data["status"], data["media_type"]) == (200, "disc.png", "Ready", "image/png"), reply.text
    check_reply("post", IMPORT, reply)
    assert (await pilio.get(f"/v1/files/{data['id']}")).json()["data"]["size"] == len(PICTURE)
    again = await pilio.http.post(pilio.url + IMPORT, json=body, headers=key)
    assert (again.json()["data"]["id"], len(origin.requests)) == (data["id"], 1)


async def test_what_cannot_be_imported_is_told(pilio: Pilio, origin: Origin) -> None:
    refused = {
        "https://user:secret@example.com/a.png": (40001, "user name"),
        "file:///etc/passwd": (40001, "http://"),
        "http://10.0.0.1/a.png": (40001, "may not be fetched from"),
        origin.url("/inside"): (40001, "may not be fetched from"),
        origin.url("/nothing.png"): (40010, "404"),
        origin.url("/page"): (40005, "not a picture"),
    }
    for url, (code, told) in refused.items():
        reply = await pilio.post(IMPORT, {"url": url})
        body = reply.json()
        assert (reply.status_code, body["code"], body["data"]["field"], told in body["message"]) == (400, code, "url", True), reply.text
        assert "secret" not in reply.text


async def test_a_program_names_a_url(native: AsyncClient, origin: Origin, tmp_path: Path) -> None:
    [path] = await native.process(origin.url("/shop/disc.png"), [operations.upscale(factor=2)], tmp_path)
    assert path.name.startswith("disc")
    assert opened(path.read_bytes()).size == (128, 96)
    with pytest.raises(InvalidRequest, match="404") as raised:
        await native.upload(origin.url("/nothing.png"))
    assert (raised.value.reason, raised.value.field) == ("URL_FETCH_FAILED", "url")


async def test_the_command_takes_urls(stack: StackUnderTest, account: Account, origin: Origin, tmp_path: Path) -> None:
    shell, url = Shell(stack, account, tmp_path), origin.url("/shop/disc.png")
    status, out, err = await shell.run("remove-background", url)
    assert (status, out.split()) == (0, ["disc-cutout.png"]), err
    assert opened((tmp_path / "disc-cutout.png").read_bytes()).size == (64, 48)
    # Nothing is fetched, or paid for, twice.
    status, out, err = await shell.run("remove-background", url)
    assert (status, "skipped" in err or "already" in err, len(origin.requests)) == (0, True, 1), err
    status, out, err = await shell.run("remove-background", origin.url("/nothing.png"))
    assert (status, "404" in err) == (1, True), err


CUT = "/v1/images/remove-background"


async def test_one_call_from_a_url_to_the_result(pilio: Pilio, origin: Origin) -> None:
    body, key = {"image_url": origin.url("/shop/disc.png")}, {**pilio.headers, "Idempotency-Key": "from a URL"}
    reply = await pilio.http.post(f"{pilio.url}{CUT}?wait=60", json=body, headers=key)
    check_reply("post", CUT, reply)
    data = reply.json()["data"]
    assert (reply.status_code, data["status"]) == (200, "Succeeded"), reply.text
    [file] = data["files"]
    assert opened((await pilio.http.get(file["download_url"])).content).size == (64, 48)
    again = (await pilio.http.post(pilio.url + CUT, json=body, headers=key)).json()["data"]
    assert (again["task_id"], len(origin.requests)) == (data["task_id"], 1)
    mismatch = await pilio.http.post(pilio.url + CUT, json={"image_url": origin.url("/page")}, headers=key)
    assert (mismatch.status_code, mismatch.json()["code"], len(origin.requests)) == (409, 40900, 1)


async def test_every_call_for_one_file_takes_its_url(pilio: Pilio, origin: Origin, report: bytes) -> None:
    origin.pages["/report.pdf"] = response(report)
    calls = {
        "/v1/images/upscale": {"image_url": origin.url("/shop/disc.png"), "factor": 2},
        "/v1/images/remove-watermark": {"image_url": origin.url("/shop/disc.png")},
        "/v1/pdfs/remove-watermark": {"pdf_url": origin.url("/report.pdf")},
    }
    for path, body in calls.items():
        await pilio.start(path, body)
    # As a form: `(None, …)` is a field, and not a file.
    form = await pilio.http.post(pilio.url + CUT, files={"image_url": (None, origin.url("/shop/disc.png"))}, headers=pilio.headers)
    assert form.status_code == 200, form.text


async def test_a_url_or_a_file_and_nothing_else(pilio: Pilio, origin: Origin) -> None:
    file_id = await pilio.upload("a.png", PICTURE)
    url = origin.url("/shop/disc.png")
    bodies = [{}, {"image_file_id": file_id, "image_url": url}, {"image_url": ""}, {"image_file_id": ""}]
    told = []
    for body in bodies:
        reply = await pilio.post(CUT, body)
        assert (reply.status_code, reply.json()["code"]) == (400, 40001), reply.text
        told.append((reply.json()["data"]["field"], reply.json()["message"]))
    assert told[:2] == [
        ("image_file_id", "image_file_id: is required, unless image_url is given."),
        ("image_file_id", "image_file_id: cannot be given together with image_url."),
    ]
    assert [field for field, _ in told[2:]] == ["image_url", "image_file_id"]
    misspelt = (await pilio.post(CUT, {"image_ur": url})).json()["message"]
    assert misspelt.endswith("unless image_url is given. image_ur is not a field of this call; did you mean image_url?")
    assert origin.requests == []


async def test_what_is_refused_leaves_no_file(pilio: Pilio, origin: Origin, report: bytes) -> None:
    origin.pages["/report.pdf"] = response(report)
    refused = {
        "/report.pdf": (40005, "image_url: the file is application/pdf"),
        "/nothing.png": (40010, "image_url: there is nothing at this URL: its server answers 404."),
        "/inside": (40001, "image_url: it leads to an address"),
    }
    for path, (code, told) in refused.items():
        reply = await pilio.post(CUT, {"image_url": origin.url(path)})
        body = reply.json()
        assert (reply.status_code, body["code"], body["data"]["field"]) == (400, code, "image_url"), reply.text
        assert body["message"].startswith(told)
    assert (await pilio.get("/v1/files")).json()["data"]["items"] == []


async def test_fetching_needs_the_right_to_upload(stack: StackUnderTest, native: AsyncClient, origin: Origin) -> None:
    _, secret = await native.keys.create("tasks only", scopes=["tasks:write", "tasks:read"])
    async with AsyncClient(stack.url, secret) as limited:
        client = Pilio(stack.url, secret)
        reply = await client.post(CUT, {"image_url": origin.url("/shop/disc.png")})
        await client.http.aclose()
        with pytest.raises(PermissionDenied, match="files:write"):
            await create_from(limited, origin.url("/shop/disc.png"))
    assert (reply.status_code, "files:write" in reply.text, origin.requests) == (403, True, []), reply.text


async def test_native_tasks_take_urls_behind_their_files(native: AsyncClient, origin: Origin) -> None:
    file = await native.upload(PICTURE, name="first.png")
    task = await create_from(native, origin.url("/shop/disc.png"), file.id)
    assert (task.input_file_ids[0], len(task.input_file_ids)) == (file.id, 2)
    assert (await native.get_file(task.input_file_ids[1])).name == "disc.png"


async def create_from(client: AsyncClient, url: str, *file_ids: int) -> task_pb2.Task:
    stub = tasks_service_pb2_grpc.TasksServiceStub(client._calls.channel)
    request = tasks_service_pb2.CreateTaskRequest(input_file_ids=file_ids, input_urls=[url], operations=[operations.upscale(factor=2)])
    return (await client._calls.call(stub.CreateTask, request)).task
