"""One POST to an untrusted receiver."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import httpx

from services.tasks.domain.webhooks.addresses import Address
from services.tasks.domain.webhooks.destinations import Destinations, UndeliverableError

_LOGGED_BYTES = 1024
_BODY_SECONDS = 2
_ADDRESSES = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered."""

    status: int
    body: str
    """Its first 1,024 bytes as text."""
    retry_after: str | None = None
    """The `Retry-After` header, unparsed."""


class Poster:
    """Sends bodies.

    The connection goes to an address that was checked, not to the name again, so a name that changes its address in between (DNS rebinding)
    gains nothing; `Host` and the name in the TLS certificate are still those of the URL. No redirects are followed, no proxy is used, and
    no connection is reused.
    """

    def __init__(self, destinations: Destinations, *, connect_timeout: float, timeout: float, tls: ssl.SSLContext | None = None) -> None:
        self._destinations = destinations
        self._total = timeout
        self._timeout = httpx.Timeout(timeout, connect=connect_timeout)
        # Loading the certificates is slow, so all connections share them.
        self._tls = tls or httpx.create_ssl_context()

    async def post(self, account_id: int, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """POST JSON for an account and return the answer, whatever its status. Raises UndeliverableError when there is none."""
        try:
            async with asyncio.timeout(self._total):
                parsed, addresses = await self._destinations.locate(url, account_id)
                *others, last = addresses[:_ADDRESSES]
                for address in others:
                    try:
                        return await self._send(parsed, address, headers, body)
                    except (httpx.ConnectError, httpx.ConnectTimeout):
                        continue
                return await self._send(parsed, last, headers, body)
        except (TimeoutError, httpx.TimeoutException) as error:
            what = "could not be reached" if isinstance(error, httpx.ConnectTimeout) else "did not answer"
            raise UndeliverableError(f"The receiver {what} in time.") from error
        except (httpx.HTTPError, ssl.SSLError) as error:
            raise UndeliverableError(f"The connection failed: {error or type(error).__name__}"[:500]) from error

    async def _send(self, url: httpx.URL, address: Address, headers: Mapping[str, str], body: bytes) -> Answer:
        transport = httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False)
        async with httpx.AsyncClient(transport=transport, timeout=self._timeout, follow_redirects=False, trust_env=False) as client:
            request = client.build_request(
                "POST",
                url.copy_with(host=str(address)),
                content=body,
                headers={
                    "host": url.netloc.decode("ascii"),
                    "content-type": "application/json",
                    "user-agent": "Darkroom-Webhooks/1",
                    "accept-encoding": "identity",
                    "connection": "close",
                    **headers,
                },
                extensions={"sni_hostname": url.raw_host.decode("ascii")},
            )
            response = await client.send(request, stream=True)
            try:
                return Answer(response.status_code, await _beginning(response), response.headers.get("retry-after"))
            finally:
                await response.aclose()


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
