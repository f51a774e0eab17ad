"""What people have set, and their logo: the rules, on a real database."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.accounts.domain.account_settings import MOST, MOST_BYTES, AccountSettings
from services.accounts.domain.branding import Branding
from services.accounts.domain.upkeep import FileAges
from services.accounts.store.account_settings import SettingStore
from services.accounts.store.logos import LogoStore
from services.platform.database import Database, open_database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Client, Identity
from tests.component.accounts.house import CHANGE_FIRST, House, refusing
from tests.harness.callers import calling
from tests.system.pictures import disc, encoded

SEEDS = {"defaultTheme": "dark", "defaultLocale": "de"}
PNG = encoded(disc(128, 128), "PNG")


@pytest.fixture
async def database(migrated: str) -> AsyncIterator[Database]:
    async with open_database(migrated, 4) as database:
        yield database


@pytest.fixture
async def house(database: Database) -> House:
    return await House(database).opened()


def replica(house: House) -> AccountSettings:
    """The settings as another process sees them."""
    return AccountSettings(SettingStore(house.database), house.home, SEEDS, lambda: None)


async def values(settings: AccountSettings, caller: Identity) -> dict[str, str]:
    return {one.name: one.value for one in await settings.all(caller)}


@pytest.mark.thorough
async def test_replicas_that_start_together_agree(house: House) -> None:
    replicas = [replica(house) for _ in range(4)]
    found = await asyncio.gather(*(values(one, house.owner) for one in replicas))
    assert all(one == found[0] for one in found)
    assert uuid.UUID(found[0].pop("instance_id"))
    assert found[0] == SEEDS


async def test_what_is_set_before_the_first_look_stays(house: House) -> None:
    await replica(house).change(house.owner, {"defaultTheme": "light"}, [])
    before = await values(replica(house), house.owner)
    assert (before["defaultTheme"], before["defaultLocale"]) == ("light", "de")
    assert await values(replica(house), house.owner) == before


async def test_all_or_none(house: House) -> None:
    settings = replica(house)
    before = await values(settings, house.owner)
    for written, removed in (
        ({"a": "1", "": "2"}, []),
        ({"a": "1"}, [""]),
        ({"a": "1"}, ["a"]),
        ({"a": "1", **{str(number): "" for number in range(MOST)}}, []),
        ({"a": "1", "b": "ä" * (MOST_BYTES // 2)}, []),
    ):
        with pytest.raises(DarkroomError) as refused:
            await settings.change(house.owner, written, removed)
        assert refused.value.reason is ErrorReason.FIELD_INVALID
        assert await values(settings, house.owner) == before
    await settings.change(house.owner, {"a": "1"}, ["defaultTheme", "nothing"])
    del before["defaultTheme"]
    assert await values(settings, house.owner) == {**before, "a": "1"}


async def test_another_account_has_none(house: House) -> None:
    stranger = Identity((await house.accounts.create_account("another")).id, 7)
    settings, branding = replica(house), Branding(LogoStore(house.database), house.home)
    for refused in (
        settings.all(stranger),
        settings.get(stranger, "a"),
        settings.change(stranger, {"a": "b"}, []),
        branding.delete(stranger),
    ):
        with pytest.raises(DarkroomError) as raised:
            await refused
        assert raised.value.reason is ErrorReason.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("value", "most"),
    [
        ("10", 10.0),
        ("0", 0.0),
        ("2.5", 2.5),
        (" 7 ", 7.0),
        ("1e99", 1_000_000.0),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("many", None),
        ("", None),
    ],
)
async def test_the_limit_of_attempts_to_sign_in(house: House, value: str, most: float | None) -> None:
    settings = replica(house)
    assert await settings.login_attempts() is None
    await settings.change(house.owner, {"loginAttemptLimit": value}, [])
    assert await replica(house).login_attempts() == most


@pytest.mark.parametrize(
    ("value", "hours"),
    [
        ("72", 72),
        (" 0.5 ", 0.5),
        ("0.0000001", 1 / 3600),
        ("1e300", 24 * 36_500),
        ("0", None),
        ("-1", None),
        ("nan", None),
        ("1e400", None),
        ("1" * 10_000, None),
        ("three days", None),
        ("[72]", None),
        ("", None),
    ],
)
async def test_how_old_files_may_get(house: House, value: str, hours: float | None) -> None:
    told: list[tuple[int, timedelta | None]] = []

    async def tell(account_id: int, age: timedelta | None) -> None:
        told.append((account_id, age))

    ages = FileAges(replica(house), house.home, [tell])
    await ages.step()
    changes = 0

    def changed() -> None:
        nonlocal changes
        changes += 1

    settings = AccountSettings(SettingStore(house.database), house.home, SEEDS, changed)
    await settings.change(house.owner, {"tempFileMaxAgeHours": value}, [])
    await ages.step()
    await settings.change(house.owner, {}, ["tempFileMaxAgeHours"])
    await ages.step()
    age = timedelta(hours=hours) if hours is not None else None
    assert told == [(house.account_id, None), (house.account_id, age), (house.account_id, None)]
    assert changes == 2


async def test_the_logo_and_its_setting(house: House) -> None:
    settings, branding = replica(house), Branding(LogoStore(house.database), house.home)
    with calling(Identity(0), Client("203.0.113.7", "browser")):
        with refusing(ErrorReason.LOGO_NOT_FOUND, "No custom logo set"):
            await branding.logo()
        for bad in (b"", b"GIF89a", PNG[:20], encoded(disc(129, 1), "PNG"), encoded(disc(1, 129), "PNG")):
            with pytest.raises(DarkroomError) as refused:
                await branding.replace(house.owner, bad)
            assert refused.value.reason is ErrorReason.FIELD_INVALID
        assert "customLogo" not in await values(settings, house.owner)
        await branding.replace(house.owner, PNG)
        assert (await branding.logo()).png == PNG
        assert (await settings.get(house.owner, "customLogo")).value == "true"
        for _ in range(2):
            await branding.delete(house.owner)
            assert (await settings.get(house.owner, "customLogo")).value == "false"
        with refusing(ErrorReason.LOGO_NOT_FOUND, "No custom logo set"):
            await branding.logo()


async def test_the_password_is_changed_first(house: House) -> None:
    token, _ = await house.sign_in()
    newcomer = await house.identity(token)
    for refused in (replica(house).all(newcomer), replica(house).get(newcomer, "instance_id")):
        with refusing(ErrorReason.PASSWORD_CHANGE_REQUIRED, CHANGE_FIRST):
            await refused
