"""Upgrades a clone and its running stack by one version, and goes back.

An upgrade is: a backup, the new code, `make up`. When `up` fails, the previous code is started again on the same data, which holds what has
been done since (docs/how-to/upgrade.md says why that works).
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from deploy.installation.private_file import write_private
from deploy.service.backups import back_up
from deploy.service.commands import git, make
from deploy.service.errors import ServiceError
from deploy.service.plan import Plan

_FILE = "upgrade.json"


class Upgrade(BaseModel):
    """The last upgrade, by which one can go back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    before: str
    """The commit before it."""
    branch: str
    """The branch that was checked out; empty for none."""
    after: str
    at: str
    """RFC 3339."""
    backup: Path

    @classmethod
    def read(cls, stack: Path) -> Upgrade:
        """The last one. Raises ServiceError without one."""
        try:
            return cls.model_validate_json((stack / _FILE).read_bytes())
        except FileNotFoundError:
            raise ServiceError(f"{stack} has no upgrade to go back from") from None
        except ValidationError as error:
            raise ServiceError(f"{stack / _FILE} is not valid: {error}") from error

    def write(self, stack: Path) -> None:
        """Remember it."""
        write_private(stack / _FILE, self.model_dump_json(indent=2) + "\n")


def upgrade(root: Path, stack: Path, plan: Plan, revision: str = "") -> Upgrade:
    """Upgrade to a tag or commit; without one, to what the branch's remote has. Raises ServiceError, with the previous version running."""
    with _alone(root, stack):
        return _upgrade(root, stack, plan, revision)


def _upgrade(root: Path, stack: Path, plan: Plan, revision: str) -> Upgrade:
    if git(root, "remote"):
        git(root, "fetch", "--tags", "--quiet")
    before, branch = git(root, "rev-parse", "HEAD"), git(root, "branch", "--show-current")
    if not (revision or branch):
        raise ServiceError("no branch is checked out; name the version: VERSION=v1.4, or check out a branch first")
    after = git(root, "rev-parse", "--verify", f"{revision or '@{upstream}'}^{{commit}}")
    if after == before:
        raise ServiceError(f"{after[:12]} is already running; there is nothing newer")
    if not _comes_after(root, before, after):
        raise ServiceError(f"{after[:12]} is not a later version than {before[:12]}; to return to an earlier one: go-back")
    done = Upgrade(
        before=before, branch=branch, after=after, at=datetime.now(UTC).isoformat(), backup=back_up(stack, plan, "before-upgrade")
    )
    print(f"The backup is {done.backup}.", flush=True)
    done.write(stack)
    _start(root, stack, done, "" if revision else branch)
    return done


def go_back(root: Path, stack: Path) -> Upgrade:
    """Start the version before the last upgrade on the current data. Raises ServiceError."""
    with _alone(root, stack):
        return _go_back(root, stack)


@contextmanager
def _alone(root: Path, stack: Path) -> Iterator[None]:
    """Let one command at a time change a clone, and only one in which nobody else has changed something."""
    if not stack.is_dir():
        raise ServiceError(f"there is no stack in {stack}")
    with (stack / "upgrade.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServiceError(f"another upgrade of {stack} is running") from None
        if changed := git(root, "status", "--porcelain", "--untracked-files=no"):
            raise ServiceError(f"these files of the clone were changed; commit or restore them first:\n{changed}")
        yield


def _go_back(root: Path, stack: Path) -> Upgrade:
    last = Upgrade.read(stack)
    here = git(root, "rev-parse", "HEAD")
    if here == last.before:
        raise ServiceError(f"{here[:12]}, the version before the last upgrade, is already checked out; `make up` starts it")
    if here != last.after:
        raise ServiceError(
            f"{here[:12]} is checked out, but the last upgrade was to {last.after[:12]}; check that commit out, or go back by hand"
        )
    if not _switch(root, stack, last.after, last.before, last.branch):
        to = f"-B {last.branch} {last.after}" if last.branch else last.after
        raise ServiceError(
            f"{last.before[:12]} does not start, as the messages above say. `git checkout {to} && make up` starts {last.after[:12]} again. "
            f"The backup before the upgrade is {last.backup}"
        )
    return last


def _start(root: Path, stack: Path, done: Upgrade, branch: str) -> None:
    if _switch(root, stack, done.before, done.after, branch):
        return
    print("The new version did not start; going back.", flush=True)
    if not _switch(root, stack, done.after, done.before, done.branch):
        raise ServiceError(f"neither version starts; see the messages above, `make logs`, and the backup {done.backup}")
    raise ServiceError(f"{done.after[:12]} did not start; {done.before[:12]} runs again, and nothing is lost. The messages above say why")


def _switch(root: Path, stack: Path, old: str, new: str, branch: str) -> bool:
    """Check out the new commit and start the stack with it; whether it is healthy."""
    if git(root, "diff", "--name-only", old, new, "--", "requirements"):
        # Set-up replaces the programs that run.
        make(root, "down", stack)
    try:
        git(root, "checkout", "--quiet", *(("-B", branch) if branch else ("--detach",)), new)
    except ServiceError:
        # For example a file of the operator's in the way of a new one.
        make(root, "up", stack)
        raise
    return make(root, "up", stack)


def _comes_after(root: Path, before: str, after: str) -> bool:
    return git(root, "merge-base", before, after) == before
