"""`input` of a request: where a picture is."""

from __future__ import annotations

from dataclasses import dataclass

from services.platform.errors import Violation
from services.platform.json_models import violations_error
from services.tasks.domain.acceptance.requests import InputUrl
from services.tasks.surfaces import ids
from services.tasks.surfaces.rendering import input_urls

_SCHEME = "storage://"
_FILES = f"{_SCHEME}files/"
_FETCHED = ("http://", "https://", _SCHEME)


@dataclass(frozen=True, slots=True)
class Source:
    """Either a file of the account or something to fetch."""

    file_id: int | None
    url: InputUrl | None


def file_uri(file_id: int) -> str:
    """How a request names a file of the account."""
    return f"{_FILES}{file_id}"


def source(text: str, field: str) -> Source:
    """The sources that `input` names. Raises FIELD_INVALID, FILE_NOT_FOUND, and PERMISSION_DENIED for something to fetch if the key may not
    upload.
    """
    if text.startswith(_FILES):
        return Source(ids.file_id(text.removeprefix(_FILES), field), None)
    if text.lower().startswith(_FETCHED):
        [url] = input_urls({field: text})
        return Source(None, url)
    raise violations_error([Violation(field, f"must be an http or https URL, {_FILES}<id>, or {_SCHEME}NAME/path")])
