"""A stack waits for the disk unless it is told not to."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.assembly import create_stack
from deploy.local.errors import StackError


def configured(folder: Path, value: str | None) -> tuple[set[str], str]:
    """What PostgreSQL is started with, and the line of NATS's configuration that says when it writes."""
    folder.mkdir()
    if value is not None:
        (folder / "settings.env").write_text(f"DARKROOM_DURABLE={value}\n")
    stack = create_stack(folder, port=0)
    assert "DARKROOM_DURABLE" not in stack.config.settings.services
    stack.programs["nats"].configure()
    lines = (stack.config.layout.config / "nats.conf").read_text().splitlines()
    [sync] = [line.strip() for line in lines if "sync_interval" in line]
    return set(stack.programs["postgres"].command), sync


@pytest.mark.parametrize("value", [None, "true"])
def test_a_stack_is_durable(tmp_path: Path, value: str | None) -> None:
    postgres, sync = configured(tmp_path / "stack", value)
    assert not any(name in argument for argument in postgres for name in ("fsync", "synchronous_commit", "full_page_writes"))
    assert sync == "sync_interval: always"


def test_one_that_need_not_be_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    postgres, sync = configured(tmp_path / "stack", "false")
    assert {"--fsync=off", "--synchronous_commit=off", "--full_page_writes=off"} <= postgres
    assert sync == 'sync_interval: "2m"'


def test_a_value_that_is_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="DARKROOM_DURABLE is 'no'; it must be true or false"):
        configured(tmp_path / "stack", "no")
