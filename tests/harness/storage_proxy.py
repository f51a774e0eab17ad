"""A proxy in front of object storage, which passes requests on as they are, and answers some of them as a test says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from deploy.local.scratch.resources import free_port

_OWN = ("Transfer-Encoding", "Content-Length", "Connection", "Keep-Alive")


@dataclass(frozen=True, slots=True)
class Seen:
    """A request."""

    method: str
    target: str
    """Path and query."""
    headers: CIMultiDict[str]
    body: bytes


@dataclass(slots=True)
class Said:
    """What is answered to requests in place of what the storage says."""

    to: Callable[[Seen], bool]
    status: int
    body: str
    headers: dict[str, str]
    times: int
    passed_on: bool
    """Whether the storage gets the request nevertheless: its answer is then lost."""


def _as_it_is(seen: Seen) -> str:
    return seen.target


@dataclass(slots=True)
class StorageProxy:
    """Answers and remembers."""

    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    rewritten: Callable[[Seen], str] = _as_it_is
    """The path and query that the storage gets, for one that checks no signatures."""

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.port}"

    def says(
        self,
        to: Callable[[Seen], bool],
        status: int,
        code: str = "",
        *,
        times: int = 1,
        passed_on: bool = False,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Answer the next requests like these with a status and S3's error of this code."""
        body = f'<?xml version="1.0"?>\n<Error><Code>{code}</Code><Message>as the test says</Message></Error>' if code else ""
        self.said.append(Said(to, status, body, headers or {}, times, passed_on))

    def sees(self, method: str, part: str = "") -> list[Seen]:
        """The requests of a method whose path and query have this part."""
        return [one for one in self.seen if one.method == method and part in one.target]


@asynccontextmanager
async def storage_proxy(target: str) -> AsyncIterator[StorageProxy]:
    """A running proxy in front of the storage at `target`."""
    proxy = StorageProxy()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        seen = Seen(request.method, request.raw_path, CIMultiDict(request.headers), await request.content.read())
        proxy.seen.append(seen)
        said = next((each for each in proxy.said if each.times and each.to(seen)), None)
        if said is not None:
            said.times -= 1
        if said is None or said.passed_on:
            answer = await _passed_on(session, f"{target}{proxy.rewritten(seen)}", seen)
        if said is not None:
            return web.Response(status=said.status, body=said.body.encode(), headers=said.headers, content_type="application/xml")
        return answer

    async with aiohttp.ClientSession(auto_decompress=False) as session:
        runner = web.ServerRunner(web.Server(handle))
        await runner.setup()
        proxy.port = free_port()
        await web.TCPSite(runner, "127.0.0.1", proxy.port).start()
        # That, too, is `localhost`, where there is IPv6.
        with suppress(OSError):
            await web.TCPSite(runner, "::1", proxy.port).start()
        try:
            yield proxy
        finally:
            await runner.cleanup()


async def _passed_on(session: aiohttp.ClientSession, url: str, seen: Seen) -> web.Response:
    headers = CIMultiDict((name, value) for name, value in seen.headers.items() if name not in ("Expect", "Connection"))
    async with session.request(seen.method, URL(url, encoded=True), headers=headers, data=seen.body, allow_redirects=False) as response:
        body = await response.read()
        passed = CIMultiDict((name, value) for name, value in response.headers.items() if name.title() not in _OWN)
        if seen.method == "HEAD" and "Content-Length" in response.headers:
            passed["Content-Length"] = response.headers["Content-Length"]
        return web.Response(status=response.status, body=body, headers=passed)
