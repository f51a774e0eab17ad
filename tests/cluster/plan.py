"""Which part runs on which host, where it listens, and the settings that each is started with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.installation.creation import create
from deploy.installation.folder import Installation
from deploy.topology import DATABASES, SERVICES
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
NATS_PORT, NATS_CLUSTER_PORT, NATS_MONITORING_PORT = 4222, 6222, 8222
POSTGRES_PORT, STORAGE_PORT, EDGE_PORT, EDGE_METRICS_PORT = 5432, 9000, 8080, 9101
STORAGE_ENDPOINT = f"https://10.77.0.{STORING}:{STORAGE_PORT}"
_FIRST_PORT, _EACH = 7010, 10
_LISTENERS = {"public": 0, "internal": 1, "authorization": 2, "metrics": 9}
SETTINGS = {
    "DARKROOM_DIAGNOSTICS": "true",
    "DARKROOM_NATS_REPLICAS": "3",
    "DARKROOM_S3_REGION": "us-east-1",
    # A lost worker is noticed in seconds.
    "DARKROOM_LEASE": "6",
    "DARKROOM_HEARTBEAT_INTERVAL": "1",
    "DARKROOM_BACKOFF": "0.5",
    "DARKROOM_WEBHOOK_ALLOW_HTTP": "true",
    "DARKROOM_WEBHOOK_ALLOWED_NETWORKS": "10.77.0.0/24",
    "DARKROOM_WEBHOOK_BACKOFF": "0.5",
    # All tests come from one address.
    "DARKROOM_RATE_LIMIT_FAILED_KEYS": "0",
    # Longer than the edges take to notice that a replica is about to end.
    "DARKROOM_DRAIN_NOTICE": "3",
    "DARKROOM_DRAIN_SECONDS": "3",
}


def address(number: int) -> str:
    """Of a host."""
    return f"10.77.0.{number}"


def listener(service: str, kind: str, number: int) -> str:
    """Where a service listens on a host: `public`, `internal`, `authorization` or `metrics`."""
    port = _FIRST_PORT + _EACH * list(SERVICES).index(service) + _LISTENERS[kind]
    return f"{address(number)}:{port}"


def listeners(service: str, kind: str) -> str:
    """Where all replicas of a service listen."""
    return ",".join(listener(service, kind, number) for number in PLACES[service])


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
    for other, declared in SERVICES.items():
        environment[f"DARKROOM_{other.upper()}_ADDRESS"] = listeners(other, "internal")
        if declared.public:
            environment[f"DARKROOM_{other.upper()}_PUBLIC_ADDRESS"] = listeners(other, "public")
    return environment
