"""Watermark removal: from a picture and the positions of its marks to a picture without them and a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.inference.media import Image
from services.inference.media.colour import contiguous, to_srgb
from services.inference.ocr.detection import Line
from services.inference.watermark import paper
from services.inference.watermark.box import Box
from services.inference.watermark.emblems import find_emblems
from services.inference.watermark.evidence import combine_marks
from services.inference.watermark.finishing import Remainder, finish, still_there
from services.inference.watermark.in_box import in_box
from services.inference.watermark.lattice import find_tiling
from services.inference.watermark.lettering import OutlinedText, bounds, outlined_text
from services.inference.watermark.line_paint import REPEATED, alike_lines
from services.inference.watermark.marks import DetectedMark
from services.inference.watermark.overlays import find_overlays
from services.inference.watermark.page_marks import PageMark
from services.inference.watermark.page_search import Page, page_in
from services.inference.watermark.plates import plate_marks
from services.inference.watermark.repair import FindNetwork, Repair
from services.inference.watermark.report import Kind, Mark, Report
from services.inference.watermark.second_look import is_gone, whole_pieces, without_specks
from services.inference.watermark.strokes import Mask, Pixels8
from services.inference.watermark.text_lines import Networks, lines_in, text_mask

_MARGIN = 40
_MOST_LINES = 24  # of a picture: the largest
_MARGINAL = 0.12  # of a page's height
_RIVAL = 0.6  # of the area of the other
_LEAST_EXTENT = 0.3  # of a box's sides
_MOST = 0.6  # of a picture's area: a box may be around tiles


@dataclass(frozen=True, slots=True)
class Watching:
    """Callbacks for progress, 0 to 1, and for whether to go on; both from any thread."""

    progress: Callable[[float], None]
    check: Callable[[], None]


def remove_in_boxes(
    image: Image,
    boxes: Sequence[Box],
    networks: Networks | None,
    find_network: FindNetwork | None,
    watching: Watching,
    *,
    fill: bool = True,
) -> tuple[Image, Report]:
    """Removes what is in boxes drawn by a person. Pixels outside them stay bit-identical.

    Inside, only the strokes of the mark are changed if they can be distinguished from the picture; else the whole box is filled, unless
    it has text or a faint mark over detail: then nothing is changed, since the picture would lose more than the mark. Without
    `networks`, text is not looked for. Unless it should `fill` whole boxes, what is in one is kept instead.
    """
    repair, report = Repair(image, find_network, watching.check), Report()
    whole = Box(0, 0, image.width, image.height)
    for number, box in enumerate(boxes):
        watching.progress(number / len(boxes))
        if box.area > _MOST * whole.area:
            seen = searchable(repair.crop(whole))
            tiled = None if seen is None else _without_tiling(repair, seen, whole, box, networks, watching)
            if tiled is not None:
                report.marks.append(tiled)
                continue
        around = box.grown(max(_MARGIN, min(box.width, box.height)), image.width, image.height)
        region = np.zeros((around.height, around.width), np.bool_)
        inner = box.within(around)
        region[inner.window] = True
        crop = to_srgb(contiguous(image.pixels[around.window]), image.icc if not image.is_gray else None)
        found = in_box(crop, region, box, around, networks, watching.check)
        marks = [without_specks(mark, found.lines, around) for mark in found.marks if fill or mark.strokes is not None]
        if not found.lines:
            local = [whole_pieces(mark.translate(-around.left, -around.top), crop, region) for mark in marks]
            marks = [mark.translate(around.left, around.top) for mark in local]
        removed = [repair.remove(mark) for mark in marks]
        left: list[Remainder] = []
        if removed and networks is not None:
            left = finish(repair, around, crop, region, found.lines, networks.strokes, watching.check)
            removed += [repair.remove(plate) for plate in _plates(repair, around, crop, region, found.lines, watching.check)]
        after = repair.crop(around)
        gone = all(mark.methods for mark in removed) and (any(mark.whole_box for mark in removed) or is_gone(crop, after, inner))
        if left or not gone or _is_small((crop != after).any(axis=2), box):
            # Half a mark is worse than a whole one.
            repair.restore(box)
            removed = [replace(mark, methods=(), in_part=any(each.methods for each in removed)) for mark in removed]
        report.marks.extend(removed)
        if not marks:
            report.marks.append(Mark(Kind.BOX, box, 1.0))
    return repair.result(report.marks)


def _is_small(changed: Mask, box: Box) -> bool:
    """Whether a box is so much larger than what was changed in it that this is not what the box is around."""
    found = bounds(changed) if changed.any() else Box(0, 0, 0, 0)
    return max(found.width / box.width, found.height / box.height) < _LEAST_EXTENT


def _plates(
    repair: Repair, part: Box, before: Pixels8, region: Mask, lines: Sequence[Line], check: Callable[[], None]
) -> list[DetectedMark]:
    """The plates and bands on which lines of text were that were removed."""
    if len(alike_lines(lines)) > REPEATED:
        return []
    after = repair.crop(part)
    changed = (before != after).any(axis=2)
    gone = [line for line in lines if (changed & text_mask([line], changed.shape)).any()]
    return [mark.translate(part.left, part.top) for mark in plate_marks(after, gone, region, check)]


def _without_tiling(repair: Repair, pixels: Pixels8, whole: Box, box: Box, networks: Networks | None, watching: Watching) -> Mark | None:
    """Remove a pattern that is tiled over a picture from a box, if there is one and that removes it. `pixels` are `searchable`."""
    tiling = find_tiling(pixels, watching.check)
    if tiling is None:
        return None
    kept, before = repair.part(whole), repair.crop(whole)
    mark = repair.remove_tiling(tiling)
    lines = [] if networks is None else lines_in(before, networks.text, watching.check)[:_MOST_LINES]
    after = repair.crop(whole)
    failed = not is_gone(before, after, whole) or (networks is not None and still_there(after, before, lines, networks.strokes))
    inside = repair.part(box)
    if failed or box != whole:
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
    image: Image, boxes: Sequence[Box], networks: Networks | None, find_network: FindNetwork | None, watching: Watching
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
        return remove_in_boxes(image, boxes, networks, find_network, watching, fill=False)
    return _of_page(image, page, watching, lambda mark: _holds(boxes, page.report_kept(mark, size).box))


def _in_margin(box: Box, height: int) -> bool:
    return box.bottom <= _MARGINAL * height or box.top >= (1 - _MARGINAL) * height


def _holds(boxes: Sequence[Box], mark: Box) -> bool:
    """Whether most of a mark is in one of the boxes."""
    return any(box.touches(mark) and box.common(mark).area > _RIVAL * mark.area for box in boxes)


def remove_found(
    image: Image,
    pixels: Pixels8,
    look: Callable[[Pixels8], Sequence[DetectedMark]],
    find_network: FindNetwork | None,
    watching: Watching,
    *,
    networks: Networks | None = None,
    likely: bool = False,
) -> tuple[Image, Report]:
    """Removes sure watermarks, and reports possible ones, or removes those that are only `likely`, too. Without any, returns the same
    picture.

    `pixels` is the picture in sRGB as `searchable` returns it. `look` finds marks in single places; it is not called if one is tiled over
    the whole picture. With `networks`, translucent text of any slant is found, too.
    """
    page = page_in(image.pixels, watching.check)
    if page is not None and any(mark.sure or likely or mark.in_picture for mark in page.marks):
        return _of_page(image, page, watching, lambda mark: mark.sure or likely)
    repair, report = Repair(image, find_network, watching.check), Report()
    whole = Box(0, 0, image.width, image.height)
    tiled = _without_tiling(repair, pixels, whole, whole, networks, watching)
    watching.progress(0.3)
    if tiled is not None:
        return repair.result([tiled])
    drawn = paper.tone(pixels) is not None or paper.is_drawn(pixels)
    lines, outlined, overlays = [], [], []
    if not drawn:
        if networks is not None:
            lines = lines_in(pixels, networks.text, watching.check)[:_MOST_LINES]
            outlined = outlined_text(pixels, lines, networks.strokes, watching.check)
        overlays = [each.overlay for each in outlined if each.overlay is not None]
        others = find_overlays(pixels, None, watching.check)
        overlays += [other for other in others if not any(other.box.touches(each.box) for each in overlays)]
    found = _whole(combine_marks(look(pixels), overlays, (image.height, image.width)), outlined)
    found = _all_or_none(found, lines, pixels.shape)
    if not drawn:
        # Marks that are also found as paint or as text are known better from those.
        found.extend(
            logo for logo in find_emblems(pixels, watching.check) if not any(logo.box.touches(mark.box) for mark in found if mark.sure)
        )
    watching.progress(0.5)
    sure = [mark for mark in found if mark.sure or likely]
    for number, mark in enumerate(sure):
        watching.progress(0.5 + 0.5 * number / len(sure))
        report.marks.append(repair.remove(without_specks(mark, lines, whole)))
    if sure:
        after = repair.crop(whole)
        left = [Remainder(mark.box, mark.box) for mark in report.marks if not (mark.methods and is_gone(pixels, after, mark.box))]
    if networks is not None and sure:
        everywhere = np.ones(pixels.shape[:2], np.bool_)
        left += finish(repair, whole, pixels, everywhere, lines, networks.strokes, watching.check)
        plates = _plates(repair, whole, pixels, everywhere, lines, watching.check)
        # A mark on a plate that is not sure stays with it.
        left += [Remainder(plate.box, plate.box) for plate in plates if not plate.sure]
        report.marks += [repair.remove(plate) for plate in plates if plate.sure]
    if sure:
        report.marks = _whole_or_kept(repair, report.marks, left)
    report.marks.extend(Mark(mark.kind, mark.box, mark.confidence, evidence=mark.evidence) for mark in found if not (mark.sure or likely))
    return repair.result(report.marks)


def _whole_or_kept(repair: Repair, marks: Sequence[Mark], left: Sequence[Remainder]) -> list[Mark]:
    """Put back the marks that are there still in part, with what touches them."""
    back = [each.changed_area for each in left if any(each.box.touches(mark.box) for mark in marks)]
    kept: list[int] = []
    while more := [number for number, mark in enumerate(marks) if number not in kept and any(mark.box.touches(each) for each in back)]:
        kept += more
        back += [marks[number].box for number in more]
    for box in back:
        repair.restore(box)
    return [replace(mark, methods=(), in_part=True) if number in kept else mark for number, mark in enumerate(marks)]


def _whole(found: Sequence[DetectedMark], outlined: Sequence[OutlinedText]) -> list[DetectedMark]:
    """Lines of text as the network has outlined them, which knows more of them; each mark once."""
    whole: list[DetectedMark] = [mark for mark in found if mark.overlay is not None]
    used = [each for each in outlined if any(mark.overlay is each.overlay for mark in whole)]
    for mark in found:
        if mark.overlay is not None:
            continue
        same = next((each for each in outlined if _same_text(mark, each.mark)), None)
        if same is None:
            whole.append(replace(mark, sure=False) if mark.kind is Kind.TEXT and outlined else mark)
        elif same not in used:
            used.append(same)
            whole.append(replace(same.mark, kind=mark.kind, confidence=mark.confidence, evidence=mark.evidence, sure=mark.sure))
    return whole


def _same_text(mark: DetectedMark, other: DetectedMark) -> bool:
    if mark.kind is not Kind.TEXT or mark.strokes is None or other.strokes is None or not mark.box.touches(other.box):
        return False
    both = mark.box.common(other.box)
    shared = mark.strokes[both.within(mark.box).window] & other.strokes[both.within(other.box).window]
    return bool(shared.sum() > _RIVAL * mark.strokes.sum()) or both.area > _RIVAL * max(mark.box.area, other.box.area)


def _all_or_none(found: Sequence[DetectedMark], lines: Sequence[Line], shape: tuple[int, ...]) -> list[DetectedMark]:
    """Lines that are alike are one mark: if one of them stays, all of them do."""
    alike = alike_lines(lines)
    if len(alike) <= REPEATED:
        return list(found)
    sure = np.zeros(shape[:2], np.bool_)
    for mark in found:
        if mark.sure:
            sure[mark.box.window] |= True if mark.strokes is None else mark.strokes
    places = [text_mask([line], shape) for line in alike]
    if all((sure & place).any() for place in places):
        return list(found)
    kept = np.any(places, axis=0)
    return [replace(mark, sure=False) if mark.kind is Kind.TEXT and kept[mark.box.window].mean() > _RIVAL else mark for mark in found]


def _of_page(image: Image, page: Page, watching: Watching, wanted: Callable[[PageMark], bool]) -> tuple[Image, Report]:
    """A scanned page without the marks that are wanted away."""
    pixels, report = image.pixels.copy(), Report()
    for mark in page.marks:
        watching.check()
        report.marks.append(page.remove(mark, pixels) if wanted(mark) else page.report_kept(mark, (image.height, image.width)))
    report.mask = (pixels != image.pixels).any(axis=2)
    return replace(image, pixels=pixels), report
