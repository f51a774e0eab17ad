"""Documents that are protected against changes, and those that only look like it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pikepdf import Pdf

from services.inference.pdf import isolated
from services.inference.pdf.protection import CERTIFIED, SIGNED, USAGE_RIGHTS
from services.inference.pdf.texts import ENCRYPTION_WARNING, SIGNATURE_WARNING
from services.platform.errors import DarkroomError, ErrorReason
from tests.unit.pdf import declarations, protections
from tests.unit.pdf.removal import assert_same

MARKED, TRUTH = declarations.acrobat(True), declarations.acrobat(False)


def cleaned(folder: Path, source: bytes, *, allow_signed: bool = False, owner_password: str = "") -> tuple[bytes, dict[str, Any]]:
    (folder / "source").write_bytes(source)
    report = isolated.clean(folder / "source", folder / "target", False, allow_signed, owner_password, lambda *_: None)
    return (folder / "target").read_bytes(), report


def refusal(folder: Path, source: bytes, **consent: Any) -> DarkroomError:
    with pytest.raises(DarkroomError) as raised:
        cleaned(folder, source, **consent)
    assert not (folder / "target").exists()
    return raised.value


@pytest.mark.parametrize(
    ("sign", "how"),
    [
        (protections.signed, SIGNED),
        (protections.signed_with_inherited_kind, SIGNED),
        (protections.certified, CERTIFIED),
        (protections.with_usage_rights, USAGE_RIGHTS),
    ],
)
def test_signed_documents_are_refused_unless_allowed(tmp_path: Path, sign: Callable[[Pdf], None], how: str) -> None:
    source = protections.protected(MARKED, sign)
    refused = refusal(tmp_path, source, owner_password=protections.OWNER)
    assert refused.reason is ErrorReason.FILE_SIGNED
    assert how in refused.message
    assert "`allow_signed`" in refused.message
    result, report = cleaned(tmp_path, source, allow_signed=True)
    assert report["warnings"] == [SIGNATURE_WARNING]
    assert_same(result, protections.protected(TRUTH, sign))


@pytest.mark.parametrize("revision", [3, 4, 6])
def test_locked_documents_need_the_owner_password(tmp_path: Path, revision: int) -> None:
    source = protections.locked(MARKED, revision)
    refused = refusal(tmp_path, source, allow_signed=True)
    assert refused.reason is ErrorReason.FILE_LOCKED
    assert "`owner_password`" in refused.message
    wrong = refusal(tmp_path, source, owner_password="guessed")
    assert (wrong.reason, wrong.field) == (ErrorReason.FIELD_INVALID, "owner_password")
    result, report = cleaned(tmp_path, source, owner_password=protections.OWNER)
    assert report["warnings"] == [ENCRYPTION_WARNING]
    assert_same(result, TRUTH)
    with pikepdf.open(tmp_path / "target") as document:
        assert not document.is_encrypted


def test_signed_and_locked_documents_need_both(tmp_path: Path) -> None:
    source = protections.locked(protections.protected(MARKED, protections.signed))
    assert refusal(tmp_path, source).reason is ErrorReason.FILE_SIGNED
    assert refusal(tmp_path, source, allow_signed=True).reason is ErrorReason.FILE_LOCKED
    _, report = cleaned(tmp_path, source, allow_signed=True, owner_password=protections.OWNER)
    assert report["warnings"] == [ENCRYPTION_WARNING, SIGNATURE_WARNING]


def test_a_signed_document_is_refused_whether_it_has_a_mark_or_not_and_when_damaged(tmp_path: Path) -> None:
    source = protections.protected(TRUTH, protections.signed)
    assert refusal(tmp_path, source).reason is ErrorReason.FILE_SIGNED
    damaged = protections.protected(MARKED, protections.signed).replace(b"startxref\n", b"startxref\n9")
    assert refusal(tmp_path, damaged).reason is ErrorReason.FILE_SIGNED


@pytest.mark.parametrize(
    "source",
    [
        protections.protected(MARKED, protections.to_be_signed),
        protections.protected(MARKED, encryption=pikepdf.Encryption(owner="secret", user="")),
        protections.protected(
            MARKED,
            encryption=pikepdf.Encryption(owner="secret", user="", allow=pikepdf.Permissions(extract=False, print_highres=False)),
        ),
    ],
    ids=["a place to sign", "encrypted", "no copying"],
)
def test_what_only_looks_protected_is_done(tmp_path: Path, source: bytes) -> None:
    _, report = cleaned(tmp_path, source)
    assert report["removed"]
    assert SIGNATURE_WARNING not in report["warnings"]


def test_a_dry_run_says_what_the_removal_would_need(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(protections.protected(MARKED, protections.certified))
    paths = tmp_path / "source", tmp_path / "scratch", tmp_path / "preview"
    report = isolated.examine(*paths, False, False, "", lambda *_: None)
    assert report["removed"]
    assert any("`allow_signed`" in warning for warning in report["warnings"])
    report = isolated.examine(*paths, False, True, "", lambda *_: None)
    assert report["warnings"] == [SIGNATURE_WARNING]
