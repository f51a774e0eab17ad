"""Marks that declare themselves.

* Marked content: `/Artifact <</Subtype /Watermark …>> BDC`, the properties inline or by name (ISO 32000-2, 14.8.2.2.2).
* Annotations of subtype Watermark (ISO 32000-2, 12.5.6.22).
* Optional content whose layer is named a watermark, see `layers`.
* Form XObjects that Acrobat created as watermarks: `/PieceInfo <</ADBE_CompoundType <</Private /Watermark>>>>`.
"""

from __future__ import annotations

from collections.abc import Sequence

from pypdf.generic import DictionaryObject, NameObject, PdfObject

from services.inference.pdf import objects
from services.inference.pdf.layers import WatermarkLayers
from services.inference.pdf.marks import Mark
from services.inference.pdf.report import Method


class DeclaredMarks:
    """Recognises declared marks of one document."""

    def __init__(self, layers: WatermarkLayers) -> None:
        self._layers = layers

    def in_resources(self, resources: DictionaryObject | None) -> ContentMarks:
        """The recogniser for a content stream that uses these resources."""
        return ContentMarks(self, resources)

    def xobject(self, xobject: PdfObject | None, name: str) -> Mark | None:
        """The mark that a form or image represents."""
        layer = self._layers.name_of(objects.entry(xobject, "/OC"))
        if layer is not None:
            return Mark(Method.OPTIONAL_CONTENT, layer)
        compound = objects.dictionary(objects.dictionary(xobject, "/PieceInfo"), "/ADBE_CompoundType")
        if objects.name(compound, "/Private") == "/Watermark":
            return Mark(Method.COMPOUND_FORM, name)
        return None

    def properties(self, tag: str, properties: PdfObject | None) -> Mark | None:
        """The mark that marked content with this tag and property list represents."""
        if tag == "/OC":
            layer = self._layers.name_of(properties)
            return None if layer is None else Mark(Method.OPTIONAL_CONTENT, layer)
        if tag == "/Artifact" and objects.name(properties, "/Subtype") == "/Watermark":
            return Mark(Method.ARTIFACT, "Artifact of subtype Watermark")
        return None

    def annotation(self, annotation: PdfObject | None) -> Mark | None:
        """The mark that an annotation represents."""
        if objects.name(annotation, "/Subtype") == "/Watermark":
            return Mark(Method.ANNOTATION, "annotation of subtype Watermark")
        layer = self._layers.name_of(objects.entry(annotation, "/OC"))
        return None if layer is None else Mark(Method.OPTIONAL_CONTENT, layer)


class ContentMarks:
    """Recognises the marks of one content stream, whose operands name entries of its resources."""

    def __init__(self, marks: DeclaredMarks, resources: DictionaryObject | None) -> None:
        self._marks = marks
        self._properties = objects.dictionary(resources, "/Properties")
        self._xobjects = objects.dictionary(resources, "/XObject")

    def marked_content(self, operands: Sequence[PdfObject]) -> Mark | None:
        """The mark that `tag properties BDC` begins."""
        if len(operands) != 2 or not isinstance(operands[0], NameObject):
            return None
        properties: PdfObject | None = operands[1]
        if isinstance(properties, NameObject):
            properties = objects.entry(self._properties, properties)
        return self._marks.properties(operands[0], properties)

    def drawn_mark(self, operands: Sequence[PdfObject]) -> Mark | None:
        """The mark that `name Do` draws."""
        if len(operands) != 1 or not isinstance(operands[0], NameObject):
            return None
        return self._marks.xobject(objects.entry(self._xobjects, operands[0]), operands[0].removeprefix("/"))

    def painted_mark(self, _start: int) -> Mark | None:
        """None: declared marks are not recognised by a painting operation alone."""
        return None

    def marked_names(self) -> set[str]:
        """Names of XObjects and property lists that are marks, whether drawn or not."""
        found = {key for key in self._xobjects or () if self.drawn_mark([NameObject(key)]) is not None}
        for key in self._properties or ():
            properties = objects.entry(self._properties, key)
            if any(self._marks.properties(tag, properties) is not None for tag in ("/OC", "/Artifact")):
                found.add(key)
        return found
