"""The servers that Darkroom is built on, as an operator runs them on several machines: with TLS, and with a user for each service."""

from __future__ import annotations

import datetime
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

_NATS = """\
server_name: "{name}"
listen: "{address}:{port}"
http: "{address}:{monitoring}"
tls {{ {tls} }}
cluster {{
  name: darkroom
  listen: "{address}:{cluster_port}"
  tls {{ {tls} }}
  routes: [{routes}]
}}
jetstream {{ store_dir: "{store}", max_memory_store: 64MB, max_file_store: 1GB }}
{users}
"""
_POSTGRES = {
    "max_connections": "150",
    "shared_buffers": "64MB",
    "io_method": "sync",
    "listen_addresses": "",
    "log_line_prefix": "%m [%p] %d ",
}
_LIFETIME = Lifetime(valid=datetime.timedelta(days=30), left=datetime.timedelta(days=1))


def nats(host: Host, installation: Installation) -> Part:
    """One server of the cluster."""
    folder, file = installation.tls("nats"), host.folder / "nats.conf"
    tls = f'ca_file: "{folder}/ca.crt", cert_file: "{folder}/tls.crt", key_file: "{folder}/tls.key", verify: true'
    routes = ", ".join(f'"tls://{plan.address(one)}:{plan.NATS_CLUSTER_PORT}"' for one in plan.PLACES["nats"])
    file.write_text(
        _NATS.format(
            name=host.name,
            address=host.address,
            port=plan.NATS_PORT,
            cluster_port=plan.NATS_CLUSTER_PORT,
            monitoring=plan.NATS_MONITORING_PORT,
            tls=tls,
            routes=routes,
            store=host.folder / "nats",
            users=installation.nats_users_file.read_text(),
        )
    )
    healthy = f"http://{host.address}:{plan.NATS_MONITORING_PORT}/healthz"
    return Part(command=(tool("nats-server"), "-c", str(file)), ready=lambda: answers(healthy))


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

    def make_databases(self) -> None:
        """Make the roles and databases, as the administrator does with what `darkroom-admin create` has written."""
        self._psql("--file", str(self._installation.databases_file))

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
