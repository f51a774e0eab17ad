"""NATS with JetStream: the work queue and the events."""

from __future__ import annotations

import nats
from nats.errors import Error as NatsError

from deploy.local.config import LOOPBACK, StackConfig, digest_of, tool
from deploy.local.errors import NotReady
from deploy.local.layout import write_private
from deploy.local.program import Program

# sync_interval: always makes acknowledged messages survive a power cut; the default syncs every two minutes.
_CONFIGURATION = """\
listen: "{host}:{port}"
http: "{host}:{monitoring}"
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
    """The NATS server of a stack, on loopback, with a password."""
    file = config.layout.config / "nats.conf"

    def configure() -> str:
        content = _CONFIGURATION.format(
            host=LOOPBACK,
            port=config.ports.nats,
            monitoring=config.ports.nats_monitoring,
            digest=config.layout.digest,
            store=config.layout.data / "nats",
            sync="always" if config.settings.durable else '"2m"',
            users=_users(config),
        )
        write_private(file, content)
        return digest_of([file])

    async def ready() -> None:
        """INFO, authentication, and an answer from JetStream, which comes only after its streams are recovered."""
        try:
            client = await nats.connect(
                config.nats_url, allow_reconnect=False, connect_timeout=2, reconnect_time_wait=0, error_cb=_raised_instead
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
        configure=configure,
        ready=ready,
    )


def scratch_user(number: int) -> str:
    """The user of one of the accounts beside that of the services; they are numbered from 1."""
    return f"scratch-{number}"


def _users(config: StackConfig) -> str:
    def entry(user: str) -> str:
        return f'{{ user: "{user}", password: "{config.credentials.nats}" }}'

    if not config.settings.nats_accounts:
        # In the global account, where the streams of every other stack are.
        return f"authorization {entry('darkroom')}"
    users = ("darkroom", *(scratch_user(number) for number in range(1, config.settings.nats_accounts + 1)))
    return "\n".join(("accounts {", *(f'  "{user}" {{ jetstream: enabled, users: [{entry(user)}] }}' for user in users), "}"))


async def _raised_instead(_: Exception) -> None:
    """Log nothing: by default the client logs a traceback for each failed attempt, but here the exception itself is handled."""
