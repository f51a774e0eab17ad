"""Stacks that tests run, and what tests want of them beside what deploy.local.scratch offers to any program."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.local.scratch.stack import ObjectStorage, ScratchStack
from services.accounts.domain.accounts import Accounts
from services.accounts.store.accounts import AccountStore
from services.common.database import opened

__all__ = ["Account", "ObjectStorage", "StackUnderTest"]


@dataclass(frozen=True)
class Account:
    """An account with one API key."""

    id: str
    api_key: str


class StackUnderTest(ScratchStack):
    """One stack. `up` starts it or what is missing of it; `close` ends it and deletes its folder."""

    def create_account(self, name: str = "test") -> Account:
        """Another account with a key, as the accounts service's administration commands make it, without their start-up time."""
        return self.run(self._create_account(name))

    async def _create_account(self, name: str) -> Account:
        async with opened(self.database_url("accounts"), pool=2) as database:
            accounts = Accounts(AccountStore(database), revoked=lambda _: None)
            account = await accounts.create_account(name)
            _, secret = await accounts.create_key(account.id, name)
        return Account(str(account.id), secret)
