"""NATS, as a service sees it: each of its servers, what its user may do there, and the streams."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from nats.aio.client import Client
from nats.errors import AuthorizationError
from nats.errors import Error as NatsError
from nats.js.api import StreamInfo
from nats.js.errors import NotFoundError

from deploy.admin.checks.clocks import clock
from deploy.admin.checks.connecting import CONNECT_SECONDS, Unreachable, tcp_open, unreachable
from deploy.admin.checks.findings import Finding, Level, ok, problem, warning
from deploy.installation.folder import OPERATOR
from deploy.installation.nats_users import OWN_RIGHTS_SUBJECT, rights_of
from services.platform.bus import EVENTS_STREAM, JOBS_STREAM, OFFERS_STREAM, PROGRESS_STREAM
from services.platform.config import NatsSettings
from services.platform.nats_servers import NatsServers
from services.platform.tls import FILES, MutualTls

_SHOWN = 4


def missing_rights(service: str, permissions: Mapping[str, Any] | None) -> list[str]:
    """The rights that the user of a service lacks; `permissions` as NATS reports them, None for a user without limits."""
    rights = rights_of(service)
    wanted = {"publish": rights.publish, "subscribe": (*rights.subscribe, f"_INBOX.{service}.>")}
    missing = []
    for verb, subjects in wanted.items():
        own = (permissions or {}).get(verb) or {}
        refused = [subject for subject in subjects if not _allowed(subject, own.get("allow"), own.get("deny") or ())]
        if refused:
            more = f" and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
            missing.append(f"{verb} to {', '.join(refused[:_SHOWN])}{more}")
    return missing


def _allowed(subject: str, allow: Sequence[str] | None, deny: Sequence[str]) -> bool:
    # NATS takes a missing or empty list for no limit.
    return (not allow or any(covers(pattern, subject) for pattern in allow)) and not any(covers(pattern, subject) for pattern in deny)


def covers(pattern: str, subject: str) -> bool:
    """Whether every subject that `subject` stands for is one of the pattern's."""
    ours, theirs = subject.split("."), pattern.split(".")
    for number, part in enumerate(theirs):
        if part == ">":
            return len(ours) > number
        if number >= len(ours) or ours[number] == ">" or part not in ("*", ours[number]):
            return False
    return len(ours) == len(theirs)


_SUBJECT = "streams"
STREAMS = (EVENTS_STREAM, OFFERS_STREAM, PROGRESS_STREAM, JOBS_STREAM)
_REPLICAS = "DARKROOM_NATS_REPLICAS"
_ASK_SECONDS = 5.0


async def check_streams(client: Client, replicas: int, servers: int) -> list[Finding]:
    """`replicas`: how many copies of each stream are wanted. `servers`: how many the cluster has, as far as is known."""
    found = []
    if replicas > servers:
        text = f"{replicas} copies of each are wanted, and the cluster has {servers or 'no'} server{'s' if servers != 1 else ''}"
        found.append(problem(_SUBJECT, text, f"list all servers in DARKROOM_NATS_URL, add servers, or lower {_REPLICAS}"))
    jetstream, missing, right = client.jetstream(timeout=_ASK_SECONDS), [], []
    told = await asyncio.gather(*(jetstream.stream_info(name) for name in STREAMS), return_exceptions=True)
    for name, info in zip(STREAMS, told, strict=True):
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


SUBJECT = "NATS"
_URL = "DARKROOM_NATS_URL"
_ATTEMPTS = 3
"""Servers end a connection on which nobody has logged in for two seconds, which may be too soon for a busy machine."""


async def check_nats(service: str, settings: NatsSettings, replicas: int | None) -> list[Finding]:
    """`replicas` is for the service that makes the streams: how many copies of each are wanted."""
    servers = settings.nats
    each = await asyncio.gather(*(_check_server(service, servers, address) for address in servers.addresses))
    found = [finding for findings, _ in each for finding in findings]
    answering = [address for address, (findings, _) in zip(servers.addresses, each, strict=True) if _works(findings)]
    if not answering:
        return found
    if len(answering) < len(servers.addresses):
        # The service uses those that it reaches.
        found = [replace(one, level=Level.WARNING) if one.level is Level.PROBLEM else one for one in found]
    try:
        async with connect(replace(servers, addresses=(answering[0],)), service) as client:
            found += (own := await _user(client, service))
            if replicas is not None and _works(own):
                # A server announces the others that it knows, unless its configuration prevents that.
                size = max(len({name for _, name in each if name}), len(_told(client)["connect_urls"]))
                found += await check_streams(client, replicas, size)
    except (Unreachable, NatsError, TimeoutError, OSError) as error:
        found.append(problem(SUBJECT, f"{answering[0]} does not answer: {str(error) or type(error).__name__}", "check its log"))
    return found


