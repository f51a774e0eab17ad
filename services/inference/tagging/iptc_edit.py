"""IPTC data (IIM 4.2) with changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from services.inference.tagging.changes import IPTC, Changes

_MARK = 0x1C
_ENVELOPE, _APPLICATION = 1, 2
_CHARACTER_SET, _UTF8 = (_ENVELOPE, 90), b"\x1b%G"
_KEYWORDS = (_APPLICATION, 25)
_OBJECT_NAME, _HEADLINE = (_APPLICATION, 5), (_APPLICATION, 105)
_CITY, _STATE, _COUNTRY = (_APPLICATION, 90), (_APPLICATION, 95), (_APPLICATION, 101)
NAMES: Mapping[int, str] = MappingProxyType(
    {
        3: "ObjectTypeReference",
        4: "ObjectAttributeReference",
        5: "ObjectName",
        7: "EditStatus",
        10: "Urgency",
        12: "SubjectReference",
        15: "Category",
        20: "SupplementalCategories",
        22: "FixtureIdentifier",
        25: "Keywords",
        26: "ContentLocationCode",
        27: "ContentLocationName",
        30: "ReleaseDate",
        35: "ReleaseTime",
        37: "ExpirationDate",
        38: "ExpirationTime",
        40: "SpecialInstructions",
        55: "DateCreated",
        60: "TimeCreated",
        62: "DigitalCreationDate",
        63: "DigitalCreationTime",
        65: "OriginatingProgram",
        70: "ProgramVersion",
        80: "By-line",
        85: "By-lineTitle",
        90: "City",
        92: "Sub-location",
        95: "Province-State",
        100: "Country-PrimaryLocationCode",
        101: "Country-PrimaryLocationName",
        103: "OriginalTransmissionReference",
        105: "Headline",
        110: "Credit",
        115: "Source",
        116: "CopyrightNotice",
        118: "Contact",
        120: "Caption-Abstract",
        122: "Writer-Editor",
        130: "ImageType",
        131: "ImageOrientation",
        135: "LanguageIdentifier",
    }
)
"""ExifTool's names of the data sets of the application record."""
_LONGEST: Mapping[tuple[int, int], int] = MappingProxyType(
    {_OBJECT_NAME: 64, _HEADLINE: 256, _CITY: 32, _STATE: 32, _COUNTRY: 64, _KEYWORDS: 64}
)
"""Bytes."""
_NUMBERS = {name.lower(): number for number, name in NAMES.items()}
_BINARY = frozenset((0,))
"""Data sets of the application record that are no text."""

_Set = tuple[tuple[int, int], bytes]


def edit_iptc(block: bytes | None, changes: Changes) -> bytes | None:
    """The data with changes; None for none. Data sets that cannot be followed end the list."""
    if changes.removed_tags.whole(IPTC):
        block = None
    old = list(_sets(block or b""))
    removed = {(_APPLICATION, _NUMBERS[name]) for name in changes.removed_tags.of(IPTC) if name in _NUMBERS}
    sets = [each for each in old if each[0] not in removed]
    wanted: dict[tuple[int, int], Sequence[bytes]] = {
        number: [_fitted(text, number)]
        for number, text in (
            (_OBJECT_NAME, changes.object_name),
            (_HEADLINE, changes.headline),
            (_CITY, changes.city),
            (_STATE, changes.state),
            (_COUNTRY, changes.country),
        )
        if text
    }
    if wanted or changes.keywords:
        sets = _in_utf8(sets)
    if changes.keywords:
        has = [] if changes.replace_keywords else [content for number, content in sets if number == _KEYWORDS]
        wanted[_KEYWORDS] = list(dict.fromkeys([*has, *(_fitted(word, _KEYWORDS) for word in changes.keywords)]))
    sets = [each for each in sets if each[0] not in wanted]
    sets += [(number, content) for number, contents in wanted.items() for content in contents]
    sets.sort(key=lambda each: each[0])
    if sets == sorted(old, key=lambda each: each[0]):
        return block
    if not any(number[0] == _APPLICATION and number[1] for number, _ in sets):
        return None
    if not any(number == (_APPLICATION, 0) for number, _ in sets):
        sets.append(((_APPLICATION, 0), b"\x00\x04"))
    return b"".join(_written(number, content) for number, content in sorted(sets, key=lambda each: each[0]))


def read_texts(block: bytes) -> Mapping[str, str | list[str]]:
    """Texts by ExifTool's names, lists of those that stand more than once, and of keywords always."""
    found: dict[str, str | list[str]] = {}
    sets = list(_sets(block))
    utf8 = (_CHARACTER_SET, _UTF8) in sets
    for (record, number), content in sets:
        if record != _APPLICATION or number not in NAMES:
            continue
        name, text = NAMES[number], _decoded(content, utf8=utf8).strip("\0 ")
        before = found.get(name)
        if isinstance(before, list):
            before.append(text)
        elif before is not None:
            found[name] = [before, text]
        else:
            found[name] = [text] if (record, number) == _KEYWORDS else text
    return found


def _sets(block: bytes) -> Iterator[_Set]:
    at = 0
    while at + 5 <= len(block) and block[at] == _MARK:
        number, size = (block[at + 1], block[at + 2]), int.from_bytes(block[at + 3 : at + 5], "big")
        at += 5
        if size & 0x8000:
            digits = size & 0x7FFF
            if digits > 4:
                return
            size = int.from_bytes(block[at : at + digits], "big")
            at += digits
        if at + size > len(block):
            return
        yield number, block[at : at + size]
        at += size


def _in_utf8(sets: Sequence[_Set]) -> list[_Set]:
    """Texts in UTF-8, and the mark that says so."""
    if (_CHARACTER_SET, _UTF8) in sets:
        return list(sets)
    texts = [
        (number, _decoded(content, utf8=False).encode() if number[0] == _APPLICATION and number[1] not in _BINARY else content)
        for number, content in sets
        if number != _CHARACTER_SET
    ]
    return [(_CHARACTER_SET, _UTF8), *texts]


def _decoded(content: bytes, *, utf8: bool) -> str:
    if utf8:
        return content.decode("utf-8", "replace")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _fitted(text: str, number: tuple[int, int]) -> bytes:
    """As much as the standard gives room for."""
    return text.replace("\0", "").encode()[: _LONGEST[number]].decode("utf-8", "ignore").encode()


def _written(number: tuple[int, int], content: bytes) -> bytes:
    size = len(content).to_bytes(2, "big") if len(content) < 0x8000 else b"\x80\x04" + len(content).to_bytes(4, "big")
    return bytes((_MARK, *number)) + size + content
