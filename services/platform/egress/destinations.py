"""Where a request goes: its URL checked, and its host resolved to addresses that it may go to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from weakref import WeakValueDictionary

import httpx

from services.platform.egress.addresses import Address, AddressRules
from services.platform.errors import DarkroomError, ErrorReason

Resolve = Callable[[str, int, int], Awaitable[Sequence[Address]]]
"""All addresses of a host and port that an account named, best first. Raises socket.gaierror."""


class UnreachableError(Exception):
    """Nothing was sent; the text says why, for the account that named the URL."""


class ForbiddenAddressError(UnreachableError):
    """The host is at an address that requests may not go to."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """The purpose of the requests, in the words of refusals."""

    forbids: str
    """Completes "an address that", such as `webhooks may not be sent to`."""
    setting: str
    """The operator's setting that allows networks."""
    secrets: str
    """An alternative to a user name and password in the URL; empty for none."""
    fragments: bool = False
    """Whether a fragment (#…) is passed over; else the URL is refused."""
    http_setting: str = ""
    """The operator's setting that allows http; empty where that is no setting."""


class SystemResolver:
    """The operating system's resolver, on threads of its own, since hostile hosts' names may take arbitrarily long to resolve.

    An account has at most `each` look-ups under way; further ones wait. A look-up counts until its thread is free, even when nobody waits
    for it any more.
    """

    def __init__(self, threads: int, each: int) -> None:
        self._threads, self._each = ThreadPoolExecutor(threads, thread_name_prefix="resolve"), each
        self._slots: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()

    async def __call__(self, host: str, port: int, account_id: int) -> Sequence[Address]:
        """All addresses of a host."""
        slots = self._slots.setdefault(account_id, asyncio.Semaphore(self._each))
        await slots.acquire()
        loop = asyncio.get_running_loop()
        looking = self._threads.submit(self._look_up, host, port)
        looking.add_done_callback(lambda _: _in(loop, slots.release))
        found = await asyncio.wrap_future(looking)
        return list(dict.fromkeys(ip_address(entry[4][0]) for entry in found))

    def _look_up(self, host: str, port: int) -> list[tuple[object, object, object, object, tuple[str, ...]]]:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)  # type: ignore[return-value]


def _in(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    # A thread may end after the loop that started it.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call)


class Destinations:
    """Applies the operator's rules when a URL is named, and again on every sending. With `allow_loopback`, requests may also go to this
    machine's own addresses, by http, too."""

    def __init__(
        self, rules: AddressRules, resolve: Resolve, purpose: Purpose, *, allow_http: bool, timeout: float, allow_loopback: bool = False
    ) -> None:
        self._rules, self._resolve, self._purpose, self._timeout = rules, resolve, purpose, timeout
        self._allow_http, self._allow_loopback = allow_http, allow_loopback
        self._schemes = ("https", "http") if allow_http or allow_loopback else ("https",)

    async def check(self, url: str, field: str, account_id: int) -> str:
        """The URL in its normal form, if requests may go there. Raises FIELD_INVALID.

        A name that cannot be resolved now passes, since that may be the resolver's fault; each request checks it again.
        """
        parsed = self.parse(url, field)
        try:
            async with asyncio.timeout(self._timeout):
                addresses = await self._resolve(_host(parsed), _port(parsed), account_id)
        except TimeoutError:
            return str(parsed)
        except UnicodeError:
            raise _refused(field, "its host name cannot be resolved") from None
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                return str(parsed)
            raise _refused(field, "its host does not exist") from None
        if not all(map(self._permit, addresses)):
            raise _refused(
                field,
                f"its host resolves to an address that {self._purpose.forbids}: private, loopback, link-local, multicast or reserved. "
                f"The operator can allow networks by {self._purpose.setting}",
            )
        if not self._permits_scheme(parsed, addresses):
            raise self._refused_scheme(field, ("https",))
        return str(parsed)

    async def locate(self, url: str, account_id: int) -> tuple[httpx.URL, list[Address]]:
        """The URL and the addresses to connect to, resolved once. Raises UnreachableError."""
        try:
            parsed = self.parse(url, "url")
        except DarkroomError as error:
            # The operator's rules have become stricter since it was accepted.
            raise UnreachableError(error.message) from None
        try:
            async with asyncio.timeout(self._timeout):
                addresses = await self._resolve(_host(parsed), _port(parsed), account_id)
        except TimeoutError:
            raise UnreachableError(f"The host's address was not found within {self._timeout:g} s.") from None
        except (OSError, UnicodeError):
            raise UnreachableError("The host's address was not found.") from None
        if not addresses or not all(map(self._permit, addresses)):
            raise ForbiddenAddressError(f"The host resolves to an address that {self._purpose.forbids}.")
        if not self._permits_scheme(parsed, addresses):
            raise ForbiddenAddressError("The URL must begin with https://: its host is not this machine.")
        return parsed, list(addresses)

    def forbids_address(self, url: str) -> bool:
        """Whether a URL has an address in place of a host's name, and requests may not go there. Nothing is resolved: the system's own
        resolver also reads addresses in other notations, which every request checks."""
        try:
            return not self._permit(ip_address(httpx.URL(url).host))
        except (httpx.InvalidURL, ValueError):
            return False

    def parse(self, url: str, field: str) -> httpx.URL:
        """The URL, if it is one that requests may have. Raises FIELD_INVALID, and repeats nothing of it."""
        try:
            parsed = httpx.URL(url)
            host = parsed.host
        except (httpx.InvalidURL, UnicodeError):
            # A name that begins with xn-- is decoded only when it is asked for.
            raise _refused(field, "it is not a URL") from None
        if parsed.scheme not in self._schemes:
            raise self._refused_scheme(field, self._schemes)
        if not host:
            raise _refused(field, "it names no host")
        if parsed.userinfo:
            instead = f"; {self._purpose.secrets}" if self._purpose.secrets else ""
            raise _refused(field, f"it must not hold a user name or password{instead}")
        if parsed.fragment and not self._purpose.fragments:
            raise _refused(field, "it must not have a fragment (#…)")
        if parsed.port is not None and not 0 < parsed.port < 65536:
            raise _refused(field, "its port must be 1 to 65535")
        return parsed

    def _permit(self, address: Address) -> bool:
        return self._rules.permit(address) or (self._allow_loopback and address.is_loopback)

    def _permits_scheme(self, url: httpx.URL, addresses: Sequence[Address]) -> bool:
        return url.scheme != "http" or self._allow_http or all(address.is_loopback for address in addresses)

    def _refused_scheme(self, field: str, schemes: Sequence[str]) -> DarkroomError:
        problem = f"it must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}"
        if not self._allow_http and self._purpose.http_setting:
            problem += f". The operator can allow http:// by {self._purpose.http_setting}"
        return _refused(field, problem, schemes)


def _host(url: httpx.URL) -> str:
    # As it is sent: the resolver would encode other letters than ASCII in its own way.
    return url.raw_host.decode("ascii")


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _refused(field: str, problem: str, allowed: Sequence[str] = ()) -> DarkroomError:
    return DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: {problem}.", field=field, allowed=allowed)
