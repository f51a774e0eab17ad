"""People, roles, the audit log and the state of the installation in a browser, for an administrator and for somebody who may less."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, expect

from tests.stacks import StackUnderTest
from tests.system.console.console import PATIENCE_MS, Console
from tests.system.console.test_signing_in import fill_in
from tests.system.snapotter import SnapOtter, new_name

NEW = "Another-Horse-1"


@pytest.fixture
async def boss(context: BrowserContext, stack: StackUnderTest, admin: SnapOtter) -> Console:
    """The console of the administrator."""
    return await Console(await context.new_page(), stack.url).signed_in(admin.token)


@pytest.fixture
async def stranger(browser: Browser, stack: StackUnderTest) -> AsyncIterator[Console]:
    """Another browser, in which nobody has signed in."""
    context = await browser.new_context(base_url=stack.url)
    context.set_default_timeout(PATIENCE_MS)
    yield Console(await context.new_page(), stack.url)
    await context.close()


async def test_somebody_new_sees_what_the_role_permits(boss: Console, stranger: Console) -> None:
    page, name, role = boss.page, new_name(), new_name()[:20]
    await boss.open("/roles")
    await page.get_by_role("button", name="Add a role").click()
    form = page.get_by_role("dialog", name="Add a role")
    await form.get_by_label("Name").fill(role)
    await form.get_by_role("checkbox", name="pipelines:own").uncheck()
    await form.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=role))).to_contain_text("Use the tools")
    await boss.open("/people")
    await page.get_by_role("button", name="Add a person").click()
    form = page.get_by_role("dialog", name="Add a person")
    await form.get_by_label("Name").fill(name)
    await form.get_by_label("Role").select_option(role)
    await form.get_by_role("switch", name="Invite by a link").click()
    await form.get_by_role("button", name="Add", exact=True).click()
    shown = page.get_by_role("dialog", name=f"Password of {name}")
    password = await shown.get_by_role("code").inner_text()
    await shown.get_by_role("button", name="I have copied it").click()
    row = page.get_by_role("row", name=name)
    await expect(row).to_contain_text(role)

    theirs = stranger.page
    await theirs.goto("/")
    await fill_in(theirs, name, password)
    await theirs.get_by_label("Current password").fill(password)
    await theirs.get_by_label("New password").fill(NEW)
    await theirs.get_by_role("button", name="Save").click()
    await expect(theirs.get_by_role("link", name="Tasks")).to_be_visible()
    for unseen in ("People", "Roles", "Audit log", "System"):
        await expect(theirs.get_by_role("navigation").get_by_role("link", name=unseen)).to_have_count(0)

    # Whoever is removed is out at once.
    await row.get_by_role("button", name=f"Remove {name}").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    await expect(row).to_have_count(0)
    await theirs.get_by_role("link", name="Tasks").click()
    await expect(theirs.get_by_role("dialog", name="Sign in")).to_be_visible()

    await boss.open("/audit")
    await page.get_by_label("Action").select_option("Person removed")
    entry = page.get_by_role("row", name=f"Person removed {name}")
    await expect(entry).to_contain_text("admin")
    await entry.get_by_role("button", name="Details").click()
    await expect(page.get_by_role("dialog")).to_contain_text("user.deleted")
    await page.keyboard.press("Escape")
    await boss.open("/roles")
    await page.get_by_role("button", name=f"Remove role {role}").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    await expect(page.get_by_role("heading", name=role)).to_have_count(0)


async def test_somebody_is_invited_by_a_link(boss: Console, stranger: Console) -> None:
    page, name = boss.page, new_name()
    await boss.open("/people")
    await page.get_by_role("button", name="Add a person").click()
    form = page.get_by_role("dialog", name="Add a person")
    await form.get_by_label("Name").fill(name)
    await form.get_by_role("button", name="Add", exact=True).click()
    shown = page.get_by_role("dialog", name=f"Sign-in link for {name}")
    first = await shown.get_by_role("code").inner_text()
    await shown.get_by_role("button", name="I have copied it").click()
    row = page.get_by_role("row", name=name)
    await expect(row).to_contain_text("invited")
    await row.get_by_role("button", name=f"New sign-in link for {name}").click()
    await expect(shown.get_by_role("code")).to_contain_text("/#/sign-in/")
    await expect(shown.get_by_role("code")).not_to_have_text(first)
    await stranger.page.goto(first)
    await expect(stranger.page.get_by_role("button", name=f"Signed in as {name}")).to_be_visible()


async def test_an_administrator_creates_a_key_of_the_account(boss: Console, stack: StackUnderTest) -> None:
    page, name = boss.page, new_name()
    await boss.open("/keys")
    await page.get_by_role("button", name="New key", exact=True).click()
    form = page.get_by_role("dialog", name="New key")
    await form.get_by_label("Name").fill(name)
    await form.get_by_role("button", name="Create").click()
    shown = page.get_by_role("dialog", name=name)
    secret = await shown.get_by_role("code").inner_text()
    async with httpx.AsyncClient(base_url=stack.url, headers={"Authorization": f"Bearer {secret}"}) as program:
        assert (await program.get("/v1/me")).json()["data"]["kind"] == "account_key"
    await shown.get_by_role("button", name="I have copied it").click()
    await page.get_by_role("row", name=name).get_by_role("button", name=f"Revoke key {name}").click()
    await page.get_by_role("dialog").get_by_role("button", name="Revoke", exact=True).click()
    await expect(page.get_by_role("row", name=name)).to_have_count(0)


async def test_who_may_not_is_told_so(stranger: Console, person: SnapOtter) -> None:
    # Nothing leads there, but an address does.
    await (await stranger.signed_in(person.token)).open("/system")
    await expect(stranger.page.get_by_role("alert").first).to_be_visible()


async def test_how_the_installation_is(boss: Console, admin: SnapOtter) -> None:
    system = (await admin.get("/v1/system")).json()["data"]
    page = boss.page
    await boss.open("/system")
    services = page.get_by_role("region", name="Services")
    for part in system["parts"]:
        card = services.get_by_role("listitem").filter(has=page.get_by_role("heading", name=part["name"], exact=True))
        await expect(card).to_contain_text("OK")
    assert system["lanes"]
    for lane in system["lanes"]:
        await expect(page.get_by_role("table", name="Queues").get_by_role("row", name=lane["name"]).first).to_be_visible()
    await expect(page.get_by_role("table", name="Workers").get_by_role("row")).to_have_count(len(system["workers"]) + 1)
    await page.get_by_text("Models of the model servers").click()
    for model in system["models"][:3]:
        await expect(page.get_by_role("group").get_by_text(model["name"]).first).to_be_visible()
    await expect(page.get_by_role("region", name="Bundles of models").get_by_role("listitem").first).to_contain_text("nstalled")
