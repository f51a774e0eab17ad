"""A worker on another machine: it joins with a token, does what the server does not, is killed, sleeps, and is revoked."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import httpx
import nats
import nats.errors
import numpy as np
import psutil
import pytest
from PIL import Image

from darkroom import AsyncClient
from darkroom.internal.accounts.v1 import (
    membership_service_pb2,
    membership_service_pb2_grpc,
    setting_values_service_pb2,
    setting_values_service_pb2_grpc,
)
from darkroom.internal.files.v1 import storage_service_pb2, storage_service_pb2_grpc
from darkroom.internal.system.v1 import part_pb2
from darkroom.internal.tasks.v1 import attempt_service_pb2, attempt_service_pb2_grpc
from darkroom.operations.v1 import noop_pb2, operation_pb2, remove_background_pb2
from darkroom.tasks.v1 import task_pb2
from deploy.local.certificates import certificate_folder
from deploy.local.credentials import signing_key_file
from deploy.local.scratch.resources import free_port
from services.platform.identity import Signer
from services.platform.membership import SIGNING_KEY
from services.platform.nats_servers import NatsServers
from services.platform.object_writing import SMALL_BYTES
from services.platform.tls import MutualTls
from services.platform.version import version
from tests.harness.joining_machine import JoiningMachine, token_of
from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded, opened

CUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
# Longer than a lease.
LONG = operation_pb2.Operation(noop=noop_pb2.Noop(steps=100, step_milliseconds=100))
SIZE = 2880, 2160
LEASE_SECONDS = 6
"""Of the stack under test."""


@dataclass(frozen=True)
class Yard:
    """A stack that runs no models and no noop, and a machine that has joined it for those."""

    stack: StackUnderTest
    machine: JoiningMachine
    port: int
    name: str
    """Of the worker: another one each time, since a stack may have seen this test before."""


@pytest.fixture
async def yard(stack: StackUnderTest, tiny_models: Path, tmp_path: Path) -> AsyncIterator[Yard]:
    before, port = stack.configured, free_port()
    lanes = "interactive=8,picture=4,document=1"
    await asyncio.to_thread(stack.configure, {**before, "DARKROOM_WORKER_LISTEN": f"127.0.0.1:{port}", "DARKROOM_LANES": lanes})
    machine = JoiningMachine(tmp_path / "machine", tiny_models, {"DARKROOM_LANES": "neural=1,system=1", "DARKROOM_DRAIN_SECONDS": "2"})
    try:
        await asyncio.to_thread(stack.up)
        yield Yard(stack, machine, port, f"box-{secrets.token_hex(4)}")
    finally:
        await machine.close()
        stack.configure(before)


@pytest.mark.thorough
@pytest.mark.timeout(900)
async def test_a_worker_on_another_machine(yard: Yard, tmp_path: Path) -> None:
    """One test, since starting the services anew takes longer than most of it."""
    stack, machine = yard.stack, yard.machine
    said = await asyncio.to_thread(machine.up, "--join", await asyncio.to_thread(token_of, stack), "--name", yard.name)
    assert f"{yard.name} is connected to {stack.url} and serves the lanes neural (1), system (1)." in said
    account = stack.create_account()
    async with AsyncClient(stack.url, account.api_key) as client:
        await _does_what_the_server_does_not(yard, client, tmp_path)
        await _knows_only_two_addresses(yard)
        await _killed(yard, client)
        await _sleeps(yard, client)
    await _a_thief_can_do_little(yard, tmp_path)
    await _comes_and_goes(yard)
    await _is_revoked(yard)


async def _does_what_the_server_does_not(yard: Yard, client: AsyncClient, folder: Path) -> None:
    """Inputs and outputs are too large for messages, so that they go through the public port."""
    grain = np.random.default_rng(0).integers(0, 100, (*SIZE[::-1], 3), np.uint8)
    picture = folder / "disc.png"
    picture.write_bytes(encoded(Image.fromarray(np.clip(np.asarray(disc(*SIZE)) // 2 + grain, 0, 255).astype(np.uint8)), "PNG"))
    assert picture.stat().st_size > SMALL_BYTES
    file = await client.upload(picture)
    task = await client.wait((await client.create_task([file.id], [CUT])).id)
    assert task.state == task_pb2.TASK_STATE_SUCCEEDED, yard.machine.log()
    [path] = await client.download(task.output_file_ids, folder / "cut")
    assert path.stat().st_size > SMALL_BYTES
    assert opened(path.read_bytes()).size == SIZE


async def _knows_only_two_addresses(yard: Yard) -> None:
    public = yard.stack.stack.config.ports.public
    settings = yard.machine.settings
    addresses = {name: value for name, value in settings.items() if name.endswith("_ADDRESS") and not value.startswith("unix:")}
    assert set(addresses.values()) == {f"127.0.0.1:{yard.port}"}
    # It has no user of NATS, and no credentials of the storage.
    assert not [name for name in settings if "NATS" in name or "S3" in name]
    worker = await yard.machine.worker()
    open_ports = {
        connection.raddr.port
        for process in (worker, *worker.children(recursive=True))
        for connection in process.net_connections("tcp")
        if connection.raddr
        and connection.status == psutil.CONN_ESTABLISHED
        and connection.laddr.port != _port(settings["DARKROOM_METRICS_LISTEN"])
    }
    assert yard.port in open_ports
    assert open_ports <= {yard.port, public}


async def _killed(yard: Yard, client: AsyncClient) -> None:
    task_id = await _running(client)
    (await yard.machine.worker()).kill()
    done = await client.wait(task_id)
    assert (done.state, done.attempt) == (task_pb2.TASK_STATE_SUCCEEDED, 2), yard.machine.log()
    await _ended_once(client, task_id)


async def _sleeps(yard: Yard, client: AsyncClient) -> None:
    """A machine that sleeps says nothing, and goes on in the middle of everything when it wakes."""
    task_id = await _running(client)
    await yard.machine.signal_worker(signal.SIGSTOP)
    waiting = await _until(lambda: _state(client, task_id), task_pb2.TASK_STATE_QUEUED)
    assert waiting == task_pb2.TASK_STATE_QUEUED
    await asyncio.sleep(2 * LEASE_SECONDS)
    worker = (await yard.machine.worker()).pid
    await yard.machine.signal_worker(signal.SIGCONT)
    done = await client.wait(task_id)
    assert (done.state, done.attempt) == (task_pb2.TASK_STATE_SUCCEEDED, 2), yard.machine.log()
    await _ended_once(client, task_id)
    assert (await yard.machine.worker()).pid == worker


async def _a_thief_can_do_little(yard: Yard, folder: Path) -> None:
    """Whoever has all that is on the machine can do what a worker does, while nobody revokes it, and nothing else."""
    own = MutualTls(yard.machine.membership.folder)
    signer = Signer("inference", own.folder / SIGNING_KEY, delegated=yard.machine.membership.delegation())
    layout = yard.stack.stack.config.layout
    service = Signer("inference", signing_key_file(layout, "inference"))
    bare = Signer("inference", own.folder / SIGNING_KEY)
    posing = Signer("tasks", own.folder / SIGNING_KEY, delegated=yard.machine.membership.delegation())
    through = f"127.0.0.1:{yard.port}"

    async def kept(signed: Signer, tls: MutualTls, address: str = through) -> grpc.StatusCode:
        """What inference may ask files."""
        request = storage_service_pb2.OpenKeptRequest(task_id=1)
        async with _channel(address, "files", tls) as channel:
            return await _code(storage_service_pb2_grpc.StorageServiceStub(channel).OpenKept(request, metadata=signed.service_metadata(1)))

    assert await kept(signer, own) is grpc.StatusCode.OK
    assert await kept(bare, own) is grpc.StatusCode.UNAUTHENTICATED
    assert await kept(posing, own) is grpc.StatusCode.UNAUTHENTICATED
    internal = yard.stack.internal_address("files")
    installed = MutualTls(certificate_folder(layout, "inference"))
    assert await kept(service, installed, internal) is grpc.StatusCode.OK
    # Neither goes with the other's certificate.
    assert await kept(service, own) is grpc.StatusCode.PERMISSION_DENIED
    assert await kept(signer, installed, internal) is grpc.StatusCode.PERMISSION_DENIED

    metadata = signer.service_metadata(1)
    async with _channel(through, "files", own) as channel:
        stub = storage_service_pb2_grpc.StorageServiceStub(channel)
        described = stub.DescribeFiles(storage_service_pb2.DescribeFilesRequest(file_ids=[1]), metadata=metadata)
        assert await _code(described) is grpc.StatusCode.PERMISSION_DENIED
    async with _channel(through, "tasks", own) as channel:
        looked = attempt_service_pb2_grpc.AttemptServiceStub(channel)
        assert await _code(looked.LookupTasks(attempt_service_pb2.LookupTasksRequest(task_ids=[1]), metadata=metadata)) is (
            grpc.StatusCode.PERMISSION_DENIED
        )
    async with _channel(through, "accounts", own) as channel:
        values = setting_values_service_pb2_grpc.SettingValuesServiceStub(channel)
        read = values.ReadValues(setting_values_service_pb2.ReadValuesRequest(names=["x"]), metadata=metadata)
        assert await _code(read) is grpc.StatusCode.PERMISSION_DENIED
        # Only a joined worker has a membership.
    async with _channel(yard.stack.internal_address("accounts"), "accounts", installed) as channel:
        assert await _renewal(channel) is grpc.StatusCode.PERMISSION_DENIED
    async with _channel(through, "accounts", own) as channel:
        assert await _renewal(channel) is grpc.StatusCode.OK
    # It speaks for itself alone.
    async with _channel(through, "tasks", own) as channel:
        attempts = attempt_service_pb2_grpc.AttemptServiceStub(channel)
        posing_as = attempt_service_pb2.ReportWorkerRequest(worker=part_pb2.Worker(name="server-1-0a1b2c"))
        assert await _code(attempts.ReportWorker(posing_as, metadata=metadata)) is grpc.StatusCode.INVALID_ARGUMENT
        streaming = attempts.Exchange(metadata=metadata)
        await streaming.write(attempt_service_pb2.ExchangeRequest(lane="neural", worker="server-1-0a1b2c"))
        assert await _code(streaming.read()) is grpc.StatusCode.INVALID_ARGUMENT
    # The port leads nowhere else.
    for name in ("gateway", "envoy", "postgres", "nats"):
        async with _channel(through, name, own) as channel:
            stub = storage_service_pb2_grpc.StorageServiceStub(channel)
            assert (
                await _code(stub.OpenKept(storage_service_pb2.OpenKeptRequest(task_id=1), metadata=metadata)) is grpc.StatusCode.UNAVAILABLE
            )
    await _nats_lets_no_thief_in(yard, own)
    # The edge asks accounts with a certificate of its own, over another listener.
    config = yard.stack.stack.config
    async with httpx.AsyncClient(verify=own.context(), trust_env=False) as http:
        with pytest.raises(httpx.TransportError):
            await http.get(f"https://{config.listener('accounts-authorization')}/readyz")


async def _comes_and_goes(yard: Yard) -> None:
    machine = yard.machine
    up = await asyncio.to_thread(machine.run, "status")
    assert (up.returncode, "✓  inference" in up.stdout) == (0, True), up.stdout
    down = await asyncio.to_thread(machine.run, "down")
    assert f"{yard.name} is stopped" in down.stdout
    assert (await asyncio.to_thread(machine.run, "status")).returncode == 3
    assert "connected" in await asyncio.to_thread(machine.up)


async def _is_revoked(yard: Yard) -> None:
    machine, stack = yard.machine, yard.stack
    again = await asyncio.to_thread(machine.run, "up", "--join", await asyncio.to_thread(token_of, stack))
    assert (again.returncode, "has already joined" in again.stderr) == (1, True), again.stderr
    assert await asyncio.to_thread(_membership, yard) == "working"
    await asyncio.to_thread(stack.admin, "accounts", "revoke-worker", yard.name)
    assert await asyncio.to_thread(_membership, yard) == "revoked"
    await _is_cut_off(yard)
    refused = await asyncio.to_thread(machine.run, "up")
    assert (refused.returncode, "has been revoked" in refused.stderr) == (1, True), refused.stderr
    async with _channel(f"127.0.0.1:{yard.port}", "accounts", MutualTls(machine.membership.folder)) as channel:
        assert await _renewal(channel) is grpc.StatusCode.PERMISSION_DENIED
    # With a new token, it is another worker of the same name.
    assert "connected" in await asyncio.to_thread(machine.up, "--join", await asyncio.to_thread(token_of, stack), "--name", yard.name)


async def _is_cut_off(yard: Yard) -> None:
    """By all services, long before its delegation ends."""
    own, signer = (
        MutualTls(yard.machine.membership.folder),
        Signer("inference", yard.machine.membership.folder / SIGNING_KEY, delegated=yard.machine.membership.delegation()),
    )
    assert yard.machine.membership.delegation().ends > time.time() + 120
    deadline = time.monotonic() + 60
    through = f"127.0.0.1:{yard.port}"
    async with _channel(through, "files", own) as files, _channel(through, "tasks", own) as tasks:
        while True:
            calls = (
                storage_service_pb2_grpc.StorageServiceStub(files).OpenKept(
                    storage_service_pb2.OpenKeptRequest(task_id=1), metadata=signer.service_metadata(1)
                ),
                attempt_service_pb2_grpc.AttemptServiceStub(tasks).Heartbeat(
                    attempt_service_pb2.HeartbeatRequest(task_id=1, attempt=1), metadata=signer.service_metadata(1)
                ),
            )
            codes = [await _code(call) for call in calls]
            if time.monotonic() > deadline or set(codes) == {grpc.StatusCode.PERMISSION_DENIED}:
                break
            await asyncio.sleep(0.5)
    assert set(codes) == {grpc.StatusCode.PERMISSION_DENIED}


def _membership(yard: Yard) -> str:
    """The state of this test's worker; a try before this one may have left another."""
    [state] = [row["state"] for row in json.loads(yard.stack.admin("accounts", "workers")) if row["name"] == yard.name]
    return str(state)


