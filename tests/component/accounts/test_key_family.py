"""Keys that replace others, and what is revoked with a key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from services.accounts.domain.accounts import Accounts
from services.accounts.domain.key_creation import KeyCreation
from services.accounts.domain.keys import digest_of
from services.accounts.records import ApiKey, KeyLimits
from services.accounts.store.accounts import AccountStore
from services.platform.database import open_database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotency import IdempotencyRecords
from services.platform.idempotent_call import IdempotentCall
from tests.component.accounts.owners import owner_of

HOUR = timedelta(hours=1)


class Family:
    """An account's keys, by name."""

    def __init__(self, store: AccountStore, records: IdempotencyRecords) -> None:
        self.now = datetime.now(UTC)
        self.ended: list[int] = []
        self.store, self.accounts = store, Accounts(store, self.ended.append, lambda: self.now)
        self.creation = KeyCreation(self.accounts, store, records, b"p" * 32)
        self.account_id = 0
        self.keys: dict[str, ApiKey] = {}
        self.secrets: dict[str, str] = {}

    async def create(self, name: str, creator: str | None = None, limits: KeyLimits | None = None) -> ApiKey:
        self.account_id = self.account_id or (await self.accounts.create_account("Studio")).id
        creator_id = self.keys[creator].id if creator is not None else None
        self.keys[name], self.secrets[name] = await self.accounts.create_key(self.account_id, name, limits or KeyLimits(), creator_id)
        return self.keys[name]

    async def rotate(self, name: str, new: str, caller: str | None = None, overlap: timedelta = HOUR, again: str = "") -> ApiKey:
        call = IdempotentCall(self.account_id, "/accounts/RotateApiKey", again, digest_of(name)) if again else None
        made = await self.creation.rotate(self.account_id, self.keys[name].id, overlap, self.keys[caller or name].id, call)
        self.keys[new], self.secrets[new] = made
        return self.keys[new]

    async def revoke(self, name: str) -> set[str]:
        """The names of the keys that are revoked afterwards."""
        await self.accounts.revoke_key(self.keys[name].id, self.account_id)
        revoked = {key.id for key in await self.store.keys(self.account_id) if key.revoked_at is not None}
        assert {id_ for id_ in self.ended if id_ in revoked} == revoked
        return {one for one, key in self.keys.items() if key.id in revoked}

    async def works(self, name: str) -> bool:
        owner = await owner_of(self.store, digest_of(self.secrets[name]))
        return owner is not None and (owner.expires_at is None or owner.expires_at > self.now)


@pytest.fixture
async def family(migrated: str) -> AsyncIterator[Family]:
    async with open_database(migrated, 8) as database:
        made = Family(AccountStore(database), IdempotencyRecords(database, lambda: datetime.now(UTC)))
        await made.create("root")
        yield made


async def refusal(call: object) -> DarkroomError:
    with pytest.raises(DarkroomError) as refused:
        await call
    return refused.value


async def test_the_old_key_works_until_the_overlap_ends(family: Family) -> None:
    limits = KeyLimits(frozenset({"tasks:read"}), family.now + timedelta(days=9))
    old = await family.create("old", "root", limits)
    new = await family.rotate("old", "new", "root")
    assert (new.name, new.limits, new.replaces_id, new.creator_id) == ("old", limits, old.id, family.keys["root"].id)
    assert await family.works("old")
    family.now += HOUR
    assert not await family.works("old")
    assert await family.works("new")
    assert family.ended == []


async def test_without_overlap_the_old_key_ends_at_once(family: Family) -> None:
    await family.rotate("root", "new", overlap=timedelta())
    assert not await family.works("root")
    assert family.ended == [family.keys["root"].id]


async def test_an_overlap_lengthens_no_life(family: Family) -> None:
    await family.create("visitor", "root", KeyLimits(expires_at=family.now + HOUR))
    new = await family.rotate("visitor", "new", overlap=timedelta(days=2))
    assert new.expires_at == (await family.accounts.key(family.keys["visitor"].id, None)).expires_at == family.now + HOUR
    for overlap in (timedelta(days=30, seconds=1), timedelta(seconds=-1)):
        error = await refusal(family.rotate("new", "newer", overlap=overlap))
        assert (error.reason, error.field) == (ErrorReason.FIELD_INVALID, "overlap")


async def test_a_key_rotates_itself_and_no_key_that_can_do_more(family: Family) -> None:
    await family.create("limited", "root", KeyLimits(frozenset({"keys:write"})))
    assert (await refusal(family.rotate("root", "more", "limited"))).reason is ErrorReason.PERMISSION_DENIED
    assert (await family.rotate("limited", "new")).scopes == ["keys:write"]
    other = Family(family.store, IdempotencyRecords(None, lambda: family.now))
    await other.create("foreign")
    family.keys["foreign"] = other.keys["foreign"]
    assert (await refusal(family.rotate("foreign", "stolen", "root"))).reason is ErrorReason.API_KEY_NOT_FOUND


