"""With which password the first administrator signs in: the one that everybody knows only where nobody else can reach it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local import access
from deploy.local.access import write_env
from deploy.local.config import KNOWN_PASSWORD, StackConfig
from deploy.local.credentials import Credentials, load_credentials
from deploy.local.layout import Layout
from deploy.local.ports import choose_ports
from deploy.local.programs.services import service_environment
from deploy.local.settings import Settings

SETTING = "DARKROOM_DEFAULT_PASSWORD"


def config(folder: Path, host: str | None, settings: Settings | None = None) -> StackConfig:
    layout = Layout.at(folder / "stack")
    layout.create()
    return StackConfig(layout, choose_ports(layout, host=host, public=0, ours=()), Credentials(), settings or Settings())


@pytest.mark.parametrize(
    ("host", "url", "known"),
    [
        (None, None, True),
        ("127.0.0.9", "http://localhost:9000", True),
        ("::1", "http://[::1]:9000", True),
        ("0.0.0.0", None, False),
        ("0.0.0.0", "http://localhost", False),
        ("::", None, False),
        ("192.0.2.1", None, False),
        ("darkroom.internal", None, False),
        (None, "https://photos.example.com", False),
        (None, "https://192.0.2.1:8443", False),
    ],
)
def test_by_who_can_reach_the_port(tmp_path: Path, host: str | None, url: str | None, known: bool) -> None:
    made = config(tmp_path, None, Settings(public_url=url))
    made = replace(made, ports=replace(made.ports, host=host or made.ports.host))
    assert (made.first_password == KNOWN_PASSWORD) == known
    told = service_environment(made, "accounts")
    assert told[SETTING] == made.first_password
    assert SETTING not in service_environment(made, "tasks")


def test_a_random_one_is_made_once_and_long(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path / "stack")
    layout.create()
    passwords = {load_credentials(layout).first_administrator for _ in range(2)}
    assert len(passwords) == 1
    assert len(passwords.pop()) == 48


@pytest.mark.parametrize(
    ("url", "own", "told"), [(None, None, False), ("https://example.com", None, True), ("https://example.com", "Sesame-0pen", False)]
)
async def test_the_env_file_tells_a_random_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str | None, own: str | None, told: bool
) -> None:
    async def made(_config: StackConfig) -> str:
        return "dk_sk_x"

    async def accepted(_config: StackConfig, _key: str) -> bool:
        return True

    monkeypatch.setattr(access, "_create_key", made)
    monkeypatch.setattr(access, "_is_accepted", accepted)
    stack = config(tmp_path, None, Settings(public_url=url, services={SETTING: own} if own else {}))
    await write_env(stack)
    written = stack.layout.env_file.read_text()
    assert (f"export {SETTING}={stack.credentials.first_administrator}\n" in written) == told
    assert (SETTING in written) == told
    assert service_environment(stack, "accounts")[SETTING] == (own or stack.first_password)
    assert service_environment(stack, "tasks")["DARKROOM_WEBHOOK_ALLOW_LOOPBACK"] == str(url is None).lower()
