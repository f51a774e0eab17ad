"""What an account has used of its limits, with the parts of other services as they send them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.accounts.domain.account_usage import UsageReport
from services.accounts.domain.accounts import Accounts
from services.accounts.domain.rate_rules import RateRules
from services.accounts.records import Borrowing
from services.accounts.store.accounts import AccountStore
from services.accounts.store.buckets import BucketStore
from services.platform.account_usage import Amount, Credits, UsagePart
from services.platform.database import Database, open_database
from services.platform.errors import DarkroomError, ErrorReason

# So slow that no test sees a token flow in.
RULES = RateRules(key_rate=0.001, account_rate=0.002, burst_seconds=100_000)
CREDITS = Credits(5, 1, unlimited=False, multiplier_permille=800)


async def files(account_id: int) -> UsagePart:
    return UsagePart({"bytes": Amount(account_id, 10)})


async def tasks(account_id: int) -> UsagePart:
    return UsagePart({"streams": Amount(3, None)}, CREDITS)


@pytest.fixture
async def database(migrated: str) -> AsyncIterator[Database]:
    async with open_database(migrated, 4) as database:
        yield database


def report(database: Database, rules: RateRules = RULES, max_keys: int = 100) -> UsageReport:
    return UsageReport(AccountStore(database), BucketStore(database).remaining, rules, [files, tasks], max_keys=max_keys)


async def test_the_parts_make_one_whole(database: Database) -> None:
    accounts = Accounts(AccountStore(database), lambda key_id: None)
    account = await accounts.create_account("Studio")
    keys = [(await accounts.create_key(account.id, name))[0] for name in ("used", "revoked", "rotated")]
    await accounts.revoke_key(keys[1].id, account.id)
    await accounts.rotate_key(account.id, keys[2].id, timedelta(days=1), keys[2].id)

    usage = await report(database).of(account.id, keys[0].id)
    assert usage.amounts == {"keys": Amount(2, 100), "bytes": Amount(account.id, 10), "streams": Amount(3, None)}
    assert usage.credits == CREDITS
    assert [(one.limit.policy, one.limit.rate, one.limit.burst, one.remaining) for one in usage.requests] == [
        ("key", 0.001, 100, 100),
        ("account", 0.002, 200, 200),
    ]


async def test_requests_that_were_made_are_no_longer_left(database: Database) -> None:
    account = await Accounts(AccountStore(database), lambda key_id: None).create_account("Studio")
    await BucketStore(database).borrow([Borrowing("key:7", 0.001, 100, 30), Borrowing(f"account:{account.id}", 0.002, 200, 200)])
    usage = await report(database).of(account.id, 7)
    assert [one.remaining for one in usage.requests] == [70, 0]
    # Looking takes nothing.
    assert [one.remaining for one in (await report(database).of(account.id, 7)).requests] == [70, 0]


async def test_own_limits_apply_and_0_is_no_limit(database: Database) -> None:
    accounts = Accounts(AccountStore(database), lambda key_id: None)
    account = await accounts.create_account("Studio")
    await accounts.set_limits(account.id, {"max_keys": 0, "request_rate": 0, "key_request_rate": 0.003})
    usage = await report(database).of(account.id, 7)
    assert usage.amounts["keys"] == Amount(0, None)
    assert [(one.limit.policy, one.limit.burst) for one in usage.requests] == [("key", 300)]
    assert usage.amounts["streams"] == Amount(3, None)
    await accounts.set_limits(account.id, {"max_streams": 2})
    assert (await report(database).of(account.id)).amounts["streams"] == Amount(3, 2)
    # The operator has no key.
    assert (await report(database).of(account.id)).requests == []


async def test_without_limits_by_the_settings(database: Database) -> None:
    account = await Accounts(AccountStore(database), lambda key_id: None).create_account("Studio")
    usage = await report(database, RateRules(), max_keys=0).of(account.id, 7)
    assert (usage.amounts["keys"], usage.requests) == (Amount(0, None), [])


async def test_unknown_account(database: Database) -> None:
    with pytest.raises(DarkroomError) as refused:
        await report(database).of(1)
    assert refused.value.reason is ErrorReason.ACCOUNT_NOT_FOUND
