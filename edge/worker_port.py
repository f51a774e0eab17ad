"""Settings of the port for workers on other machines.

Such a worker opens one kind of connection: TLS to this port. By the server name that it asks for, the edge passes the bytes on to the
internal listener of a service, and does not look into them: TLS is mutual and goes from end to end, so that services see the worker's
certificate themselves. Nothing leads to NATS, where workers on other machines have no user.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from edge.addresses import Address, Upstream

_BEHIND = ("accounts", "files", "tasks")


def _addresses(text: str) -> str:
    Upstream.parse(text)
    return text


def _tcp(text: str) -> str:
    if Address.parse(text).path is not None:
        raise ValueError("must be host:port")
    return text


_Target = Annotated[str, AfterValidator(_addresses)]


class WorkerPortSettings(BaseSettings):
    """The port, and what is behind it."""

    accounts_address: _Target | None = Field(None, description="Internal listener of accounts, for --edge-worker-listen.")
    files_address: _Target | None = Field(None, description="Internal listener of files, for --edge-worker-listen.")
    tasks_address: _Target | None = Field(None, description="Internal listener of tasks, for --edge-worker-listen.")
    nats_address: str | None = Field(None, description="Not used. Version 0.1.0 needed it for --edge-worker-listen.")

    edge_worker_listen: Annotated[str, AfterValidator(_tcp)] | None = Field(
        None,
        description="host:port of the port for workers on other machines. It takes TLS and passes it on to accounts, files or tasks, "
        "whose addresses must then be set. If unset, there is no such port.",
    )

    @field_validator("edge_worker_listen")
    @classmethod
    def _has_all_behind_it(cls, listen: str | None, info: ValidationInfo) -> str | None:
        missing = [name for name in _BEHIND if info.data.get(f"{name}_address") is None]
        if listen is not None and missing:
            raise ValueError(f"needs {', '.join(f'--{name}-address' for name in missing)}, too")
        return listen

    @property
    def worker_targets(self) -> dict[str, Upstream]:
        """The backends of the port, by the server name that workers ask for; nothing where there is no such port."""
        targets = {name: getattr(self, f"{name}_address") for name in _BEHIND} if self.edge_worker_listen is not None else {}
        return {name: Upstream.parse(target) for name, target in targets.items()}
