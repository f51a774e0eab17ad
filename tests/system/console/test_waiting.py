"""What waits for a worker that is not there says so, and stops saying it once that is there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Locator, Route, expect

from tests.stacks import Account, StackUnderTest
from tests.system.console.console import Console
from tests.system.holding import held
from tests.system.pilio import Pilio

AWAY = re.compile(r"^Waiting for gpu-box, which is away: last seen 3 hr\.? ago\.$")
NOBODY = "Waiting for a worker: no connected worker can run this task."


class Missing:
    """What the server's replies say of a worker; the workers of this system serve every lane and do not leave."""

    def __init__(self) -> None:
        self.waiting_for: dict[str, str] | None = None

    async def __call__(self, route: Route) -> None:
        reply = await route.fetch()
        body = await reply.json()
        if self.waiting_for is not None:
            body["data"]["waiting_for"] = self.waiting_for
        await route.fulfill(response=reply, json=body)


def away() -> dict[str, str]:
    seen = datetime.now(UTC) - timedelta(hours=3, minutes=5)
    return {"reason": "worker_away", "worker": "gpu-box", "last_seen_at": seen.isoformat()}


def told(console: Console) -> Locator:
    return console.page.get_by_role("status").filter(has_text="Waiting for")


@pytest.fixture
async def missing(console: Console) -> Missing:
    replies = Missing()
    await console.page.route(re.compile(r"/v1/tasks/\d+(/status)?$"), replies)
    return replies


@pytest.mark.thorough
async def test_a_task_says_whom_it_waits_for(
    console: Console, pilio: Pilio, stack: StackUnderTest, account: Account, missing: Missing
) -> None:
    async with held(stack, account):
        task = (await pilio.post("/v1/tasks", {"operations": [{"noop": {"steps": 0}}]})).json()["data"]["task_id"]
        missing.waiting_for = away()
        await console.open(f"/tasks/{task}")
        await expect(told(console)).to_have_text(AWAY)
        # No event tells that machines come and go.
        missing.waiting_for = {"reason": "no_worker"}
        await expect(told(console)).to_have_text(NOBODY)
        missing.waiting_for = None
        await expect(told(console)).to_have_count(0)


@pytest.mark.thorough
async def test_a_run_says_whom_it_waits_for_until_it_goes_on(
    console: Console, photo: Callable[[str], Path], stack: StackUnderTest, account: Account, missing: Missing
) -> None:
    missing.waiting_for = away()
    async with held(stack, account):
        await console.open()
        await console.choose(photo("1.png"), photo("2.png"))
        await console.pick("Rotate and mirror")
        await console.run()
        await expect(told(console)).to_have_text(AWAY)
    await console.finished(2)
    await expect(told(console)).to_have_count(0)
