"""Envoy: the public port."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import httpx
from pydantic import ValidationError

from deploy.local.certificates import certificate_folder
from deploy.local.config import BUCKET, LOOPBACK, StackConfig, digest_of, tool
from deploy.local.errors import NotReady, PartFailed
from deploy.local.program import Program
from deploy.local.programs.services import address, authorization_address, internal_address
from edge.render import arguments, render
from edge.settings import EdgeSettings
from edge.topology import EDGE, PUBLIC
from services.platform.tls import FILES

# The operator's settings for the edge, and for the edge and the services together.
_OPERATORS = ("DARKROOM_EDGE_", "DARKROOM_OTLP_ENDPOINT", "DARKROOM_SURFACES", "DARKROOM_TRACE_")

# While draining, Envoy asks the clients of open connections to close them, and then stops listening.
_CLOSING_SECONDS = 1
_LAST_REQUESTS_SECONDS = 5.0
_POLL_SECONDS = 0.05
_IN_FLIGHT = r"http://envoy/stats?filter=^http\.edge\.downstream_rq_active$"


def envoy(config: StackConfig) -> Program:
    """The edge of a stack, the only part that may listen beyond loopback."""
    folder = config.layout.config / "envoy"
    admin = config.layout.socket("envoy-admin")

    def configure() -> str:
        try:
            file = render(edge_settings(config))
        except (ValidationError, FileNotFoundError) as error:
            raise PartFailed("envoy", f"its configuration cannot be written: {error}") from error
        certificate = [config.settings.tls_dir / name for name in ("tls.crt", "tls.key")] if config.settings.tls_dir else []
        internal = [certificate_folder(config.layout, EDGE) / name for name in FILES]
        pages = sorted(path for path in (folder / "pages").rglob("*") if path.is_file())
        return digest_of([file, *sorted(folder.glob("*.lua")), folder / "descriptors.pb", *pages, *certificate, *internal])

    async def ready() -> None:
        """Envoy reports itself live, and a request without a key passes the public port and is refused by accounts."""
        try:
            async with httpx.AsyncClient(transport=_plain(admin), timeout=2) as client:
                state = await client.get("http://envoy/ready")
            # The certificate is for the public host name, but this request goes to a port of this machine.
            async with httpx.AsyncClient(verify=False, timeout=5, trust_env=False) as client:  # noqa: S501
                reply = await client.get(f"{config.local_url}/v1/tasks/1/status")
        except httpx.TransportError as error:
            raise NotReady(str(error) or type(error).__name__) from error
        if state.status_code != httpx.codes.OK:
            raise NotReady(f"its state is {state.text.strip()}")
        if reply.status_code != httpx.codes.UNAUTHORIZED:
            raise NotReady(f"a request without a key got HTTP {reply.status_code}")

    async def drain() -> None:
        """Accept no new connections, and let requests in flight finish; long ones are cut off, and resumed elsewhere."""
        try:
            async with httpx.AsyncClient(transport=_plain(admin), timeout=2) as client:
                await client.post("http://envoy/drain_listeners?graceful&skip_exit")
                # Until then connections are still accepted, so that those which clients have already begun to open are not refused.
                await asyncio.sleep(_CLOSING_SECONDS)
                deadline = time.monotonic() + _LAST_REQUESTS_SECONDS
                while time.monotonic() < deadline and not (await client.get(_IN_FLIGHT)).text.strip().endswith(": 0"):  # noqa: ASYNC110 - the state of another process
                    await asyncio.sleep(_POLL_SECONDS)
        except httpx.HTTPError:
            # An Envoy that does not answer has nothing to drain.
            return

    draining = ("--drain-time-s", str(_CLOSING_SECONDS), "--drain-strategy", "immediate")
    return Program(
        name=EDGE,
        command=(tool("envoy"), *arguments(folder / "envoy.json"), *draining),
        requires=PUBLIC,
        configure=configure,
        ready=ready,
        drain=drain,
    )


def _plain(socket: Path) -> httpx.AsyncHTTPTransport:
    """HTTP over a socket. Without certificates, which take a while to read."""
    return httpx.AsyncHTTPTransport(uds=os.fspath(socket), verify=False)


def edge_settings(config: StackConfig) -> EdgeSettings:
    """The edge's settings: the stack's addresses, and the operator's own."""
    chosen = config.settings.services.items()
    operators = {name.removeprefix("DARKROOM_").lower(): value for name, value in chosen if name.startswith(_OPERATORS)}
    host = f"[{config.ports.host}]" if ":" in config.ports.host else config.ports.host
    return EdgeSettings.model_validate(
        {
            **operators,
            "out": config.layout.config / "envoy",
            "edge_listen": f"{host}:{config.ports.public}",
            "edge_admin": f"unix:{config.layout.socket('envoy-admin')}",
            "edge_metrics_listen": f"{LOOPBACK}:{config.ports.metrics_edge}",
            **{f"edge_{name}": address(config, name) for name in PUBLIC},
            "authorization_address": authorization_address(config),
            "s3_endpoint": config.s3_endpoint,
            "s3_bucket": BUCKET,
            # For any name of the port, storage gets the one that URLs are signed for.
            "s3_public_endpoint": config.public_url,
            "public_url": config.settings.public_url,
            "internal_tls_dir": certificate_folder(config.layout, EDGE) if config.settings.internal_tls else None,
            "tls_dir": config.settings.tls_dir,
            **_worker_port(config),
        }
    )


def _worker_port(config: StackConfig) -> dict[str, str]:
    """The port for workers on other machines, if there is one, and what is behind it."""
    if config.settings.worker_listen is None:
        return {}
    behind = {f"{name}_address": internal_address(config, name) for name in ("accounts", "files", "tasks")}
    return {"edge_worker_listen": config.settings.worker_listen, **behind}
