"""NATS accounts of a stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.assembly import create_stack
from deploy.local.errors import StackError


def configured(folder: Path, setting: str) -> str:
    (folder / "settings.env").write_text(setting)
    stack = create_stack(folder, port=0)
    assert "DARKROOM_NATS_ACCOUNTS" not in stack.config.settings.services
    stack.programs["nats"].configure()
    return (stack.config.layout.config / "nats.conf").read_text()


def test_a_stack_has_the_global_account_alone(tmp_path: Path) -> None:
    configuration = configured(tmp_path, "")
    assert 'authorization { user: "darkroom", ' in configuration
    assert "accounts" not in configuration


def test_more_have_a_jetstream_each(tmp_path: Path) -> None:
    configuration = configured(tmp_path, "DARKROOM_NATS_ACCOUNTS=2\n")
    assert [line.split()[0] for line in configuration.splitlines() if "jetstream: enabled" in line] == [
        '"darkroom"',
        '"scratch-1"',
        '"scratch-2"',
    ]


def test_a_number_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="DARKROOM_NATS_ACCOUNTS is 'many'; it must be a whole number, 0 or more"):
        configured(tmp_path, "DARKROOM_NATS_ACCOUNTS=many\n")
