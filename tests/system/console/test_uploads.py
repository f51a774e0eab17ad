"""Uploads in a browser that are interrupted: parts that fail, a network that is gone, a page that is loaded again, refused files."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.async_api import Route, expect

from tests.system.console.console import Console
from tests.system.console.sending import GOES, HELD, LOST, Sending
from tests.system.pilio import Pilio

Photo = Callable[[str], Path]


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 MiB, which are sent in three parts: noise, of which a part that is missing or doubled would be noticed."""
    path = tmp_path_factory.mktemp("large") / "large.png"
    noise = np.random.default_rng(1).integers(0, 256, (2048, 2048, 3), np.uint8)
    Image.fromarray(noise).save(path, compress_level=0)
    return path


# The database is opened beside the page's own connection.
_KEPT = """async () => {
    for (const { name } of await indexedDB.databases()) {
        const database = await new Promise((found) => { const asked = indexedDB.open(name); asked.onsuccess = () => found(asked.result); });
        const bytes = database.transaction("bytes").objectStore("bytes").count();
        const count = await new Promise((found) => { bytes.onsuccess = () => found(bytes.result); });
        database.close();
        if (count) return true;
    }
    return false;
}"""


async def kept(console: Console) -> None:
    """Wait until the browser has the bytes of a file for the next time that the page is loaded."""
    await console.until(_KEPT)


async def arrived_whole(pilio: Pilio, file: Path) -> None:
    """The server has it as it is here."""
    found = (await pilio.get("/v1/files?page_size=100")).json()["data"]["items"]
    [record] = [each for each in found if each["name"] == file.name]
    url = (await pilio.get(f"/v1/files/{record['id']}/download-url")).json()["data"]["download_url"]
    content = (await pilio.http.get(url)).content
    assert hashlib.sha256(content).digest() == hashlib.sha256(file.read_bytes()).digest()


@pytest.mark.thorough
async def test_parts_that_fail_are_sent_again(console: Console, pilio: Pilio, large: Path) -> None:
    fates = {(1, 0): LOST, (2, 0): 500, (2, 1): 503, (3, 0): LOST}
    sending = await Sending(lambda part, before: fates.get((part, before), GOES)).watch(console.page)
    await console.open()
    await console.choose(large)
    await console.uploaded(large.name)
    assert sorted(sending.parts) == [1, 1, 2, 2, 2, 3, 3]
    await arrived_whole(pilio, large)


@pytest.mark.thorough
async def test_a_network_that_is_gone_and_comes_back(console: Console, pilio: Pilio, large: Path) -> None:
    sending = await Sending(lambda part, before: HELD if part == 2 and not before else GOES).watch(console.page)
    await console.open()
    await console.choose(large)
    async with console.page.expect_request_finished(lambda request: request.method == "PUT"):
        pass
    await console.page.context.set_offline(True)
    sending.let_go.set()
    await expect(console.page.get_by_text("The connection is lost. Uploads resume automatically when it is back.")).to_be_visible()
    await console.page.context.set_offline(False)
    await console.uploaded(large.name)
    assert sending.parts.count(2) > 1
    await arrived_whole(pilio, large)


async def test_after_a_reload_only_what_is_missing_is_sent(console: Console, pilio: Pilio, large: Path) -> None:
    before = await Sending(lambda part, before: GOES if part == 1 else LOST).watch(console.page)
    await console.open()
    async with console.page.expect_response(lambda response: response.request.method == "PUT" and response.ok):
        await console.choose(large)
    await expect(console.page.get_by_text("The connection is lost.")).to_be_visible()
    await kept(console)
    await console.page.unroute_all(behavior="ignoreErrors")
    after = await Sending().watch(console.page)
    await console.page.reload()
    await console.uploaded(large.name)
    assert 1 in before.parts
    assert sorted(after.parts) == [2, 3]
    await arrived_whole(pilio, large)


@pytest.mark.thorough
async def test_a_file_that_came_before_it_was_known_who_is_there(console: Console, pilio: Pilio, photo: Photo) -> None:
    known = asyncio.Event()

    async def late(route: Route) -> None:
        await known.wait()
        await route.continue_()

    await console.page.route("**/v1/me", late)
    sending = await Sending(lambda part, before: LOST).watch(console.page)
    await console.open()
    await console.choose(photo("early.png"))
    await expect(console.page.get_by_text("The connection is lost.")).to_be_visible()
    known.set()
    await kept(console)
    sending.fate = lambda part, before: GOES
    await console.page.reload()
    await console.uploaded("early.png")
    await arrived_whole(pilio, photo("early.png"))


async def test_a_url_that_has_expired_is_renewed(console: Console, pilio: Pilio, large: Path, photo: Photo) -> None:
    sending = await Sending(lambda part, before: 403 if part in (1, 3) and not before else GOES).watch(console.page)
    await console.open()
    async with console.page.expect_response("**/resume") as renewed:
        await console.choose(large)
    assert (await renewed.value).ok
    await console.uploaded(large.name)
    await arrived_whole(pilio, large)
    # The same of a file in one piece.
    sending.parts.clear()
    sending.fate = lambda part, before: GOES if before else 403
    small = photo("small.png")
    await console.choose(small)
    await console.uploaded("small.png")
    assert sending.parts == [1, 1]
    await arrived_whole(pilio, small)


@pytest.mark.thorough
async def test_a_file_that_is_refused_says_why_and_the_others_go_on(console: Console, photo: Photo, tmp_path: Path) -> None:
    text, empty = tmp_path / "letter.jpg", tmp_path / "empty.png"
    text.write_text("This is no picture.")
    empty.touch()
    await console.open()
    await console.choose(photo("good.png"), text, empty)
    await console.uploaded("good.png")
    for name, why in (("letter.jpg", "The file's content is of an unsupported kind"), ("empty.png", "The file is empty.")):
        await expect(console.file(name)).to_contain_text("Cannot be used")
        await expect(console.file(name)).to_contain_text(why)
    await console.pick("Rotate and mirror")
    await console.run()
    await console.finished(1)


@pytest.mark.thorough
async def test_what_is_taken_from_the_list_is_given_up(console: Console, pilio: Pilio, large: Path, photo: Photo) -> None:
    await Sending(lambda part, before: LOST if part > 1 else GOES).watch(console.page)
    await console.open()
    await console.choose(large, photo("good.png"))
    async with console.page.expect_response("**/abort"):
        await console.button("Remove large.png").click()
    await expect(console.file("large.png")).to_have_count(0)
    await console.uploaded("good.png")
