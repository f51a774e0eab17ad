"""Finding and connecting to the server."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import grpc

from darkroom.failures import ConnectionFailed

URL_VARIABLE, KEY_VARIABLE = "DARKROOM_URL", "DARKROOM_API_KEY"
ENV_FILE = Path(".darkroom") / "env"


@dataclass(frozen=True)
class Server:
    """A server's public URL, and an API key or a session's token for it."""

    url: str
    api_key: str

    @classmethod
    def find(cls, url: str | None = None, api_key: str | None = None) -> Server:
        """The server from the arguments, from DARKROOM_URL and DARKROOM_API_KEY, or from the .darkroom/env that `make up` wrote in this
        folder or one above, in this order. An empty key that is given as the argument is none: enough to sign in.

        Raises ConnectionFailed if they name no server and key.
        """
        values = {**_env_file(), **os.environ}
        url = url or values.get(URL_VARIABLE)
        api_key = values.get(KEY_VARIABLE) or None if api_key is None else api_key
        if not url or api_key is None:
            missing = [name for name, lacks in ((URL_VARIABLE, not url), (KEY_VARIABLE, api_key is None)) if lacks]
            what = f"There is no API key for {url}" if url else "No server is configured"
            raise ConnectionFailed(f"{what}. Set {' and '.join(missing)}, or run this in or below a folder where `make up` was run.")
        return cls(url.rstrip("/"), api_key)

    def channel(self) -> grpc.aio.Channel:
        """A gRPC channel to the server's public port, with TLS for an https URL. Close it after use."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConnectionFailed(f"{self.url} is not a server URL: expected http://host:port or https://host:port.")
        target = f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
        if parts.scheme == "https":
            return grpc.aio.secure_channel(target, grpc.ssl_channel_credentials())
        return grpc.aio.insecure_channel(target)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The metadata for every call."""
        return (("authorization", f"Bearer {self.api_key}"),) if self.api_key else ()


def _env_file() -> dict[str, str]:
    here = Path.cwd()
    for folder in (here, *here.parents):
        file = folder / ENV_FILE
        if file.is_file():
            return _parse(file.read_text())
    return {}


def _parse(text: str) -> dict[str, str]:
    """The variables set in a file that a shell can source."""
    values = {}
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        for word in words[1:] if words[:1] == ["export"] else words[:1]:
            name, separator, value = word.partition("=")
            if separator:
                values[name] = value
    return values
