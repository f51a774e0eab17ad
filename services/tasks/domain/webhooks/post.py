"""One POST to an untrusted receiver."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import httpx

from services.platform.egress.destinations import Destinations, UnreachableError
from services.platform.egress.pinned import PinnedClient

_LOGGED_BYTES = 1024
_BODY_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """A receiver's answer."""

    status: int
    body: str
    """Its first 1,024 bytes as text."""
    retry_after: str | None = None
    """The `Retry-After` header, unparsed."""


class Poster:
    """Sends bodies."""

    def __init__(self, destinations: Destinations, *, connect_timeout: float, timeout: float, tls: ssl.SSLContext | None = None) -> None:
        self._total = timeout
        self._client = PinnedClient(destinations, httpx.Timeout(timeout, connect=connect_timeout), tls)

    async def post(self, account_id: int, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """POST JSON for an account and return the answer, whatever its status. Raises UnreachableError when there is none."""
        sent = {"content-type": "application/json", "user-agent": "Darkroom-Webhooks/1", **headers}
        try:
            async with asyncio.timeout(self._total), self._client.answer("POST", account_id, url, sent, body) as response:
                return Answer(response.status_code, await _beginning(response), response.headers.get("retry-after"))
        except (TimeoutError, httpx.TimeoutException) as error:
            what = "could not be reached" if isinstance(error, httpx.ConnectTimeout) else "did not answer"
            raise UnreachableError(f"The receiver {what} in time.") from error
        except (httpx.HTTPError, ssl.SSLError) as error:
            raise UnreachableError(f"The connection failed: {error or type(error).__name__}"[:500]) from error


async def _beginning(response: httpx.Response) -> str:
    """The first bytes of the body as text that PostgreSQL can hold; the rest is never read."""
    read = b""
    # Only the status matters, and it has arrived: a body that breaks off or never ends is no failure.
    with suppress(httpx.TransportError, TimeoutError):
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in response.aiter_raw():
                read += chunk[: _LOGGED_BYTES - len(read)]
                if len(read) == _LOGGED_BYTES:
                    break
    return read.decode("utf-8", errors="replace").replace("\0", "\ufffd")
