"""The console in a browser: how soon something is to be seen, and how soon it can be used."""

from __future__ import annotations

from statistics import median

from playwright.async_api import Browser, ViewportSize, async_playwright

from benchmarks.table import Section, milliseconds
from deploy import browser
from deploy.local.scratch.stack import ScratchStack

_TIMES = 5
_SLOWER = (1, 4, 6)
"""How many times slower Chromium makes the processor of a page: 4 is its word for a mid-range phone, 6 for a low-end one."""
_PHONE = ViewportSize(width=390, height=844)
_READY = {"/#/": ".drop-zone", "/docs": "#operations-tag-Tasks"}
"""What has to be there before a page can be used."""
_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
_LOADED = (
    "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
    ".reduce((sum, one) => sum + one.transferSize, 0)"
)


async def measure(stack: ScratchStack) -> Section:
    """The studio of somebody who is signed in, and, for comparison, the page of the API."""
    section = Section(
        "The console in a browser",
        f"Headless Chromium with an empty cache, a window of {_PHONE['width']} × {_PHONE['height']} pixels, and its processor slowed down "
        f"as its developer tools do; medians of {_TIMES}. *Paint*: until the first text or picture is seen. *Usable*: until files can "
        "be dropped, or the first calls are listed. The studio is signed in and loads its tools' pictures in sight; `/docs` is Swagger UI "
        "with the whole API, which was all there was for people before.",
        ("page", "processor", "paint", "usable", "loaded"),
    )
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=browser.PROGRAM, args=["--no-zygote", "--no-sandbox", "--disable-gpu"], env=browser.environment()
        )
        for path in _READY:
            for slower in _SLOWER:
                seen = [await _opened(launched, stack, path, slower) for _ in range(_TIMES)]
                paint, usable, loaded = (median(values) for values in zip(*seen, strict=True))
                row = (milliseconds(paint / 1000), milliseconds(usable / 1000), f"{loaded / 1000:.0f} kB")
                section.rows.append((path, f"{slower}× slower" if slower > 1 else "as it is", *row))
        await launched.close()
    return section


async def _opened(launched: Browser, stack: ScratchStack, path: str, slower: int) -> tuple[float, float, float]:
    """Milliseconds until the first paint and until the page can be used, and the bytes that were loaded until then."""
    context = await launched.new_context(viewport=_PHONE)
    await context.add_init_script(f"localStorage.setItem('darkroom.token', '{stack.api_key}')")
    page = await context.new_page()
    tools = await context.new_cdp_session(page)
    await tools.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    await page.goto(f"{stack.url}{path}")
    await page.wait_for_selector(_READY[path])
    usable = await page.evaluate("performance.now()")
    found = await page.evaluate(_PAINTED), usable, await page.evaluate(_LOADED)
    await context.close()
    return found
