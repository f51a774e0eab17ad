"""Names of groups of commands."""

from __future__ import annotations

from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from darkroom.cli.app import app


@pytest.mark.cases(2)
@pytest.mark.parametrize(
    ("plural", "name"),
    [(f"{name}s", name) for name in ("task", "file", "pipeline", "webhook", "user", "role", "team", "user-key", "setting", "key")]
    + [("batches", "batch"), ("libraries", "library")],
)
def test_a_group_answers_to_its_plural(plural: str, name: str) -> None:
    one, many = (CliRunner().invoke(app, [given, "--help"]) for given in (name, plural))
    assert (one.exit_code, many.exit_code) == (0, 0)
    assert many.output.splitlines()[3:] == one.output.splitlines()[3:]
    root: Any = typer.main.get_command(app)
    assert name in root.commands
    assert plural not in root.commands


def test_other_names_are_unknown() -> None:
    for name in ("librarys", "batchs", "accounts", "resumes", "pipeliness"):
        assert CliRunner().invoke(app, [name]).exit_code == 2
