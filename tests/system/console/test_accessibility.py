"""For whom cannot see, use a mouse, or has a small screen: what axe finds on every page, the main job by keyboard, and a narrow window."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.stacks import StackUnderTest
from tests.system.console.console import Console
from tests.system.pilio import Pilio
from tests.system.snapotter import SnapOtter

AXE = Path(__file__).resolve().parents[3] / "console" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = (
    "/",
    "/tasks",
    "/batches",
    "/pipelines",
    "/pipelines/new",
    "/library",
    "/usage",
    "/keys",
    "/webhooks",
    "/people",
    "/roles",
    "/audit",
    "/system",
    "/settings",
)
DESK, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=360, height=780)


async def findings(page: Page) -> list[str]:
    """What axe calls serious or critical, one line each."""
    await page.evaluate(AXE.read_text())
    found: dict[str, Any] = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:160]}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


async def quiet(page: Page) -> None:
    """Wait until what was asked for is there."""
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await expect(page.get_by_text(re.compile("^(Loading|加载中)…$"))).to_have_count(0)


@pytest.mark.cases(1)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_axe_finds_nothing_serious(page: Page, stack: StackUnderTest, admin: SnapOtter, size: ViewportSize, theme: str) -> None:
    await page.set_viewport_size(size)
    await page.context.add_init_script(f"localStorage.setItem('darkroom.theme', '{theme}')")
    console = await Console(page, stack.url).signed_in(admin.token)
    found: dict[str, list[str]] = {}
    for path in PAGES:
        await console.open(path)
        await quiet(page)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than the window"
        if told := await findings(page):
            found[path] = told
    assert not found


@pytest.mark.thorough
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_axe_finds_nothing_serious_in_dialogs_and_in_chinese(
    page: Page, stack: StackUnderTest, admin: SnapOtter, language: str
) -> None:
    await page.context.add_init_script(f"localStorage.setItem('darkroom.language', '{language}')")
    console = await Console(page, stack.url).signed_in(admin.token)
    found: dict[str, list[str]] = {}
    opened = 0
    for path in PAGES:
        await console.open(path)
        await quiet(page)
        if language == "zh" and (told := await findings(page)):
            found[path] = told
        openers = page.locator("main button.primary[type=button]:enabled")
        for index in range(await openers.count()):
            await openers.nth(index).click()
            await page.wait_for_timeout(100)
            if await page.locator("dialog[open]").count():
                opened += 1
                if told := await findings(page):
                    found[f"{path}, dialog {index}"] = told
                await page.keyboard.press("Escape")
                await expect(page.locator("dialog[open]")).to_have_count(0)
    assert not found
    assert opened >= 3


@pytest.mark.thorough
async def test_axe_finds_nothing_serious_in_what_is_worked_with(console: Console, pilio: Pilio, photo: Any) -> None:
    page = console.page
    await console.open()
    await console.choose(photo("red.png"))
    for tool in ("Remove watermarks", "Resize", "Collage"):
        settings = await console.pick(tool)
        await expect(settings.get_by_role("button", name="Run")).to_be_visible()
        assert not await findings(page), tool
        await settings.get_by_role("button", name="Choose something else").click()
    settings = await console.pick("Rotate and mirror")
    await console.run()
    await console.finished(1)
    dialog = await console.open_result("red.png")
    await expect(dialog.get_by_role("img", name="Result")).to_be_visible()
    assert not await findings(page)
    await page.keyboard.press("Escape")
    task = (await pilio.get("/v1/tasks")).json()["data"]["items"][0]["task_id"]
    await console.open(f"/tasks/{task}")
    await quiet(page)
    assert not await findings(page)


async def test_nobody_signed_in(page: Page) -> None:
    await page.goto("/")
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert not await findings(page)


async def test_the_main_job_by_keyboard(console: Console, photo: Any) -> None:
    page = console.page
    await console.open()
    # The window for choosing files is the system's; from here on no pointer.
    await console.choose(photo("red.png"))
    await console.uploaded("red.png")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Skip to content")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()
    await tab_to(page, "Search tools")
    await page.keyboard.type("rotate")
    await tab_to(page, "Rotate and mirror")
    await page.keyboard.press("Enter")
    await expect(console.work("Rotate and mirror")).to_be_visible()
    await tab_to(page, "Angle")
    await page.keyboard.type("90")
    # Enter runs what is set up.
    await page.keyboard.press("Enter")
    await console.finished(1)
    await tab_to(page, "Open the result of red.png")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="red.png")
    await expect(dialog.get_by_role("img", name="Result")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    # The focus is back where it was.
    await expect(page.get_by_role("button", name="Open the result of red.png")).to_be_focused()
    await page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    await expect(keys.get_by_text("Run the operation that is set up")).to_be_visible()
    assert not await findings(page)
    await page.keyboard.press("Escape")
    await expect(keys).to_be_hidden()
    await page.keyboard.press("Escape")
    await expect(console.work("Rotate and mirror")).to_be_hidden()
    await page.keyboard.press("/")
    await expect(page.get_by_role("searchbox", name="Search tools")).to_be_focused()


async def tab_to(page: Page, name: str) -> None:
    """Press Tab until something of this name has the focus."""
    told = "element => [element.getAttribute('aria-label'), element.labels?.[0]?.textContent, element.textContent].find(Boolean) ?? ''"
    for _ in range(120):
        await page.keyboard.press("Tab")
        focused = await page.evaluate(f"({told})(document.activeElement)")
        if str(focused).strip().startswith(name):
            return
    raise AssertionError(f"the Tab key does not reach {name}")


async def test_a_phone_opens_its_menu(browser: Browser, stack: StackUnderTest, admin: SnapOtter) -> None:
    context = await browser.new_context(base_url=stack.url, viewport=PHONE, has_touch=True, is_mobile=True)
    console = await (await Console(await context.new_page(), stack.url).signed_in(admin.token)).open()
    await expect(console.page.get_by_role("link", name="Tasks")).to_be_hidden()
    await console.page.get_by_role("button", name="Menu").tap()
    await console.page.get_by_role("link", name="Tasks").tap()
    await expect(console.page.get_by_role("heading", name="Tasks")).to_be_visible()
    await expect(console.page.get_by_role("link", name="Batches")).to_be_hidden()
    await context.close()
