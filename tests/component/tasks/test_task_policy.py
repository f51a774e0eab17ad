"""`python -m services.tasks policy`, on a real database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.tasks import cli
from tests.component.tasks.scene import Scene

ACCOUNT = 7_001
Run = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def run(clean_engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process; returns its status, and what it printed to both outputs."""
    monkeypatch.setenv("DARKROOM_DATABASE_URL", clean_engine.url.render_as_string(hide_password=False))

    async def command(*arguments: str) -> tuple[int, str, str]:
        try:
            status = await asyncio.to_thread(cli.main, ["policy", *arguments])
        except SystemExit as exit:
            status = int(exit.code or 0)
        return status, *capsys.readouterr()

    return command


async def policy(run: Run, *arguments: str) -> dict[str, Any]:
    status, out, err = await run("--account", str(ACCOUNT), *arguments)
    assert status == 0, err
    shown: dict[str, Any] = json.loads(out)
    return shown


async def test_what_is_not_named_stays(run: Run, scene: Scene) -> None:
    await scene.running()
    unset = {"max_open": None, "max_running": None, "max_webhooks": None}
    defaults = {"account_id": str(ACCOUNT), "weight": 1, "class": 0, **unset, "open": 1, "running": 1}
    assert await policy(run) == defaults
    changed = {**defaults, "weight": 2.5, "class": -1, "max_open": 3, "max_running": 0, "max_webhooks": 7}
    assert await policy(run, "--weight", "2.5", "--class", "-1", "--max-open", "3", "--max-running", "0", "--max-webhooks", "7") == changed
    for _ in range(2):
        await scene.create(max_open=100)
    with pytest.raises(AssertionError):
        await scene.create(max_open=100)
    assert await policy(run, "--max-open", "default") == {**changed, "max_open": None, "open": 3}
    await scene.create(max_open=100)


async def test_an_account_can_be_set_up_before_its_first_task(run: Run, scene: Scene) -> None:
    await policy(run, "--class", "3")
    first = await scene.create(account_id=ACCOUNT + 1)
    second = await scene.create(account_id=ACCOUNT)
    assert [task.id for task in await scene.take()] == [second.id, first.id]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--weight", "0"], "--weight: 0 is not between 0.001 and 1000"),
        (["--weight", "nan"], "--weight: nan is not between"),
        (["--weight", "much"], "--weight: must be a number, not 'much'"),
        (["--class", "high"], "--class: must be a whole number, not 'high'"),
        (["--max-open", "-1"], "--max-open: -1 is not between 0 and 2147483647"),
        (["--max-running", "many"], "--max-running: must be a whole number, not 'many'"),
    ],
)
async def test_wrong_values_are_refused_with_what_is_allowed(run: Run, arguments: list[str], said: str) -> None:
    status, out, err = await run("--account", "1", *arguments)
    assert (status, out) == (2, "")
    assert said in err
