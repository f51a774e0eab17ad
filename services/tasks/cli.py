"""Administration from the command line: credits, account policies, workers, webhook secrets. Results are JSON on standard output."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from services.platform import administration, audit_command, config
from services.platform.clock import system_clock
from services.platform.database import Database, open_database
from services.platform.errors import DarkroomError, ErrorReason
from services.tasks import policy_command
from services.tasks.config import AdministrationSettings
from services.tasks.domain.credits.amounts import MILLI, credits_text
from services.tasks.domain.credits.ledger import Ledger
from services.tasks.domain.webhooks.config import WebhookKeySettings
from services.tasks.domain.webhooks.signing import new_secret
from services.tasks.model import LedgerEntry
from services.tasks.model.records import Balance
from services.tasks.store.away_workers import AwayWorkerStore
from services.tasks.store.ledger import LedgerStore
from services.tasks.store.policies import PolicyStore
from services.tasks.store.secret_cipher import SecretCipher, SecretUnreadable
from services.tasks.store.secret_sealing import SecretSealing

_MOST_CREDITS = 1_000_000_000
_LARGEST_MULTIPLIER = 100
_BY_SETTING = "default"


def main(arguments: Sequence[str]) -> int:
    """Run one command; see `administration.run`."""
    return administration.run("tasks", _parser(), AdministrationSettings, _run, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.tasks", description="Without a command: serve.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="migrate the database to the newest version")
    grant = commands.add_parser("grant", help="add credits to an account's balance")
    grant.add_argument("--account", type=administration.identifier, required=True, help="the account's id")
    grant.add_argument("--credits", type=_credits, required=True, help="amount, with up to three decimals")
    grant.add_argument("--note", default="", help="a remark that the account's owner sees")
    grant.add_argument("--reference", help="a name for this grant, unique within the account: repeating it adds nothing")
    refund = commands.add_parser("refund", help="refund the price of a task; repeating it refunds nothing more")
    refund.add_argument("--task", type=administration.identifier, required=True, help="the task's id")
    refund.add_argument("--note", default="", help="a remark that the account's owner sees")
    balance = commands.add_parser("balance", help="show an account's balance and terms")
    balance.add_argument("--account", type=administration.identifier, required=True, help="the account's id")
    terms = commands.add_parser("set-terms", help="set the prices of an account's future tasks; by default, those of the settings")
    terms.add_argument("--account", type=administration.identifier, required=True, help="the account's id")
    terms.add_argument("--credits", choices=("unlimited", "enforced", _BY_SETTING), default=_BY_SETTING, help="whether a balance is needed")
    terms.add_argument("--multiplier", type=_multiplier, help="the factor for list prices, such as 0.8")
    forget = commands.add_parser("forget-worker", help="no longer expect a machine that is away; tasks that only it could run are refused")
    forget.add_argument("name", help="the machine's name, as GET /v1/system shows it")
    policy_command.add(commands)
    _add_secrets(commands)
    audit_command.add(commands)
    return parser


async def _run(options: argparse.Namespace, settings: AdministrationSettings) -> object:
    async with open_database(settings.database, settings.database_pool) as database:
        ledger = Ledger(LedgerStore(database), settings.credit_terms, system_clock)
        match options.command:
            case "grant" | "refund":
                entry = await _entry(options, ledger)
                return _changed(entry, await ledger.balance(entry.account_id))
            case "set-terms":
                unlimited = None if options.credits == _BY_SETTING else options.credits == "unlimited"
                balance = await ledger.set_terms(options.account, unlimited=unlimited, multiplier_permille=options.multiplier)
            case "audit":
                return await audit_command.run(options, database)
            case "forget-worker":
                return {"forgotten": list(await AwayWorkerStore(database).forget(options.name))}
            case "policy":
                return await policy_command.run(options, PolicyStore(database))
            case "webhook-secrets":
                return await _change_secrets(options, database)
            case _:
                balance = await ledger.balance(options.account)
        return _balance(options.account, balance)


async def _entry(options: argparse.Namespace, ledger: Ledger) -> LedgerEntry:
    if options.command == "refund":
        return await ledger.refund(options.task, note=options.note)
    return await ledger.grant(options.account, amount_millicredits=options.credits, note=options.note, reference=options.reference)


def _changed(entry: LedgerEntry, balance: Balance) -> dict[str, object]:
    return {
        "id": str(entry.id),
        "kind": entry.kind.value,
        "task_id": str(entry.task_id) if entry.task_id is not None else None,
        "credits": credits_text(entry.amount_millicredits),
        "time": entry.time.isoformat(),
        "note": entry.note,
        "reference": entry.reference,
        **_balance(entry.account_id, balance),
    }


def _balance(account_id: int, balance: Balance) -> dict[str, object]:
    return {
        "account_id": str(account_id),
        "available": credits_text(balance.available_millicredits),
        "reserved": credits_text(balance.reserved_millicredits),
        "unlimited": balance.terms.unlimited,
        "multiplier": credits_text(balance.terms.multiplier_permille),
    }


def _credits(text: str) -> int:
    return _thousandths(text, least=1, most=_MOST_CREDITS * MILLI)


def _multiplier(text: str) -> int:
    return _thousandths(text, least=0, most=_LARGEST_MULTIPLIER * MILLI)


def _thousandths(text: str, *, least: int, most: int) -> int:
    allowed = f"must be a number from {credits_text(least)} to {credits_text(most)} with at most three decimals"
    try:
        number = Decimal(text) * MILLI
    except InvalidOperation:
        raise argparse.ArgumentTypeError(allowed) from None
    if not number.is_finite() or number != number.to_integral_value() or not least <= number <= most:
        raise argparse.ArgumentTypeError(allowed)
    return int(number)


def _add_secrets(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("webhook-secrets", help="change how webhook secrets are stored")
    change = command.add_mutually_exclusive_group(required=True)
    change.add_argument("--decrypt", action="store_true", help="in plain text, for a version that does not encrypt them")
    change.add_argument("--replace-lost", action="store_true", help="replace those whose key is lost; owners get the new ones by rotating")


async def _change_secrets(options: argparse.Namespace, database: Database) -> dict[str, int]:
    """Make the change; returns for how many webhooks, to be shown."""
    keys = config.load(WebhookKeySettings)
    sealing = SecretSealing(database, SecretCipher.from_file(keys.webhook_secrets_key_file))
    if options.replace_lost:
        return {"replaced": await sealing.replace_lost(new_secret)}
    try:
        return {"decrypted": await sealing.unseal()}
    except SecretUnreadable as error:
        raise DarkroomError(ErrorReason.INTERNAL, f"{error}.") from None
