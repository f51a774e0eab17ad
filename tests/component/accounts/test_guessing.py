"""Secrets that are guessed: at two replicas, which count in one database."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from services.accounts.domain.keys import make_key
from services.accounts.domain.rate_limits import RateLimited
from services.accounts.domain.rate_rules import RateRules
from services.accounts.records import Borrowing, BucketLoan
from services.accounts.store.buckets import BucketStore
from services.platform.database import Database, open_database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Client, Identity
from tests.component.accounts.house import ADDRESS, OTHER, PASSWORD, House, refusing
from tests.harness.callers import calling

INVALID, LIMITED = ErrorReason.CREDENTIALS_INVALID, ErrorReason.RATE_LIMITED
HOME, ELSEWHERE = "198.51.100.9", "2001:db8:1:2::7"
RATES = RateRules(failed_keys=20, failed_sign_ins=5)


@pytest.fixture
async def database(migrated: str) -> AsyncIterator[Database]:
    async with open_database(migrated, 4) as database:
        yield database


@pytest.fixture
async def replicas(database: Database) -> Sequence[House]:
    """Two, whose buckets do not fill while a test runs."""
    buckets, now = BucketStore(database), datetime.now(UTC)

    async def borrow(asked: Sequence[Borrowing]) -> Sequence[BucketLoan]:
        return await buckets.borrow(asked, now)

    first, second = (House(database, rates=RATES, borrow=borrow) for _ in range(2))
    second.account_id = (await first.opened()).account_id
    return first, second


async def outcome(attempt: Awaitable[object]) -> ErrorReason | None:
    try:
        await attempt
    except DarkroomError as error:
        return error.reason
    return None


async def test_wrong_keys_are_refused_and_the_right_one_is_not(replicas: Sequence[House]) -> None:
    _, key = await replicas[0].accounts.create_key(replicas[0].account_id, "k")
    outcomes = [await outcome(replicas[number % 2].admission.admit(make_key().secret, ADDRESS)) for number in range(200)]
    assert (outcomes.count(ErrorReason.API_KEY_INVALID), outcomes.count(LIMITED)) == (20, 180)
    for replica in replicas:
        assert await outcome(replica.admission.admit(key, ADDRESS)) is None
        assert await outcome(replica.admission.admit(make_key().secret, HOME)) is ErrorReason.API_KEY_INVALID


async def test_wrong_links_and_session_tokens_are_refused_and_right_ones_are_not(replicas: Sequence[House]) -> None:
    await replicas[0].add("ada")
    link = await replicas[0].link("ada")
    outcomes = [await outcome(replicas[number % 2].open(secrets.token_urlsafe(32))) for number in range(50)]
    assert (outcomes.count(INVALID), outcomes.count(LIMITED)) == (20, 30)
    assert len(await replicas[0].entries("session.refused")) == 20, "those that are not answered are not entered"
    with calling(Identity(0), Client(ADDRESS, "")):
        assert await outcome(replicas[1].sessions.session("no-session")) is LIMITED
    token, _ = await replicas[1].open(link)
    with calling(Identity(0), Client(ADDRESS, "")):
        assert (await replicas[1].sessions.session(token)).person.name == "ada"


async def test_wrong_passwords_from_an_address_keep_out_neither_who_was_there_before_nor_others(replicas: Sequence[House]) -> None:
    first, second = replicas
    await first.add("ada")
    await first.sign_in("ada", PASSWORD)
    await first.add("grace")
    # Whether the name exists makes no difference.
    names = ("ada", "nobody", *(f"name-{number}" for number in range(18)))
    outcomes = [await outcome(replicas[number % 2].sign_in(name, "Wr0ng-password")) for number, name in enumerate(names)]
    assert (outcomes.count(INVALID), outcomes.count(LIMITED)) == (5, 15)
    assert len(await first.entries("session.refused")) == 5
    await second.sign_in("ada", PASSWORD)
    with refusing(LIMITED, "Too many wrong passwords from this address. Try again in 12 s."):
        await second.sign_in("grace", PASSWORD)
    await second.sign_in("grace", PASSWORD, HOME)
    await second.open(await first.link("grace"))
    await first.sign_in("grace", PASSWORD)


async def test_a_crowd_that_guesses_a_password_slows_down_and_does_not_keep_the_person_out(replicas: Sequence[House]) -> None:
    first, second = replicas
    await first.add("ada")
    await first.sign_in("ada", PASSWORD, ELSEWHERE)
    for name in ("ada", "nobody"):
        crowd = [f"192.0.2.{number}" for number in range(30)]
        outcomes = [await outcome(replicas[number % 2].sign_in(name, "Wr0ng-password", one)) for number, one in enumerate(crowd)]
        assert (outcomes.count(INVALID), outcomes.count(LIMITED)) == (5, 25)
        with refusing(LIMITED, "Too many wrong passwords for this name. Try again in 60 s."):
            await second.sign_in(name, PASSWORD, HOME)
    # From the same /64 as before; there, too, one can only try so often.
    await second.sign_in("ada", PASSWORD, "2001:db8:1:2::8")
    assert [await outcome(second.sign_in("ada", "Wr0ng-password", ELSEWHERE)) for _ in range(6)] == [INVALID] * 5 + [LIMITED]


async def test_the_current_password_is_not_guessed_with_a_session_either(replicas: Sequence[House]) -> None:
    await replicas[0].member("ada")
    identity = await replicas[0].identity((await replicas[0].sign_in("ada", PASSWORD))[0])
    with calling(identity, Client(ADDRESS, "")):
        changes = [await outcome(replicas[0].sessions.change_password(identity, "Wr0ng-password", OTHER)) for _ in range(6)]
    assert changes == [ErrorReason.PASSWORD_INVALID] * 5 + [LIMITED]


async def test_where_people_have_signed_in_is_kept_for_90_days_and_not_beyond_the_person(
    database: Database, replicas: Sequence[House]
) -> None:
    house = replicas[0]
    ada = await house.add("ada")
    await house.sign_in("ada", PASSWORD)
    await house.sign_in("ada", PASSWORD)
    await house.open(await house.link("ada"), ELSEWHERE)
    kept = text("SELECT network FROM familiar_network ORDER BY network")
    assert [row[0] for row in await database.fetch(kept)] == ["2001:db8:1:2::/64", ADDRESS]
    await database.fetch(text("UPDATE familiar_network SET last_at = now() - interval '91 days' WHERE network = :one"), {"one": ADDRESS})
    await house.session_store.sweep(house.now)
    assert [row[0] for row in await database.fetch(kept)] == ["2001:db8:1:2::/64"]
    await house.users.delete(house.owner, ada.public_id)
    assert await database.fetch(kept) == []


async def test_many_addresses_leave_no_rows_once_their_buckets_are_full(database: Database) -> None:
    buckets, now = BucketStore(database), datetime.now(UTC)

    async def borrow(asked: Sequence[Borrowing]) -> Sequence[BucketLoan]:
        return await buckets.borrow(asked, now)

    house = await House(database, rates=RATES, borrow=borrow).opened()
    for number in range(50):
        assert await outcome(house.admission.admit(make_key().secret, f"192.0.2.{number}")) is ErrorReason.API_KEY_INVALID
    counted = text("SELECT count(*) FROM rate_bucket")
    assert (await database.fetch(counted))[0][0] == 50
    assert not await buckets.sweep(now + timedelta(seconds=4))
    assert (await database.fetch(counted))[0][0] == 0


async def test_a_refusal_says_what_it_is_about(replicas: Sequence[House]) -> None:
    for _ in range(20):
        await outcome(replicas[0].admission.admit(None, ADDRESS, malformed=True))
    with pytest.raises(RateLimited) as refused:
        await replicas[1].admission.admit(None, ADDRESS, malformed=True)
    assert (refused.value.metadata, refused.value.retry_after) == ({"policy": "failed-keys"}, 3)
