"""Tasks, batches and pipelines in a browser: what is shown moves by itself, and what is done there is done at the server."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from tests.system.console.console import Console
from tests.system.pictures import opened
from tests.system.pilio import Pilio
from tests.system.snapotter import new_name

Photo = Callable[[str], Path]


async def begin(pilio: Pilio, steps: int = 0, name: str = "") -> str:
    """A task that does nothing, step by step, ten a second; of a file with a name, or of none."""
    files = {"file_ids": [await pilio.upload(name, b"any")]} if name else {}
    body = {**files, "operations": [{"noop": {"steps": steps, "step_milliseconds": 100}}]}
    return str((await pilio.post("/v1/tasks", body)).json()["data"]["task_id"])


def rows(console: Console) -> Locator:
    return console.page.get_by_role("table").get_by_role("row").filter(has=console.page.get_by_role("rowheader"))


async def test_the_list_moves_by_itself(console: Console, pilio: Pilio) -> None:
    await console.open("/tasks")
    await expect(console.page.get_by_text("No tasks yet.")).to_be_visible()
    task = await begin(pilio, 1000)
    row = rows(console)
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text("Running")
    await expect(row.get_by_role("progressbar")).to_have_attribute("aria-valuenow", re.compile(r"[1-9]"))
    await pilio.post(f"/v1/tasks/{task}/cancel", {})
    await expect(row).to_contain_text("Cancelled")
    await pilio.delete(f"/v1/tasks/{task}")
    await expect(row).to_have_count(0)


async def test_filters_are_in_the_address(console: Console, pilio: Pilio) -> None:
    await begin(pilio)
    await pilio.finish(await begin(pilio))
    running = await begin(pilio, 1000)
    await console.open("/tasks")
    page = console.page
    await expect(rows(console)).to_have_count(3)
    filters = page.get_by_role("search", name="Filters")
    await filters.get_by_label("Status").select_option("Running")
    await expect(rows(console)).to_have_count(1)
    await page.reload()
    await expect(filters.get_by_label("Status")).to_have_value("running")
    await expect(rows(console)).to_have_count(1)
    await pilio.post(f"/v1/tasks/{running}/cancel", {})
    # What is no longer like that leaves the list.
    await expect(page.get_by_text("No tasks match.")).to_be_visible()
    await page.go_back()
    await expect(rows(console)).to_have_count(3)
    await filters.get_by_label("Name of a file").fill("holiday")
    await expect(page.get_by_text("No tasks match.")).to_be_visible()
    await page.get_by_role("button", name="Clear the filters").first.click()
    await expect(rows(console)).to_have_count(3)


async def test_many_tasks_are_cancelled_run_again_and_deleted(console: Console, pilio: Pilio) -> None:
    for _ in range(2):
        await begin(pilio, 1000)
    await console.open("/tasks")
    page = console.page
    await page.get_by_role("checkbox", name="Select all that are shown").check()
    await page.get_by_role("button", name="Cancel 2").click()
    await page.get_by_role("dialog", name="Cancel 2 tasks?").get_by_role("button", name="Cancel 2").click()
    await expect(rows(console).filter(has_text="Cancelled")).to_have_count(2)
    await page.get_by_role("checkbox", name="Select all that are shown").check()
    await page.get_by_role("button", name="Run 2 again").click()
    await expect(rows(console)).to_have_count(4)
    cancelled = rows(console).filter(has_text="Cancelled")
    for number in range(2):
        await cancelled.nth(number).get_by_role("checkbox").check()
    await page.get_by_role("button", name="Delete 2").click()
    await page.get_by_role("dialog", name="Delete 2 tasks?").get_by_role("button", name="Delete 2").click()
    await expect(rows(console)).to_have_count(2)
    left = (await pilio.get("/v1/tasks")).json()["data"]["items"]
    assert {each["state"] for each in left} <= {"queued", "running"}
    for each in left:
        await pilio.post(f"/v1/tasks/{each['task_id']}/cancel", {})


async def test_everything_about_a_task(console: Console, pilio: Pilio) -> None:
    task = await begin(pilio, 1000)
    await console.open(f"/tasks/{task}")
    page = console.page
    await expect(page.get_by_role("listitem").filter(has_text="Running")).to_contain_text("on ")
    await page.get_by_role("button", name="Cancel", exact=True).click()
    timeline = page.get_by_role("listitem")
    await expect(timeline.filter(has_text="Cancelled")).to_be_visible()
    await page.get_by_role("button", name="Run again").click()
    await expect(page).not_to_have_url(f"{console.url}/#/tasks/{task}")
    await expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_visible()
    [again] = [each["task_id"] for each in (await pilio.get("/v1/tasks")).json()["data"]["items"] if each["task_id"] != task]
    await pilio.post(f"/v1/tasks/{again}/cancel", {})
    await page.get_by_role("button", name="Delete", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
    assert [each["task_id"] for each in (await pilio.get("/v1/tasks")).json()["data"]["items"]] == [task]


@pytest.mark.thorough
async def test_a_batch_is_watched_collected_and_deleted(console: Console, pilio: Pilio, photo: Photo) -> None:
    await console.open()
    page = console.page
    await console.choose(photo("1.png"), photo("2.png"))
    await console.pick("Rotate and mirror")
    await console.run()
    await console.finished(2)
    await console.open("/batches")
    await page.get_by_role("link", name="1.png and 1 more").click()
    tiles = page.get_by_role("list", name="Tasks of the batch").get_by_role("listitem")
    await expect(tiles.filter(has_text="Done")).to_have_count(2)
    await page.get_by_role("button", name="Download all").click()
    _, content = await console.download(page.get_by_role("link", name="Download the archive"))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {"1-rotated.png", "2-rotated.png"} <= {Path(each).name for each in archive.namelist()}
    await page.get_by_role("button", name="Delete the batch").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete the batch").click()
    await expect(page.get_by_text("No batches yet.")).to_be_visible()
    assert (await pilio.get("/v1/batches")).json()["data"]["items"] == []


async def test_a_pipeline_is_written_saved_and_run(console: Console, photo: Photo) -> None:
    page, name = console.page, new_name()
    await console.open("/pipelines/new")
    await page.get_by_label("Name").fill(name)
    for tool in ("Border", "Resize"):
        await page.get_by_role("button", name="Add a step").click()
        await page.get_by_role("dialog").get_by_role("button").filter(has=page.get_by_text(tool, exact=True)).click()
    # Nothing is set in the second yet, which needs it.
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("Fix the marked steps.")).to_be_visible()
    settings = page.get_by_role("region", name="Settings of Resize")
    await settings.get_by_role("textbox", name="Width", exact=True).fill("90")
    await page.get_by_role("button", name="Move Resize to the left").click()
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("heading", name=name)).to_be_visible()
    await page.get_by_role("button", name=f"Run {name} on files").click()
    await console.choose(photo("red.png"))
    await expect(page.get_by_role("heading", name=f"Pipeline “{name}”")).to_be_visible()
    await console.run()
    await console.finished(1)
    _, content = await console.download(console.newest.get_by_role("button", name="Download", exact=True))
    # 160 by 120 to 90, and ten on each side.
    assert opened(content).size == (110, 88)
    await console.open("/pipelines")
    await page.get_by_role("button", name=f"Delete {name}").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("No pipelines yet.")).to_be_visible()
