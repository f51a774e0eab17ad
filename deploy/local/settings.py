"""The operator's settings of a stack, and how they are read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

from deploy.local.errors import StackError
from deploy.local.layout import REPOSITORY, Layout

PREFIX = "DARKROOM_"


@dataclass(frozen=True)
class Settings:
    """The operator's settings of one stack.

    public_url: the URL at which clients reach the stack, if it differs from the address that Envoy listens on (a proxy, another host name).
        Presigned URLs use it.
    tls_dir: folder with `tls.crt` and `tls.key`, with which Envoy serves TLS.
    models: the installed Triton model repository.
    triton_venv: the virtual environment in which Triton is installed.
    trace_url: OTLP/HTTP endpoint to which Triton exports spans.
    durable: whether PostgreSQL and NATS write data to disk before they acknowledge it. If false, a stack is faster, but loses the latest
        data if the machine, PostgreSQL or NATS is not shut down cleanly; for tests only.
    internal_tls: whether the services listen on TCP ports of loopback with mutual TLS, and not on Unix sockets, and NATS asks for
        certificates. It is how an installation on several machines speaks.
    nats_accounts: number of NATS accounts besides that of the services, each with its own JetStream, for programs that use a scratch stack.
    nats_monitoring: whether NATS serves its monitoring pages over HTTP on loopback, where every user of the machine can read them.
    separate_services: whether each service is a process of its own, as on several machines, so that they use more than one processor; else
        those of `edge.topology.CORE` share one, which takes less memory and less time a call.
    worker_listen: `host:port` of the port for workers on other machines, with which internal_tls is on; without it, there is none.
    services: all other DARKROOM_* settings, passed to the services unchanged.
    """

    public_url: str | None = None
    tls_dir: Path | None = None
    models: Path = REPOSITORY / ".cache" / "models"
    triton_venv: Path = REPOSITORY / ".venv-triton"
    trace_url: str | None = None
    durable: bool = True
    internal_tls: bool = False
    nats_accounts: int = 0
    nats_monitoring: bool = False
    separate_services: bool = False
    worker_listen: str | None = None
    services: Mapping[str, str] = field(default_factory=dict)


def load_settings(layout: Layout, *, models: Path | None = None) -> Settings:
    """Read the settings from the stack's settings.env. Environment variables override the settings that are fields of `Settings`.

    The other settings are passed to the services from the file alone, so that a stack does not depend on the shell from which `up` is run.
    Raises StackError for an invalid setting.
    """
    stored = _read(layout.settings_file)
    named = {name: os.environ.get(PREFIX + name, stored.pop(PREFIX + name, "")) for name in _NAMED}
    tls_dir = _folder_of_certificate(named["TLS_DIR"]) if named["TLS_DIR"] else None
    return Settings(
        public_url=_checked_url("PUBLIC_URL", named["PUBLIC_URL"]) or None,
        tls_dir=tls_dir,
        models=models or Path(named["MODELS"] or Settings.models).absolute(),
        triton_venv=Path(named["TRITON_VENV"] or Settings.triton_venv).absolute(),
        trace_url=_checked_url("OTLP_HTTP_ENDPOINT", named["OTLP_HTTP_ENDPOINT"]) or None,
        durable=_checked_flag("DURABLE", named["DURABLE"] or "true"),
        internal_tls=_checked_flag("INTERNAL_TLS", named["INTERNAL_TLS"] or "false") or bool(named["WORKER_LISTEN"]),
        nats_accounts=_checked_count("NATS_ACCOUNTS", named["NATS_ACCOUNTS"] or "0"),
        nats_monitoring=_checked_flag("NATS_MONITORING", named["NATS_MONITORING"] or "false"),
        separate_services=_checked_flag("SEPARATE_SERVICES", named["SEPARATE_SERVICES"] or "false"),
        worker_listen=_checked_listener("WORKER_LISTEN", named["WORKER_LISTEN"]) or None,
        services=stored,
    )


_NAMED = (
    "PUBLIC_URL",
    "TLS_DIR",
    "MODELS",
    "TRITON_VENV",
    "OTLP_HTTP_ENDPOINT",
    "DURABLE",
    "INTERNAL_TLS",
    "NATS_ACCOUNTS",
    "NATS_MONITORING",
    "SEPARATE_SERVICES",
    "WORKER_LISTEN",
)


def _read(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    values = {name: value for name, value in dotenv_values(path, interpolate=False).items() if value is not None}
    for name in values:
        if not name.startswith(PREFIX):
            raise StackError(f"{path}: {name} is not a setting; names start with {PREFIX}")
    return values


def _checked_url(name: str, url: str) -> str:
    if url and not url.startswith(("http://", "https://")):
        raise StackError(f"{PREFIX}{name} is {url!r}; it must start with http:// or https://")
    return url.rstrip("/")


def _checked_flag(name: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise StackError(f"{PREFIX}{name} is {value!r}; it must be true or false")
    return value == "true"


def _checked_count(name: str, value: str) -> int:
    if not value.isdecimal():
        raise StackError(f"{PREFIX}{name} is {value!r}; it must be a whole number, 0 or more")
    return int(value)


def _checked_listener(name: str, address: str) -> str:
    host, _, port = address.rpartition(":")
    if address and not (host and port.isdecimal() and 0 < int(port) < 65536):
        raise StackError(f"{PREFIX}{name} is {address!r}; it must be host:port, such as 0.0.0.0:8444")
    return address


def _folder_of_certificate(folder: str) -> Path:
    path = Path(folder).expanduser().absolute()
    for name in ("tls.crt", "tls.key"):
        if not os.access(path / name, os.R_OK):
            raise StackError(f"DARKROOM_TLS_DIR is {path}; it must contain a readable {name}")
    return path
