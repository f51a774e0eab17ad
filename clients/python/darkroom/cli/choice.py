"""Which server a command talks to, and as whom."""

from __future__ import annotations

import os
from contextvars import ContextVar
from dataclasses import dataclass

from darkroom.cli.saved_session import SavedSession
from darkroom.connection import KEY_VARIABLE, URL_VARIABLE, Server
from darkroom.failures import ConnectionFailed


@dataclass(frozen=True)
class ServerChoice:
    """The values of --url and --api-key."""

    url: str | None = None
    api_key: str | None = None


chosen: ContextVar[ServerChoice] = ContextVar("chosen", default=ServerChoice())  # noqa: B039 - frozen


def server() -> Server:
    """The server and the key from the options or the environment; without a key there, those of `darkroom login`; otherwise those of the
    nearest .darkroom/env. Raises ConnectionFailed if there are none."""
    if (session := session_in_use()) is not None:
        return Server(session.url, session.token)
    try:
        return Server.find(_url(), chosen.get().api_key or None)
    except ConnectionFailed as failure:
        raise ConnectionFailed(f"{failure} Or sign in with `darkroom login --url URL`.") from None


def session_in_use() -> SavedSession | None:
    """The session of `darkroom login`, unless a key is named that takes its place, or a server that it is not for."""
    if chosen.get().api_key or os.environ.get(KEY_VARIABLE):
        return None
    session, url = SavedSession.load(), _url()
    return session if session is not None and url in (None, session.url) else None


def server_to_sign_in_to() -> Server:
    """The server, without a key. Raises ConnectionFailed if none is named."""
    session = SavedSession.load()
    return Server.find(_url() or (session.url if session is not None else None), "")


def _url() -> str | None:
    url = chosen.get().url or os.environ.get(URL_VARIABLE)
    return url.rstrip("/") if url else None
