"""`python -m services.accounts usage`: what an account has used of its limits, put together from the running services."""

from __future__ import annotations

import argparse

from google.protobuf.json_format import MessageToDict

from services.accounts.config import AdministrationSettings
from services.accounts.domain.account_usage import UsageReport
from services.accounts.store.accounts import AccountStore
from services.accounts.store.buckets import BucketStore
from services.accounts.surfaces.native.usage import usage_message
from services.platform import administration
from services.platform.account_usage import RemoteUsage
from services.platform.database import Database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import IDENTITY_ISSUER, Signer
from services.platform.rpc.channel import Caller, channel


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its options."""
    usage = commands.add_parser("usage", help="show how much of its limits an account has used; the other services must be running")
    usage.add_argument("--account", type=administration.identifier, required=True, help="the account's id")


async def run(options: argparse.Namespace, database: Database, settings: AdministrationSettings) -> dict[str, object]:
    """The account's usage, as `GetUsage` returns it, without the limit of a key. Raises UNAVAILABLE."""
    files, tasks, key = settings.files_address, settings.tasks_address, settings.signing_key_file
    if files is None or tasks is None or key is None:
        wanted = "DARKROOM_FILES_ADDRESS, DARKROOM_TASKS_ADDRESS and DARKROOM_SIGNING_KEY_FILE"
        raise DarkroomError(ErrorReason.UNAVAILABLE, f"usage asks the other services: set {wanted} as for the accounts service.")
    caller, store = Caller(Signer(IDENTITY_ISSUER, key)), AccountStore(database)
    async with channel(files, "files", settings.tls) as to_files, channel(tasks, "tasks", settings.tls) as to_tasks:
        parts = [RemoteUsage(to_files, caller).read, RemoteUsage(to_tasks, caller).read]
        report = UsageReport(store, BucketStore(database).left, settings.rate_rules, parts, max_keys=settings.max_keys)
        usage = usage_message(await report.of(options.account))
    found = MessageToDict(usage, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return {"account_id": str(options.account), **found}
