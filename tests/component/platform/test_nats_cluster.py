"""NATS as in production: several servers, streams with three replicas, users, credentials and TLS."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import nats.errors
import nats.js.errors
import pytest
from nats.aio.msg import Msg
from nats.js.api import StreamInfo

from services.platform.bus import EVENTS_STREAM, PROGRESS_STREAM, Bus, connect, event_subject
from services.platform.nats_servers import NatsServers, check_credentials
from services.platform.publishing import Outgoing
from services.platform.tls import MutualTls
from tests.certificate import make_certificate
from tests.harness.nats_cluster import NatsCluster, nats_cluster
from tests.harness.nats_operator import NatsOperator

T = TypeVar("T")
_STREAMS = ["EVENTS", "JOBS", "OFFERS", "PROGRESS"]
_USERS = 'authorization: {{ users: [{{ user: "tasks", password: "{password}" }}] }}'


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[NatsCluster]:
    async with nats_cluster(tmp_path) as started:
        yield started


async def test_streams_are_made_while_the_cluster_is_still_starting(tmp_path: Path) -> None:
    async with nats_cluster(tmp_path, running=[0]) as cluster, asyncio.timeout(60):
        connecting = asyncio.create_task(_replicas(cluster.url()))
        # One of three: it answers, and nothing leads.
        await asyncio.sleep(1)
        assert not connecting.done()
        await cluster.start(1, 2)
        assert await connecting == dict.fromkeys(_STREAMS, 3)


async def _replicas(url: str) -> dict[str, int | None]:
    async with connect(url, "tasks", 3) as bus:
        return {name: (await bus.jetstream.stream_info(name)).config.num_replicas for name in _STREAMS}


@pytest.mark.thorough
async def test_the_streams_of_one_server_are_raised_to_three_replicas(cluster: NatsCluster) -> None:
    async with connect(cluster.url(), "tasks", 1) as bus:
        await bus.publisher.publish(_messages(0, 3))
    async with connect(cluster.url(), "tasks", 3) as bus:
        infos = {name: await bus.jetstream.stream_info(name) for name in _STREAMS}
        assert {name: info.config.num_replicas for name, info in infos.items()} == dict.fromkeys(_STREAMS, 3)
        assert infos[EVENTS_STREAM].state.messages == 3


async def test_replicas_on_a_server_in_no_cluster_are_told_and_not_waited_for(tmp_path: Path) -> None:
    async with nats_cluster(tmp_path, 1) as single:
        with pytest.raises(nats.js.errors.ServerError, match="non-clustered"):
            await _replicas(single.url())


@pytest.mark.thorough
async def test_a_publisher_goes_on_when_the_leader_dies_and_nothing_confirmed_is_lost(cluster: NatsCluster) -> None:
    async with connect(cluster.url(), "tasks", 3) as bus, asyncio.timeout(120):
        confirmed: set[str] = set()
        publishing = asyncio.create_task(_publish_until(bus, confirmed, 30))
        while len(confirmed) < 100:
            await asyncio.sleep(0.01)
        # Once that of the stream, and once the server that the publisher is connected to.
        leader = await _leader(bus)
        await cluster.kill(leader)
        await _confirmed_beyond(confirmed, len(confirmed) + 100)
        await cluster.start(leader)
        await _whole(bus)
        used = _used(bus, cluster)
        await cluster.kill(used)
        await _confirmed_beyond(confirmed, len(confirmed) + 100)
        publishing.cancel()
        await asyncio.wait({publishing})
        assert await _stored(bus) >= confirmed


async def test_a_message_that_meets_nobody_or_no_leader_is_sent_again(tmp_path: Path) -> None:
    said = [b'{"error": {"code": 503, "description": "no leader"}}', b'{"stream": "ANY", "seq": 1}']

    async def answer(message: Msg) -> None:
        await message.respond(said.pop(0))

    async with nats_cluster(tmp_path, 1) as server, connect(server.url(), "tasks") as bus, asyncio.timeout(60):
        publishing = asyncio.create_task(bus.publisher.publish([Outgoing("ANY.1", b"", "1")]))
        await asyncio.sleep(0.2)
        await bus.client.subscribe("ANY.*", cb=answer)
        assert await publishing == [True]
        assert not said


async def test_a_message_that_is_refused_for_good_is_not_sent_again(tmp_path: Path) -> None:
    heard = []

    async def refuse(message: Msg) -> None:
        heard.append(message.data)
        await message.respond(b'{"error": {"code": 400, "description": "too long"}}')

    async with nats_cluster(tmp_path, 1) as server, connect(server.url(), "tasks") as bus, asyncio.timeout(60):
        await bus.client.subscribe("ANY.*", cb=refuse)
        assert await bus.publisher.publish([Outgoing("ANY.1", b"a", "1"), Outgoing("ANY.2", b"b", "2")]) == [False, False]
        assert heard == [b"a", b"b"]


async def test_a_message_whose_answer_was_lost_with_the_connection_is_sent_again(tmp_path: Path) -> None:
    heard: list[Msg] = []

    async def answer_again(message: Msg) -> None:
        heard.append(message)
        if len(heard) > 1:
            await message.respond(b'{"stream": "ANY", "seq": 1, "duplicate": true}')

    async with nats_cluster(tmp_path, 1) as server, connect(server.url(), "tasks") as bus, asyncio.timeout(60):
        await bus.client.subscribe("ANY.*", cb=answer_again)
        publishing = asyncio.create_task(bus.publisher.publish([Outgoing("ANY.1", b"", "1")]))
        while not heard:
            await asyncio.sleep(0.01)
        await server.kill(0)
        await server.start()
        assert await publishing == [True]


async def test_a_restarted_server_gets_its_clients_back(tmp_path: Path) -> None:
    async with nats_cluster(tmp_path, 1) as single, connect(single.url(), "tasks", 1) as bus, asyncio.timeout(60):
        assert await bus.publisher.publish(_messages(0, 2)) == [True, True]
        await single.kill(0)
        # Under way while there is no server.
        publishing = asyncio.create_task(bus.publisher.publish(_messages(2, 4)))
        await single.start()
        while not all(await publishing):
            publishing = asyncio.create_task(bus.publisher.publish(_messages(2, 4)))
        assert len(await _stored(bus)) == 4


async def test_a_restarted_server_gets_the_streams_that_it_kept_in_memory(tmp_path: Path) -> None:
    async with nats_cluster(tmp_path, 1) as single, connect(single.url(), "tasks", 1) as bus:
        await single.kill(0)
        await single.start()
        async with asyncio.timeout(30):
            while PROGRESS_STREAM not in await _answered(partial(_names, bus)):
                await asyncio.sleep(0.05)


async def test_a_client_tries_the_servers_of_its_settings_and_no_others(cluster: NatsCluster) -> None:
    first = cluster.url().split(",")[0]
    async with connect(first, "tasks") as bus, asyncio.timeout(60):
        while len(bus.client.servers) + len(bus.client.discovered_servers) < 3:
            await asyncio.sleep(0.01)
        await cluster.kill(0)
        await _becomes(bus, connected=False)
        # The others, of which the first has told, are up.
        await asyncio.sleep(1)
        await _becomes(bus, connected=False)
        await cluster.start(0)
        await _becomes(bus, connected=True)
        assert bus.client.connected_url is not None
        assert first.endswith(bus.client.connected_url.netloc)


async def test_a_password_with_any_characters(tmp_path: Path) -> None:
    url = "tasks:p%40ss%2Cw%2Frd%25"
    async with nats_cluster(tmp_path, 1, _USERS.format(password="p@ss,w/rd%")) as server, connect(server.url(url), "other", 1) as bus:
        assert bus.client.new_inbox().startswith("_INBOX.tasks.")


async def test_a_process_whose_credentials_are_no_longer_good_is_told_to_stop(tmp_path: Path) -> None:
    stopped = asyncio.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    try:
        async with nats_cluster(tmp_path, 1, _USERS.format(password="old")) as server, connect(server.url("tasks:old"), "tasks", 1):
            server.reload(_USERS.format(password="new"))
            async with asyncio.timeout(60):
                await stopped.wait()
    finally:
        signal.signal(signal.SIGTERM, before)


async def test_credentials_of_an_operators_own_nats(tmp_path: Path) -> None:
    operator = NatsOperator()
    file = tmp_path / "tasks.creds"
    file.write_text(operator.credentials("tasks", subscribe=["_INBOX.tasks.>"]))
    check_credentials(file)
    async with nats_cluster(tmp_path / "nats", 1, operator.configuration) as server, asyncio.timeout(60):
        servers = replace(NatsServers.parse(server.url()), credentials_file=file)
        async with connect(servers, "tasks", 1) as bus:
            assert await bus.publisher.publish(_messages(0, 1)) == [True]


@pytest.mark.parametrize("first", [False, True])
async def test_tls_by_another_name_than_the_hosts(tmp_path: Path, *, first: bool) -> None:
    certificate = make_certificate(tmp_path / "certificate", "nats.example")
    files = f'cert_file: "{certificate}/tls.crt", key_file: "{certificate}/tls.key", ca_file: "{certificate}/tls.crt", verify: true'
    own = tmp_path / "own"
    own.mkdir()
    for name, source in {"ca.crt": "tls.crt", "tls.crt": "tls.crt", "tls.key": "tls.key"}.items():
        (own / name).write_bytes((certificate / source).read_bytes())
    async with (
        nats_cluster(tmp_path / "nats", 1, f"tls {{ {files}, handshake_first: {str(first).lower()} }}") as server,
        asyncio.timeout(60),
    ):
        parsed = NatsServers.parse(server.url(scheme="tls"))
        servers = NatsServers(parsed.scheme, parsed.addresses, tls=MutualTls(own), tls_hostname="nats.example", tls_first=first)
        async with connect(servers, "tasks", 1) as bus:
            assert await bus.publisher.publish(_messages(0, 1)) == [True]


async def _becomes(bus: Bus, *, connected: bool) -> None:
    while bus.client.is_connected is not connected:
        await asyncio.sleep(0.01)


def _messages(first: int, end: int) -> list[Outgoing]:
    return [Outgoing(event_subject(1, end=False), str(number).encode(), f"message-{number}") for number in range(first, end)]


async def _publish_until(bus: Bus, confirmed: set[str], count: int) -> None:
    """Publish more and more, and again what has not been confirmed, as a relay does."""
    number, left = 0, list[Outgoing]()
    while True:
        left += _messages(number, number + count)
        number += count
        sure = await bus.publisher.publish(left)
        confirmed |= {message.body.decode() for message, stored in zip(left, sure, strict=True) if stored}
        left = [message for message, stored in zip(left, sure, strict=True) if not stored]


async def _confirmed_beyond(confirmed: set[str], count: int) -> None:
    while len(confirmed) < count:
        await asyncio.sleep(0.05)


async def _answered(ask: Callable[[], Awaitable[T]]) -> T:
    """What the stream answers, as soon as one of its replicas leads."""
    while True:
        try:
            return await ask()
        except (nats.errors.TimeoutError, nats.js.errors.ServiceUnavailableError):
            await asyncio.sleep(0.1)


async def _events(bus: Bus) -> StreamInfo:
    """What is known of the stream."""
    return await _answered(lambda: bus.jetstream.stream_info(EVENTS_STREAM))


async def _names(bus: Bus) -> set[str | None]:
    return {stream.config.name for stream in await bus.jetstream.streams_info()}


async def _leader(bus: Bus) -> int:
    cluster = (await _events(bus)).cluster
    assert cluster is not None
    return int(str(cluster.leader).removeprefix("server-"))


async def _whole(bus: Bus) -> None:
    """Wait until every replica of the stream has everything."""
    while True:
        cluster = (await _events(bus)).cluster
        if cluster is not None and cluster.replicas and all(replica.current for replica in cluster.replicas):
            return
        await asyncio.sleep(0.1)


def _used(bus: Bus, cluster: NatsCluster) -> int:
    assert bus.client.connected_url is not None
    return cluster.url().split(",").index(f"nats://{bus.client.connected_url.netloc}")


async def _stored(bus: Bus) -> set[str]:
    count = (await _events(bus)).state.messages
    found = [await _answered(partial(bus.jetstream.get_msg, EVENTS_STREAM, number)) for number in range(1, count + 1)]
    return {(message.data or b"").decode() for message in found}
