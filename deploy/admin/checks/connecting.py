"""Why a server cannot be reached, in words for its operator."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl

CONNECT_SECONDS = 10.0
_EXPIRED, _OTHER_NAME = 10, 62
"""OpenSSL's verify codes."""


class Unreachable(Exception):
    """A connection that failed."""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(text)
        self.text = text
        self.remedy = remedy


def unreachable(error: BaseException, where: str, setting: str, ca: str) -> Unreachable:
    """The meaning of an error of the network or of TLS. `where`: host:port; `ca`: how to trust the server's certificate."""
    correct = f"correct {setting}"
    match error:
        case Unreachable():
            return error
        case socket.gaierror():
            found = f"{_host(where)} does not resolve to an address", f"correct the host in {setting}, or add it to DNS"
        case ssl.SSLCertVerificationError():
            found = f"the certificate of {where} is not accepted: {_verification(error)}", _certificate_remedy(error, ca)
        case ssl.SSLError():
            found = f"TLS with {where} fails: {_ssl_reason(error)}", f"check that {where} speaks TLS, and accepts our certificate"
        case ConnectionRefusedError():
            found = f"nothing listens at {where}", f"start it, or {correct}"
        case TimeoutError():
            found = f"{where} does not answer within {CONNECT_SECONDS:.0f} s", f"check firewalls and network policies, or {correct}"
        case FileNotFoundError():
            found = f"there is no socket {where}", f"start it, or {correct}"
        case OSError():
            found = f"{where} cannot be reached: {error.strerror or error}", f"check the network, or {correct}"
        case _:
            found = f"{where} cannot be used: {str(error) or type(error).__name__}", f"check {setting}"
    return Unreachable(*found)


async def tls_certificate(host: str, port: int, context: ssl.SSLContext, name: str) -> dict[str, object]:
    """The certificate of a server that names `name`, after a handshake. Raises what `unreachable` explains."""
    async with asyncio.timeout(CONNECT_SECONDS):
        _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=name)
    try:
        return dict(writer.get_extra_info("peercert") or {})
    finally:
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await writer.wait_closed()


async def tcp_open(host: str, port: int) -> None:
    """Raise what `unreachable` explains unless something listens there."""
    async with asyncio.timeout(CONNECT_SECONDS):
        _, writer = await asyncio.open_connection(host, port)
    writer.close()


def _host(where: str) -> str:
    return where.rpartition(":")[0] or where


def _verification(error: ssl.SSLCertVerificationError) -> str:
    return error.verify_message.rstrip(".") or str(error.reason)


def _ssl_reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()


def _certificate_remedy(error: ssl.SSLCertVerificationError, ca: str) -> str:
    if error.verify_code == _EXPIRED:
        return "renew it (those of an installation folder: `darkroom-admin create FOLDER`), and restart the server"
    if error.verify_code == _OTHER_NAME:
        return "give the server a certificate with this name, or use a name that is in it"
    return ca
