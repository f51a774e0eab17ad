"""The membership of a worker that has joined from another machine: a folder on that machine.

It has what a folder of `MutualTls` has, with the worker's own certificate, and besides the worker's signing key, its delegation and the
services' public keys. `deploy/worker` makes it when the machine joins, and the worker's process keeps it fresh.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from darkroom.internal.accounts.v1 import membership_service_pb2 as pb
from services.platform.delegation import HeldDelegation

SIGNING_KEY, DELEGATION, TRUSTED_KEYS, WORKERS = ("signing-key.pem", "delegation", "trusted-keys.json", "workers-address")
"""The names of files in the folder."""
_BEFORE = "nats-url"
"""A file of version 0.1.0, with a password."""
NEED = "membership"
"""The need of a joined worker, as it reports it: the server lets it work."""


class MembershipFolder:
    """One such folder. Its private keys, `tls.key` and `signing-key.pem`, are made by the machine and never leave it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def workers_address(self) -> str:
        """`host:port` of the server's port for workers."""
        return (self.folder / WORKERS).read_text().strip()

    def delegation(self) -> HeldDelegation:
        """The newest delegation. Raises OSError where the machine has not joined."""
        return HeldDelegation(self.folder / DELEGATION)

    def certificate_request(self) -> str:
        """A request for a certificate of the folder's key, PEM. It asks for nothing: the server decides what the certificate says."""
        key = load_pem_private_key((self.folder / "tls.key").read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{self.folder / 'tls.key'} does not hold a key on an elliptic curve")
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
        return request.public_bytes(Encoding.PEM).decode()

    def certificate_ends_soon(self) -> bool:
        """Whether the certificate is in the last third of its life."""
        certificate = x509.load_pem_x509_certificate((self.folder / "tls.crt").read_bytes())
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        return end - datetime.now(UTC) < (end - begin) / 3

    def write(self, membership: pb.Membership) -> bool:
        """Keep what accounts has said; True if something has changed that a process reads only when it starts."""
        files = {"ca.crt": membership.authority, "tls.crt": membership.certificate, TRUSTED_KEYS: membership.trusted_keys}
        changed = [self._replace(name, content) for name, content in files.items()]
        self._replace(DELEGATION, membership.delegation)
        (self.folder / _BEFORE).unlink(missing_ok=True)
        return any(changed)

    def _replace(self, name: str, content: str) -> bool:
        file = self.folder / name
        if file.is_file() and file.read_text() == content:
            return False
        fresh = self.folder / f".{name}.new"
        fresh.touch(mode=0o600)
        fresh.write_text(content)
        fresh.replace(file)
        return True
