"""Credits by the APIs of the running service, and by the operator's commands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from darkroom.internal.system.v1 import part_pb2
from darkroom.operations.v1 import operation_pb2, remove_background_pb2
from darkroom.rest.v1 import images_pb2
from darkroom.tasks.v1 import balance_pb2, balance_service_pb2, tasks_service_pb2
from services.platform.bus import Bus
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.worker_board import WorkerBoard
from services.tasks import cli
from services.tasks.domain.acceptance.requests import EstimateRequest, TaskRequest
from tests.component.tasks.accepting import accepting_beside
from tests.component.tasks.service import Replica, Service, error_of

ACCOUNT, OTHER = 7_001, 7_002
CUT_OUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
TWICE = operation_pb2.Operation(upscale={"factor": 2})
Admin = Callable[..., Any]


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    async with service.replica(credits="enforced") as running:
        yield running


@pytest.fixture
def photo(service: Service) -> int:
    return service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))


@pytest.fixture
def admin(clean_engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Admin:
    """Runs a command on the service's database; returns what it printed, or its complaint if it is to fail."""
    monkeypatch.setenv("DARKROOM_DATABASE_URL", clean_engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("DARKROOM_CREDITS", "enforced")

    async def run(*arguments: str, status: int = 0) -> Any:
        capsys.readouterr()
        assert await asyncio.to_thread(cli.main, arguments) == status
        printed = capsys.readouterr()
        # The service in this process writes its log between the results.
        return printed.err if status else json.loads(next(line for line in printed.out.splitlines() if line.startswith("{")))

    return run


async def balance_of(service: Service, replica: Replica, account_id: int = ACCOUNT) -> balance_pb2.Balance:
    request = balance_service_pb2.GetBalanceRequest()
    return (await replica.balance.GetBalance(request, metadata=service.caller(account_id))).balance


async def ledger_of(service: Service, replica: Replica, **request: Any) -> balance_service_pb2.ListLedgerResponse:
    return await replica.balance.ListLedger(balance_service_pb2.ListLedgerRequest(**request), metadata=service.caller(ACCOUNT))


async def test_from_a_grant_to_what_a_partial_delivery_costs(service: Service, replica: Replica, photo: int, admin: Admin) -> None:
    me, worker = service.caller(ACCOUNT), service.worker()
    granted = await admin("grant", "--account", str(ACCOUNT), "--credits", "45.5", "--note", "hello")
    assert (granted["kind"], granted["credits"], granted["available"], granted["unlimited"]) == ("GRANT", "45.5", "45.5", False)
    task = await replica.create(me, photo, photo, photo, operations=[CUT_OUT])
    assert (task.price.millicredits, task.price.multiplier_permille, task.price.reserved_millicredits) == (30_000, 1000, 30_000)
    held = await balance_of(service, replica)
    assert held == balance_pb2.Balance(available_millicredits=15_500, reserved_millicredits=30_000, multiplier_permille=1000)

    await replica.started(worker, task.id)
    for _ in range(3):
        assert await replica.complete(worker, task.id, output_file_ids=[91, 92])
    done = (await replica.get(me, task.id)).price
    assert (done.millicredits, done.reserved_millicredits, done.charged_millicredits, done.unlimited) == (30_000, 0, 20_000, False)
    assert (await balance_of(service, replica)).available_millicredits == 25_500

    entries = (await ledger_of(service, replica)).entries
    assert [(entry.kind, entry.amount_millicredits, entry.task_id, entry.note) for entry in entries] == [
        (balance_pb2.LEDGER_KIND_RELEASE, 10_000, task.id, ""),
        (balance_pb2.LEDGER_KIND_SETTLE, 20_000, task.id, ""),
        (balance_pb2.LEDGER_KIND_RESERVE, 30_000, task.id, ""),
        (balance_pb2.LEDGER_KIND_GRANT, 45_500, 0, "hello"),
    ]
    assert await balance_of(service, replica, OTHER) == balance_pb2.Balance(multiplier_permille=1000)

    refunded = await admin("refund", "--task", str(task.id))
    assert (refunded["credits"], refunded["available"], refunded["task_id"]) == ("20", "45.5", str(task.id))


async def test_insufficient_credits_is_an_error_of_its_own(service: Service, replica: Replica, photo: int, admin: Admin) -> None:
    await admin("grant", "--account", str(ACCOUNT), "--credits", "14.66")
    cut_out = images_pb2.RemoveBackgroundRequest(image_file_id=str(photo))
    assert (await replica.images.RemoveBackground(cut_out, metadata=service.caller(ACCOUNT))).code == 200
    pinned = dict(service.files.pins)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await replica.create(service.caller(ACCOUNT), photo, operations=[CUT_OUT])
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert error_of(refused.value) == (
        "INSUFFICIENT_CREDITS",
        None,
        "The task costs 10 credits, and the account has 4.66: 5.34 are missing.",
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await replica.images.RemoveBackground(cut_out, metadata=service.caller(ACCOUNT))
    trailers = dict(refused.value.trailing_metadata() or ())
    body = json.loads(str(trailers["x-error-body"]))
    assert (trailers["x-http-status"], body["code"], body["data"]["error_code"]) == ("402", 40200, "insufficient_credits")
    assert service.files.pins == pinned
    await replica.create(service.caller(ACCOUNT))


async def test_a_limit_of_open_tasks_is_told_from_missing_credit(service: Service, admin: Admin, photo: int) -> None:
    await admin("grant", "--account", str(ACCOUNT), "--credits", "20")
    async with service.replica(credits="enforced", max_open_tasks=1) as replica:
        first = await replica.create(service.caller(ACCOUNT), photo, operations=[CUT_OUT])
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await replica.create(service.caller(ACCOUNT), photo, operations=[CUT_OUT])
        assert error_of(refused.value)[0] == "TOO_MANY_TASKS"
        cancel = tasks_service_pb2.CancelTaskRequest(task_id=first.id)
        await replica.tasks.CancelTask(cancel, metadata=service.caller(ACCOUNT))
        assert (await balance_of(service, replica)).available_millicredits == 20_000
        await replica.create(service.caller(ACCOUNT), photo, operations=[CUT_OUT])


async def test_unlimited_credit_records_usage(service: Service, photo: int) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica(price_multiplier="0.5") as replica:
        task = await replica.create(me, photo, operations=[CUT_OUT])
        assert (task.price.millicredits, task.price.multiplier_permille, task.price.unlimited) == (5_000, 500, True)
        assert await balance_of(service, replica) == balance_pb2.Balance(unlimited=True, multiplier_permille=500)
        [entry] = (await ledger_of(service, replica)).entries
        assert (entry.kind, entry.amount_millicredits, entry.unlimited) == (balance_pb2.LEDGER_KIND_RESERVE, 5_000, True)


async def test_terms_of_one_account(service: Service, replica: Replica, photo: int, admin: Admin) -> None:
    terms = await admin("set-terms", "--account", str(ACCOUNT), "--credits", "unlimited", "--multiplier", "0.25")
    assert (terms["unlimited"], terms["multiplier"]) == (True, "0.25")
    task = await replica.create(service.caller(ACCOUNT), photo, operations=[CUT_OUT])
    assert (task.price.millicredits, task.price.unlimited) == (2_500, True)
    terms = await admin("set-terms", "--account", str(ACCOUNT))
    assert terms == await admin("balance", "--account", str(ACCOUNT))
    assert (terms["unlimited"], terms["multiplier"]) == (False, "1")
    with pytest.raises(grpc.aio.AioRpcError, match="10 are missing"):
        await replica.create(service.caller(ACCOUNT), photo, operations=[CUT_OUT])


async def test_a_long_operation_is_estimated_by_the_workers_rates_and_refused_beyond_the_limit(service: Service, bus: Bus) -> None:
    worker = part_pb2.Worker(name="steady", slots={"neural": 1}, seconds_per_megapixel={"upscale_2": 10})
    large = service.files.add(ACCOUNT, "large.jpg", "image/jpeg", size=(4000, 3000))
    await WorkerBoard(bus).tell(worker)
    for limit in (150, 100):
        async with accepting_beside(service, operation_seconds=limit) as parts:
            await parts.workforce.step()
            task = TaskRequest(account_id=ACCOUNT, operations=[TWICE], input_file_ids=[large], input_fields=["photo"])
            planned = EstimateRequest(
                account_id=ACCOUNT, operations=[TWICE], planned_count=2, planned_size=(1000, 1000), field="file_count"
            )
            assert (await parts.acceptance.estimate(planned)).seconds == 20
            if limit == 150:
                assert (await parts.acceptance.create(task)).estimated_seconds == 120
                continue
            pinned = dict(service.files.pins)
            with pytest.raises(DarkroomError, match="photo: 4000 × 3000 pixels would take about 2 min") as refused:
                await parts.acceptance.create(task)
            assert refused.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED
            assert service.files.pins == pinned
    await WorkerBoard(bus).leave("steady")


async def test_the_operators_prices(service: Service, photo: int, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[remove_background]\ncredits = 0.125\nper = "output"\n')
    async with service.replica(prices_file=own) as replica:
        task = await replica.create(service.caller(ACCOUNT), photo, photo, operations=[CUT_OUT])
    assert task.price.millicredits == 250


async def test_pages_of_the_ledger(service: Service, replica: Replica, admin: Admin) -> None:
    for amount in ("1", "2", "3"):
        await admin("grant", "--account", str(ACCOUNT), "--credits", amount)
    first = await ledger_of(service, replica, page_size=2)
    rest = await ledger_of(service, replica, page_size=2, page_token=first.next_page_token)
    assert [entry.amount_millicredits for page in (first, rest) for entry in page.entries] == [3_000, 2_000, 1_000]
    assert rest.next_page_token == ""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await replica.tasks.ListTasks(
            tasks_service_pb2.ListTasksRequest(page_token=first.next_page_token), metadata=service.caller(ACCOUNT)
        )
    assert error_of(refused.value)[:2] == ("FIELD_INVALID", "page_token")


async def test_a_reference_for_another_amount_is_refused(admin: Admin) -> None:
    first = await admin("grant", "--account", "5", "--credits", "1", "--reference", "r")
    assert await admin("grant", "--account", "5", "--credits", "1.000", "--reference", "r") == first
    assert "of 1 credits" in await admin("grant", "--account", "5", "--credits", "2", "--reference", "r", status=1)
    assert "has cost nothing" in await admin("refund", "--task", "123", status=1)


@pytest.mark.parametrize("amount", ["0", "-1", "1.0001", "nan", "inf", "1e20", "much"])
def test_amounts_that_are_none_are_wrong_usage(amount: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["grant", "--account", "5", f"--credits={amount}"])
    assert ended.value.code == 2
    assert "from 0.001 to 1000000000 with at most three decimals" in capsys.readouterr().err


async def test_an_estimate_is_the_price_of_a_creation_and_keeps_nothing(
    service: Service, replica: Replica, photo: int, admin: Admin
) -> None:
    me = service.caller(ACCOUNT)
    await admin("grant", "--account", str(ACCOUNT), "--credits", "5")
    await admin("set-terms", "--account", str(ACCOUNT), "--credits", "enforced", "--multiplier", "0.5")
    request = balance_service_pb2.EstimatePriceRequest(input_file_ids=[photo], operations=[CUT_OUT])
    estimate = await replica.balance.EstimatePrice(request, metadata=me)
    assert (estimate.price_millicredits, estimate.list_price_millicredits, estimate.covered) == (5_000, 10_000, True)
    assert (service.files.pins, service.files.pinning) == ({}, 0)
    assert (await replica.create(me, photo, operations=[CUT_OUT])).price.millicredits == 5_000
    estimate = await replica.balance.EstimatePrice(request, metadata=me)
    assert (estimate.balance.available_millicredits, estimate.covered) == (0, False)
    clip = service.files.add(ACCOUNT, "clip.webm", "video/webm", size=(640, 480), frames=51)
    moving = balance_service_pb2.EstimatePriceRequest(input_file_ids=[clip], operations=[CUT_OUT])
    assert (await replica.balance.EstimatePrice(moving, metadata=me)).price_millicredits == 15_000
    planned = balance_service_pb2.EstimatePriceRequest(file_count=3, operations=[CUT_OUT])
    assert (await replica.balance.EstimatePrice(planned, metadata=me)).price_millicredits == 15_000
    for wrong, field in (
        (balance_service_pb2.EstimatePriceRequest(operations=[CUT_OUT]), "input_file_ids"),
        (balance_service_pb2.EstimatePriceRequest(operations=[CUT_OUT], input_file_ids=[photo, 1]), "input_file_ids[1]"),
        (balance_service_pb2.EstimatePriceRequest(operations=[CUT_OUT], input_file_ids=[photo], file_count=1), "file_count"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await replica.balance.EstimatePrice(wrong, metadata=me)
        assert error_of(refused.value)[1] == field
