"""What a machine that has joined hears from its server, and when it may join again."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from darkroom.internal.accounts.v1 import membership_service_pb2 as pb
from darkroom.internal.accounts.v1 import membership_service_pb2_grpc
from deploy.installation.authority import Lifetime, create_authority
from deploy.worker import joining
from deploy.worker.errors import AwayError, EndedError, JoinError, RefusedError
from deploy.worker.joining import join, load_joined
from deploy.worker.server import renew_membership
from services.accounts.domain.worker_certificates import LIFE, WorkerAuthority
from services.platform.joining import JoinToken
from services.platform.membership import MembershipFolder
from services.platform.tls import MutualTls

URN = "urn:darkroom:worker:1:box"


class Server(membership_service_pb2_grpc.MembershipServiceServicer):
    """Accounts behind its port, which answers what it is told to."""

    def __init__(self, folder: Path) -> None:
        made = create_authority(folder / "authority", "Darkroom test", timedelta(days=3650))
        made.issue(folder / "accounts", ("accounts",), Lifetime(timedelta(days=1), timedelta()))
        self.authority, self.tls = WorkerAuthority(folder / "authority"), MutualTls(folder / "accounts")
        self.refusal: tuple[grpc.StatusCode, str] | None = None

    def RenewMembership(  # noqa: N802
        self, request: pb.RenewMembershipRequest, context: grpc.ServicerContext
    ) -> pb.RenewMembershipResponse:
        if self.refusal is not None:
            context.abort(*self.refusal)
        return pb.RenewMembershipResponse(membership=pb.Membership(worker=URN))


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


@pytest.fixture
def machine(server: Server, tmp_path: Path) -> Iterator[MembershipFolder]:
    """What a machine has that has joined."""
    folder = MembershipFolder(tmp_path / "machine" / "membership")
    folder.folder.mkdir(parents=True)
    key = ec.generate_private_key(ec.SECP256R1())
    (folder.folder / "tls.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    certify(server, folder, datetime.now(UTC))
    (folder.folder / "delegation").write_text("delegation")
    (folder.folder / "request.json").write_text(
        '{"token_id": 7, "name": "box", "url": "http://server", "certificate_request": "", "public_key": ""}'
    )
    with ThreadPoolExecutor(2) as threads:
        listening = grpc.server(threads)
        membership_service_pb2_grpc.add_MembershipServiceServicer_to_server(server, listening)
        port = listening.add_secure_port("127.0.0.1:0", server.tls.server())
        (folder.folder / "workers-address").write_text(f"127.0.0.1:{port}")
        listening.start()
        yield folder
        listening.stop(None).wait()


def certify(server: Server, folder: MembershipFolder, moment: datetime) -> None:
    """Give a machine a certificate of that moment."""
    (folder.folder / "tls.crt").write_text(server.authority.issue(folder.certificate_request(), URN, moment).pem)
    (folder.folder / "ca.crt").write_text(server.authority.pem)


def test_what_the_server_says(server: Server, machine: MembershipFolder) -> None:
    assert renew_membership(machine).worker == URN
    for code, error in ((grpc.StatusCode.PERMISSION_DENIED, EndedError), (grpc.StatusCode.FAILED_PRECONDITION, RefusedError)):
        server.refusal = (code, "What the server says.")
        with pytest.raises(RefusedError, match=r"^What the server says\.$") as refused:
            renew_membership(machine)
        assert type(refused.value) is error
    server.refusal = (grpc.StatusCode.UNAVAILABLE, "away")
    with pytest.raises(AwayError, match="accounts cannot be reached"):
        renew_membership(machine)


def test_a_machine_that_was_away_for_too_long_is_told(server: Server, machine: MembershipFolder) -> None:
    certify(server, machine, datetime.now(UTC) - LIFE - timedelta(days=1))
    with pytest.raises(EndedError, match=r"certificate ended on \d{4}-\d\d-\d\d.*Join again with a new token"):
        renew_membership(machine)


def test_only_a_machine_whose_membership_is_over_joins_again(
    server: Server, machine: MembershipFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, token = machine.folder.parent, JoinToken("http://server", "server:1", "ab" * 32, 8, "cd" * 32).text()
    key = (machine.folder / "tls.key").read_bytes()

    class ReachedError(Exception):
        """It joins."""

    def reached(*_: object) -> None:
        raise ReachedError

    monkeypatch.setattr(joining, "check_port", reached)
    server.refusal = (grpc.StatusCode.FAILED_PRECONDITION, "The worker's clock is 3600 s behind the server's. Sync both with NTP.")
    with pytest.raises(JoinError, match="clock is 3600 s behind"):
        join(directory, token, "box")
    server.refusal = None
    with pytest.raises(JoinError, match="has already joined http://server as box"):
        join(directory, token, "box")
    assert load_joined(directory) is not None
    server.refusal = (grpc.StatusCode.PERMISSION_DENIED, "This worker has been revoked.")
    with pytest.raises(ReachedError):
        join(directory, token, "box")
    assert load_joined(directory) is None
    # Nothing is lost before there is something new.
    assert (machine.folder / "tls.key").read_bytes() == key
