"""Where a webhook's connection really goes: to the address that was checked, whatever the name says later."""

from __future__ import annotations

import ssl
from ipaddress import ip_address
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.egress.destinations import UnreachableError
from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.webhooks.post import Poster
from services.tasks.model.state import DeliveryState
from tests.certificate import make_certificate
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.hooks import Hooks, Names, certificate_context
from tests.component.tasks.receiver import Receiver
from tests.component.tasks.scene import ACCOUNT, Scene

LOOPBACK = ip_address("127.0.0.1")


@pytest.fixture
def hooks(clean_engine: AsyncEngine, scene: Scene, clock: MovableClock) -> Hooks:
    return Hooks(clean_engine, scene, clock)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1"])
async def test_special_addresses_are_refused_when_they_are_named(hooks: Hooks, host: str) -> None:
    webhooks = hooks.account_webhooks(loopback=False)
    with pytest.raises(DarkroomError) as raised:
        await webhooks.create(ACCOUNT, f"http://{host}/")
    assert (raised.value.reason, raised.value.field) == (ErrorReason.FIELD_INVALID, "url")
    with pytest.raises(DarkroomError) as raised:
        await webhooks.url_of_task(ACCOUNT, f"http://{host}/", "webhook_url")
    assert (raised.value.reason, raised.value.field) == (ErrorReason.FIELD_INVALID, "webhook_url")
    assert await webhooks.list(ACCOUNT) == []


async def test_a_name_that_leads_to_loopback_later_reaches_nothing(hooks: Hooks) -> None:
    async with Receiver() as receiver:
        await hooks.add(f"http://localhost:{receiver.port}/")  # Loopback was allowed when it was added.
        await hooks.ended()
        await hooks.round(hooks.sender(destinations=hooks.destinations(loopback=False)))
    assert receiver.requests == []
    [delivery] = await hooks.log()
    assert (delivery.state, delivery.error) == (DeliveryState.PENDING, "The host resolves to an address that webhooks may not be sent to.")


async def test_the_name_is_resolved_once_a_sending_and_kept_in_the_request(hooks: Hooks) -> None:
    names = Names(hooks=[LOOPBACK])
    async with Receiver() as receiver:
        poster = Poster(hooks.destinations(names), connect_timeout=5, timeout=5, tls=ssl.create_default_context())
        answer = await poster.post(ACCOUNT, f"http://hooks.example.com:{receiver.port}/path?query=1", {"webhook-id": "msg_1"}, b"{}")
    # The name does not exist for the operating system: only the checked address can have been used.
    assert (answer.status, answer.body) == (200, "thanks")
    [request] = receiver.requests
    assert request.line == "POST /path?query=1 HTTP/1.1"
    assert request.headers["host"] == f"hooks.example.com:{receiver.port}"
    assert names.asked == ["hooks.example.com"]


async def test_the_next_address_is_tried_when_one_cannot_be_reached(hooks: Hooks) -> None:
    async with Receiver() as receiver:
        names = Names(hooks=[ip_address("127.0.0.2"), LOOPBACK])  # Nothing listens at the first.
        poster = Poster(hooks.destinations(names), connect_timeout=5, timeout=5, tls=ssl.create_default_context())
        assert (await poster.post(ACCOUNT, f"http://hooks.example.com:{receiver.port}/", {}, b"{}")).status == 200


async def test_a_redirect_is_not_followed(hooks: Hooks) -> None:
    async with Receiver() as target, Receiver(307, headers=f"location: {target.url}\r\n") as receiver:
        poster = Poster(hooks.destinations(), connect_timeout=5, timeout=5, tls=ssl.create_default_context())
        assert (await poster.post(ACCOUNT, receiver.url, {}, b"{}")).status == 307
    assert target.requests == []


async def test_a_redirect_to_what_is_no_url_is_an_answer_like_others(hooks: Hooks) -> None:
    async with Receiver(302, headers="location: http://xn--/\r\n") as receiver:
        poster = Poster(hooks.destinations(), connect_timeout=5, timeout=5, tls=ssl.create_default_context())
        assert (await poster.post(ACCOUNT, receiver.url, {}, b"{}")).status == 302


async def test_a_proxy_of_the_environment_is_not_used(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Receiver() as proxy, Receiver() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        poster = Poster(hooks.destinations(), connect_timeout=5, timeout=5, tls=ssl.create_default_context())
        await poster.post(ACCOUNT, receiver.url, {}, b"{}")
    assert (len(proxy.requests), len(receiver.requests)) == (0, 1)


async def test_tls_is_for_the_name_of_the_url(hooks: Hooks, tmp_path: Path) -> None:
    folder = make_certificate(tmp_path / "tls", "hooks.example.com")
    trusting = ssl.create_default_context(cafile=str(folder / "tls.crt"))
    server = certificate_context(folder)
    indicated: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: indicated.append(name)
    names = Names(hooks=[LOOPBACK], others=[LOOPBACK])
    async with Receiver(tls=server) as receiver:
        poster = Poster(hooks.destinations(names), connect_timeout=5, timeout=5, tls=trusting)
        assert (await poster.post(ACCOUNT, f"https://hooks.example.com:{receiver.port}/", {}, b"{}")).status == 200
        with pytest.raises(UnreachableError, match="certificate"):
            await poster.post(ACCOUNT, f"https://others.example.com:{receiver.port}/", {}, b"{}")
        untrusting = Poster(hooks.destinations(names), connect_timeout=5, timeout=5, tls=ssl.create_default_context())
        with pytest.raises(UnreachableError, match="certificate"):
            await untrusting.post(ACCOUNT, f"https://hooks.example.com:{receiver.port}/", {}, b"{}")
    assert indicated == ["hooks.example.com", "others.example.com", "hooks.example.com"]
    assert len(receiver.requests) == 1
