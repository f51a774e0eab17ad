"""Stacks that tests run, and what tests want of them beside what deploy.local.scratch offers to any program."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import asyncpg

from deploy.local.scratch.stack import ObjectStorage, ScratchStack
from services.accounts.domain.accounts import Accounts
from services.accounts.domain.keys import digest_of, make_token
from services.accounts.people import DEFAULT_TEAM, NewPerson
from services.accounts.permissions import USER
from services.accounts.store.accounts import AccountStore
from services.accounts.store.people import PeopleStore
from services.accounts.store.sessions import SessionStore
from services.platform.audit.actor import acting_user
from services.platform.database import open_database

__all__ = ["Account", "Installed", "ObjectStorage", "StackUnderTest"]


@dataclass(frozen=True)
class Account:
    """An account with one API key."""

    id: str
    api_key: str


class Installed(Protocol):
    """A whole system, on one machine or on several, as those see it who judge what it has done."""

    @property
    def dir(self) -> Path:
        """Its folder, with the objects in `data/objects`."""

    @property
    def url(self) -> str:
        """The public URL."""

    def create_account(self, name: str = "test") -> Account:
        """Another account with a key."""

    def admin(self, service: str, *arguments: str) -> str:
        """Run `python -m services.SERVICE ARGUMENTS` with the service's settings; returns what it printed."""

    def settings(self, service: str) -> dict[str, str]:
        """The DARKROOM_* environment of a service."""

    def fetch(self, service: str, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Rows of a service's database, read as the superuser."""

    def database_url(self, service: str) -> str:
        """SQLAlchemy URL of a service's database."""

    def restart(self, part: str) -> None:
        """Stop a part and start it, wherever it is."""


class StackUnderTest(ScratchStack):
    """One stack. `up` starts it or what is missing of it; `close` ends it and deletes its folder."""

    def create_account(self, name: str = "test") -> Account:
        """Another account with a key, as the accounts service's administration commands make it, without their start-up time."""
        return self.run(self._create_account(name))

    async def _create_account(self, name: str) -> Account:
        async with open_database(self.database_url("accounts"), pool=2) as database:
            accounts = Accounts(AccountStore(database), revoked=lambda _: None)
            account = await accounts.create_account(name)
            _, secret = await accounts.create_key(account.id, name)
        return Account(str(account.id), secret)

    def create_session(self, name: str) -> str:
        """The token of a session of a new person with the role `user` and no password, without the time that computing hashes takes."""
        return self.run(self._create_session(name))

    async def _create_session(self, name: str) -> str:
        token, expires_at = make_token(), datetime.now(UTC) + timedelta(hours=1)
        async with open_database(self.database_url("accounts"), pool=2) as database:
            people = PeopleStore(database)
            home = await people.home(None)
            assert home is not None
            team = await people.team(home, DEFAULT_TEAM) or ""
            person = await people.add(home, NewPerson(name=name, password_hash="", role=USER, team_id=team, must_change=False), max_users=0)
            await SessionStore(database).add(person, digest_of(token), expires_at, acting_user(person.name, user_id=person.public_id))
        return token
