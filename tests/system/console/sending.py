"""What the page sends to the storage, and what becomes of it on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from playwright.async_api import Page, Route

GOES, LOST, HELD = "goes", "lost", "held"
Fate = str | int
"""It goes through, is lost on the way, or waits for `let_go`; a number: it is answered with this status, and not sent."""


@dataclass
class Sending:
    """PUTs of a page. `fate` is told the number of the part and how often it has been tried before."""

    fate: Callable[[int, int], Fate] = lambda part, before: GOES
    parts: list[int] = field(default_factory=list)
    """Of each PUT, in their order; 1 for a file in one piece."""
    urls: list[str] = field(default_factory=list)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def watch(self, page: Page) -> Sending:
        """Stand between a page and the storage from now on."""
        await page.route("**/*", self._meet)
        return self

    async def _meet(self, route: Route) -> None:
        if route.request.method != "PUT":
            await route.fallback()
            return
        part = int(parse_qs(urlsplit(route.request.url).query).get("partNumber", ["1"])[0])
        fate = self.fate(part, self.parts.count(part))
        self.parts.append(part)
        self.urls.append(route.request.url)
        if fate == HELD:
            await self.let_go.wait()
            fate = GOES
        if fate == GOES:
            await route.continue_()
        elif fate == LOST:
            await route.abort("connectionreset")
        else:
            await route.fulfill(status=int(fate))
