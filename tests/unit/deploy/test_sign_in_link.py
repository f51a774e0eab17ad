"""The link that `up` and `link` print, from what accounts says of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.local import access
from deploy.local.config import StackConfig
from deploy.local.errors import PartFailed
from deploy.local.programs.services import service_environment
from deploy.local.settings import Settings
from tests.unit.deploy.test_first_password import config

URL = "https://photos.example.com/#/sign-in/x"
ENABLED = "DARKROOM_AUTH_ENABLED"


@pytest.mark.parametrize(("value", "wanted"), [(None, True), ("true", True), ("1", True), ("false", False), ("0", False), ("off", False)])
def test_a_link_is_for_stacks_whose_people_sign_in(tmp_path: Path, value: str | None, wanted: bool) -> None:
    stack = config(tmp_path, None, Settings(services={ENABLED: value} if value is not None else {}))
    assert access.people_sign_in(stack) == wanted
    # Nobody would get in otherwise.
    alone = config(tmp_path, None, Settings(services={ENABLED: value or "true", "DARKROOM_SURFACES": "pi"}))
    assert access.people_sign_in(alone)


@pytest.mark.parametrize(
    ("user", "minutes", "arguments"),
    [(None, None, []), ("ada", None, ["--user", "ada"]), ("ada", 5, ["--user", "ada", "--minutes", "5"]), (None, 0, ["--minutes", "0"])],
)
async def test_what_accounts_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str | None, minutes: int | None, arguments: list[str]
) -> None:
    asked: list[str] = []

    async def run(_config: StackConfig, *words: str) -> str:
        asked.extend(words)
        return json.dumps({"url": URL, "user": user, "expires_at": "2026-01-01T00:00:00+00:00"})

    monkeypatch.setattr(access, "run_service_command", run)
    assert await access.make_link(config(tmp_path, None), user, minutes) == URL
    assert asked == ["accounts", "create-sign-in-link", *arguments]


async def test_up_ends_with_a_link_or_with_why_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def made(_config: StackConfig) -> str:
        return URL

    async def failed(_config: StackConfig) -> str:
        raise PartFailed("accounts", "it ended with status 1", ["something", "There is no account yet: create one first."])

    stack = config(tmp_path, None)
    monkeypatch.setattr(access, "make_link", made)
    assert await access.invitation(stack) == f"Open in a browser (signs in once): {URL}"
    monkeypatch.setattr(access, "make_link", failed)
    assert await access.invitation(stack) == "No sign-in link could be made: There is no account yet: create one first."


def test_accounts_is_told_at_which_url_people_reach_the_stack(tmp_path: Path) -> None:
    stack = config(tmp_path, None, Settings(public_url="https://photos.example.com"))
    assert service_environment(stack, "accounts")["DARKROOM_PUBLIC_URL"] == "https://photos.example.com"
