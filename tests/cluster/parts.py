"""What each part is started with on a host."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.installation.folder import Installation
from deploy.local.config import tool
from edge.render import arguments, render
from edge.settings import EdgeSettings
from tests.cluster import plan, servers
from tests.cluster.clocks import ahead
from tests.cluster.network import Host
from tests.cluster.part import Part, answers


def part(name: str, host: Host, installation: Installation, database: servers.Database, models: Path) -> Part:
    """A part on a host. Writes the files that it reads."""
    made: Mapping[str, Callable[[], Part]] = {
        "nats": lambda: servers.nats(host, installation),
        "postgres": database.server,
        "postgres-tls": database.front,
        "s3": lambda: servers.storage(host, installation),
        "triton": lambda: servers.triton(host, models),
        "envoy": lambda: _envoy(host, installation),
    }
    return made.get(name, lambda: _service(name, host, installation))()


def _service(name: str, host: Host, installation: Installation) -> Part:
    environment = plan.service_environment(installation, name, host)
    return Part(
        command=(sys.executable, "-m", f"services.{name}"),
        environment={**environment, **ahead(host.number), "PYTHONUNBUFFERED": "1"},
        ready=lambda: answers(f"http://{plan.listener(name, 'metrics', host.number)}/readyz"),
    )


def _envoy(host: Host, installation: Installation) -> Part:
    chosen = {**installation.settings, **plan.ADDRESSES}
    settings = EdgeSettings.model_validate(
        {
            **{name.removeprefix("DARKROOM_").lower(): value for name, value in chosen.items() if name.startswith("DARKROOM_")},
            "out": host.folder / "envoy",
            "edge_listen": f"0.0.0.0:{plan.EDGE_PORT}",
            "edge_metrics_listen": f"{host.address}:{plan.EDGE_METRICS_PORT}",
            "s3_ca_file": installation.authority / "ca.crt",
            "internal_tls_dir": installation.tls("envoy"),
        }
    )
    draining = ("--drain-time-s", "1", "--drain-strategy", "immediate")
    return Part(
        command=(tool("envoy"), *arguments(render(settings)), *draining),
        ready=lambda: answers(f"http://{host.address}:{plan.EDGE_PORT}/v1/tasks/1/status", (401,)),
    )
