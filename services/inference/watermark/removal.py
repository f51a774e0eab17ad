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
from services.inference.watermark.evidence import combined
from services.inference.watermark.inpainting import is_detailed
from services.inference.watermark.lattice import find_tiling
from services.inference.watermark.lettering import OutlinedText, outlined_text, text_marks
from services.inference.watermark.line_paint import REPEATED, alike_lines, is_paint
from services.inference.watermark.marks import COVERED, DetectedMark
from services.inference.watermark.overlays import find_overlays
from services.inference.watermark.page_marks import PageMark
from services.inference.watermark.page_search import Page, page_in
from services.inference.watermark.repair import FindNetwork, Repair
from services.inference.watermark.report import Kind, Mark, Report
from services.inference.watermark.solids import find_solids
from services.inference.watermark.strokes import Mask, Pixels8, find_strokes, luminance, thickened
from services.inference.watermark.text_lines import AskNetwork, covered, lines_in

_MARGIN = 40
_OPAQUE = 0.8
"""Opacity below which what is found over detail is more often the picture's than a mark."""
_PLATE, _ON_PLATE, _LETTER_GAP = 1.5, 0.9, 3  # times its letters; share of them; pixels
_MOST_LINES = 24  # of a picture: the largest
_FAINT = 0.3  # opacity
_HIGHEST = 1.2  # of a box's smaller side: height of a line
_RIVAL = 0.6  # of the area of the other


@dataclass(frozen=True, slots=True)
class Watching:
    """Callbacks for progress, 0 to 1, and for whether to go on; both from any thread."""

    progress: Callable[[float], None]
    check: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Networks:
    """What is asked about a picture or a part of one. Where there is no such model, nothing is found."""

    text: AskNetwork
    """Finds lines of text."""
    strokes: AskNetwork
    """Outlines what a mark has painted in a line."""


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
    for number, box in enumerate(boxes):
        watching.progress(number / len(boxes))
        around = box.grown(max(_MARGIN, min(box.width, box.height)), image.width, image.height)
        region = np.zeros((around.height, around.width), np.bool_)
        inner = box.within(around)
        region[inner.window] = True
        crop = to_srgb(contiguous(image.pixels[around.window]), image.icc if not image.is_gray else None)
        marks = _in_box(crop, region, box, around, networks, watching.check)
        if not fill:
            marks = [mark for mark in marks if mark.strokes is not None]
        report.marks.extend(repair.remove(mark) for mark in marks)
        if not marks:
            report.marks.append(Mark(Kind.BOX, box, 1.0))
    return repair.result(), report


def _in_box(crop: Pixels8, region: Mask, box: Box, around: Box, networks: Networks | None, check: Callable[[], None]) -> list[DetectedMark]:
    """What to remove from a box: the translucent marks in it, else opaque paint, else everything.

    Of marks in different places the larger one is taken: the smaller one is an accident of the picture.
    """
    inner = box.within(around).window
    tone = paper.tone(crop)
    solids = find_solids(crop, region)
    if solids is not None and tone is not None and float(luminance(crop)[solids].mean()) < float(tone.mean()) - paper.PRINT:
        solids = None
    strokes = find_strokes(crop, region, min(box.width, box.height))
    opaque = _joined(solids, None if strokes is None else strokes.mask)
    lines: list[Line] = []
    if tone is None and networks is not None:
        lines = [line for line in lines_in(crop, networks.text, check) if line.height <= _HIGHEST * min(box.width, box.height)]
        lines = [line for line in lines if (covered([line], region.shape) & region).any()]
        text = text_marks(crop, lines, region, opaque, networks.strokes, check)
        if text and not _is_on(solids, text):
            return [mark.moved(around.left, around.top) for mark in text]
    if tone is None:
        # Where text was read, its letters would have been told from the picture, and opaque paint is seldom without an edge.
        most = _FAINT if lines else _OPAQUE
        overlays = [each for each in find_overlays(crop, region, check) if each.blend.shows_through or each.blend.opacity < most]
        paint = np.zeros_like(region)
        for overlay in overlays:
            paint[overlay.box.window] |= overlay.cover > COVERED
        # If both have found the same mark, the translucent finding is the more informative one.
        least = 1.0 if opaque is None or not _alike(paint, opaque) else _RIVAL
        if overlays and (opaque is None or paint.sum() >= least * opaque.sum()):
            moved = [replace(overlay, box=overlay.box.moved(around.left, around.top)) for overlay in overlays]
            return [DetectedMark(Kind.BOX, overlay.box, overlay.cover > COVERED, 1.0, overlay=overlay) for overlay in moved]
        if opaque is None and lines:
            return []
        # Where text was read, its letters would have been told from the picture.
        doubtful = solids is None and strokes is not None and (bool(lines) or not is_paint(crop, strokes.mask, _OPAQUE))
        if doubtful and strokes is not None and is_detailed(crop, strokes.mask):
            return []
    return [DetectedMark(Kind.BOX, box, None if opaque is None else opaque[inner], 1.0)]


