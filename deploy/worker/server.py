"""The server, as a machine that joins it sees it: its public port, and its port for workers."""

from __future__ import annotations

import socket
import ssl
import time
from datetime import UTC, datetime
from pathlib import Path

import grpc
import httpx
from cryptography import x509

from darkroom.internal.accounts.v1 import membership_service_pb2 as pb
from darkroom.internal.accounts.v1.membership_service_pb2_grpc import MembershipServiceStub
from deploy.worker.errors import AwayError, EndedError, JoinError, RefusedError
from services.platform.membership import MembershipFolder
from services.platform.tls import MutualTls, authorities
from services.platform.version import version

_SECONDS = 10.0
_ACCOUNTS = "accounts"
_REFUSALS = {grpc.StatusCode.PERMISSION_DENIED: EndedError, grpc.StatusCode.FAILED_PRECONDITION: RefusedError}
_SETTING = "DARKROOM_WORKER_LISTEN"


def post_join(url: str, body: dict[str, object], ca_file: Path | None) -> str:
    """Make the call that lets this machine in; returns the sealed reply. Raises AwayError, and JoinError with what the server says."""
    try:
        with httpx.Client(verify=authorities(ca_file), timeout=_SECONDS) as client:
            reply = client.post(f"{url}/v1/workers/join", json=body)
    except httpx.TransportError as error:
        raise AwayError(
            f"{url} cannot be reached: {error}. The server's token names this URL; if clients reach the server by another URL, set "
            "DARKROOM_PUBLIC_URL there, and make another token."
        ) from error
    try:
        said = reply.json()
        if reply.status_code == httpx.codes.OK:
            return str(said["data"]["sealed"])
        reason, message = str(said["data"]["error_code"]), str(said["message"])
    except (ValueError, KeyError, TypeError):
        raise JoinError(f"{url} answered with HTTP {reply.status_code}, unlike Darkroom; is another program there?") from None
    if reason == "route_not_found":
        raise JoinError(f"the server at {url} does not support workers on other machines: upgrade it to this version, {version()}")
    raise JoinError(message)


def check_port(address: str) -> None:
    """Raise AwayError unless the server's port for workers is open."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS).close()
    except OSError as error:
        raise AwayError(
            f"the port for workers, {address}, cannot be reached: {error.strerror or error}. On the server, {_SETTING} opens it; a "
            "firewall must allow it too."
        ) from error


def check_authority(folder: MembershipFolder) -> None:
    """Raise JoinError unless the server at the port for workers has a certificate of the authority that this machine has joined."""
    address = folder.workers_address
    host, _, port = address.rpartition(":")
    check_port(address)
    try:
        with (
            socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS) as plain,
            MutualTls(folder.folder).context().wrap_socket(plain, server_hostname=_ACCOUNTS),
        ):
            pass
    except ssl.SSLCertVerificationError as error:
        raise JoinError(
            f"the server at {address} is not the one that this machine joined, or has a new authority ({error.verify_message}). "
            "Remove this machine's folder and join with a new token."
        ) from error
    except (ssl.SSLError, OSError) as error:
        raise AwayError(f"{address} does not speak TLS like the port for workers: {error}") from error


def renew_membership(folder: MembershipFolder) -> pb.Membership:
    """The membership, asked for through the port for workers.

    Raises AwayError, RefusedError with what the server says, and EndedError if this machine was revoked, or away for so long that its
    certificate has ended.
    """
    _check_certificate(folder)
    check_authority(folder)
    request = pb.RenewMembershipRequest(version=version(), without_nats=True)
    request.time.FromNanoseconds(time.time_ns())
    if folder.certificate_ends_soon():
        request.certificate_request = folder.certificate_request()
    named = (("grpc.ssl_target_name_override", _ACCOUNTS), ("grpc.default_authority", _ACCOUNTS))
    with grpc.secure_channel(folder.workers_address, MutualTls(folder.folder).channel(), named) as channel:
        try:
            membership: pb.Membership = MembershipServiceStub(channel).RenewMembership(request, timeout=_SECONDS).membership
        except grpc.RpcError as error:
            if refusal := _REFUSALS.get(error.code()):
                raise refusal(error.details()) from error
            raise AwayError(f"accounts cannot be reached through {folder.workers_address}: {error.details()}") from error
    return membership


def _check_certificate(folder: MembershipFolder) -> None:
    end = x509.load_pem_x509_certificate((folder.folder / "tls.crt").read_bytes()).not_valid_after_utc
    if end <= datetime.now(UTC):
        raise EndedError(
            f"this machine's certificate ended on {end:%Y-%m-%d}, because it was off. Join again with a new token: revoke "
            "the worker on the server first, or choose another name with NAME=…"
        )
