"""What the tasks service enters into the audit log, and that each entry commits with its change."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from darkroom.internal.tasks.v1 import stored_pb2
from services.platform.audit.actor import Actor, ActorKind
from services.platform.audit.log import AuditEntry, AuditLog, AuditQuery
from services.platform.database import Database
from services.platform.errors import ErrorReason
from services.platform.identity import Client, Identity
from services.tasks.model.pipeline import Viewer
from services.tasks.model.records import Keep, PolicyChange
from services.tasks.store.batches import BatchStore
from services.tasks.store.ledger import LedgerStore
from services.tasks.store.pipelines import PipelineStore
from services.tasks.store.policies import PolicyStore
from tests.component.tasks.batches import Batches
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.hooks import Hooks
from tests.component.tasks.receiver import Receiver
from tests.component.tasks.scene import ACCOUNT, Scene
from tests.harness.callers import calling
from tests.harness.refusing_log import Change, assert_none_without_an_entry

KEY = Actor(ActorKind.KEY, "ci", 7, "203.0.113.7", "curl/8")


@pytest.fixture(autouse=True)
def caller() -> Iterator[None]:
    with calling(Identity(ACCOUNT, 7, key_name="ci"), Client("203.0.113.7", "curl/8")):
        yield


class Trail:
    """The account's entries."""

    def __init__(self, engine: AsyncEngine, clock: MovableClock) -> None:
        self._log = AuditLog(Database(engine), timedelta(days=1), clock)

    async def new(self) -> list[AuditEntry]:
        return (await self._log.page(AuditQuery(account_id=ACCOUNT), 100))[::-1]

    async def actions(self) -> list[tuple[str, int]]:
        return [(entry.action, entry.resource_id) for entry in await self.new()]


@pytest.fixture
def trail(clean_engine: AsyncEngine, clock: MovableClock) -> Trail:
    return Trail(clean_engine, clock)


async def test_webhooks(trail: Trail, clean_engine: AsyncEngine, scene: Scene, clock: MovableClock) -> None:
    hooks = Hooks(clean_engine, scene, clock)
    webhook, secret = await hooks.webhooks.create(ACCOUNT, "https://127.0.0.1/in?token=hidden", ["task.failed"])
    await hooks.webhooks.set_events(ACCOUNT, webhook.id, [])
    await hooks.webhooks.enable(ACCOUNT, webhook.id)
    rotated, _ = await hooks.webhooks.rotate(ACCOUNT, webhook.id)
    await hooks.webhooks.delete(ACCOUNT, webhook.id)
    entries = await trail.new()
    assert [entry.action for entry in entries] == [
        f"webhook.{what}" for what in ("created", "changed", "enabled", "secret_rotated", "deleted")
    ]
    assert all((entry.resource_id, entry.actor) == (webhook.id, KEY) for entry in entries)
    told = {"host": "https://127.0.0.1", "events": "task.failed"}
    assert entries[0].details == {**told, "after": '{"events": "task.failed", "enabled": true}'}
    assert entries[1].details == {"host": "https://127.0.0.1", "before": '{"events": "task.failed"}', "after": "{}"}
    assert entries[4].details == {"host": "https://127.0.0.1", "before": '{"enabled": true}'}
    assert not any(hidden in str(entries) for hidden in (secret, rotated, "hidden"))


async def test_a_webhook_that_its_receiver_gives_up(trail: Trail, clean_engine: AsyncEngine, scene: Scene, clock: MovableClock) -> None:
    hooks = Hooks(clean_engine, scene, clock)
    async with Receiver(410) as receiver:
        webhook, _ = await hooks.add(receiver.url)
        await hooks.ended()
        await hooks.round()
    entries = [entry for entry in await trail.new() if entry.action == "webhook.disabled"]
    told = {"host": f"http://127.0.0.1:{receiver.port}", "why": "gone", "before": '{"enabled": true}', "after": '{"enabled": false}'}
    assert [(entry.resource_id, entry.details) for entry in entries] == [(webhook.id, told)]


async def test_pipelines_of_somebody_who_is_removed(trail: Trail, clean_engine: AsyncEngine, clock: MovableClock) -> None:
    store = PipelineStore(Database(clean_engine))
    made = []
    for owner, name in (("ann", "shop"), ("bob", "blog")):
        definition = stored_pb2.StoredPipeline(name=name).SerializeToString()
        one = await store.create(Viewer(ACCOUNT, owner, sees_all=False), uuid4(), definition, most=9, call=None, now=clock())
        assert one is not None
        made.append(one)
    for _ in range(2):
        await store.delete_of(ACCOUNT, "ann")
    assert await trail.actions() == [
        ("pipeline.created", made[0].number),
        ("pipeline.created", made[1].number),
        ("pipeline.deleted", made[0].number),
    ]
    deleted = (await trail.new())[-1]
    assert deleted.details["pipeline_id"] == str(made[0].id)
    assert '"name": "shop"' in deleted.details["before"]
    assert "after" not in deleted.details


async def test_tasks_and_batches(trail: Trail, clean_engine: AsyncEngine, scene: Scene, clock: MovableClock) -> None:
    task, batches = await scene.create(), BatchStore(Database(clean_engine))
    for _ in range(2):
        await scene.store.cancel(ACCOUNT, task.id, reason=ErrorReason.CANCELLED, message="", now=clock())
        await scene.store.delete(ACCOUNT + 1, task.id)
    for _ in range(2):
        await scene.store.delete(ACCOUNT, task.id)
    assert await trail.actions() == [("task.cancelled", task.id), ("task.deleted", task.id)]
    [first, *_] = await Batches(clean_engine, clock).create(3)
    assert first.batch_id is not None
    for _ in range(2):
        await batches.cancel(ACCOUNT, first.batch_id, reason=ErrorReason.CANCELLED, message="", now=clock())
        await batches.delete(ACCOUNT, first.batch_id)
    assert (await trail.actions())[2:] == [("batch.cancelled", first.batch_id), ("batch.deleted", first.batch_id)]


