"""Pictures named by URLs, fetched by the server: an origin on loopback, which the stacks of tests allow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from darkroom import AsyncClient, InvalidRequest, operations
from tests.origin import Origin, redirect, response
from tests.stacks import Account, StackUnderTest
from tests.system.pictures import disc, encoded, opened
from tests.system.pilio import Pilio, check_reply
from tests.system.test_cli import Shell

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
        origin.url("/page"): (40005, "no picture"),
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
