"""The streams of NATS, which a restored deployment makes again: the databases hold all that is to be done."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import nats.errors
from nats.js.errors import NotFoundError

from deploy.admin.checks.connecting import Unreachable
from deploy.admin.checks.messaging import STREAMS, connect
from deploy.installation.folder import OPERATOR
from services.platform.nats_servers import NatsServers
from services.platform.tls import MutualTls


async def remove_streams(url: str, tls: MutualTls | None) -> str:
    """Delete them as a user without limits; returns a sentence about it. They may hold events of later than the moment of the backup."""
    unreachable = ""
    try:
        servers = replace(NatsServers.parse(url), tls=tls)
        for address in servers.addresses:
            try:
                async with connect(replace(servers, addresses=(address,)), OPERATOR) as client:
                    for name in STREAMS:
                        with contextlib.suppress(NotFoundError):
                            await client.jetstream().delete_stream(name)
                    return "The streams of NATS are deleted; the services make new ones."
            except Unreachable as error:
                unreachable = error.text
    except (nats.errors.Error, ValueError, TimeoutError, OSError) as error:
        unreachable = str(error)
    return f"NATS was not reached ({unreachable}): if it has run before, give it empty volumes before you start the services."