async def test_credits_terms_and_policies(trail: Trail, clean_engine: AsyncEngine, clock: MovableClock) -> None:
    ledger, policies = LedgerStore(Database(clean_engine)), PolicyStore(Database(clean_engine))
    for _ in range(2):
        await ledger.grant(ACCOUNT, amount_millicredits=12_500, note="", reference="march", now=clock())
    await ledger.set_terms(ACCOUNT, unlimited=False, multiplier_permille=800)
    await policies.change(ACCOUNT, PolicyChange(None, None, Keep.KEEP, Keep.KEEP))
    await policies.change(ACCOUNT, PolicyChange(2.0, None, 9, Keep.KEEP))
    granted, terms, policy = await trail.new()
    assert (granted.action, granted.details) == ("credits.granted", {"credits": "12.5", "reference": "march"})
    assert (terms.action, terms.resource_id, terms.details["multiplier"]) == ("account.terms_set", ACCOUNT, "0.8")
    assert (policy.action, policy.details["weight"], policy.details["max_open"]) == ("account.policy_set", "2", "9")


async def test_no_change_without_an_entry(trail: Trail, clean_engine: AsyncEngine, scene: Scene, clock: MovableClock) -> None:
    database, hooks = Database(clean_engine), Hooks(clean_engine, scene, clock)
    pipelines, ledger, policies, batches = PipelineStore(database), LedgerStore(database), PolicyStore(database), BatchStore(database)
    [webhook, _], [gone, _] = [await hooks.webhooks.create(ACCOUNT, "https://127.0.0.1/in", ["task.failed"]) for _ in range(2)]
    definition = stored_pb2.StoredPipeline(name="shop").SerializeToString()
    ann, bob = (Viewer(ACCOUNT, name, sees_all=False) for name in ("ann", "bob"))
    saved = await pipelines.create(ann, uuid4(), definition, most=9, call=None, now=clock())
    await pipelines.create(bob, uuid4(), definition, most=9, call=None, now=clock())
    task, other = await scene.create(), await scene.create()
    await scene.store.cancel(ACCOUNT, other.id, reason=ErrorReason.CANCELLED, message="", now=clock())
    running, ended = [(await Batches(clean_engine, clock).create(2))[0].batch_id for _ in range(2)]
    assert saved is not None and running is not None and ended is not None
    await batches.cancel(ACCOUNT, ended, reason=ErrorReason.CANCELLED, message="", now=clock())
    why = {"reason": ErrorReason.CANCELLED, "message": "", "now": clock()}
    new = stored_pb2.StoredPipeline(name="blog").SerializeToString()
    changes: dict[str, Change] = {
        "webhook.created": lambda: hooks.webhooks.create(ACCOUNT, "https://127.0.0.1/more", []),
        "webhook.changed": lambda: hooks.webhooks.set_events(ACCOUNT, webhook.id, []),
        "webhook.disabled": lambda: hooks.webhooks.disable(ACCOUNT, webhook.id),
        "webhook.enabled": lambda: hooks.webhooks.enable(ACCOUNT, webhook.id),
        "webhook.secret_rotated": lambda: hooks.webhooks.rotate(ACCOUNT, webhook.id),
        "webhook.secret_created": lambda: hooks.webhooks.default_secret(ACCOUNT),
        "webhook.deleted": lambda: hooks.webhooks.delete(ACCOUNT, gone.id),
        "pipeline.created": lambda: pipelines.create(ann, uuid4(), definition, most=9, call=None, now=clock()),
        "pipeline.updated": lambda: pipelines.update(ACCOUNT, saved.id, new),
        "pipeline.deleted": lambda: pipelines.delete(ACCOUNT, saved.id),
        "pipeline.deleted of somebody": lambda: pipelines.delete_of(ACCOUNT, "bob"),
        "task.cancelled": lambda: scene.store.cancel(ACCOUNT, task.id, **why),
        "task.deleted": lambda: scene.store.delete(ACCOUNT, other.id),
        "batch.cancelled": lambda: batches.cancel(ACCOUNT, running, **why),
        "batch.deleted": lambda: batches.delete(ACCOUNT, ended),
        "credits.granted": lambda: ledger.grant(ACCOUNT, amount_millicredits=12_500, note="", reference="march", now=clock()),
        "account.terms_set": lambda: ledger.set_terms(ACCOUNT, unlimited=False, multiplier_permille=800),
        "account.policy_set": lambda: policies.change(ACCOUNT, PolicyChange(2.0, None, 9, Keep.KEEP)),
    }

    async def actions() -> list[str]:
        return [action for action, _ in await trail.actions()]

    await assert_none_without_an_entry(database, changes, actions)


async def test_concurrent_cancels_enter_one(trail: Trail, scene: Scene, clock: MovableClock) -> None:
    task = await scene.create()
    await asyncio.gather(*(scene.store.cancel(ACCOUNT, task.id, reason=ErrorReason.CANCELLED, message="", now=clock()) for _ in range(5)))
    assert await trail.actions() == [("task.cancelled", task.id)]
