"""One port: HTTP/1.1, HTTP/2 and gRPC, with and without TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from darkroom.tasks.v1 import tasks_service_pb2, tasks_service_pb2_grpc
from edge.settings import EdgeSettings
from services.files.presign import Presigner
from tests.certificate import make_certificate
from tests.component.edge.conftest import Edge, envoy
from tests.component.edge.upstream import Upstream
from tests.harness.tls_storage import tls_storage
from tests.stacks import Account


async def test_healthz_needs_no_key(http: httpx.AsyncClient) -> None:
    reply = await http.get("/healthz")
    assert (reply.status_code, reply.json(), reply.headers["content-type"]) == (200, {"status": "ok"}, "application/json")
    # Browsers must be told so by TLS alone (RFC 6797).
    assert "strict-transport-security" not in reply.headers


async def test_admin_is_a_private_socket(edge: Edge, http: httpx.AsyncClient) -> None:
    socket = edge.log.with_name("admin.sock")
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(socket))) as admin:
        assert (await admin.get("http://envoy/ready")).status_code == 200
    for path in ("/ready", "/quitquitquit", "/config_dump"):
        assert (await http.post(path, headers=edge.headers)).status_code == 404


@pytest.fixture
async def secure(
    edge_settings: dict[str, Any], upstream: Upstream, customer: Account, tmp_path: Path
) -> AsyncIterator[tuple[EdgeSettings, bytes]]:
    folder = tmp_path / "tls"
    settings = EdgeSettings(**edge_settings | {"tls_dir": make_certificate(folder)})
    async with envoy(settings):
        yield settings, (folder / "tls.crt").read_bytes()


async def test_tls_on_the_same_port(secure: tuple[EdgeSettings, bytes], customer: Account, tmp_path: Path) -> None:
    settings, certificate = secure
    headers = {"x-api-key": customer.api_key}
    verify = httpx.create_ssl_context(verify=str(tmp_path / "tls" / "tls.crt"))
    async with httpx.AsyncClient(base_url=f"https://{settings.edge_listen}", verify=verify, trust_env=False) as client:
        reply = await client.get("/v1/tasks/1/status", headers=headers)
    assert (reply.status_code, reply.http_version) == (200, "HTTP/1.1")
    assert reply.headers["strict-transport-security"] == "max-age=31536000"
    async with grpc.aio.secure_channel(settings.edge_listen, grpc.ssl_channel_credentials(certificate)) as channel:
        tasks = tasks_service_pb2_grpc.TasksServiceStub(channel)
        answer = await tasks.GetTask(tasks_service_pb2.GetTaskRequest(task_id=5), metadata=tuple(headers.items()))
    assert answer.task.id == 5


async def test_renewed_certificate_is_picked_up(secure: tuple[EdgeSettings, bytes], tmp_path: Path) -> None:
    settings, _ = secure
    host, _, port = settings.edge_listen.rpartition(":")
    make_certificate(tmp_path / "tls")
    renewed = (tmp_path / "tls" / "tls.crt").read_text()
    async with asyncio.timeout(60):
        while await asyncio.to_thread(ssl.get_server_certificate, (host, int(port))) != renewed:
            await asyncio.sleep(0.1)


@pytest.mark.thorough
async def test_storage_with_a_certificate_of_a_private_authority(edge_settings: dict[str, Any], upstream: Upstream, tmp_path: Path) -> None:
    async with tls_storage(tmp_path) as (storage, authority):
        settings = EdgeSettings(**edge_settings, s3_endpoint=storage.endpoint, s3_bucket=storage.bucket, s3_ca_file=authority)
        presigner = Presigner(str(settings.public_url), storage.bucket, "us-east-1", storage.access_key, storage.secret_key)
        async with envoy(settings), httpx.AsyncClient(trust_env=False) as client:
            assert (await client.put(presigner.put("a", 60), content=b"content")).status_code == 200
