"""`python -m benchmarks.console_pictures`: the pictures of the console in docs/images, taken in Chromium from a running stack.

It reads `DARKROOM_URL` and `DARKROOM_API_KEY`, uploads the samples, and removes a background.
"""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections.abc import Collection
from pathlib import Path

from PIL import Image
from playwright.async_api import BrowserContext, Page, ViewportSize, async_playwright, expect

from deploy import browser

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
_SAMPLES = ("portrait.jpg", "coffee.jpg", "report.pdf")
_DESK, _PHONE = ViewportSize(width=1280, height=860), ViewportSize(width=390, height=844)
_QUALITY = 82
_PATIENCE_MS = 120_000


async def main() -> None:
    """Take all pictures."""
    url, key = os.environ["DARKROOM_URL"], os.environ["DARKROOM_API_KEY"]
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=browser.PROGRAM, args=["--no-zygote", "--no-sandbox", "--disable-gpu"], env=browser.environment()
        )
        for name, viewport, theme, language, wanted in (
            ("console", _DESK, "light", "en", ("tools", "studio", "tasks", "system")),
            ("console-phone", _PHONE, "light", "en", ("tools", "studio", "tasks")),
            ("console-dark", _DESK, "dark", "zh", ("studio",)),
        ):
            context = await launched.new_context(viewport=viewport, reduced_motion="reduce")
            kept = {"token": key, "theme": theme, "language": language}
            for item, value in kept.items():
                await context.add_init_script(f"localStorage.setItem('darkroom.{item}', '{value}')")
            await _take(context, url, name, wanted)
            await context.close()
        await launched.close()


async def _take(context: BrowserContext, url: str, name: str, wanted: Collection[str]) -> None:
    async def keep(what: str) -> None:
        if what in wanted:
            await _keep(page, f"{name}-{what}")

    page = await context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    await page.goto(f"{url}/#/")
    await page.get_by_test_id("files").set_input_files([ROOT / "samples" / sample for sample in _SAMPLES])
    await expect(page.locator(".files .file-name + .muted")).to_have_count(len(_SAMPLES), timeout=_PATIENCE_MS)
    await keep("tools")
    await page.locator("[aria-labelledby=picker-featured] .tool-card").first.click()
    await page.locator(".run-bar .primary").click()
    await page.wait_for_selector(".item-succeeded")
    await page.locator(".item-succeeded .item-open").first.click()
    await page.wait_for_selector("dialog .viewer-frame img")
    await keep("studio")
    await page.keyboard.press("Escape")
    for path in ("tasks", "system"):
        await page.goto(f"{url}/#/{path}")
        await keep(path)


async def _keep(page: Page, name: str) -> None:
    """Keep what is to be seen."""
    # Pictures in sight are still arriving, and a stream never ends: no sign says that all is there.
    await page.wait_for_timeout(1500)
    picture = Image.open(io.BytesIO(await page.screenshot()))
    picture.convert("RGB").save(IMAGES / f"{name}.webp", quality=_QUALITY, method=6)
    print(f"{name}.webp: {(IMAGES / f'{name}.webp').stat().st_size / 1000:.0f} kB", file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(main())
