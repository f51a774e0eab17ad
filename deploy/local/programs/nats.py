"""NATS with JetStream: the work queue and the events."""

from __future__ import annotations

import os
from dataclasses import replace

import nats
from nats.errors import Error as NatsError

from deploy.installation.private_file import write_private
from deploy.local.certificates import certificate_folder
from deploy.local.config import LOOPBACK, StackConfig, digest_of, tool
from deploy.local.credentials import OPERATOR
from deploy.local.errors import NotReady
from deploy.local.program import Program
from deploy.local.programs.nats_users import users
from services.platform.nats_servers import NatsServers
from services.platform.tls import FILES

# sync_interval: always makes acknowledged messages survive a power cut; the default syncs every two minutes.
_CONFIGURATION = """\
listen: "{host}:{port}"
{monitoring}
{tls}
server_name: "darkroom-{digest}"
jetstream {{
  store_dir: "{store}"
  sync_interval: {sync}
  max_memory_store: 64MB
  max_file_store: 10GB
}}
{users}
"""


def nats_server(config: StackConfig) -> Program:
    """The NATS server of a stack, on loopback, with a user for each service."""
    file = config.layout.config / "nats.conf"

    def configure() -> str:
        content = _CONFIGURATION.format(
            host=LOOPBACK,
            port=config.ports.nats,
            monitoring=f'http: "{LOOPBACK}:{config.ports.nats_monitoring}"' if config.settings.nats_monitoring else "",
            tls=_tls(config),
            digest=config.layout.digest,
            store=config.layout.data / "nats",
            sync="always" if config.settings.durable else '"2m"',
            users=users(config),
        )
        write_private(file, content)
        return digest_of([file, *(certificate_folder(config.layout, "nats") / name for name in FILES)])

    async def ready() -> None:
        """INFO, authentication, and an answer from JetStream, which comes only after its streams are recovered."""
        context = replace(NatsServers.parse(config.nats_url), tls=config.tls(OPERATOR)).context()
        try:
            client = await nats.connect(
                config.nats_url, tls=context, allow_reconnect=False, connect_timeout=2, reconnect_time_wait=0, error_cb=_raised_instead
            )
        except (NatsError, OSError, TimeoutError) as error:
            raise NotReady(str(error)) from error
        try:
            await client.jetstream(timeout=2).account_info()
        except (NatsError, TimeoutError) as error:
            raise NotReady(f"JetStream: {error}") from error
        finally:
            await client.close()

    return Program(
        name="nats",
        command=(tool("nats-server"), "-c", str(file)),
        # The parts of a stack share the cores. At rest, threads that look for work take a sixth of the server's time on two.
        environment={"GOMAXPROCS": str(max(1, (os.cpu_count() or 1) // 2))},
        configure=configure,
        ready=ready,
    )


def _tls(config: StackConfig) -> str:
    if not config.settings.internal_tls:
        return ""
    files = {name: certificate_folder(config.layout, "nats") / f"{name}.crt" for name in ("ca", "tls")}
    key = certificate_folder(config.layout, "nats") / "tls.key"
    return f'tls {{ ca_file: "{files["ca"]}", cert_file: "{files["tls"]}", key_file: "{key}", verify: true }}'


async def _raised_instead(_: Exception) -> None:
    """Log nothing: by default the client logs a traceback for each failed attempt, but here the exception itself is handled."""
