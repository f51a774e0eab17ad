"""The files that a request names: by URLs, as data URIs, or as files of the account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from darkroom.common.v1 import scope_pb2
from darkroom.operations.v1 import options_pb2
from services.platform.errors import Violation
from services.platform.identity import current_identity
from services.platform.scopes import require_scope
from services.tasks.domain.acceptance.requests import InputUrl

STORED = "storage://files/"
"""The prefix of the URL of a file of the account; its id follows."""
_OF_OPERATOR = "storage://"
"""The prefix of the URL of a file in a storage of the operator; the storage's name follows."""
_FORM = f"must be an http or https URL, a data URI, {STORED}<id>, or {_OF_OPERATOR}NAME/path for a storage that the operator has configured"
_LARGEST_ID = 10**15
_SINGLE, _LIST = "single", "list"
_FIELDS: Mapping[str, tuple[str, frozenset[options_pb2.MediaKind.ValueType]]] = {
    "image_url": (_SINGLE, frozenset({options_pb2.MEDIA_KIND_IMAGE, options_pb2.MEDIA_KIND_ANY})),
    "image_urls": (_LIST, frozenset({options_pb2.MEDIA_KIND_IMAGE, options_pb2.MEDIA_KIND_ANY})),
    "pdf_url": (_SINGLE, frozenset({options_pb2.MEDIA_KIND_PDF, options_pb2.MEDIA_KIND_ANY})),
    "input_urls": (_LIST, frozenset({options_pb2.MEDIA_KIND_IMAGE, options_pb2.MEDIA_KIND_PDF, options_pb2.MEDIA_KIND_ANY})),
    "file_id": (_SINGLE, frozenset({options_pb2.MEDIA_KIND_IMAGE, options_pb2.MEDIA_KIND_PDF, options_pb2.MEDIA_KIND_ANY})),
    "file_ids": (_LIST, frozenset({options_pb2.MEDIA_KIND_IMAGE, options_pb2.MEDIA_KIND_PDF, options_pb2.MEDIA_KIND_ANY})),
}
_IDS = ("file_id", "file_ids")


def input_fields(kind: options_pb2.MediaKind.ValueType) -> tuple[str, ...]:
    """The fields by which a model names the files that it takes."""
    return tuple(name for name, (_, kinds) in _FIELDS.items() if kind in kinds)


@dataclass(slots=True)
class Inputs:
    """The inputs of a request, in its order: files of the account, then the others."""

    file_ids: list[int] = field(default_factory=list)
    file_fields: list[str] = field(default_factory=list)
    """For each of them, the field that names it."""
    urls: list[InputUrl] = field(default_factory=list)
    """Those that its worker fetches, and data URIs."""

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.file_ids) + len(self.urls)


def read_inputs(given: Mapping[str, object], kind: options_pb2.MediaKind.ValueType) -> tuple[Inputs, list[Violation]]:
    """The files that the fields of an input name, and what is wrong with them. Their order is kept, so no file of the account may follow a
    URL."""
    inputs, found = Inputs(), list[Violation]()
    for path, value in _named(given, kind, found):
        file_id = _file_id(value, by_id=path.startswith(_IDS))
        if file_id is not None:
            if inputs.urls:
                found.append(Violation(path, "must come before inputs that are URLs: their order would be lost"))
            inputs.file_ids.append(file_id)
            inputs.file_fields.append(path)
        elif path.startswith(_IDS) or not isinstance(value, str):
            found.append(Violation(path, "must be the id of a file" if path.startswith(_IDS) else "must be a string", "string_type"))
        elif _is_url(value):
            inputs.urls.append(InputUrl(value, path))
        else:
            found.append(Violation(path, _FORM, "url_parsing"))
    return inputs, found


def require_files_scope(inputs: Inputs) -> None:
    """The targets of URLs become files of the account, which needs another scope than tasks do. Raises PERMISSION_DENIED."""
    if inputs.urls:
        require_scope(scope_pb2.SCOPE_FILES_WRITE, current_identity())


def _named(given: Mapping[str, object], kind: options_pb2.MediaKind.ValueType, found: list[Violation]) -> list[tuple[str, object]]:
    """Each input with its path, files of the account by id first."""
    named: list[tuple[str, object]] = []
    for name in sorted(input_fields(kind), key=lambda name: name not in _IDS):
        value = given.get(name)
        if value is None:
            continue
        if _FIELDS[name][0] == _SINGLE:
            named.append((name, value))
        elif isinstance(value, Sequence) and not isinstance(value, str):
            named += [(f"{name}[{index}]", each) for index, each in enumerate(value)]
        else:
            found.append(Violation(name, "must be a list", "list_type"))
    return named


def _is_url(value: str) -> bool:
    of_operator = value.startswith(_OF_OPERATOR) and not value.startswith(STORED)
    return of_operator or value.lower().startswith(("http://", "https://", "data:"))


def _file_id(value: object, *, by_id: bool) -> int | None:
    if isinstance(value, bool):
        return None
    if by_id and isinstance(value, (int, float)):
        return int(value) if value == int(value) and 0 < value < _LARGEST_ID else None
    if not isinstance(value, str) or not (by_id or value.startswith(STORED)):
        return None
    text = value.removeprefix(STORED)
    if not (text.isascii() and text.isdigit()) or text.startswith("0") or int(text[:16]) >= _LARGEST_ID:
        return None
    return int(text)
