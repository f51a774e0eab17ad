"""A server that is slow or busy, or whose replies are lost: the page says so, goes on, and does nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, Route, expect

from tests.system.console.console import Console
from tests.system.pilio import Pilio

Photo = Callable[[str], Path]


async def keys_of(page: Page, path: str, *troubles: str) -> list[str]:
    """Let the first calls of a path meet troubles, and return the idempotency keys of all of them, as they come."""
    keys: list[str] = []

    async def meet(route: Route) -> None:
        if route.request.method != "POST":
            await route.fallback()
            return
        keys.append(await route.request.header_value("Idempotency-Key") or "")
        trouble = troubles[len(keys) - 1] if len(keys) <= len(troubles) else ""
        if trouble == "lost reply":
            # The server has done it, and nobody hears of it.
            await route.fetch()
            await route.abort("connectionreset")
        elif trouble == "busy":
            await route.fulfill(
                status=503, headers={"retry-after": "1"}, json={"code": 1, "message": "busy", "data": {"error_code": "unavailable"}}
            )
        elif trouble == "starting":
            await route.fulfill(status=503, body="no healthy upstream", content_type="text/plain")
        else:
            await route.continue_()

    await page.route(f"**{path}", meet)
    return keys


async def test_what_is_not_there_yet_is_said_to_be_loading(console: Console, pilio: Pilio) -> None:
    await pilio.post("/v1/tasks", {"operations": [{"noop": {"steps": 0}}]})
    come = asyncio.Event()

    async def late(route: Route) -> None:
        await come.wait()
        await route.continue_()

    await console.page.route("**/v1/tasks?**", late)
    await console.open("/tasks")
    await expect(console.page.get_by_role("main").get_by_text("Loading…")).to_be_visible()
    come.set()
    await expect(console.page.get_by_role("link", name="Without a file")).to_be_visible()
    await expect(console.page.get_by_text("Loading…")).to_be_hidden()


async def test_a_list_that_fails_is_asked_for_again(console: Console, pilio: Pilio) -> None:
    await pilio.post("/v1/tasks", {"operations": [{"noop": {"steps": 0}}]})
    page = console.page
    await page.route("**/v1/tasks?**", lambda route: route.fulfill(status=500, body="", headers={"x-request-id": "7", "retry-after": "1"}))
    await console.open("/tasks")
    failed = page.get_by_role("alert")
    await expect(failed).to_contain_text("HTTP 500")
    await expect(failed).to_contain_text("Request 7")
    await page.unroute_all()
    await failed.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("link", name="Without a file")).to_be_visible()
    await expect(failed).to_be_hidden()


@pytest.mark.thorough
async def test_a_run_is_created_once(console: Console, pilio: Pilio, photo: Photo) -> None:
    keys = await keys_of(console.page, "/v1/batches", "busy", "lost reply", "starting")
    await console.open()
    await console.choose(photo("red.png"))
    await console.pick("Rotate and mirror")
    await console.run()
    await console.finished(1)
    assert len(keys) == 4
    assert len(set(keys)) == 1
    assert len((await pilio.get("/v1/tasks")).json()["data"]["items"]) == 1


@pytest.mark.thorough
async def test_files_are_created_once(console: Console, pilio: Pilio, photo: Photo) -> None:
    keys = await keys_of(console.page, "/v1/files/batch-create", "lost reply", "busy")
    await console.open()
    await console.choose(photo("red.png"))
    await console.uploaded("red.png")
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert len((await pilio.get("/v1/files")).json()["data"]["items"]) == 1


@pytest.mark.thorough
async def test_an_archive_that_takes_long_says_so(console: Console, photo: Photo) -> None:
    come = asyncio.Event()

    async def late(route: Route) -> None:
        await come.wait()
        await route.continue_()

    await console.open()
    await console.choose(photo("1.png"), photo("2.png"))
    await console.pick("Rotate and mirror")
    await console.run()
    await console.finished(2)
    await console.page.route("**/zip", late)
    button = console.newest.get_by_role("button", name="Download as ZIP")
    async with console.page.expect_download():
        await button.click()
        await expect(console.newest.get_by_role("button", name="Packing…")).to_be_disabled()
        come.set()
    await expect(button).to_be_enabled()
