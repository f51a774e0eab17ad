"""Webhook secrets in the database: encrypted, and encrypted again when the key is replaced."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from darkroom.tasks.v1 import webhooks_service_pb2
from services.platform.database import Database
from services.tasks.domain.webhooks.signing import new_secret
from services.tasks.store.secret_cipher import SecretCipher, SecretUnreadable
from services.tasks.store.secret_sealing import SecretSealing
from services.tasks.store.webhooks import WebhookStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.hooks import CIPHER, Hooks
from tests.component.tasks.scene import ACCOUNT, Scene
from tests.component.tasks.service import Service

NEW = b"n" * 32
OLD = b"k" * 32
PLAIN = "whsec_cGxhaW4="


async def stored(engine: AsyncEngine) -> list[str]:
    """Every secret as it is in the database."""
    async with engine.connect() as connection:
        rows = (await connection.execute(text("SELECT secret, previous_secret FROM webhook_secret ORDER BY webhook_id"))).all()
    return [secret for row in rows for secret in row if secret is not None]


async def test_no_secret_can_be_read_in_the_database(clean_engine: AsyncEngine, scene: Scene, clock: MovableClock) -> None:
    hooks = Hooks(clean_engine, scene, clock)
    webhook, first = await hooks.webhooks.create(ACCOUNT, "https://127.0.0.1/in")
    second, _ = await hooks.webhooks.rotate(ACCOUNT, webhook.id)
    default = await hooks.webhooks.default_secret(ACCOUNT)
    assert await hooks.webhooks.default_secret(ACCOUNT) == default
    found = await stored(clean_engine)
    assert len(found) == 3
    assert all(secret.startswith(CIPHER.prefix) for secret in found)
    assert not any(plain.removeprefix("whsec_") in str(found) for plain in (first, second, default))


async def test_plain_secrets_and_those_of_an_older_key_are_encrypted_with_the_first(
    clean_engine: AsyncEngine, scene: Scene, clock: MovableClock
) -> None:
    hooks = Hooks(clean_engine, scene, clock)
    webhook, _ = await hooks.webhooks.create(ACCOUNT, "https://127.0.0.1/in")
    secret, _ = await hooks.webhooks.rotate(ACCOUNT, webhook.id)
    await plain_default(clean_engine)
    assert await hooks.webhooks.default_secret(ACCOUNT) == PLAIN
    database = Database(clean_engine)
    assert await SecretSealing(database, CIPHER).seal() == 1
    assert await hooks.webhooks.default_secret(ACCOUNT) == PLAIN
    replaced = SecretCipher([NEW, OLD])
    sealing = SecretSealing(database, replaced)
    assert (await sealing.seal(), await sealing.seal()) == (2, 0)
    found = await stored(clean_engine)
    assert len(found) == 3
    assert all(one.startswith(replaced.prefix) for one in found)
    assert await WebhookStore(database, SecretCipher([NEW])).secret(ACCOUNT, webhook.id) == (secret, await until(clean_engine))


async def test_a_missing_key_is_named_and_a_lost_secret_can_be_replaced(
    clean_engine: AsyncEngine, scene: Scene, clock: MovableClock
) -> None:
    hooks = Hooks(clean_engine, scene, clock)
    webhook, old = await hooks.webhooks.create(ACCOUNT, "https://127.0.0.1/in")
    sealing = SecretSealing(Database(clean_engine), SecretCipher([NEW]))
    with pytest.raises(SecretUnreadable) as raised:
        await sealing.seal()
    assert (raised.value.key_id, raised.value.key_known) == (CIPHER.prefix.split(".")[1], False)
    await plain_default(clean_engine)
    assert await sealing.replace_lost(new_secret) == 1
    assert await sealing.seal() == 1
    store = WebhookStore(Database(clean_engine), SecretCipher([NEW]))
    assert await store.default_secret(ACCOUNT, "", call=None, now=clock()) == PLAIN
    found = await store.secret(ACCOUNT, webhook.id)
    assert found is not None
    assert found[0] not in {old, PLAIN}


async def test_a_secret_moved_to_another_row_is_left_and_signs_nothing(
    clean_engine: AsyncEngine, scene: Scene, clock: MovableClock
) -> None:
    hooks = Hooks(clean_engine, scene, clock)
    one, _ = await hooks.webhooks.create(ACCOUNT, "https://127.0.0.1/one")
    other, _ = await hooks.webhooks.create(ACCOUNT, "https://127.0.0.1/other")
    async with clean_engine.begin() as connection:
        values = {"one": one.id, "other": other.id}
        await connection.execute(
            text(
                "UPDATE webhook_secret SET secret = (SELECT secret FROM webhook_secret WHERE webhook_id = :one) WHERE webhook_id = :other"
            ),
            values,
        )
    # A new first key, so that every row is looked at.
    assert await SecretSealing(Database(clean_engine), SecretCipher([NEW, OLD])).seal() == 1
    await hooks.webhooks.test(ACCOUNT, other.id)
    assert await hooks.store.claim(limit=10, lane_limit=10, busy={}, retry_at=clock(), now=clock()) == []


async def test_for_an_earlier_version_they_can_be_stored_in_plain_text(
    clean_engine: AsyncEngine, scene: Scene, clock: MovableClock
) -> None:
    hooks = Hooks(clean_engine, scene, clock)
    webhook, first = await hooks.webhooks.create(ACCOUNT, "https://127.0.0.1/in")
    second, _ = await hooks.webhooks.rotate(ACCOUNT, webhook.id)
    sealing = SecretSealing(Database(clean_engine), CIPHER)
    assert (await sealing.unseal(), await sealing.unseal()) == (1, 0)
    assert sorted(await stored(clean_engine)) == sorted([first, second])


async def test_the_service_encrypts_what_is_plain_before_it_serves(service: Service, clean_engine: AsyncEngine) -> None:
    await plain_default(clean_engine)
    async with service.replica() as replica:
        [found] = await stored(clean_engine)
        assert found.startswith(CIPHER.prefix)
        request = webhooks_service_pb2.GetDefaultWebhookSecretRequest()
        assert (await replica.webhooks.GetDefaultWebhookSecret(request, metadata=service.caller(ACCOUNT))).secret == PLAIN


async def test_the_service_does_not_start_without_a_key_and_says_what_to_do(
    service: Service, clean_engine: AsyncEngine, scene: Scene, clock: MovableClock, tmp_path: Path
) -> None:
    await Hooks(clean_engine, scene, clock).webhooks.create(ACCOUNT, "https://127.0.0.1/in")
    (tmp_path / "other").write_bytes(base64.b64encode(NEW))
    settings = service.settings("b", webhook_secrets_key_file=tmp_path / "other")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}
    environment |= {f"DARKROOM_{name.upper()}": str(value) for name, value in settings.items()}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "services.tasks", env=environment, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 1
    [line] = [line for line in output.decode().splitlines() if "webhook_secrets_unreadable" in line]
    assert CIPHER.prefix.split(".")[1] in line
    assert "DARKROOM_WEBHOOK_SECRETS_KEY_FILE" in line


async def plain_default(engine: AsyncEngine) -> None:
    """Give the account a default secret as an earlier version did."""
    async with engine.begin() as connection:
        insert = text("INSERT INTO webhook_secret (account_id, webhook_id, secret) VALUES (:account, 0, :secret)")
        await connection.execute(insert, {"account": ACCOUNT, "secret": PLAIN})


async def until(engine: AsyncEngine) -> datetime | None:
    """Until when a previous secret signs."""
    async with engine.connect() as connection:
        return await connection.scalar(text("SELECT max(previous_until) FROM webhook_secret"))
