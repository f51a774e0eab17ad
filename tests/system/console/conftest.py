"""The console in a real browser, on the whole system."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from deploy import browser as chromium
from tests.stacks import Account, StackUnderTest
from tests.system.console.console import PATIENCE_MS, Console
from tests.system.pictures import disc

SAMPLES = Path(__file__).resolve().parents[3] / "samples"


ANOTHER_NAME = "darkroom.test"
"""The server, by a name that is not the machine's own: without TLS, browsers give pages fewer abilities there."""


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of a process."""
    assert chromium.PROGRAM.is_file(), "there is no browser yet: `make browser` fetches it"
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=chromium.PROGRAM,
            # As root there is no sandbox, and without a GPU nothing is gained by asking for one.
            args=["--no-zygote", "--no-sandbox", "--disable-gpu", f"--host-resolver-rules=MAP {ANOTHER_NAME} 127.0.0.1"],
            env=chromium.environment(),
        )
        yield launched
        await launched.close()


@pytest.fixture
async def context(browser: Browser, stack: StackUnderTest) -> AsyncIterator[BrowserContext]:
    """A browser profile of its own, which has seen nothing yet.

    Whatever its pages do wrong fails the test: what throws, what their policy forbids, and requests to other hosts.
    """
    made = await browser.new_context(base_url=stack.url, viewport={"width": 1280, "height": 900}, locale="en-GB", accept_downloads=True)
    made.set_default_timeout(PATIENCE_MS)
    faults: list[str] = []
    made.on("weberror", lambda error: faults.append(f"thrown: {error.error}"))
    made.on("console", lambda message: faults.append(message.text) if "Content Security Policy" in message.text else None)
    made.on("request", lambda asked: None if asked.url.startswith((f"{stack.url}/", "blob:", "data:")) else faults.append(asked.url))
    yield made
    await made.close()
    assert not faults, faults


@pytest.fixture
async def page(context: BrowserContext) -> Page:
    """An empty page."""
    return await context.new_page()


@pytest.fixture
async def console(page: Page, stack: StackUnderTest, account: Account) -> Console:
    """The console, signed in with the key of an account of its own."""
    return await Console(page, stack.url).signed_in(account.api_key)


@pytest.fixture
def photo(tmp_path: Path) -> Callable[[str], Path]:
    """Makes small photos of the names that are asked for."""

    def made(name: str) -> Path:
        path = tmp_path / name
        disc(160, 120).save(path)
        return path

    return made
