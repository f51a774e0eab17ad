"""Keys, webhooks, usage, the library and the settings in a browser, for an account of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from darkroom import AsyncClient, operations
from tests.component.tasks.receiver import Receiver
from tests.system.console.console import Console
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio
from tests.system.snapotter import new_name

Photo = Callable[[str], Path]


async def test_a_key_is_shown_once_works_and_is_revoked(console: Console) -> None:
    page, name = console.page, new_name()
    await console.open("/keys")
    await page.get_by_role("button", name="New key", exact=True).click()
    form = page.get_by_role("dialog", name="New key")
    await form.get_by_label("Name").fill(name)
    await form.get_by_role("checkbox", name="files:write").uncheck()
    await form.get_by_role("button", name="Create").click()
    shown = page.get_by_role("dialog", name=name)
    secret = await shown.get_by_role("code").inner_text()
    # Neither by Escape nor otherwise does it go unseen.
    await page.keyboard.press("Escape")
    await shown.get_by_role("button", name="I have copied it").click()
    row = page.get_by_role("row", name=name)
    await expect(row).to_contain_text("Active")
    assert secret not in await page.content()
    async with httpx.AsyncClient(base_url=console.url, headers={"Authorization": f"Bearer {secret}"}) as program:
        assert (await program.get("/v1/tasks")).status_code == 200
        assert (await program.post("/v1/files/batch-create", json={"files": []})).status_code == 403
        await row.get_by_role("button", name=f"Revoke key {name}").click()
        await page.get_by_role("dialog").get_by_role("button", name="Revoke", exact=True).click()
        await expect(row).to_have_count(0)
        assert (await program.get("/v1/tasks")).status_code == 401
    await page.get_by_role("switch", name="Show revoked and expired keys").click()
    await expect(row).to_contain_text("Revoked")


async def test_what_a_webhook_got_is_sent_again(console: Console, pilio: Pilio) -> None:
    page = console.page
    async with Receiver() as receiver:
        await console.open("/webhooks")
        await page.get_by_role("button", name="Add a webhook").click()
        form = page.get_by_role("dialog", name="Add a webhook")
        await form.get_by_label("URL").fill("https://192.0.2.1/hook")
        await form.get_by_role("button", name="Add", exact=True).click()
        # What was typed stays, to be mended.
        await expect(form.get_by_role("alert")).to_contain_text("may not be sent to")
        await form.get_by_label("URL").fill(receiver.url)
        await form.get_by_role("button", name="Add", exact=True).click()
        secret = page.get_by_role("dialog", name="Secret of the webhook")
        assert (await secret.get_by_role("code").inner_text()).startswith("whsec_")
        await secret.get_by_role("button", name="I have copied it").click()
        task = (await pilio.post("/v1/tasks", {"operations": [{"noop": {"steps": 0}}]})).json()["data"]["task_id"]
        await receiver.received(1)
        await page.get_by_role("tab", name="Deliveries").click()
        row = page.get_by_role("row", name="Task succeeded")
        await expect(row).to_contain_text("Delivered")
        await row.get_by_role("button", name="Send again").click()
        first, again = await receiver.received(2)
        assert first.body == again.body
        await expect(row.first).to_contain_text("200")
        await row.first.get_by_role("button", name="Details").click()
        dialog = page.get_by_role("dialog", name="Task succeeded")
        await expect(dialog.get_by_role("region", name="The receiver's answer")).to_contain_text("thanks")
        await dialog.get_by_role("link", name=task).click()
        await expect(page).to_have_url(f"{console.url}/#/tasks/{task}")


async def test_usage_tells_what_a_task_cost(console: Console, pilio: Pilio, photo: Photo) -> None:
    page = console.page
    await console.open()
    await console.choose(photo("red.png"))
    await console.pick("Remove the background")
    await console.run()
    await console.finished(1)
    [task] = (await pilio.get("/v1/tasks")).json()["data"]["items"]
    await console.open("/usage")
    charged = page.get_by_role("row", name="Charged for a task")
    await expect(charged).to_contain_text(f"Task {task['task_id']}")
    await expect(charged).to_contain_text(str(task["credits"]))
    limits = page.get_by_role("region", name="Limits")
    await expect(limits).to_contain_text("Storage")
    await expect(limits).to_contain_text("API keys")


@pytest.mark.thorough
async def test_the_library_has_versions_that_are_worked_on(console: Console, native: AsyncClient) -> None:
    page = console.page
    upload = await native.upload(encoded(disc(64, 48), "PNG"), name="photo.png")
    first = await native.library.add(upload.id, "holiday.png")
    task = await native.wait((await native.create_task([(await native.library.copy(first.id)).id], [operations.rotate(angle=90)])).id)
    await native.library.add(task.output_file_ids[0], parent_id=first.id, tool="rotate", name="holiday.png")
    await console.open("/library")
    search = page.get_by_role("searchbox", name="Search")
    await search.fill("winter")
    await expect(page.get_by_text("No name contains “winter”.")).to_be_visible()
    await search.fill("holiday")
    await page.get_by_role("button", name="holiday.png").first.click()
    dialog = page.get_by_role("dialog", name="holiday.png")
    version = dialog.get_by_role("listitem")
    await expect(version).to_contain_text(["rotate", "as it was added"])
    _, content = await console.download(version.last.get_by_role("button", name="Download holiday.png"))
    assert content == encoded(disc(64, 48), "PNG")
    await version.last.get_by_role("button", name="Use in the studio").click()
    await expect(page.get_by_role("region", name="Files", exact=True)).to_contain_text("holiday.png")
    await console.pick("Rotate and mirror")
    await console.run()
    await console.finished(1)
    await console.open("/library")
    await page.get_by_role("checkbox", name="Choose holiday.png").check()
    await page.get_by_role("button", name="Delete", exact=True).click()
    await page.get_by_role("dialog", name="Delete this file?").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("No files yet.")).to_be_visible()
    assert await native.library.list() == []


@pytest.mark.thorough
async def test_language_and_colours_stay(console: Console) -> None:
    page = console.page
    await console.open("/settings")
    looks = page.get_by_role("region", name="Language and colours")
    await looks.get_by_label("Colours").select_option("Dark")
    await looks.get_by_label("Language").select_option("中文")
    await expect(page.get_by_role("heading", level=1)).to_have_text("设置")
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("设置")
    await expect(page.locator("html[lang='zh-CN'][data-theme='dark']")).to_have_count(1)
    # Every page has its Chinese words, and each tool its Chinese name.
    await page.get_by_role("navigation").get_by_role("link", name="工作室").click()
    await expect(page.get_by_role("button", name="移除背景").first).to_be_visible()
    await page.get_by_role("button", name="语言").click()
    await page.get_by_role("menuitem", name="English").click()
    await expect(page.get_by_role("heading", name="Studio")).to_be_visible()
