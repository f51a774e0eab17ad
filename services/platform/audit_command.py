"""The command `audit` of a service's administration."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import timedelta

from services.platform import administration
from services.platform.audit.actions import ACTIONS
from services.platform.audit.log import AuditEntry, AuditLog, AuditQuery
from services.platform.clock import system_clock
from services.platform.database import Database

_DEFAULT, _MOST = 100, 10_000


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its options."""
    audit = commands.add_parser("audit", help="list the changes in an account that this service recorded, newest first")
    audit.add_argument("--account", type=administration.identifier, required=True, help="the account's id")
    audit.add_argument("--action", action="append", choices=sorted(ACTIONS), default=[], help="only this action; may be repeated")
    audit.add_argument("--resource", type=administration.identifier, help="only changes of the resource with this id")
    audit.add_argument("--key", type=administration.identifier, help="only changes by this API key")
    audit.add_argument("--limit", type=_limit, default=_DEFAULT, help=f"how many entries (default {_DEFAULT}, at most {_MOST})")


async def run(options: argparse.Namespace, database: Database) -> list[dict[str, object]]:
    """The entries, to be shown."""
    query = AuditQuery(account_id=options.account, actions=options.action, resource_id=options.resource, key_id=options.key)
    return [_shown(entry) for entry in await AuditLog(database, timedelta.max, system_clock).page(query, options.limit)]


def _shown(entry: AuditEntry) -> dict[str, object]:
    return {
        **asdict(entry),
        "id": str(entry.id),
        "time": entry.time.isoformat(),
        "resource_id": str(entry.resource_id),
        "actor": {**asdict(entry.actor), "key_id": str(entry.actor.key_id) if entry.actor.key_id is not None else None},
    }


def _limit(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= _MOST):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {_MOST}")
    return int(text)
