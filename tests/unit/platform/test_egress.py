"""Where requests to hosts that clients name may go."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest

from services.platform.egress.addresses import Address, AddressRules
from services.platform.egress.destinations import Destinations, Purpose, SystemResolver, UnreachableError
from services.platform.errors import DarkroomError, ErrorReason

PUBLIC = ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808"]
SPECIAL = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",  # metadata of Alibaba's cloud
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",  # Azure's host
    "169.254.169.254",  # metadata of most clouds
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",  # metadata of Oracle's cloud
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.7",
    "224.0.0.1",
    "239.1.2.3",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # 127.0.0.1, compatible
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a00:1",  # 10.0.0.1, translated
    "64:ff9b:1::1",
    "2002:7f00:1::",  # 127.0.0.1 by 6to4
    "2001::1",  # Teredo
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",  # metadata of Amazon's cloud
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_permitted(address: str) -> None:
    assert AddressRules().permit(ip_address(address))


@pytest.mark.parametrize("address", SPECIAL)
def test_special_addresses_are_refused(address: str) -> None:
    assert not AddressRules().permit(ip_address(address))


def test_the_operator_may_allow_networks() -> None:
    rules = AddressRules([ip_network("10.1.0.0/16"), ip_network("fd00:1::/32")])
    permitted = ["10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5", "8.8.8.8"]
    refused = ["10.2.0.1", "::ffff:10.2.0.1", "fd00:2::5"]
    assert [rules.permit(ip_address(address)) for address in permitted + refused] == [True] * 4 + [False] * 3


PURPOSE = Purpose("webhooks may not be sent to", "DARKROOM_WEBHOOK_ALLOWED_NETWORKS", "deliveries are signed instead")


class Names:
    """A resolver that knows some names, and may change its mind."""

    def __init__(self, *answers: list[str] | OSError) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int, account_id: int) -> Sequence[Address]:
        self.asked.append((host, port))
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return [ip_address(address) for address in answer]


def destinations(*answers: list[str] | OSError, allow_http: bool = False) -> Destinations:
    return Destinations(AddressRules(), Names(*answers), PURPOSE, allow_http=allow_http, timeout=5)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://example.com/", "https://"),
        ("ftp://example.com/", "https://"),
        ("example.com", "https://"),
        ("https://", "no host"),
        ("https:///path", "no host"),
        ("https://user:secret@example.com/", "user name"),
        ("https://example.com/#part", "fragment"),
        ("https://example.com:99999/", "port"),
        ("https://example.com:0/", "port"),
        ("https://exa\nmple.com/", "not a URL"),
        ("https://xn--/", "not a URL"),
        ("https://xn--a/", "not a URL"),
        ("https://xn--ls8h.example.com/", "not a URL"),
    ],
)
async def test_what_is_wrong_with_a_url_is_told(url: str, told: str) -> None:
    with pytest.raises(DarkroomError, match=told) as raised:
        await destinations(["8.8.8.8"]).check(url, "webhook_url", 7)
    assert (raised.value.reason, raised.value.field) == (ErrorReason.FIELD_INVALID, "webhook_url")
    assert "secret" not in raised.value.message


async def test_http_is_taken_where_the_operator_says_so() -> None:
    assert await destinations(["8.8.8.8"], allow_http=True).check("HTTP://Example.com/A?b=C", "url", 7) == "http://example.com/A?b=C"


@pytest.mark.parametrize("answer", [["10.0.0.1"], ["8.8.8.8", "::1"], ["fe80::1", "8.8.8.8"]])
async def test_one_special_address_among_a_hosts_is_enough_to_refuse_it(answer: list[str]) -> None:
    with pytest.raises(DarkroomError, match="DARKROOM_WEBHOOK_ALLOWED_NETWORKS") as raised:
        await destinations(answer).check("https://example.com/", "url", 7)
    # Where the name leads to is not for its asker to know.
    assert not any(address in raised.value.message for address in answer)


async def test_a_name_that_does_not_exist_is_refused_and_one_that_nobody_can_tell_is_not() -> None:
    with pytest.raises(DarkroomError, match="does not exist"):
        await destinations(socket.gaierror(socket.EAI_NONAME, "unknown")).check("https://example.com/", "url", 7)
    assert await destinations(socket.gaierror(socket.EAI_AGAIN, "later")).check("https://example.com/", "url", 7) == "https://example.com/"


async def test_it_is_checked_again_at_each_request() -> None:
    names = Names(["8.8.8.8"], ["8.8.8.8"], ["127.0.0.1"])
    checked = Destinations(AddressRules(), names, PURPOSE, allow_http=False, timeout=5)
    url = await checked.check("https://example.com:8443/hook", "url", 7)
    parsed, addresses = await checked.locate(url, 7)
    assert (str(parsed), addresses) == (url, [ip_address("8.8.8.8")])
    with pytest.raises(UnreachableError, match="may not be sent to"):
        await checked.locate(url, 7)
    assert names.asked == [("example.com", 8443)] * 3


async def test_stricter_rules_hold_for_old_urls() -> None:
    with pytest.raises(UnreachableError, match="https://"):
        await destinations(["8.8.8.8"]).locate("http://example.com/", 7)


@pytest.mark.parametrize(
    "host", ["localhost", "127.1", "0x7f.1", "2130706433", "017700000001", "127。0。0。1", "①②⑦.0.0.1", "[::ffff:7f00:1]", "[::1]"]
)
async def test_no_spelling_of_loopback_gets_through(host: str) -> None:
    by_system = Destinations(AddressRules(), SystemResolver(2, 2), PURPOSE, allow_http=False, timeout=5)
    with pytest.raises(DarkroomError, match=r"may not be sent to|does not exist|not a URL"):
        await by_system.check(f"https://{host}/", "url", 7)


async def test_the_name_that_is_resolved_is_the_one_that_is_sent() -> None:
    """Encodings of letters other than ASCII differ: the standard library's resolver would make `fass.de` of it."""
    names = Names(["8.8.8.8"])
    parsed, _ = await Destinations(AddressRules(), names, PURPOSE, allow_http=False, timeout=5).locate("https://faß.de/", 7)
    assert (names.asked, parsed.netloc) == ([("xn--fa-hia.de", 443)], b"xn--fa-hia.de")


