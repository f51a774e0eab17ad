"""Keys that may be used only from some networks: what is stored of them, and passed on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.accounts.domain.accounts import Accounts
from services.accounts.domain.keys import digest_of
from services.accounts.networks import networks
from services.accounts.records import KeyLimits
from services.accounts.store.accounts import AccountStore
from services.platform.errors import DarkroomError, ErrorReason
from tests.component.accounts.owners import owner_of

OFFICE = KeyLimits(networks=networks(["10.0.0.0/8", "2001:db8::/32"]))
DESK = KeyLimits(networks=networks(["10.1.2.3"]))


async def test_a_key_passes_on_its_networks_or_less(store: AccountStore) -> None:
    accounts = Accounts(store, lambda _key_id: None)
    account = await accounts.create_account("Studio")
    root, _ = await accounts.create_key(account.id, "root")
    office, secret = await accounts.create_key(account.id, "office", OFFICE, root.id)
    assert office.allowed_networks == ["10.0.0.0/8", "2001:db8::/32"]
    owner = await owner_of(store, digest_of(secret))
    assert owner is not None
    assert owner.networks == OFFICE.networks
    inherited, _ = await accounts.create_key(account.id, "same", creator_id=office.id)
    assert inherited.limits == OFFICE
    desk, _ = await accounts.create_key(account.id, "desk", DESK, office.id)
    rotated, _ = await accounts.rotate_key(account.id, desk.id, timedelta(hours=1), office.id)
    assert rotated.limits == DESK
    with pytest.raises(DarkroomError) as refused:
        await accounts.create_key(account.id, "wide", KeyLimits(networks=networks(["10.0.0.0/8", "0.0.0.0/0"])), office.id)
    assert (refused.value.reason, refused.value.field) == (ErrorReason.PERMISSION_DENIED, "allowed_networks")
    assert "from 0.0.0.0/0 itself" in refused.value.message
    for key_id, caller_id in ((root.id, office.id), (office.id, rotated.id)):
        with pytest.raises(DarkroomError, match="used from other networks"):
            await accounts.rotate_key(account.id, key_id, timedelta(hours=1), caller_id)
