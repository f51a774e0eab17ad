"""A receiver of webhooks: a small HTTP server on loopback that answers as it is told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "explanation" / "webhooks.md"


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    line: str
    headers: Mapping[str, str]
    body: bytes


class Receiver:
    """Keeps every request. Answers with `answers` in turn, and 200 when they are used up; None: it never answers. `gate` holds all answers
    back while it is closed. `host`: the address to listen on."""

    def __init__(
        self,
        *answers: int | None,
        body: bytes = b"thanks",
        headers: str = "",
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.requests: list[Received] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._answers, self._body, self._headers, self._tls, self._host = list(answers), body, headers, tls, host
        self._arrived = asyncio.Condition()
        self.open = self.most_open = 0

    async def __aenter__(self) -> Receiver:
        self._server = await asyncio.start_server(self._serve, self._host, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self.gate.set()
        self._server.close()

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self.port}/hook"

    async def received(self, count: int = 1, seconds: float = 20) -> list[Received]:
        """The requests, once there are so many."""
        try:
            async with asyncio.timeout(seconds), self._arrived:
                await self._arrived.wait_for(lambda: len(self.requests) >= count)
        except TimeoutError:
            raise AssertionError(f"{len(self.requests)} requests, not {count}") from None
        return self.requests

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            line, *rest = head.strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (header.partition(": ") for header in rest)}
            body = await reader.readexactly(int(headers["content-length"]))
            answer = self._answers.pop(0) if self._answers else 200
            async with self._arrived:
                self.requests.append(Received(line, headers, body))
                self._arrived.notify_all()
            await self.gate.wait()
            if answer is None:
                await reader.read()  # Until the other side has had enough.
                return
            length = len(self._body)
            writer.write(f"HTTP/1.1 {answer} Answer\r\ncontent-length: {length}\r\n{self._headers}\r\n".encode() + self._body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            self.open -= 1
            writer.close()


def documented_verify() -> Callable[..., bool]:
    """The function that `docs/explanation/webhooks.md` gives to receivers."""
    source = DOCUMENT.read_text().split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    code: CodeType = compile(source, DOCUMENT, "exec")
    exec(code, names)
    verify: Callable[..., bool] = names["verify"]
    return verify
