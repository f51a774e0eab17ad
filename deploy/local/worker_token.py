"""The command with which another machine joins the stack as a worker, once."""

from __future__ import annotations

import json
from ipaddress import ip_address
from urllib.parse import urlsplit

from deploy.local.config import StackConfig
from deploy.local.programs.services import run_service_command


async def make_worker_token(config: StackConfig, name: str | None = None, minutes: int | None = None) -> list[str]:
    """The lines to show for a new token. The stack has to be up. Raises PartFailed."""
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
