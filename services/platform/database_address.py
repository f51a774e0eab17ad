"""Where a service's PostgreSQL database is, and how it is reached."""

from __future__ import annotations

import os
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

Pooler = Literal["none", "transaction"]

_SCHEMES = ("postgresql+asyncpg", "postgresql", "postgres")
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_VERIFYING = ("verify-ca", "verify-full")
_OPTIONS = {"host", "port", "ssl", "target_session_attrs", "passfile", "krbsrvname", "gsslib"}
_PORT = "5432"
_QUOTED = "in the user and the password, percent-encode all but letters and digits, such as %3F for a question mark"


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """A database. With several hosts, it is on the one that takes writes."""

    url: str
    """`postgresql+asyncpg://user:password@host:port/name`, as SQLAlchemy reads it."""
    ssl_mode: str | None = None
    """As in libpq's `sslmode`."""
    ca_file: Path | None = None
    pooler: Pooler = "none"

    @classmethod
    def parse(cls, url: str, ca_file: Path | None = None, pooler: Pooler = "none") -> DatabaseAddress:
        """An address from a URL in SQLAlchemy's form or in libpq's: hosts with commas between them, and `sslmode` for `ssl`.

        Raises ValueError, which shows no password.
        """
        try:
            parts = urlsplit(url)
        except ValueError:
            # It would show all that is before the host.
            raise ValueError(f"is not a URL; {_QUOTED}") from None
        if parts.scheme not in _SCHEMES:
            raise ValueError("must begin with postgresql+asyncpg://")
        login, at, hosts = parts.netloc.rpartition("@")
        if "@" in login:
            raise ValueError(f"has an @ in the user or the password; {_QUOTED}")
        options = [("ssl" if name == "sslmode" else name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True)]
        if "@" in parts.query:
            raise ValueError(f"has a ? before the host; {_QUOTED}")
        if unknown := {name for name, _ in options} - _OPTIONS:
            raise ValueError(f"has the option {', '.join(sorted(unknown))}; known are {', '.join(sorted({*_OPTIONS, 'sslmode'}))}")
        mode = dict(options).get("ssl")
        if mode is not None and mode not in _MODES:
            raise ValueError(f"has ssl={mode}; it must be one of {', '.join(_MODES)}")
        if not parts.path.strip("/"):
            raise ValueError("names no database after the host")
        if "," in hosts:
            found = [_host_and_port(host) for host in hosts.split(",")]
            options += [("host", ",".join(host for host, _ in found)), ("port", ",".join(port for _, port in found))]
            hosts = ""
        elif hosts:
            _host_and_port(hosts)
        several = any(name == "host" and "," in value for name, value in options) or [name for name, _ in options].count("host") > 1
        if several and "target_session_attrs" not in dict(options):
            options.append(("target_session_attrs", "read-write"))
        query = urlencode([(name, value) for name, value in options if name != "ssl"], safe="/:,[]", quote_via=quote)
        return cls(f"{_SCHEMES[0]}://{login}{at}{hosts}{parts.path}{'?' if query else ''}{query}", mode, ca_file, pooler)

    @property
    def verifies(self) -> bool:
        """Whether the server's certificate is looked at."""
        return self.ssl_mode in _VERIFYING

    def ssl(self) -> ssl.SSLContext | str | None:
        """The `ssl` argument for asyncpg: an SSL mode that it knows, or a context that checks the certificate against `ca_file`."""
        if not self.verifies or self.ca_file is None:
            return self.ssl_mode
        context = ssl.create_default_context(cafile=self.ca_file)
        context.check_hostname = self.ssl_mode == "verify-full"
        # asyncpg itself reads libpq's variables only for a mode.
        if certificate := os.environ.get("PGSSLCERT"):
            context.load_cert_chain(certificate, os.environ.get("PGSSLKEY"))
        return context


def knows_an_authority() -> bool:
    """Whether libpq's own variable or file names the authority that asyncpg trusts without `ca_file`."""
    return bool(os.environ.get("PGSSLROOTCERT")) or Path("~/.postgresql/root.crt").expanduser().is_file()


def _host_and_port(text: str) -> tuple[str, str]:
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(?::(\d{1,5}))?", text)
    if match is None or not 0 < int(match[2] or _PORT) < 65536:
        raise ValueError("has a host that is not HOST or HOST:PORT")
    return match[1].strip("[]"), match[2] or _PORT
