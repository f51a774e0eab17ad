"""Trees of tags of every shape, once a page of theirs was redrawn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pikepdf import Array, Dictionary, Name, Object, Pdf, String

from services.inference.redraw.tags import forget_pages


def tagged(pages: int = 2) -> Pdf:
    """A document with a paragraph on each page, each with a number, a name and a way back."""
    pdf = Pdf.new()
    root = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot, K=Array()))
    numbers, names = Array(), Array()
    for number in range(pages):
        pdf.add_blank_page(page_size=(100, 100))
        page = pdf.pages[number].obj
        page.StructParents = number
        element = pdf.make_indirect(Dictionary(S=Name.P, P=root, Pg=page, K=0, ID=String(f"p{number}")))
        root.K.append(element)
        numbers.extend([Object.parse(str(number).encode()), Array([element])])
        names.extend([String(f"p{number}"), element])
    leaf = pdf.make_indirect(Dictionary(Nums=numbers, Limits=Array([0, pages - 1])))
    root.ParentTree, root.IDTree = Dictionary(Kids=Array([leaf])), Dictionary(Names=names)
    pdf.Root.StructTreeRoot, pdf.Root.MarkInfo = root, Dictionary(Marked=True)
    return pdf


def forget_first(pdf: Pdf) -> bool:
    return forget_pages(pdf, {pdf.pages[0].obj.objgen}, set())


def test_elements_of_a_page_go_with_the_ways_to_them() -> None:
    pdf = tagged()
    assert forget_first(pdf)
    root = pdf.Root.StructTreeRoot
    assert [element.Pg.objgen for element in root.K] == [pdf.pages[1].obj.objgen]
    [leaf] = root.ParentTree.Kids
    assert (int(leaf.Nums[0]), len(leaf.Nums)) == (1, 2)
    assert [str(name) for name in list(root.IDTree.Names)[::2]] == ["p1"]


def test_an_element_on_several_pages_keeps_what_is_on_the_others() -> None:
    pdf = tagged()
    first, second = (page.obj for page in pdf.pages)
    kids = Array([Dictionary(Type=Name.MCR, Pg=first, MCID=1), Dictionary(Type=Name.MCR, Pg=second, MCID=2), 3])
    pdf.Root.StructTreeRoot.K[1].K = kids
    assert forget_first(pdf)
    [element] = pdf.Root.StructTreeRoot.K
    assert [int(kid.MCID) if isinstance(kid, Dictionary) else int(kid) for kid in element.K] == [2, 3]


def test_a_document_without_tags_or_without_those_of_the_page() -> None:
    assert not forget_first(untagged())
    pdf = tagged()
    del pdf.Root.StructTreeRoot.K[0]
    assert not forget_first(pdf)


def untagged() -> Pdf:
    pdf = Pdf.new()
    pdf.add_blank_page()
    return pdf


def circular(root: Object) -> None:
    root.K[1].K = Array([root.K[0], root])


def odd_kids(root: Object) -> None:
    root.K.extend([Name.Nothing, String("x"), Array([]), Dictionary(S=Name.P, K=Dictionary())])


def odd_ways_back(root: Object) -> None:
    root.ParentTree = Dictionary(Nums=Array([0]), Kids=Array([5, root.ParentTree.Kids[0]]))
    root.IDTree = Name.Nothing


def endless_ways_back(root: Object) -> None:
    [leaf] = root.ParentTree.Kids
    leaf.Kids = Array([leaf])


def no_array(root: Object) -> None:
    root.K = root.K[0]


@pytest.mark.parametrize("change", [circular, odd_kids, odd_ways_back, endless_ways_back, no_array])
def test_odd_trees(change: Callable[[Object], None]) -> None:
    pdf = tagged()
    change(pdf.Root.StructTreeRoot)
    assert forget_first(pdf)
    lost = pdf.pages[0].obj.objgen
    left = pdf.Root.get("/StructTreeRoot", Dictionary()).get("/K", Array())
    assert not [kid for kid in left if isinstance(kid, Dictionary) and "/Pg" in kid and kid.Pg.objgen == lost]


def test_a_deep_tree() -> None:
    pdf = tagged()
    element = pdf.Root.StructTreeRoot.K[1]
    for _ in range(3_000):
        inner = pdf.make_indirect(Dictionary(S=Name.Div, P=element, K=Array()))
        element.K = Array([inner])
        element = inner
    element.K = Array([Dictionary(Type=Name.MCR, Pg=pdf.pages[0].obj, MCID=0)])
    assert forget_first(pdf)
    # Nothing is left of both.
    assert not {"/StructTreeRoot", "/MarkInfo"} & pdf.Root.keys()
