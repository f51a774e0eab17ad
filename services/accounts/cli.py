"""Administration: accounts and keys from the command line. Results are JSON on standard output."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import nats
import nats.errors

from darkroom.common.v1.scopes import SCOPES
from services.accounts import workers_command
from services.accounts.commands import add_limits, add_link, add_people, add_usage, run_limits, run_link, run_people, run_usage
from services.accounts.config import AdministrationSettings
from services.accounts.domain.accounts import Accounts
from services.accounts.networks import Network, network
from services.accounts.records import Account, ApiKey, KeyLimits
from services.accounts.store.accounts import AccountStore
from services.platform import administration, audit_command, database
from services.platform.revocations import announce_revoked

_ANNOUNCE_SECONDS = 5.0


def main(arguments: Sequence[str]) -> int:
    """Run one command; see `administration.run`."""
    return administration.run("accounts", _parser(), AdministrationSettings, _run, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.accounts", description="Without a command: serve.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="migrate the database to the newest version")
    create_account = commands.add_parser("create-account", help="create an account")
    create_account.add_argument("--name", required=True, help="display name, 1 to 100 characters")
    create_account.add_argument("--key", metavar="NAME", help="also create an API key with this name; it is shown only once")
    create_key = commands.add_parser("create-key", help="create an API key; it is shown only once")
    create_key.add_argument("--account", type=administration.identifier, required=True, help="the account's id")
    create_key.add_argument("--name", required=True, help="display name, 1 to 100 characters")
    create_key.add_argument(
        "--scope",
        action="append",
        choices=sorted(SCOPES),
        help="a scope of the key, such as tasks:write; may be repeated (default: all scopes)",
    )
    create_key.add_argument(
        "--from",
        dest="networks",
        action="append",
        type=_network,
        metavar="NETWORK",
        help="a network or address that may use the key, such as 203.0.113.0/24; may be repeated (default: any)",
    )
    create_key.add_argument("--expires-in-days", type=int, help="when the key expires (default: never)")
    revoke_key = commands.add_parser("revoke-key", help="revoke an API key and the keys that it created; they stop working within seconds")
    revoke_key.add_argument("--key", type=administration.identifier, required=True, help="the key's id")
    add_people(commands)
    add_link(commands)
    add_limits(commands)
    add_usage(commands)
    workers_command.add(commands)
    audit_command.add(commands)
    commands.add_parser("list", help="list accounts and their keys")
    return parser


async def _run(options: argparse.Namespace, settings: AdministrationSettings) -> object:
    async with database.open_database(settings.database, settings.database_pool) as opened:
        store = AccountStore(opened)
        revoked: list[int] = []
        accounts = Accounts(store, revoked.append)
        match options.command:
            case "create-account":
                account = await accounts.create_account(options.name)
                if options.key is None:
                    return _account(account)
                _, secret = await accounts.create_key(account.id, options.key)
                return {**_account(account), "key": secret}
            case "create-key":
                row, secret = await accounts.create_key(options.account, options.name, _limits(options))
                return {**_key(row), "key": secret}
            case "revoke-key":
                row, others = await accounts.revoke_key(options.key, account_id=None)
                await _announce(settings, revoked)
                return {**_key(row), "also_revoked": [_key(other) for other in others]}
            case "list":
                return [{**_account(row), "keys": [_key(key) for key in await store.keys(row.id)]} for row in await store.accounts()]
            case "limits":
                result: object = await run_limits(options, accounts, settings)
            case "users" | "reset-password":
                result = await run_people(options, opened, settings, revoked.append)
                await _announce(settings, revoked)
            case "create-sign-in-link":
                result = await run_link(options, opened, settings)
            case "usage":
                result = await run_usage(options, opened, settings)
            case name if name in workers_command.COMMANDS:
                result = await workers_command.run(options, opened, settings)
            case _:
                result = await audit_command.run(options, opened)
        return result


async def _announce(settings: AdministrationSettings, key_ids: list[int]) -> None:
    """Tell the services at once. If that fails, the accounts service does so a few seconds later, from the database."""
    if not key_ids:
        return
    try:
        async with asyncio.timeout(_ANNOUNCE_SECONDS):
            client = await nats.connect(**settings.nats.options("accounts"), name="accounts-cli", allow_reconnect=False)
            await announce_revoked(client, key_ids)
            await client.close()
    except (TimeoutError, OSError, nats.errors.Error) as error:
        print(f"revoked; not announced ({type(error).__name__}), so it takes effect within 5 seconds", file=sys.stderr)


def _limits(options: argparse.Namespace) -> KeyLimits:
    days: int | None = options.expires_in_days
    return KeyLimits(
        scopes=frozenset(options.scope) if options.scope else None,
        expires_at=datetime.now(UTC) + timedelta(days=days) if days is not None else None,
        networks=frozenset(options.networks) if options.networks else None,
    )


def _network(text: str) -> Network:
    try:
        return network(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _account(row: Account) -> dict[str, str]:
    return {"id": str(row.id), "name": row.name, "created_at": row.created_at.isoformat()}


def _key(row: ApiKey) -> dict[str, str | Sequence[str] | None]:
    return {
        "id": str(row.id),
        "account_id": str(row.account_id),
        "name": row.name,
        "prefix": row.prefix,
        "created_at": row.created_at.isoformat(),
        "revoked_at": _optional(row.revoked_at),
        "scopes": row.scopes,
        "expires_at": _optional(row.expires_at),
        "last_used_at": _optional(row.last_used_at),
        "created_by": str(row.creator_id) if row.creator_id else None,
        "replaces": str(row.replaces_id) if row.replaces_id else None,
        "allowed_networks": row.allowed_networks,
    }


def _optional(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
