"""A document's protection against changes: signatures (ISO 32000-2, 12.8), and permissions of its encryption (7.6.4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf

from services.inference.pdf.document import QPDF_ERRORS
from services.inference.pdf.texts import ENCRYPTION_WARNING, REFUSED_LOCKED, REFUSED_OWNER, REFUSED_SIGNED, SIGNATURE_WARNING
from services.platform.errors import DarkroomError, ErrorReason

CERTIFIED = "is certified by its author (DocMDP)"
USAGE_RIGHTS = "carries usage rights that are signed (UR3)"
SIGNED = "is signed"

_MAX_FIELDS = 100_000


@dataclass(frozen=True, slots=True)
class Consent:
    """The caller's answers about changing protected documents."""

    allow_signed: bool = False
    owner_password: str = ""


@dataclass(frozen=True, slots=True)
class Protection:
    """How a document is protected against changes."""

    signature: str = ""
    """How it is signed, after "The document"; empty if it is not."""
    is_encrypted: bool = False
    is_locked: bool = False
    """It is encrypted, and its permissions forbid changes of the content."""

    @classmethod
    def of(cls, document: Pdf) -> Protection:
        """That of an open document."""
        return cls(_signed(document), document.is_encrypted, document.is_encrypted and not document.allow.modify_other)

    def warnings(self) -> list[str]:
        """For people: what is lost when the document is changed in any way."""
        return [ENCRYPTION_WARNING] * self.is_encrypted + [SIGNATURE_WARNING] * bool(self.signature)


def protection_of(source: Path) -> Protection:
    """That of the document in a file; none if qpdf cannot read it."""
    try:
        with pikepdf.open(source, suppress_warnings=True, access_mode=pikepdf.AccessMode.stream) as document:
            return Protection.of(document)
    except (*QPDF_ERRORS, pikepdf.PasswordError):
        return Protection()


def refusal_of(source: Path, consent: Consent) -> DarkroomError | None:
    """Why the document must not be changed: FILE_SIGNED, FILE_LOCKED, or FIELD_INVALID for a wrong owner password; None if it may be."""
    protection = protection_of(source)
    if protection.signature and not consent.allow_signed:
        return DarkroomError(ErrorReason.FILE_SIGNED, REFUSED_SIGNED.format(protection=protection.signature))
    if protection.is_locked and not consent.owner_password:
        return DarkroomError(ErrorReason.FILE_LOCKED, REFUSED_LOCKED)
    if protection.is_locked and not _is_owner_password(source, consent.owner_password):
        return DarkroomError(ErrorReason.FIELD_INVALID, REFUSED_OWNER, field="owner_password")
    return None


def _is_owner_password(source: Path, password: str) -> bool:
    # Encryption up to revision 4 has passwords in PDFDocEncoding, later ones in UTF-8 (7.6.4.3); many writers use UTF-8 for all.
    for encoded in {password.encode("pdfdoc", "replace"), password.encode()}:
        try:
            with pikepdf.open(source, password=encoded, suppress_warnings=True, access_mode=pikepdf.AccessMode.stream) as document:
                if document.owner_password_matched:
                    return True
        except (*QPDF_ERRORS, pikepdf.PasswordError):
            continue
    return False


def _signed(document: Pdf) -> str:
    permissions = document.Root.get("/Perms")
    if isinstance(permissions, Dictionary):
        if "/DocMDP" in permissions:
            return CERTIFIED
        if "/UR3" in permissions or "/UR" in permissions:
            return USAGE_RIGHTS
    return SIGNED if _has_signature(document) else ""


def _has_signature(document: Pdf) -> bool:
    """Whether a signature field of the form has a value; an empty one is only a place to sign."""
    waiting: list[tuple[Object, object]] = [(field, None) for field in array_under(document.Root.get("/AcroForm"), "/Fields")]
    for _ in range(_MAX_FIELDS):
        if not waiting:
            return False
        field, kind = waiting.pop()
        if not isinstance(field, Dictionary):
            continue
        kind = field.get("/FT", kind)
        if kind == Name.Sig and isinstance(field.get("/V"), Dictionary):
            return True
        waiting += [(kid, kind) for kid in array_under(field, "/Kids")]
    return False


def array_under(holder: Object | None, key: str) -> Array:
    """The array under a key; an empty one if there is none, or something else."""
    found = holder.get(key) if isinstance(holder, Dictionary) else None
    return found if isinstance(found, Array) else Array()
