"""The TCP ports of a stack: chosen once and remembered in ports.json, so that data and clients find them again."""

from __future__ import annotations

import json
import socket
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import psutil

from deploy.installation.private_file import write_private
from deploy.local.errors import PortTaken, StackError
from deploy.local.layout import Layout
from edge.topology import AUTHORIZATION, PUBLIC, SERVICES

DEFAULT_PUBLIC_PORT = 8080
DEFAULT_HOST = "127.0.0.1"

# Internal ports are below the range that Linux uses for outgoing connections (32768 and up), so that none is taken by
# a passing connection while the stack is down.
_FIRST_INTERNAL_PORT = 20000
_LAST_INTERNAL_PORT = 32000


@dataclass(frozen=True)
class Ports:
    """The ports of a stack. All but `public` listen on 127.0.0.1 only."""

    host: str
    public: int
    nats: int
    s3: int
    triton_metrics: int
    # 0: the stack was created before this port existed; the next `up` chooses it.
    nats_monitoring: int = 0
    metrics_edge: int = 0
    metrics: Mapping[str, int] = field(default_factory=dict)
    """The metrics port of each service."""

    @classmethod
    def of(cls, named: Mapping[str, Any]) -> Ports:
        """The ports with these names, as in ports.json; those of a later version are passed over. Raises TypeError for a missing name."""
        metrics = {service: named.get(name, 0) for name, service in _METRICS.items()}
        own = {each.name for each in fields(cls)} - {"metrics"}
        return cls(**{name: value for name, value in named.items() if name in own}, metrics=metrics)

    @property
    def by_name(self) -> dict[str, Any]:
        """The ports by their names in ports.json, where a service's metrics port is `metrics_SERVICE`."""
        others = {name: value for name, value in asdict(self).items() if name != "metrics"}
        return {**others, **{name: self.metrics[service] for name, service in _METRICS.items()}}


_METRICS = {f"metrics_{service}": service for service in SERVICES}
_INTERNAL = (*(field.name for field in fields(Ports) if field.name not in ("host", "public", "metrics")), *_METRICS)


def load_ports(layout: Layout) -> Ports:
    """The ports a stack was started with. Raises StackError when there is no stack."""
    if not layout.exists():
        raise StackError(f"there is no stack in {layout.root}; start one with `make up` or `python -m deploy.local up`")
    remembered = json.loads(layout.ports_file.read_text())
    try:
        return Ports.of(remembered)
    except TypeError as error:
        raise StackError(f"{layout.ports_file} cannot be read as this version's ports: {error}; remove it") from error


def choose_ports(layout: Layout, *, host: str | None, public: int | None, ours: Collection[int]) -> Ports:
    """The remembered ports, with the caller's choices and with new internal ports where another program has taken one.

    `public` 0 means any free port, None the remembered one or else 8080. `ours` are the ports this stack already listens on.
    """
    before = load_ports(layout) if layout.exists() else None
    host = host or (before.host if before else DEFAULT_HOST)
    wanted = public if public is not None else (before.public if before else DEFAULT_PUBLIC_PORT)
    remembered = before.by_name if before else {}
    taken = {remembered[name] for name in _INTERNAL} if remembered else set()

    def free_port() -> int:
        span = _LAST_INTERNAL_PORT - _FIRST_INTERNAL_PORT
        start = int(layout.digest, 16) % span
        for offset in range(span):
            port = _FIRST_INTERNAL_PORT + (start + offset) % span
            if port not in taken and _is_free("127.0.0.1", port) and _is_free(host, port):
                taken.add(port)
                return port
        raise StackError(f"no free TCP port between {_FIRST_INTERNAL_PORT} and {_LAST_INTERNAL_PORT}")

    if wanted == 0:
        wanted = free_port()
    elif wanted not in ours and not _is_free(host, wanted):
        problem = f"port {wanted} on {host} is in use{_holder(wanted)}"
        raise PortTaken(problem, "`make up PORT=…` or `python -m deploy.local up --port …`")
    taken.add(wanted)
    internal: dict[str, int] = {}
    for name in _INTERNAL:
        port = remembered.get(name)
        usable = port and port != wanted and (port in ours or _is_free("127.0.0.1", port))
        internal[name] = port if port and usable else free_port()
    ports = Ports.of({"host": host, "public": wanted, **internal})
    if ports != before:
        write_private(layout.ports_file, json.dumps(ports.by_name, indent=2) + "\n")
    return ports


def load_listeners(layout: Layout) -> dict[str, int]:
    """The ports of the services' listeners; none before `choose_listeners`."""
    return dict(json.loads(layout.listeners_file.read_text())) if layout.listeners_file.is_file() else {}


def choose_listeners(layout: Layout, ports: Ports, ours: Collection[int]) -> dict[str, int]:
    """The ports of the services' listeners by name (`tasks`, `tasks-internal`): the remembered ones, and new ones where another program has
    taken one."""
    remembered = load_listeners(layout)
    names = [*PUBLIC, *(f"{service}-internal" for service in SERVICES), AUTHORIZATION]
    taken = {port for port in ports.by_name.values() if isinstance(port, int)} | set(remembered.values())
    candidates = (port for port in range(_FIRST_INTERNAL_PORT, _LAST_INTERNAL_PORT) if port not in taken and _is_free(DEFAULT_HOST, port))

    def usable(port: int) -> bool:
        return port > 0 and (port in ours or _is_free(DEFAULT_HOST, port))

    chosen = {name: remembered[name] if usable(remembered.get(name, 0)) else next(candidates) for name in names}
    if chosen != remembered:
        write_private(layout.listeners_file, json.dumps(chosen, indent=2) + "\n")
    return chosen


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError as error:
            raise StackError(f"port {port} on {host} needs more rights than this user has; choose one from 1024 up") from error
        except OSError:
            return False
    return True


def _holder(port: int) -> str:
    """ " by NAME (pid N)" where the system lets this user see who listens on the port, otherwise nothing."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr[1] == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        return ""
    return ""
