"""Settings of the accounts service."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from services.accounts.domain.config import LimitSettings, PeopleSettings, SeedSettings, WorkerSettings
from services.platform.config import AuditSettings, DatabaseSettings, NatsSettings, ServiceSettings, StreamSettings
from services.platform.rpc.targets import Target


class AccountsSettings(ServiceSettings, DatabaseSettings, AuditSettings, LimitSettings, PeopleSettings, SeedSettings, WorkerSettings):
    """Settings of the accounts service process."""

    authorization_listen: str = Field(
        description="Address of the listener that the edge asks about every request, over HTTP: `unix:/path` or `host:port`."
    )
    files_address: Target = Field(
        description="Internal listener of the files service, as a gRPC target or the `IP:port` of each replica; for its part of the audit "
        "log and of usage, and to delete what people had who were removed."
    )
    tasks_address: Target = Field(
        description="Internal listener of the tasks service, as a gRPC target or the `IP:port` of each replica; for its part of the audit "
        "log and of usage."
    )
    gateway_address: Target | None = Field(
        None,
        description="Internal listener of the gateway, as a gRPC target or the `IP:port` of each replica; for GET /v1/system, which lacks "
        "the gateway without it.",
    )
    metrics_url: str | None = Field(
        None,
        pattern=r"^https?://\S+$",
        description="Where the operator's metrics are shown, such as a Grafana dashboard; for GET /v1/system.",
    )


class AdministrationSettings(DatabaseSettings, LimitSettings, PeopleSettings, StreamSettings, NatsSettings):
    """Settings of the administration commands. On NATS, revocations of keys are announced."""

    files_address: Target | None = Field(None, description="As for the service; for the command `usage` alone.")
    tasks_address: Target | None = Field(None, description="As for the service; for the command `usage` alone.")
    signing_key_file: Path | None = Field(None, description="As for the service; for the commands `usage` and `create-worker-token`.")
    worker_authority_dir: Path | None = Field(None, description="As for the service; for the command `create-worker-token` alone.")
    worker_address: str | None = Field(
        None,
        pattern=r"^\S+:\d+$",
        description="`host:port` at which workers on other machines reach the edge's port for them; for the command `create-worker-token` "
        "alone.",
    )
