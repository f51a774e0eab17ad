"""`python -m services.tasks webhook-secrets`: what an operator does about how webhook secrets are stored."""

from __future__ import annotations

import argparse

from services.platform import config
from services.platform.database import Database
from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.webhooks.config import WebhookKeySettings
from services.tasks.domain.webhooks.signing import new_secret
from services.tasks.store.secret_cipher import SecretCipher, SecretUnreadable
from services.tasks.store.secret_sealing import SecretSealing

NAME = "webhook-secrets"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its options."""
    command = commands.add_parser(NAME, help="change how webhook secrets are stored")
    change = command.add_mutually_exclusive_group(required=True)
    change.add_argument("--decrypt", action="store_true", help="in plain text, for a version that does not encrypt them")
    change.add_argument("--replace-lost", action="store_true", help="replace those whose key is lost; owners get the new ones by rotating")


async def run(options: argparse.Namespace, database: Database) -> dict[str, int]:
    """Make the change; returns for how many webhooks, to be shown."""
    keys = config.load(WebhookKeySettings)
    sealing = SecretSealing(database, SecretCipher.from_file(keys.webhook_secrets_key_file))
    if options.replace_lost:
        return {"replaced": await sealing.replace_lost(new_secret)}
    try:
        return {"decrypted": await sealing.unseal()}
    except SecretUnreadable as error:
        raise DarkroomError(ErrorReason.INTERNAL, f"{error}.") from None
