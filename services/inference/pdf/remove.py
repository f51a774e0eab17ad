"""Removal of watermarks from a document: those that declare themselves, and those identified by evidence."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pypdf.generic import DictionaryObject

from services.inference.pdf import objects
from services.inference.pdf.condition import condition_of
from services.inference.pdf.contents import Contents
from services.inference.pdf.declared_pass import DeclaredPass, MarksToLeave
from services.inference.pdf.document import PARSE_ERRORS, DamagedDocumentError, Document, corrupt, mend, open_document
from services.inference.pdf.excise import Excision, Kept, Plan
from services.inference.pdf.protection import protection_of
from services.inference.pdf.report import Finding, Method, Report
from services.inference.pdf.search.geometry import around
from services.inference.pdf.search.survey import Candidate, Survey
from services.inference.pdf.texts import DAMAGE_WARNING, DAMAGED, MAYBE_OWN, NOT_REMOVABLE, NOT_SEARCHED, NOT_SURE, NOT_VERIFIED, TOO_LONG
from services.inference.pdf.verify import ExpectedChanges, VerificationFailed, verify
from services.platform.errors import DarkroomError, ErrorReason

_LONGEST_CONTENT = 48 << 20
_ROUNDS = 6

OnPage = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class RemovalRequest:
    """The marks to remove besides those that declare themselves."""

    sure: bool = True
    """Marks that are sure by the evidence."""
    likely: bool = False
    """Marks that are likely by the evidence."""


def remove_watermarks(source: Path, target: Path, on_page: OnPage, wanted: RemovalRequest = RemovalRequest()) -> Report:
    """Write `source` without its watermarks to `target`, and report what was done.

    `on_page` is called after each page with the number of pages searched and the total; it starts over if the document turns out
    to be damaged. A document without such a mark is copied byte for byte. Raises FILE_CORRUPT, FILE_ENCRYPTED (a password is needed
    to open it), MEDIA_LIMIT_EXCEEDED. FILE_CORRUPT also says that something else would have changed. Intended to run in a sandbox: a
    hostile document can use up memory and time. Temporary files next to `target` have its name with additions.
    """
    report = _remove_mending(source, target, on_page, wanted)
    if report.is_changed:
        report.warnings += protection_of(source).warnings()
    if condition_of(source).is_damaged and DAMAGE_WARNING not in report.warnings:
        report.warnings.append(DAMAGE_WARNING if report.is_changed else DAMAGED)
    return report


def _remove_mending(source: Path, target: Path, on_page: OnPage, wanted: RemovalRequest) -> Report:
    try:
        return _remove(source, target, on_page, wanted)
    except (DamagedDocumentError, VerificationFailed):
        # pypdf and PDFium may read a damaged document differently. They read qpdf's repaired version alike.
        mended = target.with_name(target.name + ".mended")
    try:
        mend(source, mended)
        report = _remove(mended, target, on_page, wanted)
    except DamagedDocumentError as error:
        raise corrupt() from error
    except VerificationFailed as error:
        raise DarkroomError(ErrorReason.FILE_CORRUPT, NOT_REMOVABLE) from error
    finally:
        mended.unlink(missing_ok=True)
    if report.is_changed:
        report.warnings.append(DAMAGE_WARNING)
    else:
        shutil.copyfile(source, target)
    return report


def _remove(source: Path, target: Path, on_page: OnPage, wanted: RemovalRequest) -> Report:
    candidates: list[Candidate] | None = None
    undone: dict[tuple[int, int], str] = {}
    left = MarksToLeave()
    for last in [False] * (_ROUNDS - 1) + [True]:
        with open_document(source, target.parent) as document:
            report = Report(pages=len(document.pages))
            declared = DeclaredPass(document, report, left)
            declared.run()
            if candidates is None:
                candidates = _search(document, report, on_page) if wanted.sure else []
            chosen = [candidate for candidate in candidates if candidate.sure or (wanted.likely and not candidate.doubtful)]
            changed = _excise(document, report, candidates, chosen, undone)
            if not report.is_changed:
                shutil.copyfile(source, target)
                return report
            document.save(target)
        for page in declared.changed:
            changed[page] = replace(changed.get(page, ExpectedChanges()), allows_declared=True)
        unchecked: list[int] = []
        wrong = verify(source, target, changed, unchecked.append)
        if not wrong:
            report.warnings += [NOT_VERIFIED.format(page=page) for page in unchecked]
            return report
        if last or not _undo(wrong, chosen, undone, declared, left):
            page, difference = next(iter(wrong.items()))
            raise VerificationFailed(f"page {page}: {difference}")
    raise AssertionError("the last round returns or raises")


def _search(document: Document, report: Report, on_page: OnPage) -> list[Candidate]:
    survey = Survey()
    for number, page in enumerate(document.pages, start=1):
        resources, starts = objects.inherited_value(page, "/Resources"), list[int]()
        try:
            contents = Contents.of(page)
            data, starts = contents.content, contents.starts
            if len(data) > _LONGEST_CONTENT:
                report.warnings.append(TOO_LONG.format(page=number))
                data = b""
        except PARSE_ERRORS:
            data = b""  # the pass over declared marks reports it
        try:
            survey.add(page, data, resources if isinstance(resources, DictionaryObject) else None, starts)
        except PARSE_ERRORS:
            report.warnings.append(NOT_SEARCHED.format(page=number))
        on_page(number, report.pages)
    return survey.candidates()


def _excise(
    document: Document, report: Report, found: Sequence[Candidate], chosen: Sequence[Candidate], undone: dict[tuple[int, int], str]
) -> dict[int, ExpectedChanges]:
    """Cut the chosen marks, report all marks, and return what may differ on which page."""
    kept: Kept = dict(undone)
    if chosen:
        excision = Excision(document, Plan(chosen, undone.keys()))
        excision.run()
        kept |= excision.kept
        kept |= {(number, page): why for number, why in excision.kept_in_forms().items() for page in _by_number(found, number).pages}
    places: defaultdict[int, list[Candidate]] = defaultdict(list)
    for candidate in found:
        for page in candidate.pages:
            unsure = MAYBE_OWN if candidate.doubtful else NOT_SURE
            reason = kept.get((candidate.number, page), "") if candidate in chosen else unsure
            (report.kept_findings if reason else report.removed_findings).append(_finding(candidate, page, reason))
            if not reason:
                places[page].append(candidate)
    return {
        page: ExpectedChanges(
            [place for each in removed for place in each.pages[page].quads],
            sum(each.pages[page].glyphs for each in removed),
        )
        for page, removed in places.items()
    }


def _undo(
    wrong: dict[int, str], chosen: Sequence[Candidate], undone: dict[tuple[int, int], str], declared: DeclaredPass, left: MarksToLeave
) -> bool:
    """On each page that came out wrong, choose the least sure of the cut marks to be kept; False if there are none.

    Those that declare themselves come last: marks found by evidence were found without them, by position in the remaining content.
    """
    any_left = False
    for page, difference in wrong.items():
        cut = [each for each in chosen if page in each.pages and (each.number, page) not in undone]
        for candidate in cut[-max(1, len(cut) // 2) :]:
            _leave(candidate, page, difference, undone)
        if not cut and page in declared.changed:
            forms = declared.changed[page]
            left.pages[page] = difference
            left.forms.update(dict.fromkeys(forms, difference))
            for candidate in chosen:
                for other, occurrence in candidate.pages.items():
                    if any(stream in forms for stream, _ in occurrence.sites):
                        _leave(candidate, other, difference, undone)
        any_left = any_left or bool(cut) or page in declared.changed
    return any_left


def _leave(candidate: Candidate, page: int, difference: str, undone: dict[tuple[int, int], str]) -> None:
    undone[candidate.number, page] = difference
    if any(stream for stream, _ in candidate.pages[page].sites):
        # The mark is in a form, which is cut for all pages or for none.
        undone.update({(candidate.number, other): difference for other in candidate.pages})


def _finding(candidate: Candidate, page: int, reason: str) -> Finding:
    box = around(point for place in candidate.pages[page].quads for point in place)
    method = Method(candidate.kind.value)
    return Finding(page, method, candidate.text, reason, candidate.confidence, candidate.evidence, box, candidate.number)


def _by_number(candidates: Sequence[Candidate], number: int) -> Candidate:
    return next(each for each in candidates if each.number == number)
