"""The user that PostgreSQL runs as when the stack is started by root, since PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
from functools import cache
from pathlib import Path

AS_ROOT = os.geteuid() == 0
UNPRIVILEGED_USER = "nobody"


def run_unprivileged(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command as the unprivileged user if this process runs as root, otherwise as the same user.

    The result's `stdout` holds both output streams.
    """
    return subprocess.run(
        # env turns "may not even reach this file" into an exit status, like any other failure.
        ["/usr/bin/env", *(str(part) for part in command)],
        user=UNPRIVILEGED_USER if AS_ROOT else None,
        group=pwd.getpwnam(UNPRIVILEGED_USER).pw_gid if AS_ROOT else None,
        extra_groups=[] if AS_ROOT else None,
        cwd="/",
        env={"LC_ALL": "C.UTF-8", "PATH": os.defpath},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@cache
def reachable_without_privileges(folder: Path) -> bool:
    """Whether the unprivileged user can walk to `folder`, or to its nearest ancestor that exists."""
    existing = next(candidate for candidate in (folder, *folder.parents) if candidate.exists())
    return run_unprivileged("test", "-x", existing).returncode == 0
