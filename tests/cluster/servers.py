"""The servers that Darkroom is built on, as an operator runs them on several machines: with TLS, and with a user for each service."""

from __future__ import annotations

import datetime
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import tritonclient.grpc as triton_client
from tritonclient.utils import InferenceServerException

from deploy.installation.authority import Lifetime, open_authority
from deploy.installation.folder import Installation
from deploy.local.assembly import create_stack
from deploy.local.config import tool
from deploy.local.errors import NotReady
from deploy.local.layout import REPOSITORY
from deploy.local.programs.postgres_cluster import SUPERUSER, Cluster
from deploy.local.system_user import AS_ROOT, UNPRIVILEGED_USER
from models.serve import grpc_target
from tests.cluster import plan
from tests.cluster.network import Host
from tests.cluster.part import SECONDS, Part, answers, opens

_POSTGRES = {
    "max_connections": "150",
    "shared_buffers": "64MB",
    "io_method": "sync",
    "listen_addresses": "",
    "log_line_prefix": "%m [%p] %d ",
}
_LIFETIME = Lifetime(valid=datetime.timedelta(days=30), remaining=datetime.timedelta(days=1))


def nats(host: Host, installation: Installation) -> Part:
    """One server of the cluster."""
    # What it includes is found from where it lies.
    file, monitoring = installation.folder / f"nats-{host.name}.conf", f"{host.address}:{plan.NATS_MONITORING_PORT}"
    places = {"/etc/darkroom": installation.folder, "/var/lib/darkroom": host.folder, f"127.0.0.1:{plan.NATS_MONITORING_PORT}": monitoring}
    text = plan.operators_file("nats.conf")
    for place, here in places.items():
        text = text.replace(place, str(here))
    file.write_text(text)
    return Part(
        command=(tool("nats-server"), "-c", str(file)),
        environment={"NAME": host.name, "HOST": host.address},
        ready=lambda: answers(f"http://{monitoring}/healthz"),
    )


def storage(host: Host, installation: Installation) -> Part:
    """Object storage over TLS, with one bucket."""
    certificate = _certificate(installation, "s3", host)
    # Buckets are folders. rclone removes one with its last object, and a PUT that comes at that moment fails.
    kept = host.folder.parent / "data" / "objects" / plan.BUCKET / "uploads" / ".keep"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.touch()
    return Part(
        command=(
            tool("rclone"),
            "serve",
            "s3",
            f"--addr={host.address}:{plan.STORAGE_PORT}",
            "--config=/dev/null",
            "--ignore-checksum",
            "--no-unicode-normalization",
            f"--cert={certificate}/tls.crt",
            f"--key={certificate}/tls.key",
            str(kept.parents[2]),
        ),
        environment={"RCLONE_AUTH_KEY": (installation.secrets("s3") / "auth-key").read_text()},
        # It serves when it refuses what is not signed.
        ready=lambda: answers(plan.STORAGE_ENDPOINT, (400, 403)),
    )


def triton(host: Host, models: Path) -> Part:
    """The model server of the worker on the same host."""
    sockets = host.folder / "run"
    options = (f"--repository={models}", f"--venv={REPOSITORY / '.venv-triton'}", f"--sockets={sockets}", "--exit-timeout=3")

    def ready() -> None:
        client = triton_client.InferenceServerClient(grpc_target(sockets))
        try:
            if not client.is_server_ready(client_timeout=SECONDS):
                raise NotReady("models are loading")
        except InferenceServerException as error:
            raise NotReady(str(error)) from error
        finally:
            client.close()

    return Part(command=(sys.executable, "-m", "models.serve", *options, "--metrics-port=8002"), ready=ready)


class Database:
    """PostgreSQL on one host, which others reach over TLS alone, with the roles and databases of the installation."""

    def __init__(self, host: Host, installation: Installation) -> None:
        self._host, self._installation = host, installation
        # Its files and where they may be, as in a stack on one machine.
        config = create_stack(host.folder.parent, port=0).config
        config.layout.create_transient()
        self._cluster, self._password = Cluster(config), config.credentials.postgres

    def server(self) -> Part:
        """The server. Makes its files if there are none."""
        self._cluster.prepare()
        command = (str(self._cluster.binaries / "postgres"), "-D", str(self._cluster.data), "-k", str(self._cluster.sockets))
        return Part(
            command=(*command, *(f"--{name}={value}" for name, value in _POSTGRES.items())),
            ready=self._ready,
            user=UNPRIVILEGED_USER if AS_ROOT else None,
            directory=Path("/"),
            # It ends the sessions, which SIGTERM would wait for.
            stop=signal.SIGINT,
        )

    def front(self) -> Part:
        """What its clients on other hosts connect to."""
        certificate, socket = _certificate(self._installation, "postgres", self._host), self._cluster.sockets / ".s.PGSQL.5432"
        listener = (self._host.address, str(plan.POSTGRES_PORT))
        return Part(
            command=(sys.executable, "-m", "tests.cluster.database_front", *listener, str(socket), str(certificate)),
            ready=lambda: opens(*listener),
        )

    def delete(self) -> None:
        """Delete all that it has stored, once it has ended."""
        shutil.rmtree(self._cluster.data)

    def make_databases(self) -> None:
        """Make the roles and databases, as the administrator does with what `darkroom-admin create` has written."""
        self._psql("--file", str(self._installation.databases_file))

    def url(self, name: str) -> str:
        """A database's SQLAlchemy URL for the administrator."""
        return f"postgresql+asyncpg://{SUPERUSER}:{self._password}@/{name}?host={self._cluster.sockets}"

    async def connect(self, name: str) -> asyncpg.Connection:
        """A connection of the administrator's to a database."""
        return await asyncpg.connect(host=str(self._cluster.sockets), user=SUPERUSER, password=self._password, database=name, timeout=10)

    def _ready(self) -> None:
        try:
            self._psql("--command", "SELECT 1")
        except subprocess.CalledProcessError as error:
            raise NotReady(error.stderr) from error

    def _psql(self, *arguments: str) -> None:
        where = (f"--host={self._cluster.sockets}", f"--username={SUPERUSER}", "--dbname=postgres")
        subprocess.run(
            [str(self._cluster.binaries / "psql"), *where, "--set=ON_ERROR_STOP=1", *arguments],
            env={"PGPASSWORD": self._password, "PGCONNECT_TIMEOUT": "5"},
            capture_output=True,
            text=True,
            check=True,
        )


def _certificate(installation: Installation, name: str, host: Host) -> Path:
    """The folder with the certificate of a server that an operator would bring along; of the installation's own authority."""
    authority, folder = open_authority(installation.authority), installation.tls(name)
    assert authority is not None
    authority.issue(folder, [name, host.address], _LIFETIME)
    return folder
