"""The streams that the tasks service makes, and the cluster that keeps them."""

from __future__ import annotations

import asyncio

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import StreamInfo
from nats.js.errors import NotFoundError

from deploy.admin.checks.findings import Finding, ok, problem, warning
from services.platform.bus import EVENTS_STREAM, JOBS_STREAM, OFFERS_STREAM, PROGRESS_STREAM

_SUBJECT = "streams"
_STREAMS = (EVENTS_STREAM, OFFERS_STREAM, PROGRESS_STREAM, JOBS_STREAM)
_REPLICAS = "DARKROOM_NATS_REPLICAS"
_ASK_SECONDS = 5.0


async def check_streams(client: Client, replicas: int, servers: int) -> list[Finding]:
    """`replicas`: how many copies of each stream are wanted. `servers`: how many the cluster has, as far as is known."""
    found = []
    if replicas > servers:
        text = f"{replicas} copies of each are wanted, and the cluster has {servers or 'no'} server{'s' if servers != 1 else ''}"
        found.append(problem(_SUBJECT, text, f"list all servers in DARKROOM_NATS_URL, add servers, or lower {_REPLICAS}"))
    jetstream, missing, right = client.jetstream(timeout=_ASK_SECONDS), [], []
    told = await asyncio.gather(*(jetstream.stream_info(name) for name in _STREAMS), return_exceptions=True)
    for name, info in zip(_STREAMS, told, strict=True):
        if isinstance(info, NotFoundError):
            missing.append(name)
        elif isinstance(info, BaseException):
            found.append(problem(_SUBJECT, f"{name}: {str(info) or 'no answer'}", "check the logs of NATS: the stream may have no leader"))
        elif fault := _fault(name, info, replicas):
            found.append(fault)
        else:
            right.append(name)
    if missing:
        found.append(ok(_SUBJECT, f"tasks makes {', '.join(missing)} when it starts"))
    if right:
        found.insert(0, ok(_SUBJECT, f"{', '.join(right)} with {replicas} cop{'ies' if replicas > 1 else 'y'} each"))
    return found


def _fault(name: str, info: StreamInfo, replicas: int) -> Finding | None:
    copies = info.config.num_replicas or 1
    if copies != replicas:
        return warning(_SUBJECT, f"{name} has {copies} of {replicas} copies", "restart tasks, which changes it at start")
    peers = info.cluster.replicas or [] if info.cluster is not None else []
    if late := [str(peer.name) for peer in peers if peer.offline or not peer.current]:
        return warning(_SUBJECT, f"{name}: its copy on {', '.join(late)} is away or behind", "check these servers")
    return None


async def check_room(client: Client) -> list[Finding]:
    """The room that JetStream has, which only a user without limits may ask for."""
    try:
        account = await client.jetstream(timeout=_ASK_SECONDS).account_info()
    except (NatsError, TimeoutError) as error:
        return [problem("JetStream", f"it does not answer: {str(error) or 'no answer'}", "check the log of NATS")]
    used, most = account.storage, account.limits.max_storage
    if most > 0 and used > most * 0.8:
        return [warning("JetStream", f"{used / 2**20:.0f} of {most / 2**20:.0f} MiB are used", "raise the account's limit")]
    return [ok("JetStream", f"{used / 2**20:.0f} MiB used" + (f" of {most / 2**20:.0f}" if most > 0 else ""))]
