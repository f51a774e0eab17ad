"""Calls of workers on other machines, over mutual TLS: what counts with which certificate, and for how long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from darkroom.internal.accounts.v1 import membership_service_pb2, membership_service_pb2_grpc
from darkroom.internal.tasks.v1 import attempt_service_pb2, attempt_service_pb2_grpc
from deploy.installation.authority import Lifetime, create_authority
from deploy.local.scratch.resources import free_port
from services.accounts.domain.worker_certificates import WorkerAuthority
from services.platform.delegation import SECONDS, HeldDelegation
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Signer, current_identity
from services.platform.revocations import RevokedWorkers
from services.platform.rpc.server import Mount, listening
from services.platform.tls import MutualTls
from tests.unit.platform.keys import Keys

ONE, OTHER = "urn:darkroom:worker:1:one", "urn:darkroom:worker:2:other"
LIFE = timedelta(days=1)


class Attempts(attempt_service_pb2_grpc.AttemptServiceServicer):
    """A stream that says nothing, and a call that says who makes it."""

    async def Exchange(  # noqa: N802
        self, requests: AsyncIterator[attempt_service_pb2.ExchangeRequest], context: object
    ) -> AsyncIterator[attempt_service_pb2.ExchangeResponse]:
        yield attempt_service_pb2.ExchangeResponse()
        await asyncio.Event().wait()

    async def Heartbeat(  # noqa: N802
        self, request: attempt_service_pb2.HeartbeatRequest, context: object
    ) -> attempt_service_pb2.HeartbeatResponse:
        return attempt_service_pb2.HeartbeatResponse(current=current_identity().worker is not None)


class WritingAttempts(Attempts):
    """Such a stream as the tasks service has: it yields nothing, and writes to the context."""

    async def Exchange(  # type: ignore[override]  # noqa: N802
        self,
        requests: AsyncIterator[attempt_service_pb2.ExchangeRequest],
        context: grpc.aio.ServicerContext[attempt_service_pb2.ExchangeRequest, attempt_service_pb2.ExchangeResponse],
    ) -> None:
        await context.write(attempt_service_pb2.ExchangeResponse())
        await asyncio.Event().wait()


class Memberships(membership_service_pb2_grpc.MembershipServiceServicer):
    async def RenewMembership(  # noqa: N802
        self, request: membership_service_pb2.RenewMembershipRequest, context: object
    ) -> membership_service_pb2.RenewMembershipResponse:
        return membership_service_pb2.RenewMembershipResponse(
            membership=membership_service_pb2.Membership(worker=current_identity().worker or "")
        )


@dataclass
class Yard:
    folder: Path
    address: str
    revoked: RevokedWorkers

    def worker(self, urn: str) -> MutualTls:
        """The certificate of a worker, with keys of its own."""
        folder = self.folder / urn.rpartition(":")[2]
        if not folder.exists():
            folder.mkdir()
            key = ec.generate_private_key(ec.SECP256R1())
            request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
            authority = WorkerAuthority(self.folder / "authority")
            issued = authority.issue(request.public_bytes(Encoding.PEM).decode(), urn, datetime.now(UTC))
            signing = Ed25519PrivateKey.generate()
            for name, content in {
                "ca.crt": authority.pem.encode(),
                "tls.crt": issued.pem.encode(),
                "tls.key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
                "signing.pem": signing.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
                "public": signing.public_key().public_bytes_raw(),
            }.items():
                (folder / name).write_bytes(content)
        return MutualTls(folder)

    def service(self, name: str) -> MutualTls:
        """The certificate of a service."""
        return MutualTls(self.folder / "tls" / name)

    def signer(self, urn: str, left: float = SECONDS) -> Signer:
        """The worker's, with a delegation that has so many seconds left."""
        folder = self.worker(urn).folder
        own = Signer("inference", folder / "signing.pem")
        accounts = Signer("accounts", self.folder / "accounts.pem", lambda: time.time() - SECONDS + left)
        (folder / "delegation").write_text(accounts.delegation(urn, own._key.public_key()))
        return Signer("inference", folder / "signing.pem", delegated=HeldDelegation(folder / "delegation"))

    def itself(self) -> Signer:
        """The service's."""
        return Signer("inference", self.folder / "inference.pem")

    def channel(self, tls: MutualTls | None) -> grpc.aio.Channel:
        if tls is None:
            return grpc.aio.insecure_channel(self.address)
        return grpc.aio.secure_channel(self.address, tls.channel(), (("grpc.ssl_target_name_override", "tasks"),))

    async def heartbeat(self, signer: Signer, tls: MutualTls | None) -> grpc.StatusCode | bool:
        """Whether the call comes from a joined worker; or how it was refused."""
        async with self.channel(tls) as channel:
            request = attempt_service_pb2.HeartbeatRequest(task_id=1, attempt=1)
            call = attempt_service_pb2_grpc.AttemptServiceStub(channel).Heartbeat(request, metadata=signer.service_metadata(1), timeout=30)
            try:
                return (await call).current
            except grpc.aio.AioRpcError as error:
                return error.code()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    authority = create_authority(tmp_path / "authority", "Darkroom test", LIFE)
    for name in ("tasks", "inference"):
        authority.issue(tmp_path / "tls" / name, (name, "127.0.0.1"), Lifetime(LIFE, timedelta()))
    return tmp_path


@pytest.fixture
def attempts() -> Attempts:
    return Attempts()


