"""Mutual TLS between the parts of an installation.

Each part has a folder with `ca.crt`, `tls.crt` and `tls.key`: the installation's own authority, and the part's certificate, which names the
part (`files`, `envoy`, …) as a DNS name and is for servers and clients. Clients without a certificate of the authority are refused, and a
part is known by its name, so that no part can answer or ask in place of another. The files are read at start.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import certifi
import grpc

FILES = ("ca.crt", "tls.crt", "tls.key")
EDGE = "envoy"
"""The name in the edge's certificate."""
SCALER = "keda"
"""The name in the certificate of clients that ask how many workers there should be."""


@cache
def authorities(file: Path | None) -> ssl.SSLContext:
    """For connections to servers whose certificates those in a PEM file have signed; None: the public authorities.

    Read once, since that takes longer than most requests. Raises ValueError without such a file.
    """
    try:
        return ssl.create_default_context(cafile=file or certifi.where())
    except (OSError, ssl.SSLError) as error:
        raise ValueError("is not a readable PEM file with certificates") from error


@dataclass(frozen=True, slots=True)
class MutualTls:
    """The certificates in one folder."""

    folder: Path

    def server(self) -> grpc.ServerCredentials:
        """For a gRPC listener that only holders of a certificate can use."""
        authority, certificate, key = self._contents()
        return grpc.ssl_server_credentials([(key, certificate)], root_certificates=authority, require_client_auth=True)

    def channel(self) -> grpc.ChannelCredentials:
        """For a gRPC channel that presents this part's certificate."""
        authority, certificate, key = self._contents()
        return grpc.ssl_channel_credentials(authority, key, certificate)

    def context(self) -> ssl.SSLContext:
        """For any other connection that presents this part's certificate."""
        authority, certificate, key = (self.folder / name for name in FILES)
        context = ssl.create_default_context(cafile=authority)
        context.load_cert_chain(certificate, key)
        return context

    def listener(self) -> ssl.SSLContext:
        """For any other listener that only holders of a certificate can use."""
        authority, certificate, key = (self.folder / name for name in FILES)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(certificate, key)
        return context

    def _contents(self) -> tuple[bytes, ...]:
        return tuple((self.folder / name).read_bytes() for name in FILES)
