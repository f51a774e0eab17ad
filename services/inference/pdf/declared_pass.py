"""Cuts marks that declare themselves out of a document."""

from __future__ import annotations

from dataclasses import dataclass, field

from pypdf.generic import DictionaryObject, IndirectObject, PdfObject, StreamObject

from services.inference.pdf import objects
from services.inference.pdf.contents import Contents, Rewriter, stream_with
from services.inference.pdf.cutter import cut
from services.inference.pdf.declared import DeclaredMarks
from services.inference.pdf.document import PARSE_ERRORS, Document
from services.inference.pdf.edits import apply
from services.inference.pdf.layers import WatermarkLayers
from services.inference.pdf.lexer import names
from services.inference.pdf.marks import Cut, Mark
from services.inference.pdf.report import Finding, Report
from services.inference.pdf.resources import ResourceUse
from services.inference.pdf.texts import UNREADABLE

_MAX_FORM_DEPTH = 32


@dataclass(slots=True)
class MarksToLeave:
    """Where marks must stay, and why: by page, from 1, and by number of the form that contains them."""

    pages: dict[int, str] = field(default_factory=dict)
    forms: dict[int, str] = field(default_factory=dict)


class DeclaredPass:
    """The walk over one document. Findings go into a report; `changed` has the pages that look different now, each with the forms cut."""

    def __init__(self, document: Document, report: Report, left: MarksToLeave) -> None:
        self._document = document
        self._layers = WatermarkLayers(document.root)
        self._marks = DeclaredMarks(self._layers)
        self._use = ResourceUse()
        self._report = report
        self._page = 0
        self._rewriter = Rewriter(document)
        self._left = left
        #: For each form examined, the forms cut among it and those that it draws.
        self._cut_forms: dict[int, set[int]] = {}
        self.changed: dict[int, set[int]] = {}

    def run(self) -> None:
        """Cut every mark that declares itself."""
        for number, page in enumerate(self._document.pages, start=1):
            self._page = number
            rewritten, forms = self._page_content(page)
            if self._annotations(page) or rewritten or forms:
                self.changed[number] = forms
        self._use.prune(self._document)
        self._report.layers = self._layers.remove(in_use=self._document.reachable(without=("/OCProperties",)))

    # Pages

    def _page_content(self, page: DictionaryObject) -> tuple[bool, set[int]]:
        """Whether marks were cut out of the page's own content, and which of the forms that it draws had marks cut."""
        resources = objects.inherited_value(page, "/Resources")
        resources = resources if isinstance(resources, DictionaryObject) else None
        try:
            contents = Contents.of(page)
        except PARSE_ERRORS:
            self._report.warnings.append(UNREADABLE.format(page=self._page))
            self._use.shield(resources)
            return False, set()
        result = self._cut(contents.content, resources, self._left.pages.get(self._page, ""))
        if result.edits:
            self._rewriter.rewrite(page, contents, result.edits)
        return bool(result.edits), self._forms(resources, depth=0)

    def _annotations(self, page: DictionaryObject) -> bool:
        """Remove the marks from the page's annotations; returns whether any were removed."""
        annotations = objects.array(page, "/Annots")
        if annotations is None:
            return False
        kept: list[PdfObject] = []
        reason = self._left.pages.get(self._page, "")
        for reference in annotations:
            mark = self._marks.annotation(objects.resolve(reference))
            if mark is None or reason:
                kept.append(reference)
            if mark is None:
                continue
            self._tell(mark, reason)
            if isinstance(reference, IndirectObject) and not reason:
                self._document.remove(reference.idnum)
        if len(kept) == len(annotations):
            return False
        if kept:
            annotations[:] = kept
        else:
            del page["/Annots"]
        return True

    # Content streams

    def _cut(self, data: bytes, resources: DictionaryObject | None, reason: str) -> Cut:
        """The cuts in one content stream, none if there is a `reason` against them. Records findings and the use of resources."""
        marks = self._marks.in_resources(resources)
        marked = marks.marked_names()
        used = names(data)
        # Most content has no mark, and its names alone show that.
        result = cut(data, marks) if "/Artifact" in used or used & marked else Cut([], [], [])
        for mark in result.removed_marks:
            self._tell(mark, reason)
        for mark, why in result.kept_marks:
            self._tell(mark, why)
        if reason:
            self._use.record(resources, data, set())
            return Cut([], [], [])
        freed = set(marked).union(*(names(data[edit.start : edit.end]) for edit in result.edits))
        self._use.record(resources, apply(data, result.edits) if result.edits else data, freed)
        return result

    def _tell(self, mark: Mark, reason: str) -> None:
        """Report a mark as kept for a reason, or as removed."""
        (self._report.kept_findings if reason else self._report.removed_findings).append(
            Finding(self._page, mark.method, mark.detail, reason)
        )

    def _forms(self, resources: DictionaryObject | None, depth: int) -> set[int]:
        """Cut the marks in the forms of these resources, recursively; returns the forms that were cut, now or before."""
        changed: set[int] = set()
        xobjects = objects.dictionary(resources, "/XObject")
        for key, form in objects.streams(xobjects):
            number = objects.number(form)
            if objects.name(form, "/Subtype") != "/Form" or number is None or self._marks.xobject(form, key) is not None:
                continue
            own = objects.dictionary(form, "/Resources")
            if own is None:
                self._borrowing_form(form, resources)
            changed |= self._cut_forms.get(number, set())
            if number in self._cut_forms or depth == _MAX_FORM_DEPTH:
                continue
            cut_here = self._cut_forms[number] = set()
            try:
                data = form.get_data()
            except PARSE_ERRORS:
                self._report.warnings.append(UNREADABLE.format(page=self._page))
                self._use.shield(own)
                continue
            # A form looks the same wherever it is drawn, so it can be changed in place. One without resources uses
            # those of each page that draws it: only marks that need no resources are cut in it.
            result = self._cut(data, own, self._left.forms.get(number, ""))
            if result.edits:
                self._document.replace(number, stream_with(form, apply(data, result.edits)))
                cut_here.add(number)
            cut_here |= self._forms(own, depth + 1)
            changed |= cut_here
        return changed

    def _borrowing_form(self, form: StreamObject, resources: DictionaryObject | None) -> None:
        try:
            self._use.record(resources, form.get_data(), set())
        except PARSE_ERRORS:
            self._use.shield(resources)
