"""What the NATS users of the services may not do, asked of the running server."""

from __future__ import annotations

import asyncio

import nats
import pytest

from edge.topology import SERVICES
from services.platform.nats_servers import NatsServers
from tests.stacks import StackUnderTest

# Who may publish to a subject. Only what is refused is sent.
PUBLISH = {
    "ACCOUNTS.revoked": {"accounts"},
    "CANCEL.1": {"tasks"},
    "EVENTS.1.end": {"tasks"},
    "OFFERS.gpt_image_2": {"inference", "tasks"},
    "QUEUED.system": {"tasks"},
    "_INBOX.tasks.made_up": set(),
    "$JS.ACK.EVENTS.files.1.1.1.1.1": {"files"},
    "$JS.API.CONSUMER.DELETE.EVENTS.files": set(),
    "$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.other": set(),
    "$JS.API.CONSUMER.CREATE.EVENTS": set(),
    "$JS.API.CONSUMER.MSG.NEXT.EVENTS.files": {"files"},
    "$JS.API.STREAM.DELETE.EVENTS": set(),
    "$JS.API.STREAM.MSG.GET.EVENTS": set(),
    "$JS.API.STREAM.NAMES": set(),
    "$JS.API.STREAM.PURGE.EVENTS": set(),
    "$JS.API.STREAM.UPDATE.EVENTS": {"tasks"},
    "$SYS.REQ.SERVER.PING": set(),
}
SUBSCRIBE = {
    "ACCOUNTS.revoked": {"accounts", "files", "gateway", "tasks"},
    "CANCEL.*": {"inference"},
    "EVENTS.*.*": {"tasks"},
    "EVENTS.>": set(),
    "MODELS.manage": {"inference"},
    "MODELS.state": {"inference", "tasks"},
    "QUEUED.*": {"tasks"},
    "_INBOX.>": set(),
    ">": set(),
    **{f"_INBOX.{service}.>": {service} for service in SERVICES},
}


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_may_do_its_own_part_alone(stack: StackUnderTest, service: str) -> None:
    refused: list[str] = []

    async def note(error: Exception) -> None:
        refused.append(str(error).lower())

    expected = {f'nats: permissions violation for publish to "{subject.lower()}"' for subject in _without(PUBLISH, service)}
    expected |= {f'nats: permissions violation for subscription to "{subject.lower()}"' for subject in _without(SUBSCRIBE, service)}
    url = stack.stack.config.nats_user_url(service)
    client = await nats.connect(url, inbox_prefix=NatsServers.parse(url).inbox_prefix(""), error_cb=note)
    try:
        for subject, services in PUBLISH.items():
            if service not in services:
                await client.publish(subject, b"", "_INBOX.nobody")
        for subject in SUBSCRIBE:
            await client.subscribe(subject)
        async with asyncio.timeout(20):
            while len(refused) < len(expected):
                await client.flush()
        # Nothing else was refused.
        await client.flush()
    finally:
        await client.close()
    assert set(refused) == expected


def _without(allowed: dict[str, set[str]], service: str) -> set[str]:
    return {subject for subject, services in allowed.items() if service not in services}
