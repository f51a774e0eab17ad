"""How requests are counted: by slices of shared buckets."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from darkroom.common.v1.surface_pb2 import RATE_LIMIT_HEADERS_X_SECONDS
from services.accounts.domain.admission import Admission
from services.accounts.domain.authentication import KeyAuthenticator
from services.accounts.domain.keys import make_key
from services.accounts.domain.rate_limits import RateLimited, RateLimits, Standing
from services.accounts.domain.rate_rules import RateRules
from services.accounts.records import AccountLimits, KeyOwner
from services.accounts.surfaces.edge.rate_limit_fields import rate_limit_fields
from services.platform.client_network import network_of
from services.platform.errors import DarkroomError, ErrorReason
from tests.unit.accounts.limits import Buckets, limits

OWNER = KeyOwner(key_id=7, account_id=3)
ADDRESS = "203.0.113.5"


async def accepted(replica: RateLimits, times: int, owner: KeyOwner = OWNER) -> int:
    """How many of some requests of a key are let through."""
    passed = 0
    for _ in range(times):
        try:
            await replica.spend(replica.of_owner(owner))
        except RateLimited:
            continue
        passed += 1
    return passed


async def test_a_thousand_requests_take_few_statements() -> None:
    buckets = Buckets()
    replica = limits(buckets, RateRules(key_rate=500, account_rate=1000))
    assert await accepted(replica, 1000) == 1000
    # Slices of 250 and of 500; both are asked for at the same time at first.
    assert buckets.statements <= 6


async def test_a_key_has_its_burst_and_then_its_rate() -> None:
    buckets = Buckets()
    replica = limits(buckets, RateRules(key_rate=10, burst_seconds=3))
    assert await accepted(replica, 100) == 30
    buckets.now += 2
    assert await accepted(replica, 100) == 20


async def test_replicas_share_what_an_account_may_do() -> None:
    buckets = Buckets()
    replicas = [limits(buckets, RateRules(account_rate=0.5, burst_seconds=20)) for _ in range(3)]
    assert sum([await accepted(replicas[number % 3], 1) for number in range(60)]) == 10


async def test_keys_of_an_account_share_its_limit_and_other_accounts_do_not() -> None:
    replica = limits(Buckets(), RateRules(account_rate=1))
    assert await accepted(replica, 6) == 6
    assert await accepted(replica, 6, KeyOwner(key_id=8, account_id=3)) == 4
    assert await accepted(replica, 6, KeyOwner(key_id=9, account_id=4)) == 6


async def test_an_account_s_own_limits_take_the_place_of_the_settings() -> None:
    replica = limits(Buckets(), RateRules(key_rate=1, account_rate=1))
    assert await accepted(replica, 100, KeyOwner(7, 3, own_limits=AccountLimits(request_rate=0, key_request_rate=2))) == 20
    assert await accepted(replica, 100, KeyOwner(8, 4, own_limits=AccountLimits(request_rate=0, key_request_rate=0))) == 100


async def test_many_at_once_wait_for_the_same_slice() -> None:
    buckets = Buckets()
    replica = limits(buckets, RateRules(key_rate=10))
    results = await asyncio.gather(*(replica.spend(replica.of_owner(OWNER)) for _ in range(150)), return_exceptions=True)
    assert sum(not isinstance(result, BaseException) for result in results) == 100
    assert buckets.statements <= 25


async def test_a_refusal_says_when_and_costs_no_statement_until_then() -> None:
    buckets = Buckets()
    replica = limits(buckets, RateRules(key_rate=0.1))
    assert await accepted(replica, 2) == 1
    statements = buckets.statements
    buckets.now += 3.5
    with pytest.raises(RateLimited) as refused:
        await replica.spend(replica.of_owner(OWNER))
    assert (refused.value.reason, refused.value.retry_after) == (ErrorReason.RATE_LIMITED, 7)
    assert refused.value.message == "Too many requests with this API key: it may make 0.1 a second. Try again in 7 s."
    assert refused.value.metadata == {"policy": "key"}
    assert buckets.statements == statements
    buckets.now += 6.5
    assert await accepted(replica, 2) == 1


async def test_without_the_database_a_replica_keeps_to_the_rate_by_itself() -> None:
    buckets = Buckets()
    replica = limits(buckets, RateRules(key_rate=10))
    buckets.away = True
    passed = 0
    for _ in range(100):
        passed += await accepted(replica, 10)
        buckets.now += 0.1
    assert 90 <= passed <= 110
    buckets.away = False
    buckets.now += 10
    assert await accepted(replica, 200) == 100


async def test_what_has_lapsed_is_forgotten() -> None:
    buckets = Buckets()
    replica = limits(buckets, RateRules(key_rate=10))
    await accepted(replica, 1)
    buckets.now += 6
    assert await replica.forget() is False
    assert replica._slices == {}


class Guessing:
    """An address that tries keys."""

    def __init__(self, buckets: Buckets, rules: RateRules) -> None:
        self.valid = make_key()
        self.looked_up: list[bytes] = []
        authenticator = KeyAuthenticator(self._find, lambda owner, now: "token", lambda key_id, now: None, clock=buckets.clock)
        self.limits = limits(buckets, rules)
        self._admission = Admission(authenticator, self.limits)

    async def _find(self, digest: bytes) -> KeyOwner | None:
        self.looked_up.append(digest)
        return OWNER if digest == self.valid.digest else None

    async def outcome(self, secret: str | None, address: str = ADDRESS, *, malformed: bool = False) -> str:
        try:
            return (await self._admission.admit(secret, address, malformed=malformed)).token
        except DarkroomError as error:
            return error.reason.value


async def test_guesses_from_an_address_are_refused_and_a_valid_key_is_not() -> None:
    buckets = Buckets()
    guessing = Guessing(buckets, RateRules(failed_keys=20))
    with capture_logs() as lines:
        outcomes = [await guessing.outcome(make_key().secret) for _ in range(200)]
    assert outcomes == ["API_KEY_INVALID"] * 20 + ["RATE_LIMITED"] * 180
    assert buckets.statements == 21, "what is known to be refused is not counted in the database"
    assert [(line["event"], line["bucket"]) for line in lines] == [("guesses_refused", f"failed-keys:{ADDRESS}")]
    assert await guessing.outcome(guessing.valid.secret) == "token", "also one that the replica did not know"
    assert await guessing.outcome(make_key().secret, "203.0.113.6") == "API_KEY_INVALID"
    buckets.now += 3.1
    assert [await guessing.outcome(make_key().secret) for _ in range(2)] == ["API_KEY_INVALID", "RATE_LIMITED"]


async def test_one_line_is_logged_about_an_address_and_a_minute() -> None:
    buckets = Buckets()
    guessing = Guessing(buckets, RateRules(failed_keys=20))
    with capture_logs() as lines:
        for _ in range(125):
            for _ in range(25):
                await guessing.outcome(make_key().secret)
            buckets.now += 1
            await guessing.limits.forget()
    assert len(lines) == 3


async def test_texts_that_cannot_be_keys_are_guesses_and_no_key_at_all_is_none() -> None:
    guessing = Guessing(Buckets(), RateRules(failed_keys=2))
    assert [await guessing.outcome(None) for _ in range(5)] == ["API_KEY_INVALID"] * 5
    assert [await guessing.outcome(None, malformed=True) for _ in range(3)] == ["API_KEY_INVALID"] * 2 + ["RATE_LIMITED"]
    assert guessing.looked_up == []


async def test_an_address_has_no_more_keys_looked_up_than_it_may_make_requests() -> None:
    guessing = Guessing(Buckets(), RateRules(address_rate=3, failed_keys=2))
    for _ in range(100):
        await guessing.outcome(make_key().secret)
    assert len(guessing.looked_up) == 30


async def test_another_replica_knows_of_the_guesses() -> None:
    buckets = Buckets()
    first, second = (Guessing(buckets, RateRules(failed_keys=20)) for _ in range(2))
    for _ in range(15):
        await first.outcome(make_key().secret)
    assert [await second.outcome(make_key().secret) for _ in range(6)] == ["API_KEY_INVALID"] * 5 + ["RATE_LIMITED"]


async def test_guesses_at_the_same_time_are_counted_each() -> None:
    guessing = Guessing(Buckets(), RateRules(failed_keys=20))
    outcomes = await asyncio.gather(*(guessing.outcome(make_key().secret) for _ in range(100)))
    assert sorted(outcomes) == ["API_KEY_INVALID"] * 20 + ["RATE_LIMITED"] * 80


async def test_requests_without_a_key_are_limited_by_their_address() -> None:
    guessing = Guessing(Buckets(), RateRules(address_rate=1, failed_keys=2))
    assert [await guessing.outcome(None) for _ in range(11)] == ["API_KEY_INVALID"] * 10 + ["RATE_LIMITED"]
    assert await guessing.outcome(guessing.valid.secret) == "RATE_LIMITED"
    assert await guessing.outcome(None, "") == "API_KEY_INVALID", "nothing is known of where it comes from"


NAME, HOME = "ada", "198.51.100.9"


async def tried(replica: RateLimits, times: int, address: str = ADDRESS, name: str = NAME, *, familiar: bool = False) -> int:
    """How many of some wrong passwords are looked at."""
    looked_at = 0
    for _ in range(times):
        with suppress(RateLimited):
            await replica.count_password(address, name, familiar=familiar)
            looked_at += 1
    return looked_at


async def test_wrong_passwords_from_an_address_are_no_longer_looked_at() -> None:
    buckets = Buckets()
    first, second = (limits(buckets, RateRules(failed_sign_ins=20)) for _ in range(2))
    names = [f"name-{number}" for number in range(30)]
    assert sum([await tried(first if number % 2 else second, 1, name=name) for number, name in enumerate(names)]) == 20
    assert await tried(first, 1, HOME) == 1, "another address is not concerned"
    assert await tried(first, 1, familiar=True) == 1, "nor is who has signed in there before"
    buckets.now += 3.1
    assert await tried(first, 5) == 1


async def test_wrong_passwords_for_a_name_slow_down_wherever_they_come_from() -> None:
    buckets = Buckets()
    first, second = (limits(buckets, RateRules(failed_sign_ins=20)) for _ in range(2))
    crowd = [f"192.0.2.{number}" for number in range(100)]
    assert sum([await tried(first if number % 2 else second, 1, address) for number, address in enumerate(crowd)]) == 20
    assert await tried(first, 1, crowd[0], "grace") == 1, "another name is not concerned"
    assert await tried(second, 30, HOME, familiar=True) == 20, "where the person has signed in, only guesses from there count"
    buckets.now += 180
    assert sum([await tried(first, 1, address) for address in crowd]) == 3


async def test_right_passwords_are_not_counted() -> None:
    buckets = Buckets()
    replica = limits(buckets, RateRules(failed_sign_ins=2))
    for _ in range(50):
        take_back = await replica.count_password(ADDRESS, NAME)
        take_back()
        buckets.now += 0.1
    assert await tried(replica, 10) == 2
    # A refused one counts neither for the address nor for the name.
    assert await tried(replica, 1, ADDRESS, "grace") == 0
    assert await tried(replica, 9, HOME, "grace") == 2


async def test_the_limit_of_passwords_can_be_switched_off() -> None:
    assert await tried(limits(Buckets(), RateRules()), 100) == 100


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1%eth0", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("/run/socket", ""),
    ],
)
def test_what_counts_as_one_address(address: str, network: str) -> None:
    assert network_of(address) == network


def test_the_fields_of_replies() -> None:
    key, account = RateRules(key_rate=500, account_rate=0.5, burst_seconds=10).of_key(OWNER)
    assert _fields([Standing(key, 4000), Standing(account, 2)]) == {
        "ratelimit-policy": '"key";q=5000;w=10, "account";q=5;w=10',
        "ratelimit": '"account";r=2;t=6',
    }
    assert _fields([Standing(key, 4000), Standing(account, 5)])["ratelimit"] == '"key";r=4000;t=2'
    assert _fields([]) == {}


def test_the_fields_with_seconds() -> None:
    key, account = RateRules(key_rate=500, account_rate=0.5, burst_seconds=10).of_key(OWNER)
    for exceeded, left in ((False, 2), (True, 0)):
        fields = rate_limit_fields([Standing(key, 4000), Standing(account, left)], RATE_LIMIT_HEADERS_X_SECONDS, exceeded=exceeded)
        assert dict(fields) == {
            "x-ratelimit-limit": "5",
            "x-ratelimit-remaining": str(left),
            "x-ratelimit-reset": str(Standing(account, left).seconds),
        }


def _fields(standings: Sequence[Standing]) -> dict[str, str]:
    return dict(rate_limit_fields(standings))
