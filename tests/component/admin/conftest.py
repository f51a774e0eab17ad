"""`darkroom-admin` with the settings of a real stack's services."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pytest

from deploy.admin import check_command
from deploy.admin.checks.findings import Finding
from deploy.admin.checks.one_service import check_service
from deploy.admin.commands import main
from tests.stacks import StackUnderTest


@dataclass(frozen=True)
class Checked:
    """What a check has printed."""

    status: int
    findings: list[dict[str, Any]]
    output: str

    def problems(self) -> list[dict[str, Any]]:
        return [one for one in self.findings if one["level"] == "problem"]

    def only_problem(self, subject: str) -> str:
        """Its text and remedy."""
        found = self.problems()
        assert [one["subject"] for one in found] == [subject], found
        return f"{found[0]['text']} -> {found[0]['remedy']}"


Check = Callable[..., Checked]


@pytest.fixture
def run_check(capsys: pytest.CaptureFixture[str]) -> Check:
    """Runs `darkroom-admin … check --json`."""

    def run(*arguments: str) -> Checked:
        status = main([*arguments, "--json"])
        output = capsys.readouterr().out
        return Checked(status, [json.loads(line) for line in output.splitlines()], output)

    return run


@pytest.fixture
def check(stack: StackUnderTest, run_check: Check, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Checks one service with its settings in the stack, of which some are changed; None for those that are left out.

    In this process, unlike the command, which starts one for each service: starting it takes longer than most checks.
    """

    async def findings(service: str, environment: Mapping[str, str]) -> tuple[Sequence[Finding], dict[str, Any] | None]:
        outcome = await check_service(service)
        return outcome.findings, asdict(outcome.database) if outcome.database else None

    monkeypatch.setattr(check_command, "_of_service", findings)

    def run(service: str, changed: Mapping[str, str | None] | None = None) -> Checked:
        settings = {**stack.settings(service), **{f"DARKROOM_{name}": value for name, value in (changed or {}).items()}}
        for name, value in settings.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        return run_check("check", service)

    return run
