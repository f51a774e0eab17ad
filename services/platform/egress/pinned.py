"""One request to a host that a client named, by an address that was checked."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property

import httpx

from services.platform.egress.addresses import Address
from services.platform.egress.destinations import Destinations

_ADDRESSES = 3


class PinnedClient:
    """Sends requests.

    The connection goes to an address that was checked, not to the name again, so a name that changes its address in between (DNS rebinding)
    gains nothing; `Host` and the name in the TLS certificate are still those of the URL. No redirects are followed, no proxy is used, and
    no connection is reused.
    """

    def __init__(self, destinations: Destinations, timeout: httpx.Timeout, tls: ssl.SSLContext | None = None) -> None:
        self._destinations, self._timeout, self._given = destinations, timeout, tls

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Loading the certificates is slow, so all connections share them.
        return self._given or httpx.create_ssl_context()

    @asynccontextmanager
    async def answer(
        self, method: str, account_id: int, url: str, headers: Mapping[str, str], content: bytes | None = None
    ) -> AsyncIterator[httpx.Response]:
        """The answer to a request for an account, whatever its status; its body has not been read.

        Raises UnreachableError, `httpx.HTTPError` and `ssl.SSLError`.
        """
        parsed, addresses = await self._destinations.locate(url, account_id)
        # Not through a client of httpx, which reads where a redirect leads even if it does not follow it, and fails if that is no URL.
        async with httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False) as transport:
            response = await self._first(transport, method, parsed, addresses[:_ADDRESSES], headers, content)
            try:
                yield response
            finally:
                await response.aclose()

    async def _first(
        self,
        transport: httpx.AsyncHTTPTransport,
        method: str,
        url: httpx.URL,
        addresses: list[Address],
        headers: Mapping[str, str],
        content: bytes | None,
    ) -> httpx.Response:
        *others, last = (self._request(method, url, address, headers, content) for address in addresses)
        for request in others:
            try:
                return await transport.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await transport.handle_async_request(last)

    def _request(self, method: str, url: httpx.URL, address: Address, headers: Mapping[str, str], content: bytes | None) -> httpx.Request:
        return httpx.Request(
            method,
            url.copy_with(host=str(address)),
            content=content,
            headers={
                "host": url.netloc.decode("ascii"),
                "accept": "*/*",
                "accept-encoding": "identity",
                "connection": "close",
                **headers,
            },
            extensions={"sni_hostname": url.raw_host.decode("ascii"), "timeout": self._timeout.as_dict()},
        )