async def _nats_lets_no_thief_in(yard: Yard, own: MutualTls) -> None:
    """Neither through the port for workers, nor for somebody who has come into the server's network."""
    servers = NatsServers(scheme="tls", addresses=(f"127.0.0.1:{yard.port}",), tls=own, tls_hostname="nats", tls_first=True)
    with pytest.raises((nats.errors.Error, OSError)):
        await nats.connect(**servers.options("inference"), allow_reconnect=False, error_cb=_nothing)
    inside = replace(servers, addresses=NatsServers.parse(yard.stack.stack.config.nats_url).addresses, tls_first=False)
    for user in (None, "worker", "inference"):
        await _nats_refuses(replace(inside, user=user, password=user))


async def _nats_refuses(servers: NatsServers) -> None:
    """NATS says why and closes with data unread, so that the reset sometimes overtakes the reason; then the client asks again."""
    for _ in range(10):
        try:
            with pytest.raises(nats.errors.Error, match="Authorization Violation"):
                await nats.connect(**servers.options("inference"), allow_reconnect=False, error_cb=_nothing)
        except ConnectionResetError:
            continue
        return
    pytest.fail("NATS reset every connection")


async def _nothing(_: Exception) -> None:
    """The error itself is handled."""


async def _running(client: AsyncClient) -> int:
    """A task that runs."""
    task_id = (await client.create_task([], [LONG])).id
    async for event in client.watch(task_id):
        if event.state == task_pb2.TASK_STATE_RUNNING:
            break
    return task_id


async def _ended_once(client: AsyncClient, task_id: int) -> None:
    events = [event async for event in client.watch(task_id)]
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert Counter(event.state for event in events)[task_pb2.TASK_STATE_SUCCEEDED] == 1


async def _state(client: AsyncClient, task_id: int) -> int:
    return (await client.get_task(task_id)).state


async def _until(read: Callable[[], Awaitable[int]], wanted: int) -> int:
    deadline = time.monotonic() + 60
    while (found := await read()) != wanted and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
    return found


def _channel(address: str, service: str, tls: MutualTls) -> grpc.aio.Channel:
    return grpc.aio.secure_channel(address, tls.channel(), (("grpc.ssl_target_name_override", service),))


async def _renewal(channel: grpc.aio.Channel) -> grpc.StatusCode:
    request = membership_service_pb2.RenewMembershipRequest(version=version(), without_nats=True)
    request.time.FromNanoseconds(time.time_ns())
    return await _code(membership_service_pb2_grpc.MembershipServiceStub(channel).RenewMembership(request))


async def _code(call: Awaitable[object]) -> grpc.StatusCode:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])
