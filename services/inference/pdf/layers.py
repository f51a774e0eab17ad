"""Optional-content groups (layers) that are named a watermark (ISO 32000-2, 8.11)."""

from __future__ import annotations

import re
from collections.abc import Set

from pypdf.generic import ArrayObject, DictionaryObject, NameObject, PdfObject

from services.inference.pdf import objects

#: The word in the languages of common programs.
_NAMES = re.compile(
    "water[ _-]?mark|wasserzeichen|filigran|marca (de |d.)?[aá]gua|watermerk|vattenst[aä]mpel|vandm(æ|ae)rke|vannmerke|vesileima"
    "|znak wodny|vodoznak|vodotlač|vízjel|водяно(й|го) знак|υδατογράφημα|filigrană|水印|浮水印|透かし|워터마크|علامة مائية|ลายน้ำ|סימן מים",
    re.IGNORECASE,
)
_LISTS = ("/ON", "/OFF", "/Order", "/Locked", "/RBGroups")
_MAX_DEPTH = 64


class WatermarkLayers:
    """The layers of a document that are watermarks by name."""

    def __init__(self, root: DictionaryObject) -> None:
        self._properties = objects.dictionary(root, "/OCProperties")
        self._root = root
        self._names: dict[int, str] = {}
        for reference in objects.array(self._properties, "/OCGs") or ():
            title = objects.text(objects.resolve(reference), "/Name")
            found = objects.number(reference)
            if found is not None and _NAMES.search(title):
                self._names[found] = title

    def name_of(self, content: PdfObject | None) -> str | None:
        """The layer's name if the owner of this /OC entry (a group or a membership) is shown only with watermark layers."""
        if content is None or not self._names:
            return None
        group = objects.resolve(content)
        if objects.name(group, "/Type") != "/OCMD":
            return self._names.get(objects.number(group) or 0)
        expression = objects.array(group, "/VE")
        if expression is not None:
            members = _members(expression, 0)
        else:
            # AllOff and AnyOff show their content while the watermark is hidden.
            if objects.name(group, "/P") not in ("", "/AnyOn", "/AllOn"):
                return None
            listed = objects.entry(group, "/OCGs")
            values = [objects.resolve(item) for item in listed] if isinstance(listed, ArrayObject) else [listed]
            members = [member for member in values if isinstance(member, DictionaryObject)]
        if not members:
            return None
        names = [self._names.get(objects.number(member) or 0) for member in members]
        return None if None in names else names[0]

    def remove(self, in_use: set[int]) -> list[str]:
        """Remove the layers, except those among these object numbers, from the document's list and configurations.

        A layer that still has content must stay, since content of no layer is always shown. Returns the names.
        """
        doomed = self._names.keys() - in_use
        properties = self._properties
        if not doomed or properties is None:
            return []
        _filter(objects.array(properties, "/OCGs"), doomed, 0)
        configurations: list[PdfObject | None] = [objects.dictionary(properties, "/D")]
        configurations += [objects.resolve(item) for item in objects.array(properties, "/Configs") or ()]
        for configuration in configurations:
            for key in _LISTS:
                _filter(objects.array(configuration, key), doomed, 0)
            for usage in objects.array(configuration, "/AS") or ():
                _filter(objects.array(objects.resolve(usage), "/OCGs"), doomed, 0)
        if not objects.array(properties, "/OCGs"):
            del self._root[NameObject("/OCProperties")]
        return sorted(self._names[number] for number in doomed)


def _members(expression: ArrayObject, depth: int) -> list[DictionaryObject]:
    """The groups of a visibility expression; none if it holds Not, which shows content while a layer is hidden."""
    if depth > _MAX_DEPTH or not expression or str(objects.resolve(expression[0])) == "/Not":
        return []
    members: list[DictionaryObject] = []
    for item in expression[1:]:
        value = objects.resolve(item)
        if isinstance(value, ArrayObject):
            inner = _members(value, depth + 1)
            if not inner:
                return []
            members += inner
        elif isinstance(value, DictionaryObject):
            members.append(value)
    return members


def _filter(items: ArrayObject | None, doomed: Set[int], depth: int) -> None:
    """Drop the groups, and in /Order the label or children of a dropped one, at every depth."""
    if items is None or depth > _MAX_DEPTH:
        return
    kept: list[PdfObject] = []
    dropped = False
    for item in items:
        value = objects.resolve(item)
        if isinstance(value, ArrayObject):
            _filter(value, doomed, depth + 1)
            # In /Order an array right after a group holds its children.
            if not (dropped and not value):
                kept.append(item)
            dropped = False
        else:
            dropped = objects.number(item) in doomed
            if not dropped:
                kept.append(item)
    items[:] = kept
