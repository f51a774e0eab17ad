"""Removing entries that only a mark used from resource dictionaries.

Dictionaries are shared: several pages may have the same resources, and several resources the same dictionary of XObjects.
An entry is removed if the bytes cut from some user named it and no user's remaining bytes do.
"""

from __future__ import annotations

from collections import defaultdict

from pypdf.generic import DictionaryObject, NameObject, StreamObject

from services.inference.pdf import objects
from services.inference.pdf.document import PARSE_ERRORS, Document
from services.inference.pdf.lexer import names

_CATEGORIES = ("/ExtGState", "/ColorSpace", "/Pattern", "/Shading", "/XObject", "/Font", "/Properties")


class ResourceUse:
    """Which names the content of a document uses, and which ones only its marks did."""

    def __init__(self) -> None:
        self._used: defaultdict[int, set[str]] = defaultdict(set)
        self._freed: defaultdict[int, set[str]] = defaultdict(set)
        self._dictionaries: dict[int, DictionaryObject] = {}
        #: Resources that may have users with unknown content.
        self._shielded: set[int] = set()

    def record(self, resources: DictionaryObject | None, left: bytes, freed: set[str]) -> None:
        """Record one user of `resources`: its content after the cuts, and the names that the cuts or marks freed."""
        if resources is None:
            return
        used = names(left)
        for identity in self._categories(resources):
            self._used[identity] |= used
            self._freed[identity] |= freed

    def shield(self, resources: DictionaryObject | None) -> None:
        """Record that a user of `resources` has content that cannot be read, so that nothing in them is removed."""
        if resources is not None:
            self._shielded.update(self._categories(resources))

    def prune(self, document: Document) -> None:
        """Delete the freed entries that are no longer used."""
        if not any(self._freed.values()):
            return
        self._look_for_other_users(document)
        for identity, freed in self._freed.items():
            if identity not in self._shielded:
                for name in freed - self._used[identity]:
                    self._dictionaries[identity].pop(NameObject(name), None)

    def _categories(self, resources: DictionaryObject) -> list[int]:
        found = []
        for category in _CATEGORIES:
            dictionary = objects.dictionary(resources, category)
            if dictionary is not None:
                self._dictionaries[id(dictionary)] = dictionary
                found.append(id(dictionary))
        return found

    def _look_for_other_users(self, document: Document) -> None:
        """Find users that belong to no page: patterns, glyph procedures, appearances of annotations, forms that nothing draws."""
        for value in document.objects():
            if isinstance(value, DictionaryObject):
                self._look_at(value)

    def _look_at(self, holder: DictionaryObject) -> None:
        resources = objects.dictionary(holder, "/Resources")
        identities = [] if resources is None else self._categories(resources)
        if resources is None or not any(self._freed[identity] for identity in identities):
            return
        procedures = objects.dictionary(holder, "/CharProcs")
        contents = [holder] if isinstance(holder, StreamObject) else [item for _, item in objects.streams(procedures)]
        try:
            for content in contents:
                used = names(content.get_data())
                for identity in identities:
                    self._used[identity] |= used
        except PARSE_ERRORS:
            self._shielded.update(identities)
        if self._has_borrowers(resources):
            self._shielded.update(identities)

    def _has_borrowers(self, resources: DictionaryObject) -> bool:
        """Whether something without resources of its own, which older versions of PDF allow, uses these."""
        borrowers = [pattern for _, pattern in objects.streams(objects.dictionary(resources, "/Pattern"))]
        fonts = objects.dictionary(resources, "/Font")
        return any("/Resources" not in pattern and "/PaintType" in pattern for pattern in borrowers) or any(
            objects.name(font, "/Subtype") == "/Type3" and objects.dictionary(font, "/Resources") is None
            for font in (objects.entry(fonts, key) for key in fonts or ())
        )
