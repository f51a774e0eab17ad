"""Ids as the JSON surfaces write them: decimal texts."""

from __future__ import annotations

from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.batches.account_batches import batch_not_found
from services.tasks.domain.owner.account_tasks import task_not_found

_LARGEST_ID_DIGITS = 15


def file_id(text: str, field: str) -> int:
    """A file id. Raises FILE_NOT_FOUND for an invalid id, as for one that does not exist."""
    number = decimal_id(text)
    if number is None:
        raise DarkroomError(ErrorReason.FILE_NOT_FOUND, "There is no such file.", field=field)
    return number


def task_id(text: str) -> int:
    """A task id. Raises TASK_NOT_FOUND for an invalid id, as for one that does not exist."""
    number = decimal_id(text)
    if number is None:
        raise task_not_found()
    return number


def batch_id(text: str) -> int:
    """A batch id. Raises BATCH_NOT_FOUND for an invalid id, as for one that does not exist."""
    number = decimal_id(text)
    if number is None:
        raise batch_not_found()
    return number


def decimal_id(text: str) -> int | None:
    """A number in canonical decimal form, without sign, spaces or leading zeros; None for any other text."""
    if not (text.isascii() and text.isdigit()) or len(text) > _LARGEST_ID_DIGITS or text.startswith("0"):
        return None
    return int(text)
