"""An account with people, on a real database: what decides about them, and the edge's answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from services.accounts.domain.accounts import Accounts
from services.accounts.domain.admission import Admission
from services.accounts.domain.anonymous import Anonymous
from services.accounts.domain.authentication import KeyAuthenticator
from services.accounts.domain.callers import Callers
from services.accounts.domain.config import PeopleRules
from services.accounts.domain.home import Home
from services.accounts.domain.new_people import NewPeople
from services.accounts.domain.passwords import Passwords
from services.accounts.domain.rate_limits import Borrow, RateLimits
from services.accounts.domain.rate_rules import RateRules
from services.accounts.domain.repeats import Repeats
from services.accounts.domain.sessions import Sessions
from services.accounts.domain.sign_in_links import LinkMaker, SignInLinks
from services.accounts.domain.usage import Usage
from services.accounts.domain.user_keys import UserKeys
from services.accounts.domain.users import Users
from services.accounts.people import Person, Session
from services.accounts.records import KeyOwner
from services.accounts.store.accounts import AccountStore
from services.accounts.store.call_records import CallRecords
from services.accounts.store.credentials import CredentialStore
from services.accounts.store.people import PeopleStore
from services.accounts.store.revocations import RevocationStore
from services.accounts.store.sessions import SessionStore
from services.accounts.store.sign_in_links import LinkStore
from services.platform.audit.log import AuditEntry, AuditLog, AuditQuery
from services.platform.database import Database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotency import IdempotencyRecords
from services.platform.identity import Client, Identity
from tests.harness.callers import calling
from tests.unit.accounts.limits import Buckets, limits

PASSWORD, OTHER = "Sesame-0pen", "0pen-Sesame"
DEFAULT = "admin"
CHANGE_FIRST = (
    "Password change required: change it with SessionsService.ChangePassword, or POST /v1/sessions/current/password, then call again."
)
ADDRESS = "203.0.113.7"


class House:
    """The parts of a replica. Tokens of identities are kept in clear, by what `admitted` returns."""

    def __init__(
        self, database: Database, rules: PeopleRules | None = None, rates: RateRules | None = None, borrow: Borrow | None = None
    ) -> None:
        """`borrow`: from where requests are counted; None for buckets of its own, in memory."""
        self.database, self.rules = database, rules or PeopleRules(default_password=DEFAULT)
        self.now = datetime.now(UTC)
        self.revoked: list[int] = []
        self.owners: dict[str, KeyOwner] = {}
        self.store, self.people, self.session_store = AccountStore(database), PeopleStore(database), SessionStore(database)
        self.revocations = RevocationStore(database)
        self.accounts = Accounts(self.store, self.forget)
        self.home, passwords = Home(self.people, None), Passwords()
        self.limits = RateLimits(borrow, rates or RateRules()) if borrow is not None else limits(Buckets(), rates or RateRules())
        self.usage = Usage(self.store, self.session_store)
        self.authenticator = KeyAuthenticator(CredentialStore(database).owner, self.sign, self.usage.note, now=self.clock)
        anonymous = Anonymous(self.home, self.store, self.sign) if not self.rules.auth_enabled else None
        self.admission = Admission(self.authenticator, self.limits, anonymous)
        stores = (self.people, self.session_store)
        self.sessions = Sessions(*stores, self.home, passwords, self.limits, self.rules, self.forget, self.clock)
        self.link_store = LinkStore(database)
        self.link_maker = LinkMaker(self.link_store, self.people, self.home, self.rules, self.clock)
        self.links = SignInLinks(self.link_store, self.sessions, self.session_store, self.home, self.rules, self.clock)
        self.callers = Callers(self.accounts, self.people, self.sessions, self.session_store)
        self.users = Users(self.people, self.home, passwords, self.rules, self.forget)
        idempotency = IdempotencyRecords(database, self.clock)
        self.repeats = Repeats(idempotency, CallRecords(database), b"pepper", self.clock)
        self.new_people = NewPeople(self.users, self.link_maker, self.repeats)
        self.keys = UserKeys(self.session_store, self.usage, self.repeats, self.forget, self.clock, max_keys=5)
        self.account_id = 0

    async def opened(self) -> House:
        """With an account."""
        self.account_id = (await self.accounts.create_account("house")).id
        return self

    def clock(self) -> datetime:
        return self.now

    def forget(self, key_id: int) -> None:
        self.revoked.append(key_id)
        self.authenticator.evict(key_id)

    def sign(self, owner: KeyOwner, _now: datetime) -> str:
        token = f"{owner.account_id}/{owner.key_id}/{len(self.owners)}"
        self.owners[token] = owner
        return token

    @property
    def owner(self) -> Identity:
        """A key of the account itself."""
        return Identity(self.account_id, 1)

    async def identity(self, secret: str) -> Identity:
        """Who calls with a token or a key, as the edge says. Raises API_KEY_INVALID."""
        admitted = await self.admission.admit(secret, ADDRESS)
        owner = self.owners[admitted.token]
        return Identity(owner.account_id, owner.key_id, owner.name, scopes=owner.scopes, user=owner.user, refreshed=owner.refreshed)

    async def permissions(self, secret: str) -> frozenset[str]:
        """What a person's token or key permits."""
        user = (await self.identity(secret)).user
        assert user is not None
        return user.permissions

    async def refused(self, secret: str) -> bool:
        """Whether the edge refuses a token or a key."""
        try:
            await self.identity(secret)
        except DarkroomError as error:
            assert error.reason is ErrorReason.API_KEY_INVALID
            return True
        return False

    async def sign_in(self, name: str = "admin", password: str = DEFAULT, address: str = ADDRESS) -> tuple[str, Session]:
        with calling(Identity(0), Client(address, "browser")):
            return await self.sessions.create(name, password)

    async def link(self, name: str | None = None, minutes: int = 15) -> str:
        """The token of a new link."""
        return (await self.link_maker.make(name, minutes)).token

    async def open(self, link: str, address: str = ADDRESS) -> tuple[str, Session]:
        """Sign in with the token of a link."""
        with calling(Identity(0), Client(address, "browser")):
            return await self.links.use(link)

    async def admin(self) -> Identity:
        """The first administrator, with a session and a password of the own."""
        token, _ = await self.sign_in()
        identity = await self.identity(token)
        await self.sessions.change_password(identity, DEFAULT, PASSWORD)
        return await self.identity(token)

    async def add(self, name: str, role: str = "user", password: str = PASSWORD, team: str | None = None) -> Person:
        return await self.users.create(self.owner, name, password, role, team)

    async def member(self, name: str, role: str = "user") -> Identity:
        """A person with a session and a password of the own."""
        await self.add(name, role, OTHER)
        token, _ = await self.sign_in(name, OTHER)
        await self.sessions.change_password(await self.identity(token), OTHER, PASSWORD)
        return await self.identity(token)

    async def add_role(self, name: str, *permissions: str) -> None:
        """A role of the account's own."""
        values = {"account_id": self.account_id, "name": name, "permissions": list(permissions)}
        statement = "INSERT INTO role (account_id, name, description, permissions) VALUES (:account_id, :name, '', :permissions)"
        await self.database.fetch(text(statement), values)

    async def add_team(self, team_id: str, name: str) -> None:
        values = {"account_id": self.account_id, "id": team_id, "name": name}
        await self.database.fetch(text("INSERT INTO team (account_id, id, name) VALUES (:account_id, :id, :name)"), values)

    async def key(self, caller: Identity, *permissions: str, name: str = "", until: datetime | None = None) -> str:
        """A new key of a person."""
        _, secret = await self.keys.create(caller, name, permissions, lambda: until)
        return secret

    async def entries(self, *actions: str) -> list[AuditEntry]:
        """The audit log, oldest first."""
        log = AuditLog(self.database, timedelta(days=1), self.clock)
        return (await log.page(AuditQuery(account_id=self.account_id, actions=actions), 100))[::-1]


@contextmanager
def refusing(reason: ErrorReason, message: str, field: str | None = None) -> Iterator[None]:
    """The block is refused so, in these words."""
    with pytest.raises(DarkroomError) as refused:
        yield
    assert (refused.value.reason, refused.value.message) == (reason, message)
    if field is not None:
        assert refused.value.field == field
