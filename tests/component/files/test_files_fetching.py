"""What hostile and clumsy servers do to somebody who fetches a file from them."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from services.files.domain.imports.fetching import PURPOSE, Fetcher, FetchLimits, Room
from services.platform.egress.addresses import Address, AddressRules
from services.platform.egress.destinations import Destinations, SystemResolver
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.tls import authorities
from tests.certificate import make_certificate
from tests.component.files import content
from tests.origin import Origin, redirect, response

LOOPBACK = ip_address("127.0.0.1")
ALLOWED = (ip_network("127.0.0.0/8"),)
PICTURE = content.png(padding=20_000)
FAILED, INVALID = ErrorReason.URL_FETCH_FAILED, ErrorReason.FIELD_INVALID


class Names:
    """A resolver by a table; a name leads to its addresses in turn, and to the last one from then on."""

    def __init__(self, **names: Sequence[str]) -> None:
        self.names = {name: list(addresses) for name, addresses in names.items()}

    async def __call__(self, host: str, port: int, account_id: int) -> Sequence[Address]:
        addresses = self.names[host.partition(".")[0]]
        return [ip_address(addresses.pop(0) if len(addresses) > 1 else addresses[0])]


def fetcher(names: Names | None = None, *, whole: float = 20, idle: float = 20, tls: ssl.SSLContext | None = None) -> Fetcher:
    resolve = names or SystemResolver(2, 2)
    destinations = Destinations(AddressRules(ALLOWED), resolve, PURPOSE, allow_http=True, timeout=5)
    return Fetcher(destinations, FetchLimits(redirects=3, connect=5, idle=idle, whole=whole), tls or authorities(None))


async def fetched(url: str, by: Fetcher | None = None, most: int = 1 << 20, reason: ErrorReason = ErrorReason.FILE_TOO_LARGE) -> bytes:
    by = by or fetcher()
    by.check(url, "url")
    async with by.fetch(7, url, "url", Room(most, reason)) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def refusal(url: str, by: Fetcher | None = None, most: int = 1 << 20) -> DarkroomError:
    with pytest.raises(DarkroomError) as raised:
        await fetched(url, by, most)
    error = raised.value
    assert error.field == "url"
    assert error.message.startswith("url: ")
    for secret in ("hidden", "10.0.0.", "169.254", "::1"):
        assert secret not in str(error)
    return error


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with Origin({"/photo.png": response(PICTURE)}) as serving:
        yield serving


async def test_a_file_arrives_whole(origin: Origin) -> None:
    assert await fetched(origin.url("/photo.png?width=40&sign=%2F#part")) == PICTURE
    [asked] = origin.requests
    assert asked.path == "/photo.png?width=40&sign=%2F"
    assert (asked.headers["accept-encoding"], asked.headers["accept"]) == ("identity", "*/*")
    assert "authorization" not in asked.headers
    assert "cookie" not in asked.headers


async def test_redirects_lead_to_it(origin: Origin) -> None:
    origin.pages |= {
        "/a": redirect("/b", "301 Moved Permanently"),
        "/b": redirect(origin.url("/c", "localhost"), "307 Temporary Redirect"),
        "/c": redirect("photo.png", "308 Permanent Redirect"),
    }
    assert await fetched(origin.url("/a")) == PICTURE
    origin.pages["/start"] = redirect("/a")
    assert (await refusal(origin.url("/start"))).message == "url: there are more than 3 redirects."


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("file:///etc/passwd", "http://"),
        ("data:image/png;base64,iVBORw0KGgo=", "http://"),
        ("ftp://example.com/a.png", "http://"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", "http://"),
        ("//example.com/a.png", "http://"),
        ("photo.png", "http://"),
        ("http://", "no host"),
        ("https://user:hidden@example.com/a.png", "user name"),
        ("http://exa\nmple.com/", "not a URL"),
        ("http://xn--a/", "not a URL"),
        ("http://example.com:99999/", "port"),
    ],
)
async def test_what_is_no_url_to_fetch_from_is_told(url: str, told: str) -> None:
    error = await refusal(url)
    assert error.reason is INVALID
    assert told in error.message


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:10.0.0.1]", "0x0a.1", "192.168.1.1", "[fd00:ec2::254]", "①⑩.0.0.1"]
)
async def test_no_address_inside_is_asked(host: str) -> None:
    error = await refusal(f"http://{host}/photo.png")
    assert error.reason in (INVALID, FAILED)
    assert "address" in error.message or "not a URL" in error.message


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("http://169.254.169.254/latest/meta-data/hidden", "may not be fetched from"),
        ("http://[::ffff:10.0.0.1]/hidden", "may not be fetched from"),
        ("file:///etc/hidden", "http://"),
        ("http://me:hidden@127.0.0.1/", "user name"),
        ("http://xn--/hidden", "not a URL"),
    ],
)
async def test_each_redirect_is_checked_anew(origin: Origin, to: str, told: str) -> None:
    origin.pages["/a.png"] = redirect(to)
    error = await refusal(origin.url("/a.png"))
    assert told in error.message
    assert len(origin.requests) == 1


async def test_a_name_that_moves_inside_between_check_and_connection_gains_nothing(origin: Origin) -> None:
    """DNS rebinding: a second look-up would lead elsewhere, and there is none."""
    names = Names(rebinding=["127.0.0.1", "10.0.0.1"])
    url = origin.url("/photo.png", "rebinding.example.com")
    assert await fetched(url, fetcher(names)) == PICTURE
    assert origin.requests[0].headers["host"] == f"rebinding.example.com:{origin.port}"
    assert (await refusal(url, fetcher(names))).reason is INVALID
    assert len(origin.requests) == 1


async def test_a_host_in_any_script_is_found(origin: Origin) -> None:
    names = Names(**{"xn--bcher-kva": ["127.0.0.1"]})
    assert await fetched(origin.url("/photo.png", "bücher.example"), fetcher(names)) == PICTURE


async def _endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + PICTURE)
    while True:
        writer.write(bytes(65536))
        await writer.drain()


async def test_an_endless_file_is_cut_off_at_the_limit(origin: Origin) -> None:
    origin.pages["/endless.png"] = _endless
    error = await refusal(origin.url("/endless.png"), most=100_000)
    assert (error.reason, error.message) == (
        ErrorReason.FILE_TOO_LARGE,
        "url: the file has more bytes than 100000, the most that are allowed.",
    )
    with pytest.raises(DarkroomError, match="may still store") as raised:
        await fetched(origin.url("/endless.png"), most=100_000, reason=ErrorReason.QUOTA_EXCEEDED)
    assert raised.value.reason is ErrorReason.QUOTA_EXCEEDED


async def test_a_file_that_announces_too_much_is_not_read(origin: Origin) -> None:
    origin.pages["/large.png"] = response(PICTURE, length=1 << 40)
    assert (await refusal(origin.url("/large.png"))).reason is ErrorReason.FILE_TOO_LARGE


async def test_a_file_that_ends_too_soon_is_no_file(origin: Origin) -> None:
    origin.pages["/short.png"] = response(PICTURE[:9000], length=len(PICTURE))
    error = await refusal(origin.url("/short.png"))
    assert (error.reason, "closed the connection" in error.message) == (FAILED, True)


async def test_a_file_that_drips_is_given_up(origin: Origin) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + PICTURE[:5000])
        for byte in PICTURE[5000:]:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)

    origin.pages["/drip.png"] = drip
    error = await refusal(origin.url("/drip.png"), fetcher(whole=0.5))
    assert (error.reason, error.message) == (FAILED, "url: the file did not arrive within 0.5 s.")


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\n\r\n" + PICTURE[:5000]])
async def test_a_server_that_falls_silent_is_given_up(origin: Origin, sent: bytes) -> None:
    async def silent(writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()
        await asyncio.Event().wait()

    origin.pages["/silent.png"] = silent
    error = await refusal(origin.url("/silent.png"), fetcher(idle=0.3))
    assert (error.reason, error.message) == (FAILED, "url: its server sent nothing for 0.3 s.")


async def test_what_was_compressed_for_the_way_is_refused(origin: Origin) -> None:
    """It would be expanded by whoever reads it: a bomb, or a file of another size than was counted."""
    origin.pages["/a.png"] = response(gzip.compress(PICTURE), Content_Encoding="gzip")
    error = await refusal(origin.url("/a.png"))
    assert (error.reason, "Content-Encoding" in error.message) == (FAILED, True)


@pytest.mark.parametrize(
    ("answer", "reason", "told"),
    [
        (response(b"<!doctype html><html>hidden</html>", Content_Type="text/html"), ErrorReason.MEDIA_UNSUPPORTED, "a web page"),
        (response(b"hidden" * 2000), ErrorReason.MEDIA_UNSUPPORTED, "not a picture"),
        (response(b""), ErrorReason.FILE_CORRUPT, "empty"),
        (response(b"hidden", "404 Not Found"), FAILED, "nothing at this URL: its server answers 404"),
        (response(b"hidden", "403 Forbidden"), FAILED, "403"),
        (response(b"hidden", "500 hidden"), FAILED, "500"),
        (response(PICTURE[:100], "206 Partial Content"), FAILED, "206"),
        (redirect(""), FAILED, "redirects"),
        (b"SSH-2.0-hidden\r\n\r\n", FAILED, "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"hidden" * 50_000, FAILED, "does not speak HTTP"),
    ],
)
async def test_what_is_not_a_file_is_told_and_not_repeated(origin: Origin, answer: bytes, reason: ErrorReason, told: str) -> None:
    origin.pages["/a.png"] = answer
    error = await refusal(origin.url("/a.png"))
    assert (error.reason, told in error.message) == (reason, True), error.message


async def test_nobody_there(origin: Origin) -> None:
    async with Origin() as gone:
        url = gone.url("/a.png")
    assert (await refusal(url)).message == "url: its server cannot be reached."


async def test_the_certificate_is_for_the_name_of_the_url(tmp_path: Path) -> None:
    folder = make_certificate(tmp_path / "tls", "files.example.com")
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    trusting = fetcher(Names(files=["127.0.0.1"], others=["127.0.0.1"]), tls=ssl.create_default_context(cafile=str(folder / "tls.crt")))
    async with Origin({"/photo.png": response(PICTURE)}, tls=serving) as origin:
        assert await fetched(f"https://files.example.com:{origin.port}/photo.png", trusting) == PICTURE
        error = await refusal(f"https://others.example.com:{origin.port}/photo.png", trusting)
    assert error.message == "url: its server has no valid certificate."


@pytest.mark.parametrize(
    ("status", "passing"), [("404 Not Found", False), ("403 Forbidden", False), ("429 Slow Down", True), ("502 Bad", True)]
)
async def test_what_may_pass_says_when_to_try_again(origin: Origin, status: str, passing: bool) -> None:
    origin.pages["/a.png"] = response(b"", status)
    assert ((await refusal(origin.url("/a.png"))).retry_after is not None) is passing


async def test_a_host_that_does_not_answer_may_later(origin: Origin) -> None:
    assert (await refusal("http://127.0.0.1:1/a.png")).retry_after == 2
