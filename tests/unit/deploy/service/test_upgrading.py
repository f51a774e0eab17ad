"""Upgrades and the way back: real git and make, on a clone whose Makefile notes what is asked of it, and fails where a version is bad."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.service import upgrading
from deploy.service.errors import ServiceError
from deploy.service.plan import Plan
from deploy.service.upgrading import Upgrade, go_back, upgrade

MAKEFILE = """\
up:
\t@echo "up $$(cat VERSION)" >> "$(DIR)/done"
\t@! grep -q bad VERSION
down:
\t@echo "down $$(cat VERSION)" >> "$(DIR)/done"
"""


def git(folder: Path, *arguments: str) -> str:
    named = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    return subprocess.run(["git", *named, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


class Clone:
    """A clone with a remote, to which versions are pushed."""

    def __init__(self, folder: Path) -> None:
        self.origin, self.root, self.stack = folder / "origin", folder / "clone", folder / "stack"
        self.stack.mkdir()
        self.origin.mkdir()
        git(self.origin, "init", "--quiet", "--initial-branch=main")
        self.first = self.release("1")
        git(folder, "clone", "--quiet", str(self.origin), str(self.root))

    def release(self, version: str, **files: str) -> str:
        for name, text in {"VERSION": version, "Makefile": MAKEFILE, **files}.items():
            path = self.origin / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git(self.origin, "add", "--all")
        git(self.origin, "commit", "--quiet", "--message", version)
        git(self.origin, "tag", f"v{version.split(maxsplit=1)[0]}")
        return git(self.origin, "rev-parse", "HEAD")

    @property
    def done(self) -> list[str]:
        file = self.stack / "done"
        return file.read_text().splitlines() if file.is_file() else []

    @property
    def head(self) -> str:
        return git(self.root, "rev-parse", "HEAD")


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


@pytest.fixture(autouse=True)
def backups(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Backups need a running stack, and have tests of their own; here they are noted."""
    noted: list[str] = []

    def back_up(stack: Path, _plan: Plan, reason: str) -> Path:
        noted.append(f"backup {reason}")
        return stack / "backup.tar"

    monkeypatch.setattr(upgrading, "back_up", back_up)
    yield noted


def test_it_takes_what_the_branch_has_and_starts_it(clone: Clone, backups: list[str]) -> None:
    newest = clone.release("2")
    done = upgrade(clone.root, clone.stack, Plan())
    assert (done.before, done.after, clone.head) == (clone.first, newest, newest)
    assert backups == ["backup before-upgrade"]
    assert clone.done == ["up 2"]
    assert git(clone.root, "branch", "--show-current") == "main"


def test_a_version_that_does_not_start_gives_way_to_the_one_before(clone: Clone) -> None:
    clone.release("2 bad")
    with pytest.raises(ServiceError, match="runs again, and nothing is lost"):
        upgrade(clone.root, clone.stack, Plan())
    assert clone.done == ["up 2 bad", "up 1"]
    assert (clone.head, git(clone.root, "branch", "--show-current")) == (clone.first, "main")


def test_the_stack_is_down_while_its_programs_are_replaced(clone: Clone) -> None:
    clone.release("2", **{"requirements/main.txt": "other==2"})
    upgrade(clone.root, clone.stack, Plan())
    assert clone.done == ["down 1", "up 2"]


def test_a_tag_can_be_named(clone: Clone) -> None:
    second = clone.release("2")
    clone.release("3")
    assert upgrade(clone.root, clone.stack, Plan(), "v2").after == second
    with pytest.raises(ServiceError, match="not a later version"):
        upgrade(clone.root, clone.stack, Plan(), clone.first)


def test_a_tag_that_does_not_start_gives_the_branch_back(clone: Clone) -> None:
    clone.release("2 bad")
    with pytest.raises(ServiceError, match="runs again"):
        upgrade(clone.root, clone.stack, Plan(), "v2")
    assert (clone.head, git(clone.root, "branch", "--show-current")) == (clone.first, "main")


def test_after_a_tag_the_next_version_has_to_be_named(clone: Clone) -> None:
    clone.release("2")
    upgrade(clone.root, clone.stack, Plan(), "v2")
    third = clone.release("3")
    with pytest.raises(ServiceError, match="name the version"):
        upgrade(clone.root, clone.stack, Plan())
    assert upgrade(clone.root, clone.stack, Plan(), "v3").after == third


def test_what_was_stopped_for_an_upgrade_that_a_file_is_in_the_way_of_is_started_again(clone: Clone) -> None:
    clone.release("2", **{"requirements/main.txt": "other==2"})
    (clone.root / "requirements").mkdir()
    (clone.root / "requirements" / "main.txt").write_text("mine")
    with pytest.raises(ServiceError, match="untracked"):
        upgrade(clone.root, clone.stack, Plan())
    assert (clone.head, clone.done) == (clone.first, ["down 1", "up 1"])


def test_only_one_upgrade_runs_at_a_time(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    clone.release("2")

    def meanwhile(stack: Path, _plan: Plan, _reason: str) -> Path:
        with pytest.raises(ServiceError, match="another upgrade"):
            go_back(clone.root, stack)
        return stack / "backup.tar"

    monkeypatch.setattr(upgrading, "back_up", meanwhile)
    upgrade(clone.root, clone.stack, Plan())
    assert clone.done == ["up 2"]


def test_going_back_starts_the_version_before(clone: Clone, backups: list[str]) -> None:
    clone.release("2")
    upgrade(clone.root, clone.stack, Plan())
    go_back(clone.root, clone.stack)
    assert backups == ["backup before-upgrade"]
    assert (clone.head, clone.done) == (clone.first, ["up 2", "up 1"])
    with pytest.raises(ServiceError, match="is already checked out"):
        go_back(clone.root, clone.stack)


def test_going_back_is_refused_in_a_clone_with_changes(clone: Clone, backups: list[str]) -> None:
    clone.release("2", **{"requirements/main.txt": "other==2"})
    upgrade(clone.root, clone.stack, Plan())
    (clone.root / "VERSION").write_text("mine")
    with pytest.raises(ServiceError, match="were changed"):
        go_back(clone.root, clone.stack)
    assert (backups, clone.done) == (["backup before-upgrade"], ["down 1", "up 2"])


def test_a_version_before_that_does_not_start_says_how_to_go_on(clone: Clone) -> None:
    clone.release("2 bad")
    git(clone.root, "pull", "--quiet")
    third = clone.release("3")
    upgrade(clone.root, clone.stack, Plan())
    with pytest.raises(ServiceError, match=f"git checkout -B main {third} && make up"):
        go_back(clone.root, clone.stack)


def test_what_stands_in_the_way_is_said_before_anything_is_done(clone: Clone, backups: list[str]) -> None:
    with pytest.raises(ServiceError, match="nothing newer"):
        upgrade(clone.root, clone.stack, Plan())
    clone.release("2")
    (clone.root / "VERSION").write_text("mine")
    with pytest.raises(ServiceError, match=r"(?s)were changed.*VERSION"):
        upgrade(clone.root, clone.stack, Plan())
    with pytest.raises(ServiceError, match="no upgrade"):
        Upgrade.read(clone.stack)
    assert (backups, clone.done) == ([], [])
