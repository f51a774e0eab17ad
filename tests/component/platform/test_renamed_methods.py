"""The methods of the JSON API have been renamed; idempotency keys that were stored under the old names still find what they made."""

from __future__ import annotations

import asyncio

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from services.platform.database import engine
from services.platform.migrations import migrate

STORED = """
INSERT INTO idempotency (account_id, method, key, digest, resource_ids, expire_time{more})
SELECT 1, method, 'key', '', '{{}}', now(){values} FROM unnest(CAST(:methods AS text[])) AS stored (method)
"""


@pytest.mark.parametrize(("service", "before"), [("accounts", "0003"), ("files", "0012"), ("tasks", "0013")])
async def test_stored_keys_go_by_the_new_names(database: str, service: str, before: str) -> None:
    config = Config()
    config.set_main_option("script_location", f"services.{service}:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["where"] = database
    await asyncio.to_thread(command.upgrade, config, before)
    # A repeated call for a new key gets the same secret, for which accounts stores a part.
    stored = STORED.format(more=", nonce", values=", ''") if service == "accounts" else STORED.format(more="", values="")
    methods = ["/compat.pilio.v1.ThingsService/Make", "/darkroom.things.v1.ThingsService/Make"]
    async with engine(database, 1) as made:
        async with made.begin() as connection:
            await connection.execute(text(stored), {"methods": methods})
        await asyncio.to_thread(migrate, service, database)
        async with made.begin() as connection:
            renamed = (await connection.execute(text("SELECT method FROM idempotency ORDER BY method"))).scalars().all()
    assert renamed == ["/darkroom.rest.v1.ThingsService/Make", "/darkroom.things.v1.ThingsService/Make"]
