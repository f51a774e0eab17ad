"""Looks after a stack: starts it again when its supervisor is gone, and reports each problem to the operator once, and its end."""

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
from deploy.local.errors import NotReady, StackError
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
    """The problems of a stack now. The plan's alarm reports those that are new and those that are over."""
    layout = Layout.at(stack)
    problems = [*await _parts(stack), *disk(layout.root), *_backup(plan), *_certificate(stack)]
    _tell_changes(layout.root, plan, problems)
    return problems


async def _parts(stack: Path) -> list[str]:
    try:
        return [_told(part) for part in await open_stack(stack).status() if not part.ready]
    except NotReady:
        pass
    with Layout.at(stack).lock():
        opened = open_stack(stack)
        if await opened.supervisor.answers():
            # The command that held the lock has started it.
            return []
        if not opened.config.layout.run.exists():
            # `down` deletes it: the operator may be moving the data.
            return [f"the stack in {stack} was stopped; `make up` starts it again"]
        # Killed, for example for lack of memory. The parts may run on; `up` takes them over.
        try:
            await opened.up()
        except StackError as error:
            return [f"the supervisor of {stack} was gone, and the stack does not start: {error}"]
    return [f"the supervisor of {stack} was gone; the stack has been started again"]


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
    return [f"{plan.backups} has no backup from the last two days"]


def _certificate(stack: Path) -> list[str]:
    folder = open_stack(stack).config.settings.tls_dir
    if folder is None:
        return []
    try:
        left = x509.load_pem_x509_certificate((folder / "tls.crt").read_bytes()).not_valid_after_utc - datetime.now(UTC)
    except (OSError, ValueError) as error:
        return [f"the certificate in {folder} cannot be read: {error}"]
    return [] if left.days >= _CERTIFICATE_DAYS else [f"the certificate in {folder} expires in {left.days} days"]


def _tell_changes(folder: Path, plan: Plan, problems: Collection[str]) -> None:
    """Figures in a problem change from look to look, so problems are identified by their first words."""
    file = folder / _STATE
    known = _known(file)
    now = {_kind(problem): problem for problem in problems}
    lines = [f"problem: {problem}" for kind, problem in now.items() if kind not in known]
    lines += [f"over: {problem}" for kind, problem in known.items() if kind not in now]
    if lines and plan.alarm and (failure := _told_operator(plan.alarm, lines)):
        # Reported again with the next look.
        print(failure)
        return
    try:
        write_private(file, json.dumps(now))
    except OSError as error:
        print(f"{file} cannot be written, so earlier alarms are sent again: {error}")


def _known(file: Path) -> dict[str, str]:
    try:
        known: dict[str, str] = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        # None yet, or left empty by a power cut.
        return {}
    return known


def _told_operator(alarm: str, lines: Collection[str]) -> str:
    """Run the alarm; returns why that failed, or nothing."""
    text = "Darkroom on this machine\n" + "\n".join(lines) + "\n"
    try:
        status = subprocess.run(["sh", "-c", alarm], input=text, text=True, timeout=_ALARM_SECONDS, check=False).returncode
    except subprocess.TimeoutExpired:
        return f"the alarm command did not end within {_ALARM_SECONDS} s"
    return f"the alarm command ended with status {status}" if status else ""


def _kind(problem: str) -> str:
    return " ".join(problem.split()[:4])
