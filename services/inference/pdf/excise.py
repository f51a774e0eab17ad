"""Cuts undeclared marks out of a document, by the operations that paint them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set

from pypdf.generic import DictionaryObject, IndirectObject, NameObject, PdfObject, StreamObject

from services.inference.pdf import objects
from services.inference.pdf.contents import Contents, Rewriter, stream_with
from services.inference.pdf.cutter import cut
from services.inference.pdf.document import PARSE_ERRORS, Document
from services.inference.pdf.edits import apply
from services.inference.pdf.lexer import names
from services.inference.pdf.marks import Cut, Mark
from services.inference.pdf.report import Method
from services.inference.pdf.resources import ResourceUse
from services.inference.pdf.search.survey import Candidate

_MAX_FORM_DEPTH = 32
_PAGE = 0

Kept = dict[tuple[int, int], str]
"""Why a candidate could not be cut on a page, by the numbers of both."""


class Plan:
    """Which operations to cut."""

    def __init__(self, candidates: Sequence[Candidate], undone: Set[tuple[int, int]]) -> None:
        self.pages: defaultdict[int, dict[int, Mark]] = defaultdict(dict)
        self.forms: defaultdict[int, dict[int, Mark]] = defaultdict(dict)
        for candidate in candidates:
            mark = Mark(Method(candidate.kind.value), candidate.text, candidate.number)
            everywhere = not any(number == candidate.number for number, _ in undone)
            for page, occurrence in candidate.pages.items():
                for stream, start in occurrence.sites:
                    if stream == _PAGE and (candidate.number, page) not in undone:
                        self.pages[page][start] = mark
                    elif stream != _PAGE and everywhere:
                        self.forms[stream][start] = mark


class Excision:
    """One pass over a document."""

    def __init__(self, document: Document, plan: Plan) -> None:
        self._document = document
        self._plan = plan
        self._rewriter = Rewriter(document)
        self._use = ResourceUse()
        self._visited: set[int] = set()
        #: Forms that were copied with cuts: pages draw the copy, everything else the original form.
        self._copies: dict[int, IndirectObject] = {}
        self._forms_kept: dict[int, str] = {}
        self.kept: Kept = {}

    def run(self) -> None:
        """Cut everything planned; afterwards `kept` says what was not possible."""
        for number, page in enumerate(self._document.pages, start=1):
            self._page(number, page)
        self._use.prune(self._document)

    def kept_in_forms(self) -> Mapping[int, str]:
        """Why a candidate could not be cut out of a form, by its number."""
        return self._forms_kept

    def _page(self, number: int, page: DictionaryObject) -> None:
        resources = objects.inherited_value(page, "/Resources")
        resources = resources if isinstance(resources, DictionaryObject) else None
        try:
            contents = Contents.of(page)
        except PARSE_ERRORS:
            self._use.shield(resources)
            return
        result = self._cut(contents.content, resources, self._plan.pages.get(number, {}))
        for mark, reason in result.kept_marks:
            self.kept[mark.number, number] = reason
        if result.edits:
            self._rewriter.rewrite(page, contents, result.edits)
        self._forms(resources, depth=0)

    def _cut(self, data: bytes, resources: DictionaryObject | None, sites: Mapping[int, Mark]) -> Cut:
        result = _without_half_marks(data, sites)
        freed = set[str]().union(*(names(data[edit.start : edit.end]) for edit in result.edits))
        self._use.record(resources, apply(data, result.edits), freed)
        return result

    def _forms(self, resources: DictionaryObject | None, depth: int) -> None:
        xobjects = objects.dictionary(resources, "/XObject")
        for key, form in objects.streams(xobjects):
            number = objects.number(form)
            if objects.name(form, "/Subtype") != "/Form" or number is None:
                continue
            if number in self._copies and xobjects is not None:
                xobjects[NameObject(key)] = self._copies[number]
            own = objects.dictionary(form, "/Resources")
            if own is None:
                self._borrowing_form(form, resources)
            if number in self._visited or depth == _MAX_FORM_DEPTH:
                continue
            self._visited.add(number)
            try:
                data = form.get_data()
            except PARSE_ERRORS:
                self._use.shield(own)
                continue
            result = self._cut(data, own, self._plan.forms.get(number, {}))
            self._forms_kept |= {mark.number: reason for mark, reason in result.kept_marks}
            if result.edits and xobjects is not None:
                copy = self._document.add(stream_with(form, apply(data, result.edits)))
                self._copies[number] = copy
                self._visited.add(copy.idnum)
                xobjects[NameObject(key)] = copy
            self._forms(own, depth + 1)

    def _borrowing_form(self, form: StreamObject, resources: DictionaryObject | None) -> None:
        try:
            self._use.record(resources, form.get_data(), set())
        except PARSE_ERRORS:
            self._use.shield(resources)


class _Planned:
    """Recognises the operations to cut by their position."""

    def __init__(self, sites: Mapping[int, Mark]) -> None:
        self._sites = sites

    def marked_content(self, _operands: Sequence[PdfObject]) -> Mark | None:
        """None: no marked content is planned."""
        return None

    def drawn_mark(self, _operands: Sequence[PdfObject]) -> Mark | None:
        """None: names do not matter here."""
        return None

    def painted_mark(self, start: int) -> Mark | None:
        """The mark that the operation at this byte paints."""
        return self._sites.get(start)


def _without_half_marks(data: bytes, sites: Mapping[int, Mark]) -> Cut:
    """The cuts of the marks that can be removed completely; a mark of which a part must stay is kept completely."""
    left, kept = dict(sites), list[tuple[Mark, str]]()
    while left:
        result = cut(data, _Planned(left))
        if not result.kept_marks:
            return Cut(result.edits, result.removed_marks, kept)
        reasons = dict(result.kept_marks)
        kept += reasons.items()
        left = {start: mark for start, mark in left.items() if mark not in reasons}
    return Cut([], [], kept)
