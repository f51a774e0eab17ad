"""Signing in and out in a browser, and sessions that end while something is on the page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, expect

from deploy.local.access import make_link
from tests.stacks import Account, StackUnderTest
from tests.system.console.console import Console
from tests.system.snapotter import PASSWORD, SnapOtter, new_name

FIRST, NEW = "First-Password-1", "Another-Horse-1"


async def fill_in(page: Page, name: str, password: str) -> None:
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.thorough
async def test_a_link_signs_in_once(page: Page, context: BrowserContext, stack: StackUnderTest, admin: SnapOtter) -> None:
    user, _ = await admin.person()
    link = await asyncio.to_thread(stack.run, make_link(stack.stack.config, user["username"]))
    await page.goto(link)
    await expect(page.get_by_role("button", name=f"Signed in as {user['username']}")).to_be_visible()
    await expect(page).to_have_url(f"{stack.url}/#/")
    # Whoever goes back does not come to the link again.
    await page.get_by_role("link", name="Tasks").click()
    await page.go_back()
    await expect(page.get_by_role("heading", name="Studio")).to_be_visible()
    await page.goto("about:blank")
    await page.goto(link)
    await expect(page.get_by_text("This link is no longer valid.")).to_be_visible()
    await fill_in(page, user["username"], PASSWORD)
    await expect(page.get_by_role("heading", name="Studio")).to_be_visible()


@pytest.mark.thorough
async def test_by_password_and_out_again_in_all_tabs(page: Page, context: BrowserContext, stack: StackUnderTest, admin: SnapOtter) -> None:
    user, _ = await admin.person()
    await page.goto("/")
    await fill_in(page, user["username"], "Wrong-Password-1")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_label("Name")).to_have_value(user["username"])
    await fill_in(page, user["username"], PASSWORD)
    await expect(page.get_by_role("heading", name="Studio")).to_be_visible()
    other = await context.new_page()
    await other.goto("/")
    await other.get_by_role("button", name=f"Signed in as {user['username']}").click()
    await other.get_by_role("menuitem", name="Sign out").click()
    for each in (other, page):
        await expect(each.get_by_role("heading", name="Sign in")).to_be_visible()
    # Nothing of theirs is left for whoever comes next.
    await Console(page, stack.url).until("async () => !(await indexedDB.databases()).length")


async def test_by_key(page: Page, stack: StackUnderTest, account: Account) -> None:
    await page.goto("/")
    await page.get_by_role("button", name="Use an API key instead").click()
    key = page.get_by_label("API key")
    await key.fill("dk_wrong")
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("The key is not valid")
    await key.fill(f" {account.api_key} ")
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page.get_by_role("heading", name="Studio")).to_be_visible()


async def test_who_was_given_a_password_chooses_another(page: Page, admin: SnapOtter) -> None:
    name = new_name()
    added = await admin.post("/v1/users", {"name": name, "password": FIRST, "role": "user"})
    assert added.status_code == 200, added.text
    await page.goto("/")
    await fill_in(page, name, FIRST)
    await expect(page.get_by_role("heading", name="New password")).to_be_visible()
    await page.get_by_label("Current password").fill(FIRST)
    await page.get_by_label("New password").fill("weak")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.get_by_label("New password").fill(NEW)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", name="Studio")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="Studio")).to_be_visible()


async def test_work_goes_on_after_a_session_that_ended(
    page: Page, stack: StackUnderTest, admin: SnapOtter, photo: Callable[[str], Path]
) -> None:
    user, session = await admin.person()
    console = await (await Console(page, stack.url).signed_in(session.token)).open()
    await console.choose(photo("before.png"))
    await console.uploaded("before.png")
    settings = await console.pick("Rotate and mirror")
    await settings.get_by_role("slider", name="Angle").fill("90")
    assert (await session.http.delete(f"{stack.url}/v1/sessions/current", headers=session.headers)).status_code == 200
    await console.choose(photo("while.png"))
    dialog = page.get_by_role("dialog", name="Sign in")
    await expect(dialog).to_contain_text("Your session has ended")
    await page.keyboard.press("Escape")
    await dialog.get_by_label("Name").fill(user["username"])
    await dialog.get_by_label("Password").fill(PASSWORD)
    await dialog.get_by_role("button", name="Sign in", exact=True).click()
    await expect(dialog).to_be_hidden()
    await console.uploaded("before.png", "while.png")
    await expect(settings.get_by_role("slider", name="Angle")).to_have_value("90")
    await console.run()
    await console.finished(2)
