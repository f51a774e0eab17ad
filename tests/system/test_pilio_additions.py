"""What Darkroom adds to Pilio's API, under the same prefix and by the same conventions, through the public port."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from services.platform.database import Database, engine
from services.tasks.domain.credits.ledger import Ledger
from services.tasks.model.records import CreditTerms
from services.tasks.store.ledger import LedgerStore
from tests.stacks import Account, StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.pilio import NANOID, Pilio

CUT, UPSCALE, CLEAN = "/v1/images/remove-background", "/v1/images/upscale", "/v1/pdfs/remove-watermark"
PART = 5 * 2**20


async def _data(pilio: Pilio, path: str) -> dict[str, Any]:
    response = await pilio.get(path)
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.json()["data"]
    return data


async def _all(pilio: Pilio, path: str, page_size: int) -> list[dict[str, Any]]:
    """Every item of a list, page by page."""
    items: list[dict[str, Any]] = []
    token = ""
    while True:
        page = await _data(pilio, f"{path}{'&' if '?' in path else '?'}page_size={page_size}" + (f"&page_token={token}" if token else ""))
        assert len(page["items"]) <= page_size
        items += page["items"]
        token = page.get("next_page_token", "")
        if not token:
            return items


async def test_tasks_are_listed_run_again_cancelled_and_deleted(pilio: Pilio, other_pilio: Pilio) -> None:
    file_id = await pilio.upload("a.png", encoded(disc(64, 64), "PNG"))
    done = await pilio.start(CUT, {"image_file_id": file_id})
    assert (await pilio.finish(done))["status"] == "Succeeded"
    key = {"headers": {**pilio.headers, "Idempotency-Key": "again"}}
    replies = [await pilio.http.post(f"{pilio.url}/v1/tasks/{done}/rerun", **key) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [200, 200]
    [again] = {reply.json()["data"]["task_id"] for reply in replies}
    assert again != done
    assert (await pilio.finish(again))["status"] == "Succeeded"

    listed = await _all(pilio, "/v1/tasks", 1)
    assert [task["task_id"] for task in listed] == [again, done]
    for task in listed:
        assert (task["status"], task["operations"], task["file_ids"], task["credits"]) == (
            "Succeeded",
            ["remove_background"],
            [file_id],
            10,
        )
    assert await _all(pilio, "/v1/tasks?status=Succeeded", 10) == listed
    for status in ("Pending", "Processing", "Failed"):
        assert await _all(pilio, f"/v1/tasks?status={status}", 10) == []
    assert await _all(other_pilio, "/v1/tasks", 10) == []

    refused = await pilio.post(f"/v1/tasks/{done}/cancel", {})
    assert (refused.status_code, refused.json()["code"]) == (409, 40902)
    [output] = (await pilio.result(done))["files"]
    deleted = await pilio.delete(f"/v1/tasks/{done}")
    assert deleted.json() == {"code": 200, "message": "success", "data": None}
    for response in (await pilio.get(f"/v1/tasks/{done}/status"), await pilio.delete(f"/v1/tasks/{done}")):
        assert (response.status_code, response.json()["code"]) == (404, 40402)
    assert (await pilio.get(f"/v1/files/{output['id']}")).json()["code"] == 40401
    foreign = [await other_pilio.post(f"/v1/tasks/{again}/{verb}", {}) for verb in ("cancel", "rerun")]
    assert [response.json()["code"] for response in (*foreign, await other_pilio.delete(f"/v1/tasks/{again}"))] == [40402] * 3

    assert (await pilio.delete(f"/v1/files/{file_id}")).status_code == 200
    gone = await pilio.post(f"/v1/tasks/{again}/rerun", {})
    assert (gone.status_code, gone.json()["code"], gone.json()["data"]["field"]) == (400, 40401, "id")


async def test_a_waiting_task_is_cancelled_and_costs_nothing(pilio: Pilio) -> None:
    created = await pilio.post("/v1/batches", {"items": [{}], "operations": [{"noop": {"steps": 500, "step_milliseconds": 200}}]})
    [task] = created.json()["data"]["tasks"]
    refused = await pilio.delete(f"/v1/tasks/{task['task_id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, 40904)
    cancelled = (await pilio.post(f"/v1/tasks/{task['task_id']}/cancel", {})).json()["data"]
    assert (cancelled["status"], cancelled["error_type"]) == ("Failed", "cancelled")
    [listed] = await _all(pilio, "/v1/tasks?status=Failed", 10)
    assert (listed["error_type"], listed["credits"]) == ("cancelled", 0)


async def test_files_are_listed_looked_up_downloaded_and_deleted(pilio: Pilio, other_pilio: Pilio, report: bytes) -> None:
    picture = await pilio.upload("a.png", encoded(disc(64, 48), "PNG"))
    document = await pilio.upload("report.pdf", report)
    waiting = (await pilio.create("b.jpeg", 10, "simple"))["id"]
    listed = await _all(pilio, "/v1/files", 2)
    assert [(file["id"], file["status"], file["type"]) for file in listed] == [
        (waiting, "Pending", "jpeg"),
        (document, "Pending", "pdf"),
        (picture, "Pending", "png"),
    ]
    for file_id, content, found in (
        (picture, encoded(disc(64, 48), "PNG"), {"width": 64, "height": 48, "media_type": "image/png"}),
        (document, report, {"pages": 3, "media_type": "application/pdf"}),
    ):
        signed = await _data(pilio, f"/v1/files/{file_id}/download-url")
        assert found.items() <= signed["file"].items()
        assert (signed["file"]["status"], signed["file"]["size"], signed["file"]["origin"]) == ("Ready", len(content), "upload")
        assert (await pilio.http.get(signed["download_url"])).content == content
        assert await _data(pilio, f"/v1/files/{file_id}") == signed["file"]
    refused = await pilio.get(f"/v1/files/{waiting}/download-url")
    assert (refused.status_code, refused.json()["code"]) == (400, 40003)

    assert (await pilio.delete(f"/v1/files/{picture}")).json() == {"code": 200, "message": "success", "data": None}
    for file_id, client in ((picture, pilio), (document, other_pilio), ("nonsense", pilio)):
        for response in (
            await client.get(f"/v1/files/{file_id}"),
            await client.get(f"/v1/files/{file_id}/download-url"),
            await client.delete(f"/v1/files/{file_id}"),
        ):
            assert (response.status_code, response.json()["code"]) == (404, 40401), response.text
    assert [file["id"] for file in await _all(pilio, "/v1/files", 10)] == [waiting, document]


async def test_an_upload_that_was_broken_off_goes_on_part_by_part(pilio: Pilio, other_pilio: Pilio) -> None:
    content = encoded(disc(64, 64), "PNG") + bytes(12 * 2**20)
    item = await pilio.create("large.png", len(content), "multipart")
    size, resume = int(item["part_size"]), f"/v1/files/{item['id']}/resume"
    pieces = {number: content[(number - 1) * size : number * size] for number in range(1, len(item["upload_urls"]) + 1)}
    assert (await pilio.post(resume, {})).json()["data"]["parts"] == []
    assert (await pilio.http.put(item["upload_urls"][1], content=pieces[2])).status_code == 200

    # All that the client remembers is the file's id.
    resumed = (await pilio.post(resume, {})).json()["data"]
    assert {name: resumed["item"][name] for name in ("id", "name", "size", "part_size", "upload_id")} == {
        name: item[name] for name in ("id", "name", "size", "part_size", "upload_id")
    }
    assert [(part["part_number"], part["size"]) for part in resumed["parts"]] == [(2, len(pieces[2]))]
    etags = {part["part_number"]: part["etag"] for part in resumed["parts"]}
    for number in pieces.keys() - etags.keys():
        etags[number] = (await pilio.http.put(resumed["item"]["upload_urls"][number - 1], content=pieces[number])).headers["etag"]
    parts = [{"part_number": number, "etag": etag} for number, etag in sorted(etags.items())]
    assert (await pilio.post(f"/v1/files/{item['id']}/complete", {"parts": parts})).status_code == 200
    assert (await _data(pilio, f"/v1/files/{item['id']}"))["status"] == "Ready"
    for verb in ("resume", "abort"):
        refused = await pilio.post(f"/v1/files/{item['id']}/{verb}", {})
        assert (refused.status_code, refused.json()["code"]) == (400, 1510), refused.text
        for client, file_id in ((other_pilio, item["id"]), (pilio, "1"), (pilio, "nonsense")):
            missing = await client.post(f"/v1/files/{file_id}/{verb}", {})
            assert (missing.status_code, missing.json()["code"]) == (404, 40401)


@pytest.mark.parametrize("path", ["tasks", "files", "batches", "ledger", "webhooks", "webhook-deliveries"])
async def test_a_list_without_items_is_there(pilio: Pilio, path: str) -> None:
    told = await _data(pilio, f"/v1/{path}")
    # From where /v1/events goes on.
    assert ("event_id" in told) == (path == "tasks")
    told.pop("event_id", None)
    assert told == {"items": []}


async def test_an_upload_is_given_up(pilio: Pilio) -> None:
    item = await pilio.create("large.png", 3 * PART, "multipart")
    assert (await pilio.http.put(item["upload_urls"][0], content=bytes(PART))).status_code == 200
    single = await pilio.create("small.png", 10, "simple")
    fresh = (await pilio.post(f"/v1/files/{single['id']}/resume", {})).json()["data"]["item"]
    assert (await pilio.http.put(fresh["upload_url"], content=bytes(10))).status_code == 200
    for file_id in (item["id"], single["id"]):
        assert (await pilio.post(f"/v1/files/{file_id}/abort", {})).json() == {"code": 200, "message": "success", "data": None}
        assert (await pilio.post(f"/v1/files/{file_id}/abort", {})).json()["code"] == 40401
    assert await _all(pilio, "/v1/files", 10) == []


@pytest.fixture
async def poor(stack: StackUnderTest, account: Account) -> Account:
    """The account of `pilio`, with 12 credits and a multiplier of a half, as `python -m services.tasks` gives them."""
    async with engine(stack.database_url("tasks"), pool=1) as database:
        ledger = Ledger(LedgerStore(Database(database)), CreditTerms(unlimited=True, multiplier_permille=1000), lambda: datetime.now(UTC))
        await ledger.grant(int(account.id), amount_millicredits=12_000, note="Welcome", reference=None)
        await ledger.set_terms(int(account.id), unlimited=False, multiplier_permille=500)
    return account


async def test_what_a_task_would_cost(pilio: Pilio, poor: Account, report: bytes) -> None:
    picture = await pilio.upload("a.png", encoded(disc(64, 64), "PNG"))
    document = await pilio.upload("report.pdf", report)

    async def estimate(**body: object) -> dict[str, Any]:
        response = await pilio.post("/v1/estimate", body)
        assert response.status_code == 200, response.text
        data: dict[str, Any] = response.json()["data"]
        return data

    both = [{"remove_background": {}}, {"upscale": {"factor": 4}}]
    assert await estimate(file_ids=[picture], operations=both) == {
        "credits": 8,
        "list_credits": 16,
        "multiplier": 0.5,
        "available": 12,
        "covered": True,
    }
    assert (await estimate(file_ids=[document], operations=[{"redraw_pdf": {}}]))["list_credits"] == 6
    assert (await estimate(file_count=300, operations=both[:1])) == {
        "credits": 1500,
        "list_credits": 3000,
        "multiplier": 0.5,
        "available": 12,
        "covered": False,
    }
    assert (await estimate(file_count=2, page_count=50, operations=[{"redraw_pdf": {}}]))["list_credits"] == 200
    # Two megapixels each, at the rate that the worker reports; four hundred take too long on a processor.
    planned = {"file_count": 2, "operations": [{"upscale": {"factor": 2}}], "width": 2000}
    # The tasks service reads the reports every few seconds.
    async with asyncio.timeout(20):
        while (await estimate(**planned, height=1000)).get("estimated_seconds", 0) < 5:
            await asyncio.sleep(0.2)
    for body, code, field in (
        ({**planned, "height": 200_000}, 40007, "file_count"),
        ({"operations": both, "file_ids": [picture, document]}, 40005, "file_ids[1]"),
        ({"operations": both, "file_ids": [picture, "1"]}, 40401, "file_ids[1]"),
        ({"operations": both, "file_ids": [picture], "file_count": 1}, 40001, "file_count"),
        ({"operations": [*both[:1], {"redraw_pdf": {}}], "file_count": 1}, 40001, "operations[1]"),
        ({"operations": both}, 40001, "file_ids"),
        ({"operations": both, "file_count": 0}, 40001, "file_count"),
        ({"file_count": 1}, 40001, "operations"),
    ):
        refused = await pilio.post("/v1/estimate", body)
        assert (refused.status_code, refused.json()["code"], refused.json()["data"].get("field")) == (400, code, field), refused.text

    task_id = await pilio.start(CUT, {"image_file_id": picture})
    await pilio.finish(task_id)
    assert await _data(pilio, "/v1/balance") == {"available": 7, "reserved": 0, "unlimited": False, "multiplier": 0.5}
    ledger = await _all(pilio, "/v1/ledger", 2)
    assert [(entry["kind"], entry["credits"], entry.get("task_id")) for entry in ledger] == [
        ("settle", 5, task_id),
        ("reserve", 5, task_id),
        ("grant", 12, None),
    ]
    assert ledger[2]["note"] == "Welcome"


async def test_webhooks_as_json(pilio: Pilio, other_pilio: Pilio) -> None:
    """Against an address where nobody listens: what is sent stands in the log."""
    url = "http://127.0.0.1:9/hook"
    created = (await pilio.post("/v1/webhooks", {"url": url, "event_types": ["task.failed"]})).json()["data"]
    webhook_id, secret = created["webhook"]["id"], created["secret"]
    assert secret.startswith("whsec_")
    changed = await pilio.http.patch(f"{pilio.url}/v1/webhooks/{webhook_id}", json={"event_types": []}, headers=pilio.headers)
    assert changed.json()["data"]["event_types"] == []
    assert (await _data(pilio, "/v1/webhooks"))["items"] == [changed.json()["data"]]
    rotated = (await pilio.post(f"/v1/webhooks/{webhook_id}/rotate-secret", {})).json()["data"]
    assert rotated["secret"] != secret
    assert "previous_secret_expires_at" in rotated
    assert (await pilio.post(f"/v1/webhooks/{webhook_id}/enable", {})).json()["data"]["id"] == webhook_id
    default = (await _data(pilio, "/v1/webhook-secret"))["secret"]
    assert (await pilio.post("/v1/webhooks/default/rotate-secret", {})).json()["data"]["secret"] != default

    sent = (await pilio.post(f"/v1/webhooks/{webhook_id}/test", {})).json()["data"]
    assert (sent["status"], sent["event_type"], sent["url"]) == ("Pending", "webhook.test", url)
    replayed = await pilio.post(f"/v1/webhook-deliveries/{sent['id']}/replay", {})
    assert replayed.json()["data"]["id"] == sent["id"]
    file_id = await pilio.upload("a.png", encoded(disc(64, 64), "PNG"))
    task_id = await pilio.start(CUT, {"image_file_id": file_id, "webhook_url": url + "/own"})
    await pilio.finish(task_id)
    about = await _all(pilio, f"/v1/webhook-deliveries?task_id={task_id}", 1)
    assert sorted((delivery["event_type"], delivery["url"]) for delivery in about) == [
        ("task.succeeded", url),
        ("task.succeeded", url + "/own"),
    ]
    assert await _all(pilio, f"/v1/webhook-deliveries?webhook_id={webhook_id}&status=Delivered", 10) == []

    for body, field in (({"url": "ftp://example.com"}, "url"), ({"url": url, "event_types": ["task.new"]}, "event_types[0]"), ({}, "url")):
        refused = await pilio.post("/v1/webhooks", body)
        assert (refused.status_code, refused.json()["data"]["field"]) == (400, field), refused.text
    assert (await pilio.post(CUT, {"image_file_id": file_id, "webhook_url": "nonsense"})).json()["data"]["field"] == "webhook_url"
    for client, wrong in ((other_pilio, webhook_id), (pilio, "nonsense")):
        assert (await client.delete(f"/v1/webhooks/{wrong}")).json()["code"] == 40460
    assert (await pilio.delete(f"/v1/webhooks/{webhook_id}")).status_code == 200
    for delivery_id in ("1", "nonsense"):
        missing = await pilio.post(f"/v1/webhook-deliveries/{delivery_id}/replay", {})
        assert (missing.status_code, missing.json()["code"]) == (404, 40461)


async def test_keys_may_do_what_their_scopes_say(stack: StackUnderTest, pilio: Pilio) -> None:
    made = await pilio.post("/v1/keys", {"name": "reader", "scopes": ["tasks:read", "files:read"]})
    reader = Pilio(stack.url, made.json()["data"]["secret"])
    for path, status in (("/v1/tasks", 200), ("/v1/files", 200), ("/v1/balance", 403), ("/v1/ledger", 403), ("/v1/webhooks", 403)):
        assert (await reader.get(path)).status_code == status, path
    source = {"files": [{"nanoid": NANOID, "name": "a.png", "type": "png"}]}
    for path, body in (
        ("/v1/files/batch-create", source),
        ("/v1/files/1/resume", {}),
        ("/v1/files/1/abort", {}),
        ("/v1/tasks/1/cancel", {}),
        ("/v1/tasks/1/rerun", {}),
        ("/v1/estimate", {"operations": [{"upscale": {}}], "file_count": 1}),
        ("/v1/webhooks", {"url": "https://example.com"}),
    ):
        refused = await reader.post(path, body)
        assert (refused.status_code, refused.json()["code"]) == (403, 40300), path
    await reader.http.aclose()
