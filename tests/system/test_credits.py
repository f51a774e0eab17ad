"""Credits through the public port: an account that needs a balance, in an installation whose others do not."""

from __future__ import annotations

import asyncio
import json
import os
import sys

import pytest

from darkroom import ApiError, AsyncClient
from darkroom.operations.v1 import operation_pb2, remove_background_pb2
from darkroom.tasks.v1 import balance_pb2
from tests.stacks import Account, StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio

CUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())


async def test_without_credit_402_and_with_it_a_result(stack: StackUnderTest, account: Account, pilio: Pilio, native: AsyncClient) -> None:
    await asyncio.to_thread(stack.admin, "tasks", "set-terms", "--account", account.id, "--credits", "enforced")
    file_id = await pilio.upload("disc.png", encoded(disc(), "PNG"))
    refused = await pilio.post("/v1/images/remove-background", {"image_file_id": file_id})
    assert refused.status_code == 402
    body = refused.json()
    assert (body["code"], body["data"]["error_code"]) == (40200, "insufficient_credits")
    assert "10 are missing" in body["message"]
    with pytest.raises(ApiError) as native_refusal:
        await native.create_task([int(file_id)], [CUT])
    assert native_refusal.value.reason == "INSUFFICIENT_CREDITS"

    granted = await asyncio.to_thread(stack.admin, "tasks", "grant", "--account", account.id, "--credits", "12.5", "--note", "welcome")
    assert json.loads(granted)["available"] == "12.5"
    task_id = await pilio.start("/v1/images/remove-background", {"image_file_id": file_id})
    assert (await native.wait(int(task_id))).price.charged_millicredits == 10_000
    balance = await native.balance()
    assert (balance.available_millicredits, balance.reserved_millicredits, balance.unlimited) == (2_500, 0, False)
    kinds = [entry.kind for entry in await native.list_ledger()]
    assert kinds == [balance_pb2.LEDGER_KIND_SETTLE, balance_pb2.LEDGER_KIND_RESERVE, balance_pb2.LEDGER_KIND_GRANT]


async def _account_command(stack: StackUnderTest, account: Account, *arguments: str) -> str:
    environment = {**os.environ, "DARKROOM_URL": stack.url, "DARKROOM_API_KEY": account.api_key, "COLUMNS": "120"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "darkroom.cli.app", "account", *arguments, env=environment, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


@pytest.mark.thorough
async def test_the_command_shows_what_an_account_has(stack: StackUnderTest, account: Account, pilio: Pilio, native: AsyncClient) -> None:
    assert "unlimited" in await _account_command(stack, account)
    task_id = await pilio.start("/v1/images/remove-background", {"image_file_id": await pilio.upload("disc.png", encoded(disc(), "PNG"))})
    await native.wait(int(task_id))
    lines = (await _account_command(stack, account)).splitlines()
    assert [line.split()[2] for line in lines if "usage only" in line] == ["settle", "reserve"]
    assert all(task_id in line and "10" in line for line in lines if "usage only" in line)
    shown = json.loads(await _account_command(stack, account, "--json", "--limit", "1"))
    assert shown["account"]["id"] == account.id
    assert shown["balance"]["unlimited"] is True
    assert [entry["kind"] for entry in shown["entries"]] == ["LEDGER_KIND_SETTLE"]
