"""What a person does with the console, in the words of the page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Locator, Page, expect

_TOKEN = "darkroom.token"
PATIENCE_MS = 60_000
"""A busy machine is slow; what does not come at all fails all the same."""
expect.set_options(timeout=PATIENCE_MS)


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
        self.page.set_default_timeout(PATIENCE_MS)
        return self

    async def open(self, path: str = "/") -> Console:
        """Show a page, by its path in the fragment."""
        await self.page.goto(f"{self.url}/#{path}")
        await expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        return self

    async def drop(self, *files: Path) -> None:
        """Choose files, as the button does."""
        await self.page.get_by_test_id("files").set_input_files([str(file) for file in files])

    async def pick(self, tool: str) -> None:
        """Choose what is done, by its name."""
        await self.page.get_by_role("button", name=tool).first.click()

    async def run(self) -> Locator:
        """Run it, and return the newest of the results."""
        await self.page.get_by_role("button", name="Run", exact=False).first.click()
        return self.newest()

    def newest(self) -> Locator:
        """The run that was begun last."""
        return self.page.get_by_role("region", name="Results").get_by_role("article").first
