"""Joining a server, once: the keys of this machine, the exchange, and what comes of it."""

from __future__ import annotations

import json
import re
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from google.protobuf.message import DecodeError

from darkroom.internal.accounts.v1 import membership_service_pb2 as pb
from deploy.installation.private_file import make_private_folder, write_private
from deploy.worker.errors import EndedError, JoinError
from deploy.worker.server import check_port, post_join, renew_membership
from services.platform.joining import JoinToken, digest_of_request
from services.platform.membership import DELEGATION, SIGNING_KEY, WORKERS, MembershipFolder
from services.platform.version import version

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_REQUEST = "request.json"


@dataclass(frozen=True)
class JoinedServer:
    """The installation that a machine has joined."""

    name: str
    url: str
    """The server's public URL."""
    token_id: int
    folder: MembershipFolder


@dataclass(frozen=True)
class _Asked:
    """This machine's request to a server, which it keeps to repeat it."""

    token_id: int
    name: str
    url: str
    certificate_request: str
    public_key: str

    @property
    def fields(self) -> tuple[str, str, str, str]:
        return (str(self.token_id), self.name, self.certificate_request, self.public_key)


def load_joined(directory: Path) -> JoinedServer | None:
    """The installation that the machine with its state in a folder has joined; None if it has not."""
    folder = directory / "membership"
    if not (folder / DELEGATION).is_file():
        return None
    asked = _Asked(**json.loads((folder / _REQUEST).read_text()))
    return JoinedServer(asked.name, asked.url, asked.token_id, MembershipFolder(folder))


def join(directory: Path, text: str, name: str | None, ca_file: Path | None = None) -> JoinedServer:
    """Join a server with a token. Where this machine has joined with the same token already, nothing happens.

    If the reply is lost, the same call again makes the same request, which the server answers again. Raises JoinError.
    """
    try:
        token = JoinToken.parse(text)
    except ValueError as error:
        raise JoinError(f"JOIN is not a token: {error}") from None
    before = load_joined(directory)
    if before is not None and before.token_id == token.id:
        return before
    if before is not None:
        _require_ended(before)
    check_port(token.workers)
    folder = directory / "membership"
    make_private_folder(folder)
    asked, seconds = _asked(folder, token, name), int(time.time())
    body: dict[str, object] = {
        "token_id": str(asked.token_id),
        "name": asked.name,
        "certificate_request": asked.certificate_request,
        "public_key": asked.public_key,
        "version": version(),
        "time": seconds,
        "mac": token.keys.mac((*asked.fields, version(), str(seconds))),
    }
    sealed = post_join(token.url, body, ca_file)
    try:
        membership = pb.Membership.FromString(token.keys.open(sealed, digest_of_request(*asked.fields)))
    except (ValueError, DecodeError):
        raise JoinError(f"the reply of {token.url} is not from the server that made the token: something in between answers") from None
    fingerprint = x509.load_pem_x509_certificate(membership.authority.encode()).fingerprint(SHA256()).hex()
    if fingerprint != token.authority:
        raise JoinError("the server's authority has changed since it made the token; make another token")
    made = MembershipFolder(folder)
    made.write(membership)
    return JoinedServer(asked.name, token.url, token.id, made)


def _require_ended(before: JoinedServer) -> None:
    """Raise JoinError unless the membership that this machine has is over. One that is refused for its clock or version is not."""
    try:
        renew_membership(before.folder)
    except EndedError:
        (before.folder.folder / DELEGATION).unlink()
        return
    raise JoinError(
        f"this machine has already joined {before.url} as {before.name}. Start it without JOIN; or choose another folder with WORKER_DIR=…"
    )


def _asked(folder: Path, token: JoinToken, wanted: str | None) -> _Asked:
    """This machine's request with a token: the same each time, also if the machine is called something else by then, and with new keys for
    another token or name. Raises JoinError."""
    file = folder / _REQUEST
    if file.is_file():
        before = _Asked(**json.loads(file.read_text()))
        if before.token_id == token.id and wanted in (None, before.name):
            return before
    name = wanted or _host_name()
    if not _NAME.fullmatch(name):
        raise JoinError(f"{name!r} is not a valid worker name: 1 to 63 lower-case letters, digits and hyphens; choose one with NAME=…")
    signing = Ed25519PrivateKey.generate()
    for path, key in ((folder / "tls.key", ec.generate_private_key(ec.SECP256R1())), (folder / SIGNING_KEY, signing)):
        write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
    write_private(folder / WORKERS, token.workers)
    public = signing.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    asked = _Asked(token.id, name, token.url, MembershipFolder(folder).certificate_request(), public)
    write_private(file, json.dumps(asdict(asked), indent=2) + "\n")
    return asked


def _host_name() -> str:
    """The name of this machine as a worker's name can be."""
    return re.sub(r"[^a-z0-9]+", "-", socket.gethostname().split(".")[0].lower()).strip("-")[:63].strip("-") or "worker"
