"""What is not surely and only the mark stays, and is reported."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String

from services.inference.pdf import remove
from services.inference.pdf.texts import TEXT_DEPENDS, UNBALANCED
from services.inference.pdf.verify import ExpectedChanges, verify
from tests.unit.pdf import declarations, structures
from tests.unit.pdf.builder import BODY, INLINE_ARTIFACT, Builder
from tests.unit.pdf.comparison import pictures, texts
from tests.unit.pdf.removal import Remove


def test_text_that_depends_on_the_mark_keeps_it(removed: Remove) -> None:
    build = Builder()
    line = b"BT /F1 14 Tf 20 160 Td (a) Tj %b(CONFIDENTIAL) Tj EMC (right after it) Tj ET\n" % INLINE_ARTIFACT
    build.page(line, resources=build.resources())
    document = build.save()
    assert removed(document) == document
    (kept,) = removed.report.to_dict()["kept"]
    assert kept == {
        "page": 1,
        "method": "artifact",
        "detail": "Artifact of subtype Watermark",
        "reason": TEXT_DEPENDS,
    }


def test_a_layer_of_which_content_stays_is_kept(removed: Remove) -> None:
    """A layer that is off hides what cannot be cut; without the layer it would show."""
    build = Builder()
    group = build.layer("Watermark", visible=False)
    line = b"BT /F1 14 Tf 20 60 Td /OC /MC0 BDC (hidden) Tj EMC (shown) Tj ET\n"
    other = b"/OC /MC0 BDC 0 0 50 50 re f EMC\n"
    build.page(line + other, resources=build.resources(Properties=Dictionary(MC0=group)))
    document = build.save()
    result = removed(document)
    assert removed.report.layers == []
    assert len(removed.report.removed_findings) == len(removed.report.kept_findings) == 1
    for drawn, expected in zip(pictures(result), pictures(document), strict=True):
        np.testing.assert_array_equal(drawn, expected)


def test_a_declared_mark_is_put_back_where_something_else_would_change(removed: Remove, monkeypatch: pytest.MonkeyPatch) -> None:
    def strict(source: Path, target: Path, changed: Mapping[int, ExpectedChanges], on_unchecked: Callable[[int], None]) -> dict[int, str]:
        return verify(
            source, target, {page: expected if page != 2 else ExpectedChanges() for page, expected in changed.items()}, on_unchecked
        )

    monkeypatch.setattr(remove, "verify", strict)
    result = removed(declarations.acrobat(True))
    assert [finding.page for finding in removed.report.removed_findings] == [1, 3]
    (kept,) = removed.report.kept_findings
    assert (kept.page, kept.reason) == (2, "12 characters of other text would be lost")
    assert removed.report.layers == []
    marked, truth = declarations.acrobat(True), declarations.acrobat(False)
    for page, expected in enumerate([truth, marked, truth]):
        np.testing.assert_array_equal(pictures(result)[page], pictures(expected)[page])
        assert texts(result)[page] == texts(expected)[page]


def test_a_declared_mark_in_a_form_is_put_back_on_all_pages_that_draw_it(removed: Remove, monkeypatch: pytest.MonkeyPatch) -> None:
    def strict(source: Path, target: Path, changed: Mapping[int, ExpectedChanges], on_unchecked: Callable[[int], None]) -> dict[int, str]:
        return verify(
            source, target, {page: expected if page != 2 else ExpectedChanges() for page, expected in changed.items()}, on_unchecked
        )

    monkeypatch.setattr(remove, "verify", strict)
    marked = structures.form_shared_by_pages(True)
    assert removed(marked) == marked
    assert [finding.method for finding in removed.report.kept_findings] == ["artifact"]


def test_a_mark_that_never_ends_is_kept(removed: Remove) -> None:
    build = Builder()
    build.page(BODY + INLINE_ARTIFACT + BODY, resources=build.resources())
    document = build.save()
    assert removed(document) == document
    assert [finding.reason for finding in removed.report.kept_findings] == [UNBALANCED]


@pytest.mark.parametrize(
    "properties",
    [
        Dictionary(Type=Name.OCMD, P=Name.AllOff),
        Dictionary(Type=Name.OCMD, P=Name.AnyOff),
        Dictionary(Type=Name.OCMD, VE="not"),
        Dictionary(Type=Name.OCMD, OCGs="both"),
    ],
)
def test_content_that_is_not_only_the_layers_stays(removed: Remove, properties: Dictionary) -> None:
    """Content shown while the watermark is hidden, or shared with another layer."""
    build = Builder()
    group, other = build.layer("Watermark"), build.layer("Drawing")
    properties = Dictionary(**{key[1:]: value for key, value in properties.items()})
    if "/VE" in properties:
        properties.VE = Array([Name.Not, group])
    elif "/OCGs" in properties:
        properties.OCGs = Array([group, other])
    else:
        properties.OCGs = group
    build.page(
        b"/OC /MC0 BDC\n" + BODY + b"EMC\n",
        resources=build.resources(Properties=Dictionary(MC0=build.pdf.make_indirect(properties))),
    )
    document = build.save()
    assert removed(document) == document


def test_layers_leave_every_list_of_the_document(removed: Remove) -> None:
    build = Builder()
    mark, plan, child = build.layer("Watermark"), build.layer("Plan"), build.layer("Electric")
    properties = build.pdf.Root.OCProperties
    properties.D.Order = Array([plan, Array([child, mark]), mark, Array([String("Group"), Array([mark])])])
    properties.D.Locked = Array([mark, plan])
    properties.D.RBGroups = Array([Array([mark, child])])
    properties.D.AS = Array([Dictionary(Event=Name.View, OCGs=Array([mark, child]), Category=Array([Name.View]))])
    properties.Configs = Array([Dictionary(Name=String("print"), OFF=Array([mark]))])
    build.page(BODY, resources=build.resources(Properties=Dictionary(P=plan, C=child, W=mark)))
    with pikepdf.open(io.BytesIO(removed(build.save()))) as result:
        assert "Watermark" not in repr(result.Root.OCProperties)
        left = result.Root.OCProperties
        assert [group.Name for group in left.OCGs] == ["Plan", "Electric"]
        assert [group.Name for group in left.D.Locked] == ["Plan"]
        assert [str(item.Name) for item in left.D.Order[1]] == ["Electric"]
        assert len(left.D.AS[0].OCGs) == 1
    assert removed.report.layers == ["Watermark"]
    assert removed.report.is_changed
