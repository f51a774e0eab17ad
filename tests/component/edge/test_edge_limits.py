"""Requests that are one too many, as clients of each kind see it: a real Envoy, the real answer to its checks, buckets in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import grpc
import httpx
import pytest

from darkroom import AsyncClient, Backoff, RateLimited
from darkroom.tasks.v1 import tasks_service_pb2, tasks_service_pb2_grpc
from deploy.local.scratch.resources import free_port
from edge.settings import EdgeSettings
from edge.topology import PUBLIC
from services.accounts.domain.admission import Admission
from services.accounts.domain.authentication import IdentitySigner, KeyAuthenticator
from services.accounts.domain.keys import make_key
from services.accounts.domain.rate_rules import RateRules
from services.accounts.networks import networks
from services.accounts.records import KeyOwner
from services.accounts.surfaces.edge import listener
from services.platform.errors import ErrorReason, from_rpc
from services.platform.identity import IDENTITY_ISSUER
from services.platform.rpc.server import listening
from services.platform.telemetry.health import Health
from tests.component.edge.conftest import envoy
from tests.component.edge.upstream import Upstream
from tests.unit.accounts.limits import Buckets, limits
from tests.unit.platform.keys import Keys

KEY, OTHER, OFFICE = make_key(), make_key(), make_key()
PATH = "/v1/tasks/1/status"


@dataclass(frozen=True)
class Limited:
    url: str
    http: httpx.AsyncClient
    buckets: Buckets
    upstream: Upstream

    async def get(self, secret: str = KEY.secret, address: str = "203.0.113.5") -> httpx.Response:
        """A request through the one proxy that the edge trusts."""
        return await self.http.get(PATH, headers={"x-api-key": secret, "x-forwarded-for": f"198.51.100.1, {address}"})


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[Limited]:
    """An edge whose keys may make three requests at once and one in two seconds."""
    keys, buckets, upstream = Keys(tmp_path), Buckets(), Upstream()
    owners = {
        KEY.digest: KeyOwner(key_id=7, account_id=3),
        OTHER.digest: KeyOwner(key_id=8, account_id=4),
        OFFICE.digest: KeyOwner(key_id=9, account_id=5, networks=networks(["203.0.113.0/24"])),
    }

    async def owner(digest: bytes) -> KeyOwner | None:
        return owners.get(digest)

    authenticator = KeyAuthenticator(owner, IdentitySigner(keys.signer(IDENTITY_ISSUER)), lambda key_id, now: None)
    rules = RateRules(key_rate=0.5, account_rate=2, failed_keys=2, burst_seconds=6)
    admission = Admission(authenticator, limits(buckets, rules))
    settings = EdgeSettings(
        out=tmp_path / "envoy",
        edge_listen=f"127.0.0.1:{free_port()}",
        edge_trusted_hops=1,
        authorization_address=f"unix:{tmp_path}/check.sock",
        **{f"edge_{name}": f"unix:{tmp_path}/{name}.sock" for name in PUBLIC},
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(listener.listening(settings.authorization_address, admission, Health(), 5))
        await stack.enter_async_context(listening("public", f"unix:{tmp_path}/tasks.sock", upstream.mounts(), keys.verifier()))
        await stack.enter_async_context(envoy(settings))
        url = f"http://{settings.edge_listen}"
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=url, trust_env=False, timeout=60))
        yield Limited(url, http, buckets, upstream)


async def test_one_request_too_many(limited: Limited) -> None:
    for left in (2, 1, 0):
        reply = await limited.get()
        assert reply.status_code == 200
        assert reply.headers["ratelimit-policy"] == '"key";q=3;w=6, "account";q=12;w=6'
        assert reply.headers["ratelimit"] == f'"key";r={left};t={(3 - left) * 2}'
    reply = await limited.get()
    assert reply.status_code == 429
    message = "Too many requests with this API key: it may make 0.5 a second. Try again in 2 s."
    assert reply.json() == {"code": 42901, "message": message, "data": {"error_code": "rate_limited"}}
    assert (reply.headers["retry-after"], reply.headers["content-type"]) == ("2", "application/json")
    assert (reply.headers["ratelimit"], reply.headers["ratelimit-policy"]) == ('"key";r=0;t=6', '"key";q=3;w=6')
    assert "www-authenticate" not in reply.headers
    assert limited.upstream.calls == 3
    assert (await limited.get(OTHER.secret)).status_code == 200
    limited.buckets.now += 2
    assert (await limited.get()).status_code == 200


@pytest.mark.thorough
async def test_outside_of_any_surface_the_refusal_is_neutral(limited: Limited) -> None:
    replies = [await limited.http.get("/elsewhere", headers={"x-api-key": KEY.secret}) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [404, 404, 404, 429]
    assert replies[0].headers["ratelimit"] == '"key";r=2;t=2'
    assert replies[3].json()["error"]["reason"] == "RATE_LIMITED"


async def test_a_grpc_client_gets_a_status_that_says_when(limited: Limited) -> None:
    metadata = (("x-api-key", KEY.secret),)
    async with grpc.aio.insecure_channel(limited.url.removeprefix("http://")) as channel:
        tasks = tasks_service_pb2_grpc.TasksServiceStub(channel)
        call = tasks.GetTask(tasks_service_pb2.GetTaskRequest(task_id=1), metadata=metadata)
        assert dict(await call.initial_metadata())["ratelimit"] == '"key";r=2;t=2'
        for _ in range(2):
            await tasks.GetTask(tasks_service_pb2.GetTaskRequest(task_id=1), metadata=metadata)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await tasks.GetTask(tasks_service_pb2.GetTaskRequest(task_id=1), metadata=metadata)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        error = from_rpc(refused.value)
        assert (error.reason, error.retry_after, error.metadata) == (ErrorReason.RATE_LIMITED, 2, {"policy": "key"})
        assert refused.value.details() == error.message
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await tasks.GetTask(tasks_service_pb2.GetTaskRequest(task_id=1), metadata=(("x-api-key", make_key().secret),))
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.thorough
async def test_the_client_waits_for_as_long_as_it_is_told(limited: Limited, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        limited.buckets.now += seconds

    monkeypatch.setattr("darkroom.backoff.asyncio", SimpleNamespace(sleep=sleep))
    async with AsyncClient(limited.url, KEY.secret) as client:
        for _ in range(5):
            await client.get_task(1)
    assert len(pauses) == 2
    assert all(pause >= 2 for pause in pauses)
    async with AsyncClient(limited.url, KEY.secret, backoff=Backoff(attempts=1)) as client:
        with pytest.raises(RateLimited) as refused:
            await client.get_task(1)
    assert refused.value.retry_after == 2


@pytest.mark.thorough
async def test_guesses_count_for_the_address_that_the_trusted_proxy_names(limited: Limited) -> None:
    statuses = [(await limited.get(make_key().secret, address)).status_code for address in ["203.0.113.5"] * 3 + ["203.0.113.6"]]
    assert statuses == [401, 401, 429, 401]
    # A client cannot choose: what it sends stands before what the proxy adds, and Envoy writes its own header over the client's.
    spoofed = {"x-api-key": make_key().secret, "x-forwarded-for": "192.0.2.9, 203.0.113.5", "x-envoy-external-address": "192.0.2.9"}
    assert (await limited.http.get(PATH, headers=spoofed)).status_code == 429
    assert (await limited.get(KEY.secret)).status_code == 200, "a valid key is let through"


async def test_a_key_works_only_from_its_networks_as_the_trusted_proxy_saw_them(limited: Limited) -> None:
    assert (await limited.get(OFFICE.secret, "203.0.113.77")).status_code == 200
    elsewhere = {
        "x-api-key": OFFICE.secret,
        "x-forwarded-for": "203.0.113.77, 192.0.2.9",
        "x-envoy-external-address": "203.0.113.77",
        "x-real-ip": "203.0.113.77",
    }
    reply = await limited.http.get(PATH, headers=elsewhere)
    message = "This API key may not be used from 192.0.2.9."
    assert (reply.status_code, reply.json()) == (
        403,
        {"code": 40330, "message": message, "data": {"error_code": "address_not_allowed"}},
    )
    async with grpc.aio.insecure_channel(limited.url.removeprefix("http://")) as channel:
        tasks = tasks_service_pb2_grpc.TasksServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await tasks.GetTask(tasks_service_pb2.GetTaskRequest(task_id=1), metadata=tuple(elsewhere.items()))
    error = from_rpc(refused.value)
    assert (refused.value.code(), error and error.reason) == (grpc.StatusCode.PERMISSION_DENIED, ErrorReason.ADDRESS_NOT_ALLOWED)
    assert limited.upstream.calls == 1
