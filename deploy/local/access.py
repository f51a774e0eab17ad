"""The ways into a stack: the API key of the first account and the file with it, sign-in links, and tokens of workers."""

from __future__ import annotations

import asyncio
import json
import shlex
import time
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx
from dotenv import dotenv_values
from pydantic import TypeAdapter

from deploy.installation.private_file import write_private
from deploy.local.config import KNOWN_PASSWORD, StackConfig
from deploy.local.errors import PartFailed, StackError
from deploy.local.programs.services import run_service_command
from services.platform.compatibility import SETTING, parse_surfaces

PASSWORD_SETTING = "DARKROOM_DEFAULT_PASSWORD"  # noqa: S105 - its name
_ACCOUNT_NAME = "default"
_PROBE_PATH = "/v1/tasks/1/status"
_ENABLED = "DARKROOM_AUTH_ENABLED"


async def write_env(config: StackConfig) -> None:
    """Write DARKROOM_URL and DARKROOM_API_KEY to the stack's env file, with a key that works; and the first administrator's password, if it
    is one that has been made for the stack.

    The key of an existing file is kept while the edge accepts it; otherwise a new account and key are created. This is also the
    last check of a start: a request that passes the public port, authorisation and a service.
    """
    file = config.layout.env_file
    stored = dotenv_values(file).get("DARKROOM_API_KEY") if file.is_file() else None
    key = stored if stored and await _is_accepted(config, stored) else await _create_key(config)
    if key != stored and not await _is_accepted(config, key):
        raise StackError("the edge refuses the API key that accounts has just made; see the logs of accounts and envoy")
    values = {"DARKROOM_URL": config.public_url, "DARKROOM_API_KEY": key}
    if config.first_password != KNOWN_PASSWORD and PASSWORD_SETTING not in config.settings.services:
        values[PASSWORD_SETTING] = config.first_password
    content = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
    if not file.is_file() or file.read_text() != content:
        write_private(file, content)


async def _create_key(config: StackConfig) -> str:
    created = await run_service_command(config, "accounts", "create-account", "--name", _ACCOUNT_NAME, "--key", _ACCOUNT_NAME)
    key: str = json.loads(created)["key"]
    return key


async def _is_accepted(config: StackConfig, key: str) -> bool:
    """Whether a request with this key gets past authorisation. Waits for a service that is not reachable yet."""
    deadline = time.monotonic() + 15
    # The certificate is for the public host name, but this request goes to a port of this machine.
    async with httpx.AsyncClient(base_url=config.local_url, verify=False, timeout=10, trust_env=False) as client:  # noqa: S501
        while True:
            try:
                response = await client.get(_PROBE_PATH, headers={"authorization": f"Bearer {key}"})
            except httpx.TransportError as error:
                problem = str(error) or type(error).__name__
            else:
                if response.status_code < 500:
                    return response.status_code != httpx.codes.UNAUTHORIZED
                problem = f"HTTP {response.status_code}"
            if time.monotonic() > deadline:
                raise StackError(f"GET {config.local_url}{_PROBE_PATH}: {problem}")
            await asyncio.sleep(0.1)


def people_sign_in(config: StackConfig) -> bool:
    """Whether the stack has people who sign in; otherwise there is nothing that a link could do. They do where the surface that would let
    anybody in is off."""
    chosen = config.settings.services
    return TypeAdapter(bool).validate_python(chosen.get(_ENABLED, "true")) or "snapotter" not in parse_surfaces(chosen.get(SETTING))


async def make_link(config: StackConfig, user: str | None = None, minutes: int | None = None) -> str:
    """The URL of a new link, for a person or, without a name, for the first administrator; good for some minutes. The stack has to be up.

    Raises PartFailed.
    """
    arguments = [*(["--user", user] if user is not None else []), *(["--minutes", str(minutes)] if minutes is not None else [])]
    made = json.loads(await run_service_command(config, "accounts", "create-sign-in-link", *arguments))
    url: str = made["url"]
    return url


async def invitation(config: StackConfig) -> str:
    """The line of `up` with a link. Without one the stack works, too: it may have no account that people belong to."""
    try:
        return f"Open in a browser (signs in once): {await make_link(config)}"
    except PartFailed as failure:
        return f"No sign-in link could be made: {' '.join(failure.log_lines[-1:]) or failure}"


async def make_worker_token(config: StackConfig, name: str | None = None, minutes: int | None = None) -> list[str]:
    """The lines to show for a new token, with which another machine joins as a worker, once. The stack has to be up. Raises PartFailed."""
    arguments = [*(["--name", name] if name is not None else []), *(["--minutes", str(minutes)] if minutes is not None else [])]
    made = json.loads(await run_service_command(config, "accounts", "create-worker-token", *arguments))
    lines = [
        f"JOIN={made['token']}",
        "",
        f"On the other machine, in a clone of this version, once and until {made['expires_at'][:16].replace('T', ' ')} UTC:",
        "",
        f"  make worker JOIN={made['token']}",
    ]
    if _only_here(made["url"]):
        lines += ["", f"Workers elsewhere cannot reach {made['url']}: put DARKROOM_PUBLIC_URL into {config.layout.settings_file} first."]
    return lines


def _only_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
