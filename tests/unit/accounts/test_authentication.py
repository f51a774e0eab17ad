"""What is remembered about keys, and for how long."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from unittest.mock import Mock

import pytest

from services.accounts.domain import authentication as module
from services.accounts.domain.authentication import FRESH_SECONDS, TOKEN_SECONDS, IdentitySigner, KeyAuthenticator
from services.accounts.domain.keys import digest_of
from services.accounts.networks import networks
from services.accounts.records import KeyOwner
from services.platform.errors import DarkroomError, ErrorReason

OWNER = KeyOwner(key_id=7, account_id=3)


class World:
    """A database of one table, a signer that counts, and a clock that a test moves."""

    def __init__(self) -> None:
        self.owners = {digest_of("valid"): OWNER}
        self.now = 1000.0
        self.asked: list[bytes] = []
        self.signed = 0
        self.uses: list[tuple[int, datetime]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.authenticator = KeyAuthenticator(self.find, self.sign, self.use, clock=lambda: self.now, now=self.wall)

    async def find(self, digest: bytes) -> KeyOwner | None:
        self.asked.append(digest)
        found = self.owners.get(digest)
        await self.gate.wait()
        return found

    def sign(self, owner: KeyOwner, now: datetime) -> str:
        self.signed += 1
        return f"{owner.account_id}/{owner.key_id}/{self.signed}"

    def use(self, key_id: int, now: datetime) -> None:
        self.uses.append((key_id, now))

    async def token(self, secret: str, address: str = "203.0.113.5") -> str:
        return (await self.authenticator.identify(secret, address)).token

    async def admitted(self, secret: str) -> str | None:
        """The token; None when the key is refused."""
        try:
            return await self.token(secret)
        except DarkroomError as error:
            assert error.reason is ErrorReason.API_KEY_INVALID
            return None

    def wall(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)


@pytest.fixture
def world() -> World:
    return World()


async def test_answers_come_from_memory_while_they_are_fresh(world: World) -> None:
    assert await world.token("valid") == "3/7/1"
    world.now += FRESH_SECONDS
    assert await world.token("valid") == "3/7/1"
    assert len(world.asked) == 1
    world.now += 0.1
    assert await world.token("valid") == "3/7/1"
    assert len(world.asked) == 2


async def test_a_token_is_signed_again_while_most_of_its_minute_is_left(world: World) -> None:
    await world.token("valid")
    world.now += TOKEN_SECONDS + 0.1
    assert await world.token("valid") == "3/7/2"


async def test_unknown_keys_are_remembered_too(world: World) -> None:
    assert await world.admitted("unknown") is None
    assert await world.admitted("unknown") is None
    assert len(world.asked) == 1
    world.owners[digest_of("unknown")] = OWNER
    world.now += FRESH_SECONDS + 0.1
    assert await world.admitted("unknown") is not None


async def test_a_revocation_counts_within_seconds_without_an_announcement(world: World) -> None:
    await world.token("valid")
    world.owners.clear()
    assert await world.admitted("valid") is not None
    world.now += FRESH_SECONDS + 0.1
    assert await world.admitted("valid") is None


async def test_an_announced_revocation_counts_at_once(world: World) -> None:
    await world.token("valid")
    world.owners.clear()
    world.authenticator.evict(7)
    assert await world.admitted("valid") is None


async def test_an_answer_read_before_a_revocation_is_not_kept(world: World) -> None:
    world.gate.clear()
    waiting = asyncio.create_task(world.token("valid"))
    while not world.asked:
        await asyncio.sleep(0)
    world.owners.clear()
    world.authenticator.evict(7)
    world.gate.set()
    await waiting
    assert await world.admitted("valid") is None


async def test_requests_that_wait_for_one_key_ask_once(world: World) -> None:
    world.gate.clear()
    waiting = [asyncio.create_task(world.token("valid")) for _ in range(20)]
    while not world.asked:
        await asyncio.sleep(0)
    waiting[0].cancel()
    world.gate.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert set(results[1:]) == {"3/7/1"}
    assert len(world.asked) == 1


async def test_a_failing_database_is_not_an_answer(world: World) -> None:
    async def broken(digest: bytes) -> KeyOwner | None:
        raise ConnectionError

    working, authenticator = world.find, KeyAuthenticator(broken, world.sign, world.use, clock=lambda: world.now, now=world.wall)
    with pytest.raises(ConnectionError):
        await authenticator.identify("valid", "")
    authenticator._find_owner = working
    assert await authenticator.identify("valid", "") is not None


async def test_a_flood_of_guesses_forgets_no_customer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CAPACITY", 10)
    await world.token("valid")
    for guess in range(100):
        await world.admitted(f"guess {guess}")
    assert len(world.authenticator._unknown) == 10
    asked = len(world.asked)
    assert await world.admitted("valid") is not None
    assert len(world.asked) == asked


async def test_a_key_whose_time_is_over_says_so_though_its_answer_is_fresh(world: World) -> None:
    ends = datetime.fromtimestamp(world.now + 2, UTC)
    world.owners[digest_of("valid")] = KeyOwner(7, 3, expires_at=ends)
    assert await world.admitted("valid") is not None
    world.now += 2
    with pytest.raises(DarkroomError) as refused:
        await world.token("valid")
    assert (refused.value.reason, refused.value.message) == (
        ErrorReason.API_KEY_INVALID,
        "This API key expired at 1970-01-01 00:16:42 UTC.",
    )
    assert len(world.asked) == 1


async def test_uses_are_noted_and_refusals_are_not(world: World) -> None:
    await world.admitted("valid")
    world.now += 1
    await world.admitted("valid")
    await world.admitted("unknown")
    assert world.uses == [(7, datetime.fromtimestamp(moment, UTC)) for moment in (1000, 1001)]


def test_a_token_ends_with_its_key_and_carries_what_the_key_may_do() -> None:
    signer, now = Mock(), datetime(2026, 1, 1, tzinfo=UTC)
    IdentitySigner(signer)(KeyOwner(7, 3, frozenset({"tasks:read"}), now.replace(second=9), name="ci"), now)
    IdentitySigner(signer)(KeyOwner(7, 3), now)
    assert [call.args for call in signer.identity_token.call_args_list] == [
        (3, 7, frozenset({"tasks:read"}), 9.0, "ci", None, None, 0),
        (3, 7, None, 60, "", None, None, 0),
    ]


async def test_a_key_is_refused_from_elsewhere_also_while_it_is_remembered() -> None:
    world = World()
    world.owners[digest_of("valid")] = replace(OWNER, networks=networks(["203.0.113.0/24"]))
    assert await world.token("valid", "::ffff:203.0.113.9")
    for address in ("203.0.114.1", "2001:db8::1", ""):
        with pytest.raises(DarkroomError) as refused:
            await world.token("valid", address)
        assert refused.value.reason is ErrorReason.ADDRESS_NOT_ALLOWED
        assert address in refused.value.message
    assert (len(world.asked), len(world.uses)) == (1, 1)
    world.owners[digest_of("valid")] = replace(OWNER, networks=networks(["2001:db8::/32"]))
    world.now += FRESH_SECONDS + 1
    assert await world.token("valid", "2001:db8::1")
