"""The tags of a document (ISO 32000-2, 14.7) without those of pages that were redrawn, whose parts they named."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pikepdf import Array, Dictionary, Object, Pdf

ObjectId = tuple[int, int]


@dataclass(slots=True)
class _Element:
    """An element of the tree."""

    value: Dictionary
    page: ObjectId | None
    """The page that its parts are on, if they name no other."""
    is_left: bool = False
    """Whether anything in it is left."""


def forget_pages(document: Pdf, redrawn: Collection[ObjectId], notes: Collection[ObjectId]) -> bool:
    """Drop the tags for content of these pages, except those for these notes, and the elements that have nothing left; True if there were
    any. A tree with nothing left is dropped with the mark that there is one."""
    root = document.Root.get("/StructTreeRoot")
    if not isinstance(root, Dictionary):
        return False
    elements = _elements(root)
    is_changed = False
    dropped = set[ObjectId]()
    # Children come after their parents in the list.
    for number in range(len(elements) - 1, -1, -1):
        element = elements[number]
        kids = _kids(element.value)
        kept = [kid for kid in kids if not _is_lost(kid, element.page, redrawn, notes, dropped)]
        element.is_left = bool(kept) or not kids
        if len(kept) < len(kids):
            is_changed = True
            element.value.K = Array(kept)
        if not element.is_left and element.value.is_indirect:
            dropped.add(element.value.objgen)
    if not is_changed:
        return False
    if not elements[0].is_left:
        for key in ("/StructTreeRoot", "/MarkInfo"):
            if key in document.Root:
                del document.Root[key]
        return True
    _forget_ways_back(root, _numbers(document, redrawn), dropped)
    return True


def _numbers(document: Pdf, redrawn: Collection[ObjectId]) -> set[int]:
    """The numbers under which the tree lists the elements of these pages."""
    found: list[object] = [page.obj.get("/StructParents") for page in document.pages if page.obj.objgen in redrawn]
    return {number for number in found if isinstance(number, int)}


def _elements(root: Dictionary) -> list[_Element]:
    """The root and all elements below it, parents before their children; each that is met again only once."""
    found = [_Element(root, None)]
    seen = {root.objgen}
    at = 0
    while at < len(found):
        element = found[at]
        for kid in _kids(element.value):
            if not isinstance(kid, Dictionary) or not _is_element(kid) or (kid.is_indirect and kid.objgen in seen):
                continue
            if kid.is_indirect:
                seen.add(kid.objgen)
            found.append(_Element(kid, _page(kid) or element.page))
        at += 1
    return found


def _kids(element: Dictionary) -> list[Object]:
    kids = element.get("/K")
    if isinstance(kids, Array):
        return list(kids)
    return [] if kids is None else [kids]


def _is_element(kid: Dictionary) -> bool:
    return "/MCID" not in kid and "/Obj" not in kid


def _page(value: Dictionary) -> ObjectId | None:
    page = value.get("/Pg")
    return page.objgen if isinstance(page, Dictionary) and page.is_indirect else None


def _is_lost(
    kid: Object, page: ObjectId | None, redrawn: Collection[ObjectId], notes: Collection[ObjectId], dropped: Collection[ObjectId]
) -> bool:
    if isinstance(kid, Dictionary) and _is_element(kid):
        return _is_dropped(kid, dropped)
    own = (_page(kid) or page) if isinstance(kid, Dictionary) else page
    if own not in redrawn:
        return False
    note = kid.get("/Obj") if isinstance(kid, Dictionary) else None
    return not (isinstance(note, Object) and note.is_indirect and note.objgen in notes)


def _forget_ways_back(root: Dictionary, numbers: Collection[int], dropped: Collection[ObjectId]) -> None:
    """Empties the lists that lead from the numbers of content, and from names, to elements that are gone."""
    for tree, entries in (("/ParentTree", "/Nums"), ("/IDTree", "/Names")):
        for leaf in _leaves(root.get(tree), entries):
            kept = Array()
            keys: list[object] = [*leaf[::2]]
            for key, value in zip(keys, leaf[1::2], strict=False):
                if _is_dropped(value, dropped) or key in numbers:
                    continue
                for at, each in enumerate(value if isinstance(value, Array) else ()):
                    if _is_dropped(each, dropped):
                        value[at] = None
                kept.extend([key, value])  # type: ignore[list-item]  # numbers and texts are keys
            leaf[:] = kept


def _is_dropped(value: object, dropped: Collection[ObjectId]) -> bool:
    return isinstance(value, Object) and value.is_indirect and value.objgen in dropped


def _leaves(tree: Object | None, entries: str) -> Iterator[Array]:
    """The lists of keys and values in a tree of them."""
    waiting, seen = [tree], set[ObjectId]()
    while waiting:
        node = waiting.pop()
        if not isinstance(node, Dictionary):
            continue
        if isinstance(found := node.get(entries), Array):
            yield found
        kids = node.get("/Kids")
        for kid in kids if isinstance(kids, Array) else ():
            if isinstance(kid, Object) and kid.is_indirect and kid.objgen not in seen:
                seen.add(kid.objgen)
                waiting.append(kid)
