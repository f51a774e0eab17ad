"""Workers that join from other machines: tokens, joining, renewing, revoking, on a real database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import text

from deploy.installation.authority import create_authority
from services.accounts.domain.rate_rules import RateRules
from services.accounts.domain.upkeep import Announcer
from services.accounts.domain.worker_certificates import LIFE, WorkerAuthority
from services.accounts.domain.workers import PURPOSE, JoinRequest, Membership, Workers
from services.accounts.store.revocations import RevocationStore
from services.accounts.store.workers import WorkerStore
from services.platform.bus import Bus
from services.platform.database import Database, open_database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Client, Identity, Signer
from services.platform.joining import JoinKeys, secret_of
from services.platform.revocations import RevokedWorkers
from services.platform.version import version
from tests.component.accounts.house import ADDRESS, House, refusing
from tests.harness.callers import calling
from tests.unit.platform.keys import Keys


class Machine:
    """A machine that wants to join."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate_request = self.request()
        signing = Ed25519PrivateKey.generate().public_key()
        self.public_key = signing.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def request(self) -> str:
        """A certificate request."""
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


class Yard:
    """An installation that lets workers join."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.house = House(database, rates=RateRules(failed_keys=100))
        self.store = WorkerStore(database)
        create_authority(folder / "authority", "Darkroom test", timedelta(days=3650))
        self.authority = WorkerAuthority(folder / "authority")
        Keys(folder).signer("accounts")
        self.signer = Signer("accounts", folder / "accounts.pem", self._seconds)
        self.pepper = self.signer.derived_secret(PURPOSE)
        self.workers = self.made(self.authority)

    def made(self, authority: WorkerAuthority | None) -> Workers:
        count = self.house.sessions.count_wrong_secret
        return Workers(self.store, self.signer, authority, json.dumps({"accounts": "key"}), count, self.house.clock)

    def _seconds(self) -> float:
        return self.house.now.timestamp()

    async def invite(self, name: str | None = None, minutes: int = 60) -> int:
        return await self.store.invite(self.house.account_id, name, self.house.now + timedelta(minutes=minutes))

    def asked(self, token_id: int, machine: Machine, name: str = "gpu-box", **changed: object) -> JoinRequest:
        """What a machine sends; the fields in `changed` are other ones than it meant."""
        request = JoinRequest(
            token_id=token_id,
            name=name,
            certificate_request=machine.certificate_request,
            public_key=machine.public_key,
            version=version(),
            time=self.house.now.timestamp(),
            mac="",
        )
        request = replace(request, **changed)
        return replace(request, mac=JoinKeys(secret_of(self.pepper, token_id)).mac(request.fields))

    async def join(self, token_id: int, machine: Machine, name: str = "gpu-box", **changed: object) -> Membership:
        return await self.send(self.asked(token_id, machine, name, **changed))

    async def send(self, request: JoinRequest) -> Membership:
        with calling(Identity(0), Client(ADDRESS, "make")):
            return (await self.workers.join(request))[0]


@pytest.fixture
async def yard(migrated: str, tmp_path: Path) -> AsyncIterator[Yard]:
    async with open_database(migrated, 12) as database:
        made = Yard(database, tmp_path)
        await made.house.opened()
        yield made


async def test_a_machine_joins_with_a_token(yard: Yard) -> None:
    token_id, machine = await yard.invite(), Machine()
    joined = await yard.join(token_id, machine)
    worker = joined.worker
    assert (worker.name, worker.urn, worker.revoked_at) == ("gpu-box", f"urn:darkroom:worker:{worker.id}:gpu-box", None)
    certificate = x509.load_pem_x509_certificate(worker.certificate.encode())
    assert certificate.public_key() == machine.key.public_key()
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [worker.urn]
    assert joined.authority == yard.authority.pem
    assert [row.name for row in await yard.store.workers()] == ["gpu-box"]
    [entry] = await yard.house.entries("worker.joined")
    assert (entry.resource_id, entry.details["worker_name"], entry.actor.address) == (worker.id, "gpu-box", ADDRESS)
    [invited] = await yard.house.entries("worker.invited")
    assert invited.resource_id == token_id


async def test_the_database_does_not_hold_the_secret_of_a_token(yard: Yard) -> None:
    token_id = await yard.invite()
    [row] = await yard.house.database.fetch(text("SELECT * FROM worker_token"), {})
    assert secret_of(yard.pepper, token_id).hex() not in str(dict(row))
    assert secret_of(yard.pepper, token_id) not in row.values()


async def test_the_same_machine_may_repeat_its_request_and_no_other(yard: Yard) -> None:
    token_id, machine = await yard.invite(), Machine()
    first = await yard.join(token_id, machine)
    yard.house.now += timedelta(seconds=90)
    again = await yard.join(token_id, machine)
    assert (again.worker, again.worker.certificate) == (first.worker, first.worker.certificate)
    # Also after the token has expired: the reply may have been lost in the last moment.
    yard.house.now += timedelta(hours=2)
    assert (await yard.join(token_id, machine)).worker.id == first.worker.id
    for other, name in ((Machine(), "gpu-box"), (machine, "another")):
        with refusing(ErrorReason.WORKER_TOKEN_INVALID, "The token has been used by gpu-box. A token works for one machine: make another."):
            await yard.join(token_id, other, name)
    assert len(await yard.store.workers()) == 1


async def test_one_of_many_who_use_a_token_at_once_joins(yard: Yard) -> None:
    token_id = await yard.invite()
    attempts = [yard.join(token_id, Machine(), f"box-{number}") for number in range(8)]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert sorted(result.reason for result in results if isinstance(result, DarkroomError)) == [ErrorReason.WORKER_TOKEN_INVALID] * 7
    assert len(await yard.store.workers()) == 1


async def test_a_request_that_is_repeated_at_once_makes_one_worker(yard: Yard) -> None:
    token_id, machine = await yard.invite(), Machine()
    joined = await asyncio.gather(*(yard.join(token_id, machine) for _ in range(8)))
    assert len({one.worker.id for one in joined}) == len(await yard.store.workers()) == 1
    assert {one.worker.certificate for one in joined} == {joined[0].worker.certificate}


async def test_a_token_expires(yard: Yard) -> None:
    token_id = await yard.invite(minutes=5)
    yard.house.now += timedelta(minutes=5)
    with pytest.raises(DarkroomError, match=r"The token expired at \d{4}-\d\d-\d\d \d\d:\d\d UTC") as refused:
        await yard.join(token_id, Machine())
    assert refused.value.reason is ErrorReason.WORKER_TOKEN_INVALID
    assert not await yard.workers.sweep()
    assert await yard.store.invitation(token_id) is not None
    yard.house.now += timedelta(days=1, minutes=1)
    await yard.workers.sweep()
    assert await yard.store.invitation(token_id) is None
    with pytest.raises(DarkroomError, match="not from this server"):
        await yard.join(token_id, Machine())


async def test_a_request_that_was_not_made_with_the_token_is_refused(yard: Yard) -> None:
    token_id, machine = await yard.invite(), Machine()
    good = yard.asked(token_id, machine)
    stranger = JoinKeys(b"s" * 32)
    for request in (
        replace(good, mac=""),
        replace(good, mac=stranger.mac(good.fields)),
        replace(good, name="other"),
        replace(good, certificate_request=Machine().certificate_request),
        replace(good, public_key=Machine().public_key),
        replace(good, token_id=token_id + 1),
        yard.asked(999, machine),
    ):
        with pytest.raises(DarkroomError, match="not from this server") as refused:
            await yard.send(request)
        assert refused.value.reason is ErrorReason.WORKER_TOKEN_INVALID
    assert (await yard.send(good)).worker.name == "gpu-box"


async def test_names_are_unique_until_a_worker_is_revoked(yard: Yard) -> None:
    first = await yard.join(await yard.invite(), Machine())
    token_id, machine = await yard.invite(), Machine()
    with pytest.raises(DarkroomError, match="A worker named gpu-box already exists") as taken:
        await yard.join(token_id, machine)
    assert taken.value.reason is ErrorReason.NAME_TAKEN
    await yard.store.revoke("gpu-box")
    # The token has not been used up.
    second = await yard.join(token_id, machine)
    assert second.worker.id != first.worker.id
    with pytest.raises(DarkroomError, match="revoked"):
        await yard.workers.renew(first.worker.urn, version(), yard.house.now.timestamp(), "", without_nats=True)


async def test_a_token_may_be_for_one_name(yard: Yard) -> None:
    token_id, machine = await yard.invite("gpu-box"), Machine()
    with pytest.raises(DarkroomError, match="for a worker named gpu-box") as refused:
        await yard.join(token_id, machine, "other")
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, "name")
    assert (await yard.join(token_id, machine)).worker.name == "gpu-box"


@pytest.mark.parametrize(("ahead", "said"), [(45, "45 s ahead of"), (-3600, "3600 s behind")])
async def test_clocks_must_agree(yard: Yard, ahead: int, said: str) -> None:
    token_id, machine = await yard.invite(), Machine()
    with pytest.raises(DarkroomError, match=said) as refused:
        await yard.join(token_id, machine, time=yard.house.now.timestamp() + ahead)
    assert (refused.value.reason, refused.value.metadata) == (ErrorReason.WORKER_REFUSED, {"kind": "clock"})
    await yard.join(token_id, machine, time=yard.house.now.timestamp() + 20)


async def test_versions_must_be_near(yard: Yard) -> None:
    token_id, machine = await yard.invite(), Machine()
    major, minor = (int(part) for part in version().split(".")[:2])
    for other in (f"{major + 1}.{minor}.0", f"{major}.{minor + 2}.0", "unknown"):
        with pytest.raises(DarkroomError, match="one minor version older or newer") as refused:
            await yard.join(token_id, machine, version=other)
        assert (refused.value.reason, refused.value.metadata) == (ErrorReason.WORKER_REFUSED, {"kind": "version"})
    await yard.join(token_id, machine, version=f"{major}.{minor + 1}.7")


async def test_a_bad_key_does_not_use_up_the_token(yard: Yard) -> None:
    token_id, machine = await yard.invite(), Machine()
    for field, value in (("certificate_request", "none"), ("public_key", "none")):
        with pytest.raises(DarkroomError) as refused:
            await yard.join(token_id, machine, **{field: value})
        assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, field)
    await yard.join(token_id, machine)


async def test_a_membership_is_renewed_and_its_certificate_in_the_last_third(yard: Yard) -> None:
    machine = Machine()
    joined = await yard.join(await yard.invite(), machine)
    urn = joined.worker.urn

    async def renewed(request: str = "") -> Membership:
        return await yard.workers.renew(urn, version(), yard.house.now.timestamp(), request, without_nats=True)

    yard.house.now += timedelta(minutes=5)
    soon = await renewed(machine.request())
    assert soon.worker.certificate == joined.worker.certificate
    assert soon.delegation_ends - joined.delegation_ends == timedelta(minutes=5)
    yard.house.now += LIFE * 2 / 3
    assert (await renewed()).worker.certificate == joined.worker.certificate
    late = await renewed(machine.request())
    assert late.worker.certificate != joined.worker.certificate
    assert late.worker.certificate_expires_at == x509.load_pem_x509_certificate(late.worker.certificate.encode()).not_valid_after_utc
    with pytest.raises(DarkroomError, match="clock"):
        await yard.workers.renew(urn, version(), yard.house.now.timestamp() - 60, "", without_nats=True)


async def test_a_worker_that_needs_nats_is_told_to_upgrade(yard: Yard) -> None:
    joined = await yard.join(await yard.invite(), Machine())
    with pytest.raises(DarkroomError, match=r"git pull.*make worker") as refused:
        await yard.workers.renew(joined.worker.urn, version(), yard.house.now.timestamp(), "", without_nats=False)
    assert (refused.value.reason, refused.value.metadata) == (ErrorReason.WORKER_REFUSED, {"kind": "version"})


async def test_a_revoked_worker_gets_nothing_more(yard: Yard) -> None:
    token_id, machine = await yard.invite(), Machine()
    joined = await yard.join(token_id, machine)
    assert await yard.store.revoke("other") is None
    revoked = await yard.store.revoke("gpu-box")
    assert revoked is not None
    assert revoked.id == joined.worker.id
    assert await yard.store.revoke("gpu-box") is None
    urns = (
        joined.worker.urn,
        "",
        "urn:darkroom:worker:1:x",
        joined.worker.urn.replace("gpu-box", "other"),
        "urn:darkroom:worker:x:gpu-box",
    )
    for urn in urns:
        with pytest.raises(DarkroomError) as refused:
            await yard.workers.renew(urn, version(), yard.house.now.timestamp(), machine.request(), without_nats=True)
        assert refused.value.reason is ErrorReason.PERMISSION_DENIED
    with pytest.raises(DarkroomError, match="has been revoked"):
        await yard.join(token_id, machine)
    [entry] = await yard.house.entries("worker.revoked")
    assert entry.resource_id == joined.worker.id


async def test_other_services_hear_of_a_revoked_worker(yard: Yard, connection: Bus) -> None:
    joined = await yard.join(await yard.invite(), Machine())
    announcer, heard = Announcer(RevocationStore(yard.house.database), connection), asyncio.Event()
    async with RevokedWorkers(connection) as revoked, asyncio.timeout(60):
        await announcer.step()
        await connection.client.flush()
        revoked.check(joined.worker.urn)
        await yard.store.revoke("gpu-box")
        with revoked.watching(joined.worker.urn, heard.set):
            await announcer.step()
            await heard.wait()
        with pytest.raises(DarkroomError, match="has been revoked") as refused:
            revoked.check(joined.worker.urn)
        assert refused.value.reason is ErrorReason.PERMISSION_DENIED
        second = await yard.join(await yard.invite(), Machine())
        revoked.check(second.worker.urn)
        assert revoked._open == {}


async def test_attempts_are_limited_by_address(yard: Yard) -> None:
    house = House(yard.house.database, rates=RateRules(failed_keys=3))
    workers = Workers(yard.store, yard.signer, yard.authority, "{}", house.sessions.count_wrong_secret, yard.house.clock)
    request = replace(yard.asked(1, Machine()), mac="guessed")
    with calling(Identity(0), Client(ADDRESS, "make")):
        for reason in [ErrorReason.WORKER_TOKEN_INVALID] * 3 + [ErrorReason.RATE_LIMITED]:
            with pytest.raises(DarkroomError) as refused:
                await workers.join(request)
            assert refused.value.reason is reason


async def test_without_a_port_for_workers_nobody_joins(yard: Yard) -> None:
    workers = yard.made(None)
    with calling(Identity(0), Client(ADDRESS, "make")), pytest.raises(DarkroomError, match="DARKROOM_WORKER_LISTEN") as refused:
        await workers.join(yard.asked(await yard.invite(), Machine()))
    assert refused.value.reason is ErrorReason.OPERATION_UNAVAILABLE
