"""Which server a command talks to and as whom, and the passwords that it asks for or makes up."""

from __future__ import annotations

import io
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from darkroom.cli import choice, passwords
from darkroom.cli.exits import advice_on, message_of
from darkroom.cli.saved_session import SavedSession, state_folder
from darkroom.connection import KEY_VARIABLE, URL_VARIABLE, Server
from darkroom.failures import ConnectionFailed, Unauthenticated

HERE, THERE = "http://here:1", "http://there:2"
SESSION = SavedSession(HERE, "ada", "a-token")


@pytest.fixture(autouse=True)
def _nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in (URL_VARIABLE, KEY_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    token = choice.chosen.set(choice.ServerChoice())
    yield
    choice.chosen.reset(token)


def _installed(folder: Path) -> None:
    (folder / ".darkroom").mkdir()
    (folder / ".darkroom" / "env").write_text(f"export {URL_VARIABLE}={THERE}\nexport {KEY_VARIABLE}=of-the-stack\n")


def test_the_file_of_a_session_is_for_its_user_only() -> None:
    SESSION.save()
    (file,) = state_folder().iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert SavedSession.load() == SESSION
    SavedSession.forget()
    SavedSession.forget()
    assert SavedSession.load() is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"url": "x"}', '{"url": 1, "user": 2, "token": 3}', "\0"])
def test_a_damaged_file_is_no_session(content: str) -> None:
    state_folder().mkdir(parents=True)
    (state_folder() / "session.json").write_text(content)
    assert SavedSession.load() is None


def test_nothing_names_a_server() -> None:
    with pytest.raises(ConnectionFailed, match="darkroom login"):
        choice.server()


def test_a_session_comes_before_the_local_stack(tmp_path: Path) -> None:
    _installed(tmp_path)
    assert choice.server() == Server(THERE, "of-the-stack")
    SESSION.save()
    assert choice.server() == Server(HERE, "a-token")


@pytest.mark.parametrize("by_option", [True, False])
def test_a_key_comes_before_the_session(monkeypatch: pytest.MonkeyPatch, by_option: bool) -> None:
    SESSION.save()
    if by_option:
        choice.chosen.set(choice.ServerChoice(THERE, "a-key"))
    else:
        monkeypatch.setenv(URL_VARIABLE, THERE)
        monkeypatch.setenv(KEY_VARIABLE, "a-key")
    assert choice.server() == Server(THERE, "a-key")


def test_a_session_is_for_its_own_server_only(monkeypatch: pytest.MonkeyPatch) -> None:
    SESSION.save()
    monkeypatch.setenv(URL_VARIABLE, f"{HERE}/")
    assert choice.server() == Server(HERE, "a-token")
    monkeypatch.setenv(URL_VARIABLE, THERE)
    with pytest.raises(ConnectionFailed, match=f"no API key for {THERE}"):
        choice.server()
    choice.chosen.set(choice.ServerChoice(HERE))
    assert choice.server() == Server(HERE, "a-token")


def test_signing_in_needs_a_server_and_no_key(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed, match="No server is configured"):
        choice.server_to_sign_in_to()
    _installed(tmp_path)
    assert choice.server_to_sign_in_to() == Server(THERE, "")
    assert Server(THERE, "").metadata == ()
    SESSION.save()
    assert choice.server_to_sign_in_to() == Server(HERE, "")


def test_an_ended_session_is_no_wrong_key() -> None:
    failure = Unauthenticated("API_KEY_INVALID", "The API key is missing, unknown or revoked.")
    assert message_of(failure) == str(failure)
    assert "DARKROOM_API_KEY" in advice_on(failure.reason)
    SESSION.save()
    assert "no longer signed in" in message_of(failure)
    assert "darkroom login" in advice_on(failure.reason)


def test_made_up_passwords_are_strong_and_never_the_same() -> None:
    made = {passwords.made_up() for _ in range(100)}
    assert len(made) == 100
    for password in made:
        assert len(password) == 20
        assert password.isalnum()
        assert any(map(str.isupper, password))
        assert any(map(str.islower, password))
        assert any(map(str.isdigit, password))


class _Input:
    """Standard input."""

    def __init__(self, content: bytes, *, terminal: bool) -> None:
        self.buffer, self._terminal = io.BytesIO(content), terminal

    def isatty(self) -> bool:
        return self._terminal


def test_passwords_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", _Input("  Grüße \r\nsecond".encode(), terminal=False))
    assert [passwords.line(), passwords.line()] == ["  Grüße ", "second"]


@pytest.mark.parametrize(("content", "terminal"), [(b"", False), (b"\n", False), (b"\xff\n", False), (b"secret\n", True)])
def test_standard_input_without_a_password(monkeypatch: pytest.MonkeyPatch, content: bytes, terminal: bool) -> None:
    monkeypatch.setattr(sys, "stdin", _Input(content, terminal=terminal))
    with pytest.raises(typer.Exit) as ended:
        passwords.line()
    assert ended.value.exit_code == 2


def test_nobody_is_asked_without_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", _Input(b"secret\n", terminal=False))
    with pytest.raises(typer.Exit) as ended:
        passwords.new_one(stdin=False, generate=False)
    assert ended.value.exit_code == 2
    with pytest.raises(typer.Exit):
        passwords.new_one(stdin=True, generate=True)
