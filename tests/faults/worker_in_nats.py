"""What somebody can do in NATS who has all that is on the machine of a joined worker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import nats
from nats.aio.client import Client

from services.platform.joining import NATS_USER
from services.platform.membership import NATS_URL, WORKERS
from services.platform.nats_servers import NatsServers
from services.platform.tls import MutualTls
from tests.component.stack.test_nats_rights import PUBLISH, SUBSCRIBE

REFUSED_PUBLISH = {*PUBLISH, "MODELS.manage", "MODELS.state"} - {"OFFERS.gpt_image_2"}
REFUSED_SUBSCRIBE = {*SUBSCRIBE, "OFFERS.*", "MODELS.manage"} - {"CANCEL.*"}


async def nats_of(folder: Path, note: Callable[[Exception], Awaitable[None]] | None = None) -> Client:
    """A connection with what is in the folder of a membership, through the port for workers. Raises nats.errors.Error."""
    servers = NatsServers.parse((folder / NATS_URL).read_text().strip())
    assert servers.addresses == ((folder / WORKERS).read_text().strip(),)
    servers = replace(servers, tls=MutualTls(folder), tls_hostname="nats", tls_first=True)
    return await nats.connect(**servers.options(NATS_USER), allow_reconnect=False, error_cb=note or _nothing)


async def may_do_little(folder: Path) -> None:
    """Assert that NATS refuses all but what docs/operator/remote-workers.md says."""
    refused: list[str] = []

    async def note(error: Exception) -> None:
        refused.append(str(error).lower())

    expected = {f'nats: permissions violation for publish to "{subject.lower()}"' for subject in REFUSED_PUBLISH}
    expected |= {f'nats: permissions violation for subscription to "{subject.lower()}"' for subject in REFUSED_SUBSCRIBE}
    client = await nats_of(folder, note)
    try:
        for subject in REFUSED_PUBLISH:
            await client.publish(subject, b"")
        for subject in (*REFUSED_SUBSCRIBE, "CANCEL.*", "MODELS.state"):
            await client.subscribe(subject)
        await client.publish("OFFERS.worker-made-up", b"")
        async with asyncio.timeout(20):
            while len(set(refused)) < len(expected):
                await client.flush()
        # Nothing else was refused.
        await client.flush()
    finally:
        await client.close()
    assert set(refused) == expected


async def _nothing(_: Exception) -> None:
    """The error itself is handled."""
