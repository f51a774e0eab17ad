"""Whether people sign in, by the settings."""

from __future__ import annotations

import pytest

from services.accounts.domain.config import PeopleSettings


@pytest.mark.parametrize(
    ("enabled", "surfaces", "signing_in"),
    [(True, None, True), (False, None, False), (False, "snapotter", False), (False, "pi,claid,fal", True), (False, "", True)],
)
def test_people_sign_in_where_no_surface_lets_anybody_in(enabled: bool, surfaces: str | None, signing_in: bool) -> None:
    settings = PeopleSettings(auth_enabled=enabled, surfaces=surfaces)
    assert settings.people_rules.auth_enabled == signing_in
