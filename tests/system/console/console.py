"""What a person does with the console, in the words of the page."""

from __future__ import annotations

import asyncio
import base64
import json
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Locator, Page, expect

_TOKEN = "darkroom.token"
PATIENCE_MS = 60_000
"""A busy machine is slow; what does not come at all fails all the same."""
expect.set_options(timeout=PATIENCE_MS)
# Files of a drag come from the system, or, as here, from the page itself.
_DRAGGED = """files => {
    const dragged = new DataTransfer();
    for (const [name, type, content] of files)
        dragged.items.add(new File([Uint8Array.from(atob(content), (byte) => byte.charCodeAt(0))], name, { type }));
    return dragged;
}"""


@dataclass
class Console:
    """A page of the console."""

    page: Page
    url: str

    async def signed_in(self, token: str) -> Console:
        """Go on with a key or a session's token, as if somebody had signed in before."""
        await self.page.context.add_init_script(
            f"if (location.origin === {json.dumps(self.url)} && !localStorage.getItem('{_TOKEN}.given')) "
            f"{{ localStorage.setItem('{_TOKEN}', {json.dumps(token)}); localStorage.setItem('{_TOKEN}.given', '1'); }}"
        )
        return self

    async def open(self, path: str = "/") -> Console:
        """Show a page, by its path in the fragment."""
        await self.page.goto(f"{self.url}/#{path}")
        await expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        return self

    def button(self, name: str | re.Pattern[str]) -> Locator:
        """A button by its whole name."""
        return self.page.get_by_role("button", name=name, exact=True)

    async def until(self, holds: str) -> None:
        """Wait until an asynchronous function of the page says yes: for what is not to be seen."""
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while not await self.page.evaluate(holds):
                await asyncio.sleep(0.1)

    # Files.

    async def choose(self, *files: Path) -> None:
        """Choose files, as the button does."""
        await self.page.get_by_test_id("files").set_input_files([str(file) for file in files])

    async def drop(self, *files: Path) -> None:
        """Drag files onto the page and let them go."""
        content = [
            (file.name, mimetypes.guess_type(file.name)[0] or "", base64.b64encode(file.read_bytes()).decode("ascii")) for file in files
        ]
        dragged = await self.page.evaluate_handle(_DRAGGED, content)
        for event in ("dragenter", "dragover", "drop"):
            await self.page.dispatch_event("main", event, {"dataTransfer": dragged})

    def file(self, name: str) -> Locator:
        """A file in the list of those that were dropped."""
        return self.page.get_by_role("region", name="Files", exact=True).get_by_role("listitem").filter(has_text=name)

    async def uploaded(self, *names: str) -> None:
        """Wait until files are at the server."""
        for name in names:
            await expect(self.file(name).get_by_text(re.compile(r"^\d.* (byte|kB|MB|B)s?$"))).to_be_visible()

    # What is done.

    async def pick(self, tool: str) -> Locator:
        """Choose what is done, by its name, and return where it is set up."""
        card = self.page.get_by_role("button").filter(has=self.page.get_by_text(tool, exact=True))
        await card.first.click()
        return self.work(tool)

    def work(self, tool: str) -> Locator:
        """Where something is set up."""
        return self.page.get_by_role("region", name=tool, exact=True)

    @property
    def run_button(self) -> Locator:
        """The button that runs what is set up, while it can be pressed."""
        return self.page.get_by_role("button", name=re.compile(r"^(Run|Run on \d+ files|Create)$"))

    async def run(self) -> Locator:
        """Run it, and return the newest of the results."""
        before = await self.runs.count()
        await self.run_button.click()
        await expect(self.runs).to_have_count(before + 1)
        return self.newest

    # Results.

    @property
    def runs(self) -> Locator:
        """All runs, the newest first."""
        return self.page.get_by_role("main").get_by_role("article")

    @property
    def newest(self) -> Locator:
        """The run that was begun last."""
        return self.runs.first

    async def finished(self, count: int) -> None:
        """Wait until the newest run has ended for so many files, whatever came of them."""
        await expect(self.newest).to_have_attribute("aria-busy", "false")
        await expect(self.newest.get_by_role("status").first).to_contain_text(f"of {count} done")

    async def open_result(self, name: str) -> Locator:
        """Look at the result of a file, in a dialog."""
        await self.newest.get_by_role("button", name=f"Open the result of {name}").click()
        return self.page.get_by_role("dialog", name=name)

    async def act(self, action: str) -> None:
        """Choose something from the menu of the newest run."""
        await self.newest.get_by_role("button", name="Actions").click()
        await self.page.get_by_role("menuitem", name=action).click()

    async def download(self, button: Locator) -> tuple[str, bytes]:
        """Press a button that downloads something; its name and content."""
        async with self.page.expect_download() as beginning:
            await button.click()
        downloaded = await beginning.value
        return downloaded.suggested_filename, Path(await downloaded.path()).read_bytes()
