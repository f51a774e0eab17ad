"""Assembling a stack from its folder: the composition root of everything under deploy/local."""

from __future__ import annotations

from pathlib import Path

from deploy.local.certificates import create_certificates
from deploy.local.config import StackConfig
from deploy.local.credentials import OPERATOR, create_signing_keys, create_webhook_secrets_key, load_credentials
from deploy.local.layout import Layout
from deploy.local.ports import choose_listeners, choose_ports, load_listeners, load_ports
from deploy.local.processes import listening_ports
from deploy.local.program import Program
from deploy.local.programs.envoy import envoy
from deploy.local.programs.nats import nats_server
from deploy.local.programs.object_storage import object_storage
from deploy.local.programs.postgres import postgres
from deploy.local.programs.services import core, service
from deploy.local.programs.triton import triton
from deploy.local.progress import Progress
from deploy.local.settings import load_settings
from deploy.local.stack import Stack
from edge.topology import CORE, EDGE, SERVICES

DEFAULT_DIRECTORY = Path(".darkroom")


def programs(config: StackConfig) -> list[Program]:
    """Every part, in the order in which they are shown."""
    return [
        postgres(config),
        nats_server(config),
        object_storage(config),
        triton(config),
        *_services(config),
        envoy(config),
    ]


def _services(config: StackConfig) -> list[Program]:
    if config.settings.separate_services:
        return [service(config, name) for name in SERVICES]
    # In the place of the first of those that share it.
    shared = {CORE[0]: core(config)}
    return [shared.get(name) or service(config, name) for name in SERVICES if name in shared or name not in CORE]


def create_stack(
    directory: Path,
    *,
    host: str | None = None,
    port: int | None = None,
    models: Path | None = None,
    progress: Progress | None = None,
) -> Stack:
    """The stack in a folder, created (ports, secrets and keys) if there is none. Nothing is started.

    host, port: where the edge listens; None keeps the stack's previous value (127.0.0.1, 8080 at first), port 0 takes a free one.
    models: a model repository other than the installed one.
    """
    layout = Layout.at(directory)
    layout.create()
    settings = load_settings(layout, models=models)
    ours = listening_ports(layout)
    ports = choose_ports(layout, host=host, public=port, ours=ours)
    create_signing_keys(layout)
    create_webhook_secrets_key(layout)
    if settings.internal_tls:
        create_certificates(layout, (*SERVICES, EDGE, "nats", OPERATOR))
    listeners = choose_listeners(layout, ports, ours) if settings.internal_tls else {}
    config = StackConfig(layout, ports, load_credentials(layout), settings, listeners)
    return Stack(config, programs(config), progress)


def open_stack(directory: Path, *, progress: Progress | None = None) -> Stack:
    """The stack that a folder holds, as last started. Raises StackError when there is none."""
    layout = Layout.at(directory)
    ports = load_ports(layout)
    settings = load_settings(layout)
    listeners = load_listeners(layout) if settings.internal_tls else {}
    config = StackConfig(layout, ports, load_credentials(layout), settings, listeners)
    return Stack(config, programs(config), progress)
