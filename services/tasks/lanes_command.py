"""`python -m services.tasks former-lanes` and `forget-worker`: who tasks wait for."""

from __future__ import annotations

import argparse

from services.platform.database import Database
from services.tasks.domain.order.served_lanes import to_former_lanes
from services.tasks.store.away_workers import AwayWorkerStore
from services.tasks.store.lanes import LaneStore

FORMER_LANES, FORGET_WORKER = "former-lanes", "forget-worker"
NAMES = (FORMER_LANES, FORGET_WORKER)


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands and their options."""
    commands.add_parser(FORMER_LANES, help="have waiting tasks wait in lanes that the version before knows")
    forget = commands.add_parser(FORGET_WORKER, help="no longer expect a machine that is away; tasks that only it could run are refused")
    forget.add_argument("name", help="the machine's name, as GET /v1/system shows it")


async def run(options: argparse.Namespace, database: Database) -> object:
    """Carry one out and return what it has done, to be shown."""
    if options.command == FORGET_WORKER:
        return {"forgotten": list(await AwayWorkerStore(database).forget(options.name))}
    return await to_former_lanes(LaneStore(database))
