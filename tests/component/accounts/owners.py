"""The owner of a key, as a new replica finds it."""

from __future__ import annotations

from services.accounts.records import KeyOwner
from services.accounts.store.accounts import AccountStore
from services.accounts.store.credentials import CredentialStore


async def owner_of(store: AccountStore, digest: bytes) -> KeyOwner | None:
    return await CredentialStore(store._database).owner(digest)