@pytest.fixture
async def yard(folder: Path, attempts: Attempts) -> AsyncIterator[Yard]:
    keys = Keys(folder)
    for issuer in ("accounts", "inference"):
        keys.signer(issuer)
    address, mounts = f"127.0.0.1:{free_port()}", [Mount(attempts), Mount(Memberships())]
    nobody: Any = None
    revoked, tls = RevokedWorkers(nobody), MutualTls(folder / "tls" / "tasks")
    async with listening("internal", address, mounts, keys.verifier(), tls=tls, revoked=revoked):
        yield Yard(folder, address, revoked)


async def test_a_delegation_counts_with_the_certificate_of_the_same_worker(yard: Yard) -> None:
    denied = grpc.StatusCode.PERMISSION_DENIED
    assert await yard.heartbeat(yard.signer(ONE), yard.worker(ONE)) is True
    assert await yard.heartbeat(yard.itself(), yard.service("inference")) is False
    assert await yard.heartbeat(yard.signer(ONE), yard.worker(OTHER)) is denied
    assert await yard.heartbeat(yard.signer(ONE), yard.service("inference")) is denied
    assert await yard.heartbeat(yard.itself(), yard.worker(ONE)) is denied
    assert await yard.heartbeat(yard.signer(ONE, left=-10), yard.worker(ONE)) is grpc.StatusCode.UNAVAILABLE


async def test_without_certificates_no_delegation_counts(folder: Path, yard: Yard) -> None:
    keys = Keys(folder)
    accounts = keys.signer("accounts")
    assert accounts
    address = f"unix:{folder}/internal.sock"
    async with listening("internal", address, [Mount(Attempts()), Mount(Memberships())], keys.verifier()):
        plain = Yard(folder, address, yard.revoked)
        assert await plain.heartbeat(plain.signer(ONE), None) is grpc.StatusCode.PERMISSION_DENIED
        async with plain.channel(None) as channel:
            assert await _renewal(channel) is grpc.StatusCode.PERMISSION_DENIED


async def test_a_membership_is_renewed_by_certificate_alone(yard: Yard) -> None:
    async with yard.channel(yard.worker(ONE)) as channel:
        assert await _renewal(channel) == ONE
    async with yard.channel(yard.service("inference")) as channel:
        assert await _renewal(channel) is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("attempts", [Attempts(), WritingAttempts()], ids=["yields", "writes"])
async def test_a_stream_ends_with_the_delegation(yard: Yard) -> None:
    """So a worker that gets no other one is cut off, whatever it has open."""
    async with yard.channel(yard.worker(ONE)) as channel:
        # On a busy machine it may have ended before the first answer.
        for left in (3, 10, 40):
            metadata = yard.signer(ONE, left=left).service_metadata()
            stream = attempt_service_pb2_grpc.AttemptServiceStub(channel).Exchange(metadata=metadata, timeout=120)
            if await _code(_begun(stream)) is grpc.StatusCode.OK:
                break
        else:
            pytest.fail(f"it has not begun: {await stream.details()}")
        assert await _code(stream.read()) is grpc.StatusCode.UNAVAILABLE
        assert "delegation has expired" in await stream.details()


@pytest.mark.parametrize("attempts", [Attempts(), WritingAttempts()], ids=["yields", "writes"])
async def test_a_revoked_worker_is_cut_off_at_once(yard: Yard) -> None:
    """Whatever it has open, and however long its delegation lasts. Others go on."""
    denied = grpc.StatusCode.PERMISSION_DENIED
    async with yard.channel(yard.worker(ONE)) as channel, yard.channel(yard.worker(OTHER)) as others:
        [stream, other] = [
            attempt_service_pb2_grpc.AttemptServiceStub(through).Exchange(metadata=yard.signer(urn).service_metadata(), timeout=120)
            for through, urn in ((channel, ONE), (others, OTHER))
        ]
        assert [await _code(_begun(one)) for one in (stream, other)] == [grpc.StatusCode.OK] * 2
        # Somebody's permissions change.
        yard.revoked._heard(1, 7)
        assert await yard.heartbeat(yard.signer(ONE), yard.worker(ONE)) is True
        yard.revoked._heard(1, None)
        yard.revoked._heard(1, None)
        assert await _code(stream.read()) is denied
        assert "has been revoked" in await stream.details()
        assert await yard.heartbeat(yard.signer(ONE), yard.worker(ONE)) is denied
        assert await yard.heartbeat(yard.signer(OTHER), yard.worker(OTHER)) is True
        assert not other.done()


def test_a_revocation_is_remembered_as_long_as_a_delegation_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody: Any = None
    revoked, now = RevokedWorkers(nobody), [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    for moment, worker in ((1000.0, 1), (1001.0, 2), (1000.0 + SECONDS, 1), (1002.0 + SECONDS, 3)):
        now[0] = moment
        revoked._heard(worker, None)
    for urn in (ONE, "urn:darkroom:worker:3:third"):
        with pytest.raises(DarkroomError) as refused:
            revoked.check(urn)
        assert refused.value.reason is ErrorReason.PERMISSION_DENIED
    revoked.check(OTHER)


async def _begun(stream: grpc.aio.StreamStreamCall[object, object]) -> None:
    """Until the service has answered. The first read says how a stream has ended, whatever became of a message."""
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        await stream.write(attempt_service_pb2.ExchangeRequest(lane="neural", worker="one"))
    assert await stream.read() == attempt_service_pb2.ExchangeResponse()


async def _renewal(channel: grpc.aio.Channel) -> str | grpc.StatusCode:
    request = membership_service_pb2.RenewMembershipRequest(version="0.1.0")
    request.time.GetCurrentTime()
    try:
        reply = await membership_service_pb2_grpc.MembershipServiceStub(channel).RenewMembership(request, timeout=30)
    except grpc.aio.AioRpcError as error:
        return error.code()
    worker: str = reply.membership.worker
    return worker


async def _code(call: Awaitable[object]) -> grpc.StatusCode:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK
