"""What the edge answers to people: by kind of key, by surface and by path."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.accounts.domain.config import PeopleRules
from services.accounts.domain.keys import make_key, user_key
from services.accounts.domain.rate_rules import RateRules
from services.accounts.permissions import BUILT_IN, scopes_of
from services.accounts.records import KeyOwner
from services.accounts.surfaces.edge.decisions import Pass, Refusal, decide
from services.platform.database import Database, open_database
from services.platform.identity import UserIdentity
from tests.component.accounts.house import ADDRESS, House

PEOPLES, PUBLIC = "/api/v1/tools/resize", "/api/v1/health"
PROGRESS = "/api/v1/jobs/1/progress"
NATIVE, REST = "/darkroom.accounts.v1.UsersService/ListUsers", "/v1/tasks/1/status"
ELSEWHERE = ("/v1/image/edit", "/fal-ai/x", "/")


@pytest.fixture
async def database(migrated: str) -> AsyncIterator[Database]:
    async with open_database(migrated, 4) as database:
        yield database


@pytest.fixture
async def house(database: Database) -> House:
    return await House(database).opened()


async def asked(house: House, path: str, token: str = "", header: str = "authorization") -> KeyOwner | tuple[int, str] | None:
    """As whom a request passes (None: nobody), or status and body of the refusal."""
    value = f"Bearer {token}" if header == "authorization" else token
    decision = await decide(house.admission, path, {header: value} if token else {}, ADDRESS)
    if isinstance(decision, Pass):
        return house.owners[decision.token] if decision.token else None
    return decision.status, decision.body


def message(refused: object) -> str:
    assert isinstance(refused, tuple)
    assert refused[0] == 401
    said: dict[str, str] = json.loads(refused[1])
    assert said.keys() == {"error"}
    return said["error"]


async def test_each_kind_of_key_where_it_is_taken(house: House) -> None:
    ada = await house.member("ada")
    token, session = await house.sign_in("ada", "Sesame-0pen")
    key = await house.key(ada)
    _, of_account = await house.accounts.create_key(house.account_id, "k")
    assert ada.user is not None
    for path in (PEOPLES, PUBLIC, NATIVE, REST):
        owner = await asked(house, path, token)
        assert isinstance(owner, KeyOwner)
        assert (owner.key_id, owner.account_id, owner.name) == (session.id, house.account_id, "")
        assert owner.user == ada.user
        owner = await asked(house, path, key)
        assert isinstance(owner, KeyOwner)
        assert owner.user == UserIdentity(ada.user.id, "ada", "user", BUILT_IN["user"])
        owner = await asked(house, path, of_account)
        assert isinstance(owner, KeyOwner)
        assert (owner.user, owner.scopes) == (None, None)
    for path in (NATIVE, REST):
        assert isinstance(await asked(house, path, key, "x-api-key"), KeyOwner)
        assert isinstance(await asked(house, path, token, "x-api-key"), tuple)
    for path in ELSEWHERE:
        assert isinstance(await asked(house, path, of_account), KeyOwner), path
        for other in (token, key):
            assert isinstance(await asked(house, path, other), tuple), path
    for header in ("x-api-key", "cookie"):
        assert message(await asked(house, PEOPLES, token, header)) == "Authentication required"


async def test_a_private_path_without_a_good_token(house: House) -> None:
    assert message(await asked(house, PEOPLES)) == "Authentication required"
    bad = (str(uuid.uuid4()), make_key().secret, user_key(bytes(64)).secret, "x", "si_", str(uuid.uuid4()).upper(), "a\0b")
    for token in bad:
        assert message(await asked(house, PEOPLES, token)) == "Session expired or invalid", token
    for path in ("/api", "/api/nothing", "/api/v1", "/api/v1/healthy", "/api/v1/settings", "/api/v1/configuration", "/api/authority"):
        assert message(await asked(house, path)) == "Authentication required", path


async def test_a_public_path_takes_everybody(house: House) -> None:
    token, _ = await house.sign_in()
    for path in ("/api/auth/login", "/api/auth", PUBLIC, "/api/v1/config/auth", "/api/v1/download/x/y?z", PROGRESS, "/api/docs/"):
        for bad in ("", "x", str(uuid.uuid4()), make_key().secret):
            decision = await decide(house.admission, path, {"authorization": f"Bearer {bad}"} if bad else {}, ADDRESS)
            assert decision == Pass("", (), bad_key=bool(bad)), (path, bad)
        assert isinstance(await asked(house, path, token), KeyOwner)


async def test_guesses_on_public_paths_are_counted(database: Database) -> None:
    house = await House(database, rates=RateRules(failed_keys=2)).opened()
    for _ in range(5):
        assert await asked(house, PUBLIC, str(uuid.uuid4())) is None
    refused = await decide(house.admission, PEOPLES, {"authorization": f"Bearer {uuid.uuid4()}"}, ADDRESS)
    assert isinstance(refused, Refusal)
    assert refused.status == 429
    token, _ = await house.sign_in()
    assert isinstance(await asked(house, PUBLIC, token), KeyOwner)
    assert isinstance(await asked(house, PEOPLES, token), KeyOwner)


@pytest.mark.parametrize("path", [PEOPLES, REST, NATIVE, *ELSEWHERE])
async def test_guesses_are_refused_in_the_form_of_the_surface_whatever_they_look_like(house: House, path: str) -> None:
    house.limits._rules = RateRules(failed_keys=3)
    guesses = ("x", make_key().secret, str(uuid.uuid4()), *["y"] * 5)
    statuses = [(await asked(house, path, guess))[0] for guess in guesses]
    assert statuses == [401] * 3 + [429] * 5
    _, body = await asked(house, path, "z")
    assert "Too many wrong keys from this address; a valid one is let through." in body


async def test_requests_without_a_key_count_for_their_address(database: Database) -> None:
    house = await House(database, rates=RateRules(address_rate=1, burst_seconds=2)).opened()
    for _ in range(2):
        assert await asked(house, PUBLIC) is None
    refused = await decide(house.admission, PUBLIC, {}, ADDRESS)
    assert isinstance(refused, Refusal)
    assert (refused.status, dict(refused.fields)["retry-after"]) == (429, "1")


async def test_what_has_ended_is_refused_at_once(house: House) -> None:
    token, session = await house.sign_in()
    owner = await asked(house, PEOPLES, token)
    assert isinstance(owner, KeyOwner)
    assert owner.user is not None
    assert (owner.user.must_change, owner.scopes) == (True, frozenset())
    await house.sessions.delete(token)
    assert message(await asked(house, PEOPLES, token)) == "Session expired or invalid"
    assert await asked(house, PUBLIC, token) is None
    token, session = await house.sign_in()
    house.now = session.expires_at + timedelta(seconds=1)
    assert message(await asked(house, PEOPLES, token)) == "Session expired or invalid"


async def test_without_signing_in_everybody_is_one_user(database: Database) -> None:
    house = House(database, PeopleRules(auth_enabled=False))
    assert message(await asked(house, PEOPLES)) == "Authentication required"
    await house.opened()
    _, of_account = await house.accounts.create_key(house.account_id, "k")
    for token in ("", "x", of_account):
        for path in (PEOPLES, PUBLIC, "/api/nothing"):
            owner = await asked(house, path, token)
            assert isinstance(owner, KeyOwner)
            assert (owner.key_id, owner.account_id, owner.scopes) == (0, house.account_id, scopes_of(BUILT_IN["user"]))
            assert owner.user == UserIdentity("anonymous", "anonymous", "user", BUILT_IN["user"])
    for path in (NATIVE, REST, *ELSEWHERE):
        assert isinstance(await asked(house, path), tuple)
        assert isinstance(await asked(house, path, of_account), KeyOwner)
