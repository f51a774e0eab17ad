"""Administration: how long files of an account are kept. Results are JSON on standard output."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import timedelta
from enum import Enum

from services.common import administration, database
from services.common.config import DatabaseSettings
from services.files.records import RetentionTerms
from services.files.store import RetentionStore

_BY_SETTING = "default"
_MOST_DAYS = 36_500


class _Keep(Enum):
    KEEP = "keep"


def main(arguments: Sequence[str]) -> int:
    """Run one command; see `administration.run`."""
    return administration.run("files", parser(), DatabaseSettings, retention, arguments)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    commands_of = argparse.ArgumentParser(prog="python -m services.files", description="Without a command: serve.")
    commands = commands_of.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="bring the database to the newest version")
    terms = commands.add_parser("retention", help="set how long an account's new files are kept; without options, show it")
    terms.add_argument("--account", type=administration.identifier, required=True, metavar="ID", help="the account's id")
    for name, what in (("--temporary-days", "uploads, from their first use"), ("--output-days", "outputs, from the end of their task")):
        told = f"days to keep {what}; '{_BY_SETTING}' for the service's setting"
        terms.add_argument(name, type=_days, default=_Keep.KEEP, metavar="DAYS", help=told)
    return commands_of


async def retention(options: argparse.Namespace, settings: DatabaseSettings) -> dict[str, str | float | None]:
    """Make the change, if there is one, and return the resulting terms."""
    async with database.opened(settings.database_url, settings.database_pool) as opened:
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
