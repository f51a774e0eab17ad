"""A stack whose parts speak mutual TLS over TCP, as on several machines."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import httpx
import nats
import nats.errors
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from darkroom import AsyncClient
from darkroom.internal.tasks.v1 import attempt_service_pb2, attempt_service_pb2_grpc
from darkroom.tasks.v1 import task_pb2
from deploy.local.certificates import create_certificates
from deploy.local.credentials import OPERATOR, signing_key_file
from deploy.local.daemon.child import read_environment
from edge.topology import AUTHORIZATION, EDGE, PUBLIC, SERVICES
from externalscaler import externalscaler_pb2, externalscaler_pb2_grpc
from services.platform.identity import Signer
from services.platform.nats_servers import NatsServers
from services.platform.tls import SCALER, MutualTls
from tests.certificate import make_certificate
from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded

pytestmark = pytest.mark.alone
LISTENERS = [*(name for name in PUBLIC if not SERVICES[name].http), *(f"{service}-internal" for service in SERVICES)]
HTTP_LISTENERS = [name for name in PUBLIC if SERVICES[name].http]


@pytest.fixture
def tls_stack(stack: StackUnderTest) -> Iterator[StackUnderTest]:
    before = stack.configured
    stack.configure({**before, "DARKROOM_INTERNAL_TLS": "true"})
    stack.up()
    yield stack
    stack.configure(before)


async def test_parts_speak_mutual_tls(tls_stack: StackUnderTest, tmp_path: Path) -> None:
    """One test, since starting the services anew takes longer than all of it."""
    config = tls_stack.stack.config
    assert not [path for path in config.layout.run.glob("*.sock") if path.stem in LISTENERS]

    await _a_task_runs(tls_stack)

    stranger = make_certificate(tmp_path / "stranger", *SERVICES)
    (stranger / "ca.crt").write_bytes((_certificates(tls_stack, "files").folder / "ca.crt").read_bytes())
    for listener in LISTENERS:
        address, service = config.listener(listener), listener.removesuffix("-internal")
        assert await _health(address, service, _certificates(tls_stack, EDGE)) is grpc.StatusCode.OK
        assert await _health(address, service, None) is grpc.StatusCode.UNAVAILABLE
        assert await _health(address, service, MutualTls(stranger)) is grpc.StatusCode.UNAVAILABLE
        # A client does not take one service for another.
        assert await _health(address, "stranger", _certificates(tls_stack, EDGE)) is grpc.StatusCode.UNAVAILABLE

    without = ssl.create_default_context(cafile=_certificates(tls_stack, EDGE).folder / "ca.crt")
    for listener in HTTP_LISTENERS:
        assert await _http(config.listener(listener), _certificates(tls_stack, EDGE).context()) == httpx.codes.OK
        with pytest.raises(httpx.TransportError):
            await _http(config.listener(listener), without)

    assert await _lookup(tls_stack, token="files", certificate="files") is grpc.StatusCode.OK
    assert await _lookup(tls_stack, token="files", certificate="inference") is grpc.StatusCode.PERMISSION_DENIED
    create_certificates(config.layout, (SCALER,))
    assert await _scale(tls_stack, SCALER) is grpc.StatusCode.OK
    assert await _scale(tls_stack, "inference") is grpc.StatusCode.PERMISSION_DENIED
    assert await _http(config.listener(AUTHORIZATION), _certificates(tls_stack, EDGE).context()) == httpx.codes.OK
    for context in (_certificates(tls_stack, "inference").context(), MutualTls(stranger).context(), without):
        with pytest.raises(httpx.TransportError):
            await _http(config.listener(AUTHORIZATION), context)

    with pytest.raises((ssl.SSLError, nats.errors.Error, OSError)):
        trusting = ssl.create_default_context(cafile=_certificates(tls_stack, "nats").folder / "ca.crt")
        await nats.connect(config.nats_url, tls=trusting, allow_reconnect=False, max_reconnect_attempts=0)
    servers = replace(NatsServers.parse(config.nats_url), tls=_certificates(tls_stack, OPERATOR))
    client = await nats.connect(**servers.options("operator"))
    assert (await client.jetstream().account_info()).streams >= 2
    await client.close()


async def _a_task_runs(stack: StackUnderTest) -> None:
    account = stack.create_account()
    async with AsyncClient(stack.url, account.api_key) as client:
        uploaded = await client.upload(encoded(disc(), "PNG"), name="disc.png")
        task = await client.remove_background(uploaded)
        assert task.state == task_pb2.TASK_STATE_SUCCEEDED
    headers = {"authorization": f"Bearer {account.api_key}"}
    async with httpx.AsyncClient(base_url=stack.url, headers=headers, trust_env=False, timeout=60) as http:
        # A form takes the way through the gateway.
        form = await http.post("/v1/images/remove-background", files={"file": ("disc.png", encoded(disc(), "PNG"), "image/png")})
        assert form.status_code == httpx.codes.OK, form.text
        # Of an upload, the edge asks files.
        source = {"nanoid": "V1StGXR8_Z5jdHi6B-myT", "name": "disc.png", "type": "png"}
        created = await http.post("/v1/files/batch-create", json={"files": [source], "upload_mode": "simple"})
        url = created.json()["data"]["items"][0]["upload_url"]
        assert (await http.put(url, content=encoded(disc(), "PNG"))).status_code == httpx.codes.OK
    # The key is revoked by a command, which tells the services through NATS.
    [key] = [row["id"] for row in _rows(stack, "SELECT id FROM api_key WHERE account_id = $1", int(account.id))]
    stack.admin("accounts", "revoke-key", "--key", str(key))
    async with httpx.AsyncClient(headers=headers, trust_env=False) as http:
        assert (await http.get(f"{stack.url}/v1/tasks/1/status")).status_code == httpx.codes.UNAUTHORIZED
    folder = stack.stack.config.layout.config
    given = [name for part in stack.stack.programs.values() if part.module for name in read_environment(folder / f"{part.name}.env")]
    assert len([name for name in given if name.endswith("DARKROOM_INTERNAL_TLS_DIR")]) == len(SERVICES)


def _rows(stack: StackUnderTest, query: str, *arguments: object) -> list[dict[str, object]]:
    return [dict(row) for row in stack.fetch("accounts", query, *arguments)]


def _certificates(stack: StackUnderTest, part: str) -> MutualTls:
    found = stack.stack.config.tls(part)
    assert found is not None
    return found


async def _health(address: str, service: str, tls: MutualTls | None) -> grpc.StatusCode:
    options = (("grpc.ssl_target_name_override", service),)
    channel = grpc.aio.insecure_channel(address) if tls is None else grpc.aio.secure_channel(address, tls.channel(), options)
    async with channel:
        return await _code(health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=30))


async def _scale(stack: StackUnderTest, certificate: str) -> grpc.StatusCode:
    """How an external scaler's question ends; only KEDA may ask."""
    options = (("grpc.ssl_target_name_override", "tasks"),)
    credentials = _certificates(stack, certificate).channel()
    async with grpc.aio.secure_channel(stack.internal_address("tasks"), credentials, options) as channel:
        asked = externalscaler_pb2.ScaledObjectRef(scalerMetadata={"lanes": "system", "tasksPerReplica": "1"})
        return await _code(externalscaler_pb2_grpc.ExternalScalerStub(channel).IsActive(asked, timeout=30))


async def _http(address: str, context: ssl.SSLContext) -> int:
    async with httpx.AsyncClient(verify=context, trust_env=False) as http:
        return (await http.get(f"https://{address}/readyz")).status_code


async def _lookup(stack: StackUnderTest, *, token: str, certificate: str) -> grpc.StatusCode:
    """A call of the files service's to the tasks service."""
    metadata = Signer(token, signing_key_file(stack.stack.config.layout, token)).service_metadata()
    options = (("grpc.ssl_target_name_override", "tasks"),)
    credentials = _certificates(stack, certificate).channel()
    async with grpc.aio.secure_channel(stack.internal_address("tasks"), credentials, options) as channel:
        stub = attempt_service_pb2_grpc.AttemptServiceStub(channel)
        return await _code(stub.LookupTasks(attempt_service_pb2.LookupTasksRequest(task_ids=[1]), metadata=metadata, timeout=30))


async def _code(call: Awaitable[object]) -> grpc.StatusCode:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK
