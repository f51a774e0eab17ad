"""Where NATS is, and how a process identifies itself to it."""

from __future__ import annotations

import itertools
import random
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from services.platform.tls import FILES, MutualTls

if TYPE_CHECKING:
    from nats.aio.client import Server

_PORT = 4222
_SCHEMES = ("nats", "tls")
_CONNECT_SECONDS = 5.0
_PAUSE_SECONDS = (0.1, 0.4)
_CREDENTIALS = ("BEGIN NATS USER JWT", "BEGIN USER NKEY SEED")


@dataclass(frozen=True, slots=True)
class NatsServers:
    """The servers of one NATS, of which a process uses whichever it reaches, and its credentials there."""

    scheme: str
    addresses: tuple[str, ...]
    """Each `host:port`."""
    user: str | None = None
    password: str | None = None
    credentials_file: Path | None = None
    tls: MutualTls | None = None
    ca_file: Path | None = None
    tls_hostname: str | None = None
    tls_first: bool = False

    @classmethod
    def parse(cls, url: str) -> NatsServers:
        """Servers as `nats://user:password@host:port`, with commas between several. The first may hold the user for all.

        Raises ValueError, which shows no password.
        """
        parts = [_server(number, text.strip()) for number, text in enumerate(url.split(","), 1)]
        if len({part.scheme for part in parts}) > 1:
            raise ValueError(f"mixes {' and '.join(f'{scheme}://' for scheme in _SCHEMES)}; all servers must have the same")
        users = {(part.username, part.password) for part in parts if part.username is not None}
        if len(users) > 1:
            raise ValueError("names different users or passwords; all servers must have the same")
        user, password = next(iter(users), (None, None))
        return cls(
            scheme=parts[0].scheme,
            addresses=tuple(f"{_host(part)}:{part.port or _PORT}" for part in parts),
            user=unquote(user) if user is not None else None,
            password=unquote(password) if password is not None else None,
        )

    def inbox_prefix(self, service: str) -> str:
        """Below what subject a service gets its answers: nobody else needs to read them."""
        if self.credentials_file is not None:
            return f"_INBOX.{service}"
        # A user without a password is a token, and no name.
        return f"_INBOX.{self.user}" if self.user and self.password is not None else "_INBOX"

    def context(self) -> ssl.SSLContext | None:
        """The TLS context where the scheme is `tls://`: trusting `ca_file`, or the authority of this installation, or public ones."""
        if self.scheme != "tls":
            return None
        if self.ca_file is None:
            return self.tls.context() if self.tls is not None else ssl.create_default_context()
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.tls is not None:
            _, certificate, key = (self.tls.folder / name for name in FILES)
            context.load_cert_chain(certificate, key)
        return context

    def options(self, service: str) -> dict[str, Any]:
        """How nats-py's client is to connect for a service."""
        # Not in the URLs, where the client would take a percent sign literally.
        login: Mapping[str, Any] = {"user": self.user, "password": self.password}
        if self.credentials_file is not None:
            login = {"user_credentials": str(self.credentials_file)}
        elif self.user is not None and self.password is None:
            login = {"token": self.user}
        return {
            "servers": [f"{self.scheme}://{address}" for address in self.addresses],
            "inbox_prefix": self.inbox_prefix(service),
            "tls": self.context(),
            "tls_hostname": self.tls_hostname,
            "tls_handshake_first": self.tls_first,
            "connect_timeout": _CONNECT_SECONDS,
            "reconnect_to_server_handler": _next_of(self.addresses),
            **login,
        }


def check_credentials(file: Path) -> None:
    """Raise ValueError unless a file holds a user's JWT and NKey seed, as `nsc generate creds` writes them."""
    try:
        text = file.read_text(errors="replace")
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    for part in _CREDENTIALS:
        if part not in text:
            raise ValueError(f"holds no line with {part}; write it with `nsc generate creds`")


def _server(number: int, text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
    except ValueError:
        # It would show all that is before the host.
        raise ValueError(
            f"server {number} is not a URL; in the user and the password, percent-encode all but letters and digits, "
            "such as %3F for a question mark"
        ) from None
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"server {number} must begin with nats:// or tls://")
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"server {number} has no valid port; it must be a number up to 65535") from None
    if not parts.hostname or port == 0:
        raise ValueError(f"server {number} has no host, or port 0")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(
            f"server {number} has something after its port; options are settings of their own, such as DARKROOM_NATS_TLS_FIRST"
        )
    return parts


def _host(parts: SplitResult) -> str:
    return f"[{parts.hostname}]" if ":" in (parts.hostname or "") else f"{parts.hostname}"


def _next_of(addresses: Sequence[str]) -> Callable[[list[Server], dict[str, Any]], tuple[Server | None, float]]:
    """Which server a client that has lost its own tries next, and after what pause: each of those of the settings in turn, in an order of
    this client's own.

    Further ones that servers announce are addresses in their own network. They need not be reached from here, and those of servers that are
    gone would stay in the list, to be tried for seconds each. How often a server was tried says nothing: only that which answers begins
    again at 0, so that after an outage of all it would be the only one to be tried for as long.
    """
    turns = itertools.count(1)
    last = {address: -random.random() for address in addresses}

    def choose(known: list[Server], _info: dict[str, Any]) -> tuple[Server | None, float]:
        own = [server for server in known if server.uri.netloc in addresses] or known
        server = min(own, key=lambda one: last.get(one.uri.netloc, 0.0))
        last[server.uri.netloc] = next(turns)
        return server, random.uniform(*_PAUSE_SECONDS) if server.reconnects else 0.0

    return choose
