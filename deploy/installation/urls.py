"""The parts of the URLs with which services reach databases and NATS."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit


def user_of(url: str) -> str:
    """The user; empty if the URL names none."""
    return unquote(urlsplit(url).username or "")


def password_of(url: str) -> str:
    """The password; empty if the URL holds none."""
    return unquote(urlsplit(url).password or "")
