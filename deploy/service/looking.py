"""Looks after a stack: starts it again when its supervisor is gone, and tells the operator of problems, once each, and of their end."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from deploy.installation.private_file import write_private
from deploy.local.assembly import open_stack
from deploy.local.errors import NotReady
from deploy.local.layout import Layout
from deploy.local.stack import PartStatus
from deploy.service.backups import newest_age_seconds
from deploy.service.plan import Plan

_STATE = "alarms.json"
_LEAST_FREE_SHARE = 0.1
_LEAST_FREE_BYTES = 5 << 30
_BACKUP_SECONDS = 2 * 86_400.0
_CERTIFICATE_DAYS = 14
_ALARM_SECONDS = 60


async def look(stack: Path, plan: Plan) -> Collection[str]:
    """The problems of a stack now. Those that are new, and those that are over, are told by the plan's alarm."""
    layout = Layout.at(stack)
    problems = [*await _parts(stack), *disk(layout.root), *_backup(plan), *_certificate(stack)]
    _tell_changes(layout.root, plan, problems)
    return problems


async def _parts(stack: Path) -> list[str]:
    opened = open_stack(stack)
    try:
        status = await opened.status()
    except NotReady:
        # Killed, for example for lack of memory. The parts may run on; `up` takes them over.
        with Layout.at(stack).lock():
            await opened.up()
        return [f"the supervisor of {stack} was gone; the stack has been started again"]
    return [_told(part) for part in status if not part.ready]


def _told(part: PartStatus) -> str:
    return f"{part.name} is not ready: {part.problem}"


def disk(folder: Path) -> list[str]:
    """Whether the disk of a folder is nearly full: long before new work is refused."""
    usage = shutil.disk_usage(folder)
    least = min(_LEAST_FREE_BYTES, usage.total * _LEAST_FREE_SHARE)
    if usage.free >= least:
        return []
    return [f"the disk of {folder} has {usage.free / 2**30:.1f} GiB left of {usage.total / 2**30:.1f}"]


def _backup(plan: Plan) -> list[str]:
    if plan.backups is None:
        return []
    age = newest_age_seconds(plan.backups)
    if age is not None and age <= _BACKUP_SECONDS:
        return []
    return [f"{plan.backups} has no backup of the last two days"]


def _certificate(stack: Path) -> list[str]:
    folder = open_stack(stack).config.settings.tls_dir
    if folder is None:
        return []
    left = x509.load_pem_x509_certificate((folder / "tls.crt").read_bytes()).not_valid_after_utc - datetime.now(UTC)
    return [] if left.days >= _CERTIFICATE_DAYS else [f"the certificate in {folder} ends in {left.days} days"]


def _tell_changes(folder: Path, plan: Plan, problems: Collection[str]) -> None:
    """Figures in a problem change from look to look, so problems are told apart by their first words."""
    file = folder / _STATE
    known: dict[str, str] = json.loads(file.read_text()) if file.is_file() else {}
    now = {_kind(problem): problem for problem in problems}
    lines = [f"problem: {problem}" for kind, problem in now.items() if kind not in known]
    lines += [f"over: {problem}" for kind, problem in known.items() if kind not in now]
    write_private(file, json.dumps(now))
    if lines and plan.alarm:
        text = "Darkroom on this machine\n" + "\n".join(lines) + "\n"
        subprocess.run(["sh", "-c", plan.alarm], input=text, text=True, timeout=_ALARM_SECONDS, check=False)


def _kind(problem: str) -> str:
    return " ".join(problem.split()[:4])
