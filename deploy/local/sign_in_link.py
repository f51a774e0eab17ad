"""The link with which the operator of the stack signs in once in a browser."""

from __future__ import annotations

import json

from pydantic import TypeAdapter

from deploy.local.config import StackConfig
from deploy.local.errors import PartFailed
from deploy.local.programs.services import run_service_command

_ENABLED = "DARKROOM_AUTH_ENABLED"


def people_sign_in(config: StackConfig) -> bool:
    """Whether the stack has people who sign in; otherwise there is nothing that a link could do."""
    return TypeAdapter(bool).validate_python(config.settings.services.get(_ENABLED, "true"))


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
