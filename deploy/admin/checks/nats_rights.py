"""Whether a user of NATS may do what its service needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deploy.installation.nats_users import rights_of

_SHOWN = 4


def missing_rights(service: str, permissions: Mapping[str, Any] | None) -> list[str]:
    """The rights that the user of a service lacks; `permissions` as NATS reports them, None for a user without limits."""
    rights = rights_of(service)
    wanted = {"publish": rights.publish, "subscribe": (*rights.subscribe, f"_INBOX.{service}.>")}
    missing = []
    for verb, subjects in wanted.items():
        own = (permissions or {}).get(verb) or {}
        refused = [subject for subject in subjects if not _allowed(subject, own.get("allow"), own.get("deny") or ())]
        if refused:
            more = f" and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
            missing.append(f"{verb} to {', '.join(refused[:_SHOWN])}{more}")
    return missing


def _allowed(subject: str, allow: Sequence[str] | None, deny: Sequence[str]) -> bool:
    # NATS takes a missing or empty list for no limit.
    return (not allow or any(covers(pattern, subject) for pattern in allow)) and not any(covers(pattern, subject) for pattern in deny)


def covers(pattern: str, subject: str) -> bool:
    """Whether every subject that `subject` stands for is one of the pattern's."""
    ours, theirs = subject.split("."), pattern.split(".")
    for number, part in enumerate(theirs):
        if part == ">":
            return len(ours) > number
        if number >= len(ours) or ours[number] == ">" or part not in ("*", ours[number]):
            return False
    return len(ours) == len(theirs)
