"""Administration: how long files of an account are kept, and how much it may store. Results are JSON on standard output."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from datetime import timedelta
from enum import Enum
from typing import Any

from services.files.records import OwnLimits, RetentionTerms
from services.files.store import RetentionStore, StorageStore, WatchStore
from services.files.watches import WatchId
from services.platform import administration, audit_command, database
from services.platform.clock import system_clock
from services.platform.config import DatabaseSettings

_BY_SETTING = "default"
_ERRORS = 10
"""The most errors that are listed for a watch."""
_MOST_DAYS = 36_500
_MOST = 10**15
# In the order of the fields of Storage.
_LIMITS = {
    "bytes": "maximum bytes stored",
    "files": "maximum number of files, including unfinished uploads and outputs",
    "uploads": "maximum number of uploads not yet used or completed",
    "uploads-in-parts": "maximum number of those that are sent in parts",
}


class _Keep(Enum):
    KEEP = "keep"


def main(arguments: Sequence[str]) -> int:
    """Run one command; see `administration.run`."""
    return administration.run("files", parser(), DatabaseSettings, _command, arguments)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    commands_of = argparse.ArgumentParser(prog="python -m services.files", description="Without a command: serve.")
    commands = commands_of.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="migrate the database to the newest version")
    terms = commands.add_parser("retention", help="set how long an account's new files are kept, or show it without options")
    terms.add_argument("--account", type=administration.identifier, required=True, metavar="ID", help="the account's id")
    for name, what in (("--temporary-days", "uploads, from their first use"), ("--output-days", "outputs, from the end of their task")):
        told = f"days to keep {what}; '{_BY_SETTING}' for the service's setting"
        terms.add_argument(name, type=_days, default=_Keep.KEEP, metavar="DAYS", help=told)
    quotas = commands.add_parser("quota", help="set an account's storage limits, or show them and the usage without options")
    quotas.add_argument("--account", type=administration.identifier, required=True, metavar="ID", help="the account's id")
    for option, what in _LIMITS.items():
        told = f"{what}; '{_BY_SETTING}' for the service's setting"
        quotas.add_argument(f"--{option}", type=_number, default=_Keep.KEEP, metavar="N", help=told)
    watched = commands.add_parser("watches", help="list the watches of storages: objects by state, and the last errors")
    watched.add_argument("--retry", type=_watch, metavar="STORAGE.WATCH", help="first make those objects of a watch due that have failed")
    audit_command.add(commands)
    return commands_of


async def _command(options: argparse.Namespace, settings: DatabaseSettings) -> object:
    if options.command == "audit":
        async with database.open_database(settings.database, settings.database_pool) as opened:
            return await audit_command.run(options, opened)
    return await {"quota": quota, "retention": retention, "watches": watches}[options.command](options, settings)


async def watches(options: argparse.Namespace, settings: DatabaseSettings) -> dict[str, object]:
    """Make failed objects due, if asked to, and return how the watches stand."""
    async with database.open_database(settings.database, settings.database_pool) as opened:
        store = WatchStore(opened)
        retried = {} if options.retry is None else {"retried": await store.retry(options.retry, system_clock())}
        return {**retried, "watches": [_standing(row) for row in await store.report(_ERRORS)]}


def _standing(row: Mapping[str, Any]) -> dict[str, object]:
    listed = row["listed_at"]
    return {
        "storage": row["storage"],
        "watch": row["name"],
        "listed_at": listed.isoformat() if listed is not None else None,
        "listing_error": row["error"],
        "objects": row["objects"],
        "errors": row["errors"],
    }


async def quota(options: argparse.Namespace, settings: DatabaseSettings) -> dict[str, object]:
    """Make the change, if there is one, and return what the account stores, with the limits that are set for it."""
    async with database.open_database(settings.database, settings.database_pool) as opened:
        store = StorageStore(opened)
        stored, own = await store.totals(options.account)
        asked = (options.bytes, options.files, options.uploads, options.uploads_in_parts)
        limits = OwnLimits(*(now if new is _Keep.KEEP else new for now, new in zip(astuple(own), asked, strict=True)))
        if limits != own:
            await store.set_limits(options.account, limits)
    names = [option.replace("-", "_") for option in _LIMITS]
    return {
        "account_id": str(options.account),
        "stored": dict(zip(names, astuple(stored), strict=True)),
        "limits": dict(zip(names, astuple(limits), strict=True)),
    }


async def retention(options: argparse.Namespace, settings: DatabaseSettings) -> dict[str, str | float | None]:
    """Make the change, if there is one, and return the resulting terms."""
    async with database.open_database(settings.database, settings.database_pool) as opened:
        store = RetentionStore(opened)
        terms = await store.terms(options.account)
        temporary = terms.temporary if options.temporary_days is _Keep.KEEP else options.temporary_days
        output = terms.output if options.output_days is _Keep.KEEP else options.output_days
        if RetentionTerms(temporary, output) != terms:
            await store.set_terms(options.account, RetentionTerms(temporary, output))
    return {"account_id": str(options.account), "temporary_days": _in_days(temporary), "output_days": _in_days(output)}


def _in_days(life: timedelta | None) -> float | None:
    return life / timedelta(days=1) if life is not None else None


def _days(text: str) -> timedelta | None:
    if text == _BY_SETTING:
        return None
    try:
        days = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number of days, not {text!r}") from None
    # Written so that NaN fails, too. At least an hour, because work on a file may take a while.
    if not 1 / 24 <= days <= _MOST_DAYS:
        raise argparse.ArgumentTypeError(f"must be from an hour (0.042) to {_MOST_DAYS} days")
    return timedelta(days=days)


def _watch(text: str) -> WatchId:
    storage, dot, name = text.partition(".")
    if not (storage and dot and name):
        raise argparse.ArgumentTypeError(f"must be STORAGE.WATCH, such as incoming.cut-outs, not {text!r}")
    return WatchId(storage, name)


def _number(text: str) -> int | None:
    if text == _BY_SETTING:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:16]) <= _MOST):
        raise argparse.ArgumentTypeError(f"must be a whole number up to {_MOST}, not {text!r}")
    return int(text)
