"""When a field of a form means something: what its comment and its name say of its neighbours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Field = dict[str, Any]
_OF = re.compile(r"(?:Of|For)(?: the type)? `|(?<=, for )`|(?<=, of the type )`")
_NAMED = re.compile(r"`([\w-]+)`")
_TITLE = re.compile(r"([A-Z][a-z]+(?: [a-z]+)*): ")
_LOSSY = re.compile(r"\blossy (?:result|tiles)\b|\bwithout loss\b|^Quality of JPEG, WebP")
_LOSSLESS = frozenset(("png", "gif", "tiff"))


def add_conditions(fields: Sequence[Field]) -> None:
    """Give each field that has one its `show_when`: values of other fields, by their names, one of which each must have."""
    for field in fields:
        if "show_when" not in field:
            found = _of_quality(field, fields) or _of_comment(field, fields) or _of_name(field, fields)
            if found:
                field["show_when"] = found
        for inner in (field.get("fields"), field.get("item", {}).get("fields")):
            if inner:
                add_conditions(inner)


def _values(field: Field) -> list[Any]:
    return [option["value"] for option in field.get("options", ())]


def _of_comment(field: Field, fields: Sequence[Field]) -> Mapping[str, list[Any]]:
    comment: str = field["help"]
    if title := _TITLE.match(comment):
        for other in fields:
            for option in other.get("options", ()) if other is not field else ():
                if option["label"] == title[1]:
                    return {other["name"]: [option["value"]]}
    begin = _OF.search(comment)
    if begin is None:
        return {}
    said = _NAMED.findall(re.split(r"[:.;]", comment[begin.start() :], maxsplit=1)[0])
    found: dict[str, list[Any]] = {}
    for other in fields:
        values = [value for value in said if other is not field and value in _values(other)]
        if values and not any(value in each for each in found.values() for value in values):
            found[other["name"]] = values
    return found


def _of_name(field: Field, fields: Sequence[Field]) -> Mapping[str, list[Any]]:
    """`shadow_blur` means something with `shadow`."""
    for other in fields:
        name = str(other["name"])
        if other["type"] == "boolean" and other is not field and str(field["name"]).startswith(f"{name}_"):
            return {name: [True]}
    return {}


def _of_quality(field: Field, fields: Sequence[Field]) -> Mapping[str, list[Any]]:
    """A quality that only lossy formats have."""
    if field["name"] != "quality" or not _LOSSY.search(field["help"]):
        return {}
    for other in fields:
        if other["name"] == "format":
            return {"format": [value for value in _values(other) if value.rpartition("_")[2].lower() not in _LOSSLESS]}
    return {}