async def test_what_has_ended_cannot_be_rotated(family: Family) -> None:
    await family.create("revoked", "root")
    await family.revoke("revoked")
    await family.create("expired", "root", KeyLimits(expires_at=family.now + HOUR))
    newer = await family.rotate("root", "newer", overlap=timedelta(days=2))
    family.now += HOUR
    for name, why in (("revoked", "has been revoked"), ("expired", "has expired"), ("root", f"replaced by key {newer.id}")):
        error = await refusal(family.rotate(name, "new", "newer"))
        assert error.reason is ErrorReason.API_KEY_NOT_ACTIVE
        assert why in error.message


async def test_of_concurrent_rotations_one_wins(family: Family) -> None:
    made = await asyncio.gather(*(family.rotate("root", f"new {n}") for n in range(5)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in made) == ["ApiKey", *["DarkroomError"] * 4]


async def test_a_repeat_gets_the_same_key(family: Family) -> None:
    made = await family.rotate("root", "new", again="monday")
    secret = family.secrets["new"]
    assert await family.rotate("root", "new", again="monday") == made
    assert family.secrets["new"] == secret
    assert await family.works("new")


async def test_what_a_revoked_key_has_created_is_revoked_with_it(family: Family) -> None:
    for name, creator in (("child", "root"), ("grandchild", "child"), ("sibling", "root")):
        await family.create(name, creator)
    await family.rotate("grandchild", "replaced grandchild", "sibling")
    await family.create("of the replaced", "replaced grandchild")
    assert await family.revoke("child") == {"child", "grandchild", "replaced grandchild", "of the replaced"}
    assert not await family.works("of the replaced")
    assert await family.works("sibling")


async def test_revoking_a_replaced_key_leaves_the_newer_and_not_the_other_way_round(family: Family) -> None:
    await family.create("before", "root")
    await family.rotate("root", "newer")
    await family.rotate("newer", "newest")
    assert await family.revoke("root") == {"root", "before"}
    await family.create("after", "newest")
    assert await family.revoke("newest") == {"root", "before", "newer", "newest", "after"}


async def test_who_rotates_another_key_is_its_creator(family: Family) -> None:
    for name in ("thief", "mine"):
        await family.create(name, "root")
    await family.rotate("mine", "stolen", "thief")
    assert await family.revoke("thief") == {"thief", "stolen"}


async def test_a_revoked_key_creates_and_rotates_nothing(family: Family) -> None:
    await family.create("child", "root")
    await family.create("other", "root")
    await family.revoke("child")
    assert (await refusal(family.create("late", "child"))).reason is ErrorReason.API_KEY_INVALID
    assert (await refusal(family.rotate("other", "late", "child"))).reason is ErrorReason.API_KEY_INVALID


async def test_no_key_outlives_a_revocation_that_comes_while_it_is_created(family: Family) -> None:
    for _ in range(5):
        await family.create("parent", "root")
        creations = [family.accounts.create_key(family.account_id, "child", creator_id=family.keys["parent"].id) for _ in range(6)]
        outcomes = await asyncio.gather(*creations[:3], family.revoke("parent"), *creations[3:], return_exceptions=True)
        revoked = outcomes.pop(3)
        assert isinstance(revoked, set) and "parent" in revoked
        for outcome in outcomes:
            match outcome:
                case (ApiKey(), str(secret)):
                    assert await owner_of(family.store, digest_of(secret)) is None
                case _:
                    assert isinstance(outcome, DarkroomError) and outcome.reason is ErrorReason.API_KEY_INVALID, outcome


async def test_rotation_does_not_multiply_keys_past_the_limit(family: Family) -> None:
    """A replaced key does not count as one of the account's, and there are no more of them than the account may have keys."""
    limited = Accounts(family.store, family.ended.append, lambda: family.now, max_keys=2)
    family.accounts, family.creation = limited, KeyCreation(limited, family.store, family.creation._records, b"p" * 32)
    await family.create("second", "root")
    assert (await refusal(family.create("third", "root"))).reason is ErrorReason.TOO_MANY_API_KEYS
    await family.rotate("root", "root 2")
    await family.rotate("root 2", "root 3")
    error = await refusal(family.rotate("root 3", "root 4"))
    assert (error.reason, error.message) == (
        ErrorReason.TOO_MANY_API_KEYS,
        "The account has reached its limit of 2 replaced API keys. Revoke one first.",
    )
    await family.rotate("root 3", "root 4", overlap=timedelta())
    family.now += 2 * HOUR
    await family.rotate("root 4", "root 5")
