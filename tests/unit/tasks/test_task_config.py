"""Settings that must agree with each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.tasks.config import TasksSettings

REQUIRED: dict[str, Any] = {
    "listen": "unix:/a",
    "internal_listen": "unix:/b",
    "nats_url": "nats://localhost",
    "webhook_secrets_key_file": Path(__file__).parent / "webhook-secrets",
    "database_url": "postgresql+asyncpg:///tasks",
    "signing_key_file": Path("key.pem"),
    "trusted_keys_file": Path("keys.json"),
    "files_address": "unix:/c",
}


def test_defaults_are_the_contracts_numbers() -> None:
    settings = TasksSettings(**REQUIRED)
    assert (settings.max_open_tasks_rest, settings.max_open_tasks) == (20, 10_000)
    assert (settings.lease, settings.heartbeat_interval, settings.max_attempts) == (30, 5, 5)
    assert not settings.diagnostics


@pytest.mark.parametrize("name", ["DARKROOM_MAX_OPEN_TASKS_REST", "DARKROOM_MAX_OPEN_TASKS_PILIO"])
def test_the_json_apis_limit_is_read_by_its_name_and_by_the_one_it_had(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "7")
    assert TasksSettings(**REQUIRED).max_open_tasks_rest == 7
    monkeypatch.setenv(name, "0")
    with pytest.raises(ValidationError) as refused:
        TasksSettings(**REQUIRED)
    assert refused.value.errors()[0]["loc"] == ("max_open_tasks_rest",)


def test_a_lease_shorter_than_the_heartbeats_is_refused() -> None:
    with pytest.raises(ValidationError, match="DARKROOM_LEASE"):
        TasksSettings(**REQUIRED, lease=5)
