"""A worker on another machine keeps its membership."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from darkroom.internal.accounts.v1 import membership_service_pb2 as pb
from darkroom.internal.accounts.v1 import membership_service_pb2_grpc
from deploy.installation.authority import create_authority
from services.accounts.domain.worker_certificates import LIFE, WorkerAuthority
from services.inference.worker.membership import Membership
from services.platform import delegation
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.membership import TRUSTED_KEYS, WORKERS, MembershipFolder
from services.platform.telemetry.health import NotThereError

URN = "urn:darkroom:worker:1:box"


class Accounts(membership_service_pb2_grpc.MembershipServiceServicer):
    """Renews, unless it is told how to refuse."""

    def __init__(self, authority: WorkerAuthority) -> None:
        self.authority, self.key = authority, Ed25519PrivateKey.generate()
        self.now = datetime.now(UTC)
        self.trusted = "{}"
        self.certificate = ""
        self.asked: list[pb.RenewMembershipRequest] = []
        self.refusal: tuple[grpc.StatusCode, str] | None = None

    def seconds(self) -> float:
        return self.now.timestamp()

    def membership(self) -> pb.Membership:
        signed = delegation.sign_delegation("accounts", self.key, URN, self.key.public_key(), int(self.now.timestamp()))
        return pb.Membership(
            worker=URN,
            authority=self.authority.pem,
            certificate=self.certificate,
            delegation=signed,
            trusted_keys=self.trusted,
        )

    async def RenewMembership(  # noqa: N802
        self, request: pb.RenewMembershipRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> pb.RenewMembershipResponse:
        self.asked.append(request)
        if self.refusal is not None:
            await context.abort(*self.refusal, trailing_metadata=_reason(*self.refusal))
        if request.certificate_request:
            self.certificate = self.authority.issue(request.certificate_request, URN, self.now).pem
        return pb.RenewMembershipResponse(membership=self.membership())


def _reason(code: grpc.StatusCode, message: str) -> tuple[tuple[str, bytes], ...]:
    reason = ErrorReason.PERMISSION_DENIED if code is grpc.StatusCode.PERMISSION_DENIED else ErrorReason.UNAVAILABLE
    return DarkroomError(reason, message).trailers()


class Yard:
    """A worker's membership, and accounts."""

    def __init__(self, accounts: Accounts, membership: Membership, folder: MembershipFolder) -> None:
        self.accounts, self.membership, self.folder = accounts, membership, folder
        self.stopped = asyncio.Event()

    async def later(self, step: timedelta) -> None:
        """Let time go by, and look."""
        self.accounts.now += step
        await self.membership.step()


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    create_authority(tmp_path / "authority", "Darkroom test", timedelta(days=3650))
    accounts = Accounts(WorkerAuthority(tmp_path / "authority"))
    folder = MembershipFolder(tmp_path / "membership")
    folder.folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    (folder.folder / "tls.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder.folder / WORKERS).write_text("server:8444")
    accounts.certificate = accounts.authority.issue(folder.certificate_request(), URN, accounts.now).pem
    folder.write(accounts.membership())
    server, address = grpc.aio.server(), f"unix:{tmp_path}/accounts.sock"
    membership_service_pb2_grpc.add_MembershipServiceServicer_to_server(accounts, server)
    server.add_insecure_port(address)
    await server.start()
    async with grpc.aio.insecure_channel(address) as channel:
        made = Yard(accounts, Membership(folder, channel, accounts.seconds), folder)
        # Not by the loop, which hears of a signal only later.
        before = signal.signal(signal.SIGTERM, lambda *_: made.stopped.set())
        try:
            yield made
        finally:
            signal.signal(signal.SIGTERM, before)
    await server.stop(None)


async def test_a_delegation_is_renewed_when_a_third_of_its_life_has_gone(yard: Yard) -> None:
    before = yard.membership.delegation.ends
    await yard.later(timedelta(minutes=4))
    assert yard.accounts.asked == []
    await yard.later(timedelta(minutes=2))
    assert len(yard.accounts.asked) == 1
    assert yard.membership.delegation.ends - before == 360
    assert yard.folder.delegation().token == yard.membership.delegation.token
    # Nothing has changed that needs another process.
    assert not yard.stopped.is_set()
    await yard.membership.check().probe()


async def test_a_machine_that_has_slept_gets_another_delegation_at_once(yard: Yard) -> None:
    yard.accounts.now += timedelta(hours=8)
    with pytest.raises(NotThereError, match="the delegation has expired"):
        await yard.membership.check().probe()
    await asyncio.wait_for(yard.membership.begin(), 30)
    assert yard.membership.delegation.ends > yard.accounts.now.timestamp()
    await yard.membership.check().probe()


async def test_new_keys_of_services_need_another_process(yard: Yard) -> None:
    yard.accounts.trusted = '{"tasks": ""}'
    (yard.folder.folder / "nats-url").write_text("tls://worker:of-0.1.0@server:8444")
    await yard.later(timedelta(minutes=6))
    await asyncio.wait_for(yard.stopped.wait(), 30)
    assert (yard.folder.folder / TRUSTED_KEYS).read_text() == '{"tasks": ""}'
    # The password that a version before had is no good any more.
    assert not (yard.folder.folder / "nats-url").exists()
    assert all(asked.without_nats for asked in yard.accounts.asked)


async def test_a_process_that_starts_asks_what_has_changed_and_starts_anew_with_it(yard: Yard) -> None:
    await asyncio.wait_for(yard.membership.begin(), 30)
    assert len(yard.accounts.asked) == 1
    yard.accounts.trusted = '{"tasks": ""}'
    with pytest.raises(SystemExit):
        await yard.membership.begin()
    assert "tasks" in (yard.folder.folder / TRUSTED_KEYS).read_text()
    # Without the server it goes on with what it has.
    yard.accounts.refusal = (grpc.StatusCode.UNAVAILABLE, "away")
    await asyncio.wait_for(yard.membership.begin(), 30)
    assert len(yard.accounts.asked) == 3


async def test_a_clock_that_is_set_back_does_not_hide_that_the_delegation_ends(yard: Yard) -> None:
    await yard.later(timedelta(hours=-1))
    assert len(yard.accounts.asked) == 1


async def test_a_clock_that_was_refused_and_is_set_back_is_not_held_against_the_worker(yard: Yard) -> None:
    yard.accounts.refusal = (grpc.StatusCode.PERMISSION_DENIED, "The clock is ahead.")
    await yard.later(timedelta(hours=1))
    yard.accounts.refusal = None
    await yard.later(timedelta(hours=-1))
    await yard.membership.check().probe()
    assert len(yard.accounts.asked) == 2


async def test_the_certificate_is_renewed_in_the_last_third(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (yard.folder.folder / "tls.crt").read_text()
    await yard.later(timedelta(minutes=6))
    assert [bool(asked.certificate_request) for asked in yard.accounts.asked] == [False]
    # As if it had been made so long ago.
    old = yard.accounts.authority.issue(yard.folder.certificate_request(), URN, datetime.now(UTC) - LIFE * 0.7)
    (yard.folder.folder / "tls.crt").write_text(old.pem)
    assert yard.folder.certificate_ends_soon()
    await yard.later(timedelta(minutes=6))
    assert [bool(asked.certificate_request) for asked in yard.accounts.asked] == [False, True]
    await asyncio.wait_for(yard.stopped.wait(), 30)
    assert (yard.folder.folder / "tls.crt").read_text() not in (before, old.pem)
    assert not yard.folder.certificate_ends_soon()


async def test_a_revoked_worker_says_why_it_does_not_work(yard: Yard) -> None:
    yard.accounts.refusal = (grpc.StatusCode.PERMISSION_DENIED, "This worker has been revoked.")
    await yard.later(timedelta(minutes=6))
    with pytest.raises(NotThereError, match="This worker has been revoked"):
        await yard.membership.check().probe()
    # It does not ask again and again.
    await yard.later(timedelta(seconds=5))
    assert len(yard.accounts.asked) == 1
    yard.accounts.refusal = None
    await yard.later(timedelta(minutes=1))
    await yard.membership.check().probe()


async def test_a_server_that_is_away_is_asked_again(yard: Yard) -> None:
    yard.accounts.refusal = (grpc.StatusCode.UNAVAILABLE, "away")
    with pytest.raises(DarkroomError):
        await yard.later(timedelta(minutes=6))
    await yard.membership.check().probe()
    yard.accounts.refusal = None
    await yard.later(timedelta(seconds=5))
    assert len(yard.accounts.asked) == 2
