"""Watermark removal: from a picture and the positions of its marks to a picture without them and a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.inference.media import Image
from services.inference.watermark import paper
from services.inference.watermark.attempt import GONE, LIKELY, SURE, SURELY_GONE, Attempt, Attempts
from services.inference.watermark.box import Box
from services.inference.watermark.lattice import find_tiling
from services.inference.watermark.page_marks import PageMark
from services.inference.watermark.page_search import Page, page_in
from services.inference.watermark.paint_map import WHOLE, AskPaint, Look, PaintMap
from services.inference.watermark.proposals import Proposal, propose
from services.inference.watermark.repair import FindNetwork, Part, Repair
from services.inference.watermark.report import Kind, Mark, Method, Report
from services.inference.watermark.second_look import is_gone
from services.inference.watermark.strokes import Pixels8, find_strokes_in_box

_MARGINAL = 0.12  # of a page's height
_RIVAL = 0.6  # of the area of the other
_MOST = 0.6  # of a picture's area: a box may be around tiles
_REPEATED = 3
_EVIDENCE = "paint of one colour and opacity along its whole border"


@dataclass(frozen=True, slots=True)
class Watching:
    """Callbacks for progress, 0 to 1, and for whether to go on; both from any thread."""

    progress: Callable[[float], None]
    check: Callable[[], None]


def remove_in_boxes(
    image: Image,
    boxes: Sequence[Box],
    ask: AskPaint | None,
    find_network: FindNetwork | None,
    watching: Watching,
    *,
    fill: bool = True,
) -> tuple[Image, Report]:
    """Removes what is in boxes drawn by a person. Pixels outside them stay bit-identical.

    Inside, only the paint of the mark is changed, and only if all of it goes. Where the network sees none, or without `ask`, strokes of one
    colour are filled or, if there are none either, the whole box; unless it should not `fill` whole boxes.
    """
    repair = Repair(image, find_network, watching.check)
    marks = []
    for number, box in enumerate(boxes):
        watching.progress(number / len(boxes))
        covers = box.area > _MOST * repair.whole.area
        tiled = _without_tiling(repair, searchable(repair.crop(repair.whole)), box, watching) if covers else None
        marks.append(tiled or _in_box(repair, box, ask, watching.check, fill=fill))
    return repair.result(marks)


def _in_box(repair: Repair, box: Box, ask: AskPaint | None, check: Callable[[], None], *, fill: bool) -> Mark:
    around = repair.around(box)
    before, kept = repair.crop(around), repair.part(around)
    made = None if ask is None or paper.tone(before) is not None else Attempts(repair, box, ask, check).best()
    if made is not None and made.signs.gone >= GONE:
        repair.put_back(around, made.result)
        return Mark(Kind.BOX, box, 1.0, made.methods, opacity=made.layers[0].paint.opacity)
    if made is not None:
        return Mark(Kind.BOX, box, 1.0, in_part=True)
    inner = box.within(around)
    region = np.zeros((around.height, around.width), np.bool_)
    region[inner.window] = True
    strokes = find_strokes_in_box(before, region, min(box.width, box.height))
    mask = None if strokes is None else strokes.mask[inner.window]
    if mask is None and not fill:
        return Mark(Kind.BOX, box, 1.0)
    mark = repair.fill(box, mask)
    if mark.methods and not (mark.whole_box or is_gone(before, repair.crop(around), inner)):
        repair.put_back(around, kept)
        return replace(mark, methods=(), in_part=True)
    return mark


def _without_tiling(repair: Repair, pixels: Pixels8 | None, box: Box, watching: Watching) -> Mark | None:
    """Remove a pattern that is tiled over a picture from a box, if there is one and that removes it. `pixels` are `searchable`."""
    tiling = None if pixels is None else find_tiling(pixels, watching.check)
    if tiling is None:
        return None
    whole = repair.whole
    kept, before = repair.part(whole), repair.crop(whole)
    mark = repair.remove_tiling(tiling)
    failed = not is_gone(before, repair.crop(whole), whole)
    inside = repair.part(box)
    repair.put_back(whole, kept)
    if failed:
        return None
    repair.put_back(box, inside)
    return replace(mark, box=box)


def searchable(pixels: Pixels8) -> Pixels8 | None:
    """The searched pixels: the picture, or for a document only those lighter than print; None if there are none."""
    tone = paper.tone(pixels)
    if tone is None:
        return pixels
    light = paper.without_print(pixels, tone)
    return None if paper.is_empty(light, tone) else light


def remove_on_page(
    image: Image, boxes: Sequence[Box], ask: AskPaint | None, find_network: FindNetwork | None, watching: Watching
) -> tuple[Image, Report]:
    """`remove_in_boxes` for a page of a document, where print may be in a box, too: pixels that cannot be distinguished from it stay.

    A box in the head or foot of the page is emptied: it is drawn around a line there.
    """
    page = page_in(image.pixels, watching.check)
    size = image.height, image.width
    if page is not None and boxes and all(_in_margin(box, image.height) for box in boxes):
        pixels = image.pixels.copy()
        return replace(image, pixels=pixels), Report([page.empty(box, pixels) for box in boxes])
    if page is None or not any(_holds(boxes, page.report_kept(mark, size).box) for mark in page.marks):
        return remove_in_boxes(image, boxes, ask, find_network, watching, fill=False)
    return _of_page(image, page, watching, lambda mark: _holds(boxes, page.report_kept(mark, size).box), with_print=True)


def _in_margin(box: Box, height: int) -> bool:
    return box.bottom <= _MARGINAL * height or box.top >= (1 - _MARGINAL) * height


def _holds(boxes: Sequence[Box], mark: Box) -> bool:
    """Whether most of a mark is in one of the boxes."""
    return any(box.touches(mark) and box.common(mark).area > _RIVAL * mark.area for box in boxes)


def remove_found(
    image: Image, pixels: Pixels8, ask: AskPaint | None, find_network: FindNetwork | None, watching: Watching, *, likely: bool = False
) -> tuple[Image, Report]:
    """Removes sure watermarks, and reports possible ones, or removes those that are only `likely`, too. Without any, returns the same
    picture.

    `pixels` is the picture in sRGB as `searchable` returns it. Without `ask`, only a pattern that is tiled over the whole picture is found,
    or a mark on a page.
    """
    page = page_in(image.pixels, watching.check)
    if page is not None and any(mark.sure or likely or mark.in_picture for mark in page.marks):
        return _of_page(image, page, watching, lambda mark: mark.sure or likely)
    repair = Repair(image, find_network, watching.check)
    tiled = _without_tiling(repair, pixels, repair.whole, watching)
    watching.progress(0.3)
    if tiled is not None:
        return repair.result([tiled])
    if ask is None or paper.tone(pixels) is not None or paper.is_drawn(pixels):
        return image, Report()
    return repair.result(_found(repair, ask, watching, LIKELY if likely else SURE))


def _found(repair: Repair, ask: AskPaint, watching: Watching, enough: float) -> list[Mark]:
    """Take off the paint that the network sees, where that surely is a mark and surely goes; other possible marks are only reported.

    If one that surely is a mark does not go, all stay: they may be pieces of one mark, or its copies.
    """
    look = Look(repair.crop(repair.whole), None, ask, WHOLE, watching.check)
    removed: list[Mark] = []
    before: list[tuple[Box, Part]] = []
    kept: list[Mark] = []
    proposals = propose(look.of(repair.whole), repair.whole)
    for number, proposal in enumerate(proposals):
        watching.progress(0.3 + 0.7 * number / len(proposals))
        if any(mark.box.touches(proposal.box) for mark in removed):
            continue
        attempts = Attempts(repair, proposal.box, ask, watching.check)
        made = _attempt_unasked(attempts, look.of(attempts.around), enough)
        if made is None:
            continue
        if made.signs.genuine >= enough and made.signs.gone >= SURELY_GONE:
            before.append((attempts.around, repair.part(attempts.around)))
            repair.put_back(attempts.around, made.result)
            removed.append(_mark(proposal, made, made.methods))
        else:
            kept.append(_mark(proposal, made, (), in_part=made.signs.genuine >= enough))
    kept = [mark for mark in kept if not any(mark.box.touches(other.box) for other in removed)]
    if any(mark.in_part for mark in kept):
        for around, part in reversed(before):
            repair.put_back(around, part)
        removed = [replace(mark, methods=(), in_part=True) for mark in removed]
    return removed + kept


def _attempt_unasked(attempts: Attempts, unprompted: PaintMap, enough: float) -> Attempt | None:
    """The best attempt to remove what may be a mark, seen in the part and the picture together, or in the part alone."""
    near = attempts.near()
    best: Attempt | None = None
    for seen in (near.with_other(unprompted), near):
        made = attempts.uncover(seen, unprompted)
        if made is not None and made.signs.genuine >= LIKELY and (best is None or made.signs.gone > best.signs.gone):
            best = made
        if best is None or best.signs.genuine < enough or best.signs.gone >= SURELY_GONE:
            break
    return best


def _mark(proposal: Proposal, made: Attempt, methods: tuple[Method, ...], *, in_part: bool = False) -> Mark:
    kind = Kind.TILED if proposal.copies >= _REPEATED else Kind.LOGO if Method.UNBLENDED not in made.methods else Kind.OVERLAY
    confidence = round(min(0.99, made.signs.genuine), 2)
    return Mark(kind, made.changed, confidence, methods, (_EVIDENCE,), made.layers[0].paint.opacity, in_part=in_part)


def _of_page(
    image: Image, page: Page, watching: Watching, wanted: Callable[[PageMark], bool], *, with_print: bool = False
) -> tuple[Image, Report]:
    """A scanned page without the marks that are wanted away; those that hide print go only `with_print`."""
    pixels, report = image.pixels.copy(), Report()
    for mark in page.marks:
        watching.check()
        report.marks.append(
            page.remove(mark, pixels, with_print=with_print) if wanted(mark) else page.report_kept(mark, (image.height, image.width))
        )
    report.mask = (pixels != image.pixels).any(axis=2)
    return replace(image, pixels=pixels), report
