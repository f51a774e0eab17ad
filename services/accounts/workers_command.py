"""`python -m services.accounts create-worker-token`, `workers` and `revoke-worker`: workers that join from other machines."""

from __future__ import annotations

import argparse
import re
from datetime import timedelta

from services.accounts.config import AdministrationSettings
from services.accounts.domain.home import Home
from services.accounts.domain.worker_certificates import WorkerAuthority
from services.accounts.domain.workers import PURPOSE
from services.accounts.store.people import PeopleStore
from services.accounts.store.workers import WorkerStore
from services.accounts.workers import Worker
from services.platform import delegation
from services.platform.clock import system_clock
from services.platform.database import Database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import IDENTITY_ISSUER, Signer
from services.platform.joining import JoinToken, secret_of

_MINUTES, _LONGEST_MINUTES = 60, 7 * 1440
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
COMMANDS = ("create-worker-token", "workers", "revoke-worker")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands and their options."""
    token = commands.add_parser("create-worker-token", help="make a token that lets one machine join as a worker; it is shown only once")
    token.add_argument("--name", type=_name, help="the name that the worker must have (default: the machine chooses one)")
    token.add_argument(
        "--minutes", type=_minutes, default=_MINUTES, help=f"how long the token is valid, 1 to {_LONGEST_MINUTES} (default: %(default)s)"
    )
    commands.add_parser("workers", help="list the workers that have joined from other machines")
    revoke = commands.add_parser(
        "revoke-worker",
        help="revoke a worker; it is refused within seconds, and its membership is no longer renewed",
    )
    revoke.add_argument("name", metavar="NAME", help="the worker's name")


async def run(options: argparse.Namespace, database: Database, settings: AdministrationSettings) -> object:
    """The token, the workers, or the one that has been revoked, to be shown. Raises OPERATION_UNAVAILABLE, ACCOUNT_NOT_FOUND and
    FIELD_INVALID."""
    store = WorkerStore(database)
    match options.command:
        case "create-worker-token":
            return await _invite(options, store, Home(PeopleStore(database), settings.people_account_id), settings)
        case "workers":
            return [_shown(worker) for worker in await store.workers()]
        case _:
            revoked = await store.revoke(options.name)
            if revoked is None:
                raise DarkroomError(ErrorReason.FIELD_INVALID, f"There is no worker named {options.name}.")
            return _shown(revoked)


async def _invite(options: argparse.Namespace, store: WorkerStore, home: Home, settings: AdministrationSettings) -> object:
    authority_dir, signing_key_file = settings.worker_authority_dir, settings.signing_key_file
    if authority_dir is None or signing_key_file is None or not settings.worker_address or not settings.public_url:
        raise DarkroomError(
            ErrorReason.OPERATION_UNAVAILABLE,
            "This installation has no port for workers. With `make up`, put DARKROOM_WORKER_LISTEN=0.0.0.0:8444 into settings.env; "
            "otherwise set DARKROOM_WORKER_AUTHORITY_DIR, DARKROOM_WORKER_ADDRESS, DARKROOM_PUBLIC_URL and DARKROOM_SIGNING_KEY_FILE.",
        )
    account_id = await home.account_id()
    if account_id is None:
        raise DarkroomError(ErrorReason.ACCOUNT_NOT_FOUND, "There is no account yet: create one first.")
    expires_at = system_clock() + timedelta(minutes=options.minutes)
    token_id = await store.invite(account_id, options.name, expires_at)
    pepper = Signer(IDENTITY_ISSUER, signing_key_file).derived_secret(PURPOSE)
    token = JoinToken(
        url=settings.public_url.rstrip("/"),
        workers=settings.worker_address,
        authority=WorkerAuthority(authority_dir).fingerprint,
        id=token_id,
        secret=secret_of(pepper, token_id).hex(),
    )
    return {
        "id": str(token_id),
        "token": token.text(),
        "name": options.name,
        "url": token.url,
        "workers": token.workers,
        "expires_at": expires_at.isoformat(),
    }


def _shown(worker: Worker) -> dict[str, str | None]:
    now = system_clock()
    # It renews every few minutes while it runs.
    working = (now - worker.renewed_at).total_seconds() < delegation.SECONDS
    return {
        "name": worker.name,
        "state": "revoked" if worker.revoked_at is not None else "working" if working else "away",
        "version": worker.version,
        "joined_at": worker.joined_at.isoformat(),
        "renewed_at": worker.renewed_at.isoformat(),
        "certificate_expires_at": worker.certificate_expires_at.isoformat(),
        "revoked_at": worker.revoked_at.isoformat() if worker.revoked_at is not None else None,
    }


def _minutes(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= _LONGEST_MINUTES):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {_LONGEST_MINUTES}")
    return int(text)


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("must be 1 to 63 lower-case letters, digits and hyphens")
    return text
