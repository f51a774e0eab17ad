"""The console by a name of the server that is neither the one that URLs are signed for nor a safe one: http in a house network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.async_api import Browser, expect

from tests.stacks import Account, StackUnderTest
from tests.system.console.conftest import ANOTHER_NAME
from tests.system.console.console import Console
from tests.system.pictures import opened


async def test_the_main_job(browser: Browser, stack: StackUnderTest, account: Account, photo: Callable[[str], Path]) -> None:
    url = stack.url.replace("127.0.0.1", ANOTHER_NAME)
    assert url != stack.url
    context = await browser.new_context(accept_downloads=True)
    elsewhere: list[str] = []
    context.on("request", lambda asked: None if asked.url.startswith((f"{url}/", "blob:")) else elsewhere.append(asked.url))
    console = await (await Console(await context.new_page(), url).signed_in(account.api_key)).open()
    assert not await console.page.evaluate("isSecureContext")
    await console.choose(photo("red.png"))
    await console.uploaded("red.png")
    settings = await console.pick("Resize")
    await settings.get_by_role("textbox", name="Width", exact=True).fill("40")
    await console.run()
    await console.finished(1)
    dialog = await console.open_result("red.png")
    await expect(dialog.get_by_role("img", name="Result")).to_be_visible()
    _, content = await console.download(dialog.get_by_role("button", name="Download", exact=True))
    assert opened(content).size == (40, 30)
    await console.page.keyboard.press("Escape")
    await console.act("Keep in the library")
    await expect(console.page.get_by_text("Kept in the library.")).to_be_visible()
    await context.close()
    assert not elsewhere