async def test_a_fragment_is_passed_over_where_the_purpose_says_so() -> None:
    fetching = Purpose("files may not be fetched from", "DARKROOM_FETCH_ALLOWED_NETWORKS", "", fragments=True)
    [address] = (
        await Destinations(AddressRules(), Names(["8.8.8.8"]), fetching, allow_http=False, timeout=5).locate("https://a.de/#b", 7)
    )[1]
    assert address == ip_address("8.8.8.8")


async def test_one_account_cannot_hold_every_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that take long to resolve hold a thread even after their caller has given up."""
    slow, held = threading.Event(), threading.Semaphore(0)

    def look_up(host: str, port: int, **_: object) -> list[object]:
        if host == "slow.example.com":
            held.release()
            slow.wait(60)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    resolve = SystemResolver(3, 2)
    try:
        hostile = [asyncio.create_task(resolve("slow.example.com", 443, 1)) for _ in range(10)]
        for _ in range(2):
            assert await asyncio.to_thread(held.acquire, timeout=30)
        for task in hostile[:2]:
            task.cancel()
        await asyncio.wait(hostile[:2])
        async with asyncio.timeout(30):
            assert await resolve("fast.example.com", 443, 2) == [ip_address("8.8.8.8")]
        assert not held.acquire(blocking=False)
    finally:
        slow.set()
    async with asyncio.timeout(30):
        assert len(await asyncio.gather(*hostile[2:])) == 8


async def test_the_error_about_http_names_the_setting() -> None:
    purpose = Purpose("webhooks may not be sent to", "NETWORKS", "", http_setting="DARKROOM_WEBHOOK_ALLOW_HTTP")
    for loopback in (False, True):
        checked = Destinations(AddressRules(), Names(["8.8.8.8"]), purpose, allow_http=False, timeout=5, allow_loopback=loopback)
        with pytest.raises(DarkroomError, match=r"url: it must begin with https://\. .* by DARKROOM_WEBHOOK_ALLOW_HTTP\.$"):
            await checked.check("http://example.com/", "url", 7)


async def test_loopback_is_allowed_by_http_where_the_operator_says_so() -> None:
    names = Names(["127.0.0.1", "::1"], ["127.0.0.1"], ["127.0.0.1", "10.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["8.8.8.8"])
    checked = Destinations(AddressRules(), names, PURPOSE, allow_http=False, timeout=5, allow_loopback=True)
    assert await checked.check("http://localhost:9000/hook", "url", 7) == "http://localhost:9000/hook"
    assert (await checked.locate("http://localhost:9000/hook", 7))[1] == [ip_address("127.0.0.1")]
    with pytest.raises(DarkroomError, match="may not be sent to"):
        await checked.check("http://localhost/", "url", 7)
    with pytest.raises(DarkroomError, match="must begin with https://"):
        await checked.check("http://localhost/", "url", 7)
    # The name has come to lead elsewhere.
    with pytest.raises(UnreachableError, match="must begin with https://"):
        await checked.locate("http://localhost/", 7)