async def check_jetstream(url: str, tls: MutualTls | None) -> list[Finding]:
    """The room that is left, as the operator's user sees it."""
    try:
        servers = replace(NatsServers.parse(url), tls=tls)
    except ValueError as error:
        remedy = "correct it, or remove the file: `darkroom-admin create FOLDER` writes a new one"
        return [problem("JetStream", f"the nats-url of the operator: {error}", remedy)]
    if tls is not None and (missing := [name for name in FILES if not (tls.folder / name).is_file()]):
        return [problem("JetStream", f"as the operator: {tls.folder} holds no {missing[0]}", "`darkroom-admin create FOLDER` adds it")]
    found: list[Finding] = []
    for address in servers.addresses:
        try:
            async with connect(replace(servers, addresses=(address,)), OPERATOR) as client:
                return await check_room(client)
        except Unreachable as error:
            found.append(problem("JetStream", f"as the operator: {error.text}", error.remedy))
    return found


@asynccontextmanager
async def connect(servers: NatsServers, service: str) -> AsyncIterator[Client]:
    """A connection to the one server that is named, which is not made again when it is lost. Raises Unreachable."""
    errors: list[BaseException] = []

    async def on_error(error: Exception) -> None:
        errors.append(error)

    place = urlsplit(f"nats://{servers.addresses[0]}")
    try:
        # The client would go on for as long as it may where nothing listens.
        await tcp_open(place.hostname or "", place.port or 0)
    except OSError as error:
        raise _explained(error, servers, servers.addresses[0]) from error
    options = {**servers.options(service), "allow_reconnect": False, "max_reconnect_attempts": 0, "error_cb": on_error}
    for left in reversed(range(_ATTEMPTS)):
        client = Client()
        try:
            async with asyncio.timeout(CONNECT_SECONDS + 1):
                await client.connect(**options)
            break
        except Exception as error:
            found = errors[-1] if errors else error
            if not left or not isinstance(found, ConnectionResetError):
                raise _explained(found, servers, servers.addresses[0]) from error
            errors.clear()
    try:
        yield client
    finally:
        await client.close()


async def _check_server(service: str, servers: NatsServers, address: str) -> tuple[list[Finding], str]:
    """The findings about one server, and its name."""
    try:
        async with connect(replace(servers, addresses=(address,)), service) as client:
            told = _told(client)
    except Unreachable as error:
        return [problem(SUBJECT, error.text, error.remedy)], ""
    cluster = f", of the cluster {told['cluster']}" if told["cluster"] else ""
    found = [ok(SUBJECT, f"{told['version']} at {address} as {_user_name(servers)}{cluster}")]
    if not told["jetstream"]:
        found.append(problem(SUBJECT, f"{address} has no JetStream", "add `jetstream { store_dir: … }` to its configuration"))
    if servers.scheme == "nats" and not address.startswith(("127.", "localhost:", "[::1]:")):
        found.append(warning(SUBJECT, f"the connection to {address} is not encrypted", f"tls:// in {_URL}, and TLS in its configuration"))
    return found, told["server_name"]


async def _user(client: Client, service: str) -> list[Finding]:
    """The rights of the service's user, as the server reports them, and the server's clock."""
    before = time.time()
    try:
        reply = json.loads((await client.request(OWN_RIGHTS_SUBJECT, timeout=_ASK_SECONDS)).data)
    except (NatsError, TimeoutError, ValueError):
        remedy = f"let it publish to {OWN_RIGHTS_SUBJECT}, as users.conf of `darkroom-admin create` does"
        return [warning("NATS rights", "the user may not read its own rights, so they are not checked", remedy)]
    offset = datetime.fromisoformat(_to_microseconds(reply["server"]["time"])).timestamp() - (before + time.time()) / 2
    found = clock("NATS", offset)
    if missing := missing_rights(service, reply["data"].get("permissions")):
        text = f"the user must not {'; '.join(missing)}"
        return [*found, problem("NATS rights", text, "take its rights from users.conf, which `darkroom-admin create` rewrites")]
    return [*found, ok("NATS rights", "those that the service needs")]


def _told(client: Client) -> Mapping[str, Any]:
    """A server's information about itself."""
    told = {"version": "", "cluster": "", "jetstream": False, "server_name": "", "connect_urls": []}
    return {**told, **client._server_info}


def _works(findings: list[Finding]) -> bool:
    return all(one.level is not Level.PROBLEM for one in findings)


def _user_name(servers: NatsServers) -> str:
    return f"the user {servers.user}" if servers.user and servers.password is not None else "the user of its credentials"


def _to_microseconds(time: str) -> str:
    """From Go's form with nanoseconds, which may have fewer digits."""
    whole, _, fraction = time.removesuffix("Z").partition(".")
    return f"{whole}.{fraction[:6]:0<6}+00:00"


def _explained(error: BaseException, servers: NatsServers, where: str) -> Unreachable:
    text = str(error).lower()
    if isinstance(error, AuthorizationError) or "authorization" in text or "authentication" in text:
        return Unreachable(f"{where} refuses {_user_name(servers)}, or its password", f"correct {_URL}, or its users.conf and reload it")
    # The client begins TLS where the server asks for it, but knows no authority then.
    if servers.scheme == "nats" and (isinstance(error, ssl.SSLError) or "tls" in text):
        return Unreachable(f"{where} asks for TLS", f"tls:// in place of nats:// in {_URL}")
    if "not available" in text and "tls" in text:
        return Unreachable(f"{where} offers no TLS", f"switch it on there, or nats:// in place of tls:// in {_URL}")
    return unreachable(
        error, where, _URL, "name its authority in DARKROOM_NATS_CA_FILE, or take its certificate from that of this installation"
    )
