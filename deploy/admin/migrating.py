"""`python -m deploy.admin.migrating SERVICE SECONDS`: wait for the service's database, and migrate it."""

from __future__ import annotations

import asyncio
import sys
import time
import traceback

from deploy.admin.checks.connecting import Unreachable
from deploy.admin.checks.migration_state import MigrationState, state_of
from deploy.admin.checks.postgres_connection import connected_to_primary
from services.platform.config import DatabaseSettings, load
from services.platform.migrations import migrate

_PAUSE_SECONDS = 1.0


def main(service: str, seconds: float) -> int:
    """Migrate, and print what was done. Exit status: 0, 1 if the database cannot be reached or migrated, 2 for invalid settings."""
    settings = load(DatabaseSettings)
    try:
        before = asyncio.run(_reached(settings, service, seconds))
        migrate(service, settings.database)
        after = asyncio.run(_reached(settings, service, seconds))
    except Unreachable as error:
        print(f"{service}: {error.text} -> {error.remedy}")
        return 1
    except Exception as error:  # noqa: BLE001 - whatever a migration raises
        traceback.print_exc()
        print(f"{service}: its database cannot be migrated: {error}")
        return 1
    ran = len(before.pending) - len(after.pending)
    print(f"{service}: at {after.current}" + (f", {ran} migrations run" if ran else ", nothing to do"))
    return 0


async def _reached(settings: DatabaseSettings, service: str, seconds: float) -> MigrationState:
    """The state of the database, as soon as it can be reached."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            async with connected_to_primary(settings.database) as connection:
                return await state_of(connection, service)
        except Unreachable as error:
            if time.monotonic() + _PAUSE_SECONDS > deadline:
                raise
            print(f"{service}: waiting: {error.text}", file=sys.stderr, flush=True)
        await asyncio.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
