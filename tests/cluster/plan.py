"""Which part runs on which host, where it listens, and the settings that each is started with: as `deploy/hosts` has it for operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values

from deploy.installation.creation import create
from deploy.installation.folder import Installation
from deploy.local.layout import REPOSITORY
from edge.topology import DATABASES, SERVICES
from models.serve import grpc_target
from tests.cluster.network import VIRTUAL, Host

HOSTS = (1, 2, 3)
EDGES = (1, 2)
STORING = 3
"""The host with PostgreSQL and the object storage, which are there once."""
PLACES: Mapping[str, Sequence[int]] = {
    "postgres": (STORING,),
    "postgres-tls": (STORING,),
    "s3": (STORING,),
    "nats": HOSTS,
    "triton": HOSTS,
    "accounts": EDGES,
    "files": EDGES,
    "tasks": EDGES,
    "gateway": EDGES,
    "inference": HOSTS,
    "envoy": EDGES,
}
"""In the order in which they are started."""
PUBLIC_URL = f"http://{VIRTUAL}:8080"
BUCKET = "darkroom"
NATS_PORT, NATS_MONITORING_PORT = 4222, 8222
POSTGRES_PORT, STORAGE_PORT, EDGE_PORT, EDGE_METRICS_PORT = 5432, 9000, 8080, 9101
STORAGE_ENDPOINT = f"https://10.77.0.{STORING}:{STORAGE_PORT}"
_NETWORK, _EXAMPLES = "10.77.0.", "10.0.0."
_LISTENERS = {"public": 0, "internal": 1, "authorization": 2, "metrics": 9}


def operators_file(name: str) -> str:
    """A file of `deploy/hosts`, with the addresses of these hosts in place of the examples."""
    return (REPOSITORY / "deploy" / "hosts" / name).read_text().replace(_EXAMPLES, _NETWORK)


ADDRESSES = {name: value or "" for name, value in dotenv_values(stream=StringIO(operators_file("hosts.env"))).items()}
"""What `hosts.env` says."""
SETTINGS = {
    "DARKROOM_DIAGNOSTICS": "true",
    # A lost worker is noticed in seconds.
    "DARKROOM_LEASE": "6",
    "DARKROOM_HEARTBEAT_INTERVAL": "1",
    "DARKROOM_BACKOFF": "0.5",
    "DARKROOM_WEBHOOK_ALLOW_HTTP": "true",
    "DARKROOM_WEBHOOK_ALLOWED_NETWORKS": "10.77.0.0/24",
    "DARKROOM_WEBHOOK_BACKOFF": "0.5",
    # All tests come from one address.
    "DARKROOM_RATE_LIMIT_FAILED_KEYS": "0",
    "DARKROOM_RATE_LIMIT_FAILED_SIGN_INS": "0",
    # Longer than the edges take to notice that a replica is about to end.
    "DARKROOM_DRAIN_NOTICE": "3",
    "DARKROOM_DRAIN_SECONDS": "3",
}


def address(number: int) -> str:
    """Of a host."""
    return f"{_NETWORK}{number}"


def listener(service: str, kind: str, number: int) -> str:
    """Where a service listens on a host: `public`, `internal`, `authorization` or `metrics`."""
    return f"{address(number)}:{ADDRESSES[f'PORT_{service}']}{_LISTENERS[kind]}"


def make_installation(folder: Path) -> Installation:
    """The certificates, keys, passwords and settings of all hosts, as `darkroom-admin create` makes them."""
    everywhere = {part: [address(number) for number in numbers] for part, numbers in PLACES.items()}
    return create(
        folder,
        public_url=PUBLIC_URL,
        hosts={part: everywhere[part] for part in (*SERVICES, "nats", "triton", "envoy")},
        database_url=f"postgresql+asyncpg://{{service}}:{{password}}@{address(STORING)}:{POSTGRES_PORT}/{{service}}?ssl=verify-full",
        nats_url=",".join(f"tls://{{service}}:{{password}}@{address(number)}:{NATS_PORT}" for number in PLACES["nats"]),
        s3_endpoint=STORAGE_ENDPOINT,
        s3_bucket=BUCKET,
    )


def service_environment(installation: Installation, service: str, host: Host) -> dict[str, str]:
    """The DARKROOM_* settings of one process."""
    authority = str(installation.authority / "ca.crt")
    environment = {
        **installation.settings,
        **ADDRESSES,
        **SETTINGS,
        **installation.service_environment(service),
        "DARKROOM_LISTEN": listener(service, "public", host.number),
        "DARKROOM_INTERNAL_LISTEN": listener(service, "internal", host.number),
        "DARKROOM_AUTHORIZATION_LISTEN": listener(service, "authorization", host.number),
        "DARKROOM_METRICS_LISTEN": listener(service, "metrics", host.number),
        "DARKROOM_S3_CA_FILE": authority,
        "DARKROOM_TRITON_ADDRESS": grpc_target(host.folder / "run"),
        "DARKROOM_WORK_DIR": str(host.folder / "tmp" / "inference"),
    }
    if service in DATABASES:
        environment["DARKROOM_DATABASE_CA_FILE"] = authority
    return environment
