"""Workers that join from other machines: inviting, letting in, renewing, revoking."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from services.accounts.domain.worker_certificates import LIFE, WorkerAuthority
from services.accounts.store.workers import WorkerStore
from services.accounts.workers import Invitation, Worker
from services.platform import delegation
from services.platform.audit.actor import Actor, ActorKind
from services.platform.clock import Clock, system_clock
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Signer, current_client
from services.platform.joining import LONGEST_CLOCK_DIFFERENCE, JoinKeys, digest_of_request, id_of, secret_of, worker_urn
from services.platform.version import version

PURPOSE = "worker tokens"
"""The purpose from which the service's secret for tokens is derived."""
_KEPT = timedelta(days=1)
"""How long expired tokens are kept, so that the error can name the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """The request of a machine that wants to join."""

    token_id: int
    name: str
    certificate_request: str
    public_key: str
    version: str
    time: float
    """Seconds since the epoch, by its clock."""
    mac: str

    @property
    def fields(self) -> tuple[str, ...]:
        """The bytes that `mac` authenticates."""
        return (str(self.token_id), self.name, self.certificate_request, self.public_key, self.version, f"{self.time:.0f}")

    @property
    def digest(self) -> bytes:
        """The same for a repetition."""
        return digest_of_request(str(self.token_id), self.name, self.certificate_request, self.public_key)


@dataclass(frozen=True, slots=True)
class Membership:
    """Everything that a worker needs."""

    worker: Worker
    authority: str
    delegation: str
    delegation_ends: datetime
    trusted_keys: str


class Workers:
    """The rules. `count_wrong_token` counts a token that is none against the caller's address, and raises RATE_LIMITED."""

    def __init__(
        self,
        store: WorkerStore,
        signer: Signer,
        authority: WorkerAuthority | None,
        trusted_keys: str,
        count_wrong_token: Callable[[], Awaitable[None]],
        clock: Clock = system_clock,
    ) -> None:
        """`authority` is None where there is no port for workers."""
        self._store, self._signer, self._authority = store, signer, authority
        self._trusted_keys = trusted_keys
        self._count_wrong_token, self._clock = count_wrong_token, clock
        self._pepper = signer.derived_secret(PURPOSE)

    async def join(self, request: JoinRequest) -> tuple[Membership, JoinKeys]:
        """Let a machine in, or again one that repeats its request; what it needs, and the keys to encrypt that with.

        Raises OPERATION_UNAVAILABLE, RATE_LIMITED, WORKER_TOKEN_INVALID, WORKER_REFUSED, FIELD_INVALID and NAME_TAKEN, in this order.
        """
        authority, invitation = self._required_authority(), await self._store.invitation(request.token_id)
        keys = JoinKeys(secret_of(self._pepper, request.token_id))
        if not keys.matches(request.fields, request.mac) or invitation is None:
            await self._count_wrong_token()
            raise _bad_token("This token is not from this server. It may be from another server, or have expired more than a day ago.")
        if invitation.request_sha256 is not None:
            return await self._joined_before(request, invitation, authority), keys
        if invitation.expires_at <= self._clock():
            raise _bad_token(f"The token expired at {invitation.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC.")
        self._check(request.version, request.time)
        public_key = _signing_key(request.public_key)
        if invitation.name is not None and invitation.name != request.name:
            raise DarkroomError(ErrorReason.FIELD_INVALID, f"The token is for a worker named {invitation.name}.", field="name")
        worker_id, now = await self._store.next_id(), self._clock()
        issued = authority.issue(request.certificate_request, worker_urn(worker_id, request.name), now)
        worker = Worker(
            id=worker_id,
            name=request.name,
            public_key=request.public_key,
            certificate=issued.pem,
            certificate_expires_at=issued.ends,
            version=request.version,
            joined_at=now,
            renewed_at=now,
            revoked_at=None,
        )
        actor = Actor(ActorKind.SERVICE, request.name, address=current_client().address)
        joined = await self._store.join(invitation, now, request.digest, worker, actor)
        if joined is not None:
            return self._membership(joined, public_key, authority), keys
        invitation = await self._store.invitation(request.token_id) or invitation
        if invitation.request_sha256 is not None:
            # By another call meanwhile, perhaps the same one.
            return await self._joined_before(request, invitation, authority), keys
        raise DarkroomError(
            ErrorReason.NAME_TAKEN,
            f"A worker named {request.name} already exists. Choose another name, or revoke that worker on the server: "
            f"revoke-worker {request.name}.",
            field="name",
        )

    async def renew(self, urn: str, worker_version: str, time: float, certificate_request: str, *, without_nats: bool) -> Membership:
        """Renew the membership of a worker, by its full name; one that is not `without_nats` could not work. Raises PERMISSION_DENIED,
        WORKER_REFUSED and FIELD_INVALID."""
        authority = self._required_authority()
        worker = await self._store.worker(id_of(urn))
        if worker is None or worker.urn != urn or worker.revoked_at is not None:
            raise _revoked()
        self._check(worker_version, time)
        if not without_nats:
            raise DarkroomError(
                ErrorReason.WORKER_REFUSED,
                "This worker's version of Darkroom needs a connection to NATS, which joined workers no longer have. Take the server's "
                "version on its machine (git pull), and start it again (make worker).",
                metadata={"kind": "version"},
            )
        certificate, ends = worker.certificate, worker.certificate_expires_at
        if certificate_request and ends - self._clock() < LIFE / 3:
            issued = authority.issue(certificate_request, urn, self._clock())
            certificate, ends = issued.pem, issued.ends
        renewed = await self._store.renew(worker.id, worker_version, certificate, ends)
        if renewed is None:
            raise _revoked()
        return self._membership(renewed, _signing_key(renewed.public_key), authority)

    async def sweep(self) -> bool:
        """Delete one batch of old tokens; True if there may be more."""
        return await self._store.sweep(self._clock() - _KEPT)

    def _required_authority(self) -> WorkerAuthority:
        if self._authority is None:
            message = "This installation has no port for workers on other machines. The operator can open one with DARKROOM_WORKER_LISTEN."
            raise DarkroomError(ErrorReason.OPERATION_UNAVAILABLE, message)
        return self._authority

    async def _joined_before(self, request: JoinRequest, invitation: Invitation, authority: WorkerAuthority) -> Membership:
        worker = await self._store.worker(invitation.worker_id or 0)
        if worker is None or invitation.request_sha256 != request.digest:
            used_by = f" by {worker.name}" if worker is not None else ""
            raise _bad_token(f"The token has been used{used_by}. A token works for one machine: make another.")
        if worker.revoked_at is not None:
            raise _bad_token("The worker that joined with this token has been revoked.")
        self._check(request.version, request.time)
        return self._membership(worker, _signing_key(worker.public_key), authority)

    def _check(self, theirs: str, time: float) -> None:
        """Raise WORKER_REFUSED for a worker whose version or clock differs too much."""
        ours = version()
        if not _compatible(ours, theirs):
            raise DarkroomError(
                ErrorReason.WORKER_REFUSED,
                f"The worker runs Darkroom {theirs}, and the server runs {ours}. Workers may be one minor version older or newer.",
                metadata={"kind": "version"},
            )
        ahead = time - self._clock().timestamp()
        if abs(ahead) > LONGEST_CLOCK_DIFFERENCE:
            raise DarkroomError(
                ErrorReason.WORKER_REFUSED,
                f"The worker's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the server's. Sync both with NTP.",
                metadata={"kind": "clock"},
            )

    def _membership(self, worker: Worker, public_key: Ed25519PublicKey, authority: WorkerAuthority) -> Membership:
        ends = self._clock() + timedelta(seconds=delegation.SECONDS)
        signed = self._signer.delegation(worker.urn, public_key)
        return Membership(worker, authority.pem, signed, ends, self._trusted_keys)


def _compatible(ours: str, theirs: str) -> bool:
    """Whether two versions work together: of the same major version, and at most one minor version apart."""
    try:
        (major, minor), (their_major, their_minor) = ([int(part) for part in text.split(".")[:2]] for text in (ours, theirs))
    except ValueError:
        return ours == theirs
    return major == their_major and abs(minor - their_minor) <= 1


def _signing_key(pem: str) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise DarkroomError(ErrorReason.FIELD_INVALID, "public_key must be an Ed25519 public key (PEM)", field="public_key")
    return key


def _bad_token(message: str) -> DarkroomError:
    return DarkroomError(ErrorReason.WORKER_TOKEN_INVALID, message)


def _revoked() -> DarkroomError:
    return DarkroomError(ErrorReason.PERMISSION_DENIED, "This worker has been revoked. It can join again with a new token.")
