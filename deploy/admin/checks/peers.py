"""The listeners of other services: TLS, the name in their certificate, and whether they serve."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from deploy.admin.checks.certificates import end_of, lasting
from deploy.admin.checks.connecting import CONNECT_SECONDS, tcp_open, tls_certificate, unreachable
from deploy.admin.checks.findings import Finding, ok, problem
from deploy.local.errors import NotReady
from deploy.local.health import check_health
from services.platform.tls import MutualTls

_CA = "all certificates must be signed by the same authority: take them from one installation folder"


@dataclass(frozen=True)
class Peer:
    """A service that another one calls. `setting`: where its address is from."""

    service: str
    target: str
    setting: str


async def check_peer(peer: Peer, tls: MutualTls | None) -> list[Finding]:
    """Look at each of its replicas that are named."""
    each = await asyncio.gather(*(_check_listener(peer, address, tls) for address in listeners(peer.target)))
    faults = [finding for findings in each for finding in findings]
    text = f"serves at {', '.join(listeners(peer.target))}" + (", and shows its certificate" if tls is not None else "")
    return faults or [ok(peer.service, text)]


def listeners(target: str) -> list[str]:
    """The addresses in a gRPC target."""
    for scheme in ("dns:///", "dns:", "ipv4:", "ipv6:"):
        target = target.removeprefix(scheme)
    return target.split(",")


def host_and_port(address: str) -> tuple[str, int]:
    """The parts of `host:port`."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


async def check_tls(subject: str, address: str, name: str, tls: MutualTls | None, setting: str) -> list[Finding]:
    """The problems of a listener up to its certificate, which must name `name`. Unix sockets have none."""
    if address.startswith("unix:"):
        return []
    host, port = host_and_port(address)
    try:
        if tls is None:
            await tcp_open(host, port)
            return []
        context = tls.context()
        context.set_alpn_protocols(["h2"])
        certificate = await tls_certificate(host, port, context, name)
    except (OSError, TimeoutError) as error:
        refused = unreachable(error, address, setting, _CA)
        return [problem(subject, refused.text, refused.remedy)]
    return lasting(subject, f"the certificate of {address}", end_of(certificate))


async def _check_listener(peer: Peer, address: str, tls: MutualTls | None) -> list[Finding]:
    found = await check_tls(peer.service, address, peer.service, tls, peer.setting)
    if found:
        return found
    try:
        await asyncio.to_thread(check_health, address, peer.service, tls, CONNECT_SECONDS)
    except NotReady as error:
        return [
            problem(peer.service, f"{address} does not serve: {str(error) or 'no answer'}", f"check the log and /readyz of {peer.service}")
        ]
    return []
