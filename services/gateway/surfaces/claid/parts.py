"""The parts of an upload: `file`, and `data` with the edit as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from compat.claid.v1 import edits_pb2
from services.platform.errors import MISSING, UNKNOWN, DarkroomError, ErrorReason, Violation
from services.platform.json_models import struct_of

FILE, DATA = "file", "data"
_BOTH = (FILE, DATA)


class UploadParts:
    """One picture and one field."""

    def is_field(self, name: str) -> bool:
        """Browsers give JSON a file name if it has a content type."""
        return name == DATA

    def check_field(self, name: str) -> None:
        """Refuse any field but `data`. Raises FIELD_INVALID."""
        if name == FILE:
            raise _invalid(FILE, "must be a file: a part with a file name")
        if name != DATA:
            raise _invalid(name, f"is no part of this form, which has {' and '.join(_BOTH)}", UNKNOWN)

    def check_file(self, name: str, before: int) -> None:
        """Refuse any file but one in `file`. Raises FIELD_INVALID."""
        if name != FILE:
            raise _invalid(name, f"is no part of this form, which has {' and '.join(_BOTH)}", UNKNOWN)
        if before:
            raise _invalid(FILE, "is given twice")


def upload(texts: Sequence[tuple[str, str]], file_ids: Sequence[int]) -> edits_pb2.UploadAndEditImageRequest:
    """The call that a form stands for. Raises FIELD_INVALID."""
    if not file_ids:
        raise _invalid(FILE, "is required", MISSING)
    if not texts:
        raise _invalid(DATA, "is required", MISSING)
    if len(texts) > 1:
        raise _invalid(DATA, "is given twice")
    [(_, text)] = texts
    return edits_pb2.UploadAndEditImageRequest(file=str(file_ids[0]), data=struct_of(_object(text)))


def _object(text: str) -> dict[str, Any]:
    try:
        read = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise _invalid(DATA, 'must be an object as JSON, such as {"operations": {}}')
    return read


def _refuse(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")


def _invalid(field: str, problem: str, kind: str = "value_error") -> DarkroomError:
    return DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: {problem}.", violations=[Violation(field, problem, kind)])