def _is_on(solids: Mask | None, text: Sequence[DetectedMark]) -> bool:
    """Whether text is on a plate, which goes with it."""
    if solids is None:
        return False
    letters = np.zeros_like(solids)
    for mark in text:
        letters[mark.box.window] |= True if mark.strokes is None else mark.strokes
    around = thickened(solids, _LETTER_GAP) & letters
    return bool(solids.sum() > _PLATE * letters.sum() and around.sum() > _ON_PLATE * letters.sum())


def _joined(one: Mask | None, other: Mask | None) -> Mask | None:
    """Both together if they are of the same mark; else the larger one."""
    if one is None or other is None:
        return one if other is None else other
    return one | other if _alike(one, other) else max(one, other, key=np.count_nonzero)


def _alike(one: Mask, other: Mask) -> bool:
    """Whether most of the smaller one is part of the other."""
    return bool((one & other).sum() >= _RIVAL * min(one.sum(), other.sum()))


def searchable(pixels: Pixels8) -> Pixels8 | None:
    """What is searched for marks: the picture, or for a document only what is lighter than print; None if that is nothing."""
    tone = paper.tone(pixels)
    if tone is None:
        return pixels
    light = paper.without_print(pixels, tone)
    return None if paper.is_empty(light, tone) else light


def remove_on_page(
    image: Image, boxes: Sequence[Box], networks: Networks | None, find_network: FindNetwork | None, watching: Watching
) -> tuple[Image, Report]:
    """`remove_in_boxes` for a page of a document, where print may be in a box, too: what cannot be told from it stays."""
    page = page_in(image.pixels, watching.check)
    size = image.height, image.width
    if page is None or not any(_holds(boxes, page.kept(mark, size).box) for mark in page.marks):
        return remove_in_boxes(image, boxes, networks, find_network, watching, fill=False)
    return _of_page(image, page, watching, lambda mark: _holds(boxes, page.kept(mark, size).box))


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
    if page is not None and any(mark.sure or likely for mark in page.marks):
        return _of_page(image, page, watching, lambda mark: mark.sure or likely)
    repair, report = Repair(image, find_network, watching.check), Report()
    tiling = find_tiling(pixels, watching.check)
    watching.progress(0.3)
    if tiling is not None:
        report.marks.append(repair.remove_tiling(tiling))
        return repair.result(), report
    drawn = paper.tone(pixels) is not None or paper.is_drawn(pixels)
    lines, outlined, overlays = [], [], []
    if not drawn:
        if networks is not None:
            lines = lines_in(pixels, networks.text, watching.check)[:_MOST_LINES]
            outlined = outlined_text(pixels, lines, networks.strokes, watching.check)
        overlays = [each.overlay for each in outlined if each.overlay is not None]
        others = find_overlays(pixels, None, watching.check)
        overlays += [other for other in others if not any(other.box.touches(each.box) for each in overlays)]
    found = _whole(combined(look(pixels), overlays, (image.height, image.width)), outlined)
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
        report.marks.append(repair.remove(mark))
    report.marks.extend(Mark(mark.kind, mark.box, mark.confidence, evidence=mark.evidence) for mark in found if not (mark.sure or likely))
    return (repair.result() if report.removed else image), report


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
    places = [covered([line], shape) for line in alike]
    if all((sure & place).any() for place in places):
        return list(found)
    kept = np.any(places, axis=0)
    return [replace(mark, sure=False) if mark.kind is Kind.TEXT and kept[mark.box.window].mean() > _RIVAL else mark for mark in found]


def _of_page(image: Image, page: Page, watching: Watching, wanted: Callable[[PageMark], bool]) -> tuple[Image, Report]:
    """A scanned page without the marks that are wanted away."""
    pixels, report = image.pixels.copy(), Report()
    for mark in page.marks:
        watching.check()
        report.marks.append(page.remove(mark, pixels) if wanted(mark) else page.kept(mark, (image.height, image.width)))
    return replace(image, pixels=pixels), report
