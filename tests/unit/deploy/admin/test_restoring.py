"""Restores that are refused before anything is read."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.admin.backup.places import Places
from deploy.admin.backup.restoring import restore
from deploy.local.errors import StackError
from edge.topology import DATABASES
from services.platform.database_address import DatabaseAddress


async def test_a_restore_through_a_pooler_is_refused() -> None:
    """Nobody could tell there whether a service is still connected."""
    nothing: Any = None
    url = "postgresql+asyncpg://darkroom:secret@pgbouncer:6432/"
    databases = {name: DatabaseAddress.parse(url + name, pooler="transaction" if name == "tasks" else "none") for name in DATABASES}
    with pytest.raises(StackError, match=r"^tasks: a pooler is in between.*DARKROOM_DATABASE_POOLER=none"):
        await restore(Places(databases, nothing), None, nothing)
