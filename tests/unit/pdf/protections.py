"""Protecting a document in each way."""

from __future__ import annotations

import io
from collections.abc import Callable

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, String

OWNER = "Öwner"
FORBIDDING = pikepdf.Permissions(modify_other=False)


def protected(document: bytes, change: Callable[[Pdf], None] = lambda _: None, **options: object) -> bytes:
    """The document with a change, saved with these options."""
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(document)) as opened:
        change(opened)
        opened.save(buffer, **options)
    return buffer.getvalue()


def locked(document: bytes, revision: int = 6) -> bytes:
    """Opens without a password; its permissions forbid changes."""
    encryption = pikepdf.Encryption(owner=OWNER, user="", R=revision, aes=revision > 3, metadata=revision > 3, allow=FORBIDDING)
    return protected(document, encryption=encryption)


def signature(pdf: Pdf) -> pikepdf.Object:
    """The value of a signed field."""
    return pdf.make_indirect(Dictionary(Type=Name.Sig, Filter=Name("/Adobe.PPKLite"), Contents=String("x" * 20)))


def with_field(pdf: Pdf, field: Dictionary) -> None:
    """Add a field to the document's form."""
    if "/AcroForm" not in pdf.Root:
        pdf.Root.AcroForm = Dictionary(Fields=Array())
    pdf.Root.AcroForm.Fields.append(pdf.make_indirect(field))


def signed(pdf: Pdf) -> None:
    """Sign it; the field stands below another one."""
    with_field(pdf, Dictionary(T=String("parent"), Kids=Array([Dictionary(FT=Name.Sig, V=signature(pdf))])))


def signed_with_inherited_kind(pdf: Pdf) -> None:
    """Sign it; that the field is one for signatures stands above it."""
    with_field(pdf, Dictionary(T=String("parent"), FT=Name.Sig, Kids=Array([Dictionary(V=signature(pdf))])))


def certified(pdf: Pdf) -> None:
    """Sign it as its author, who permits some changes."""
    made = signature(pdf)
    made.Reference = Array([Dictionary(TransformMethod=Name.DocMDP, TransformParams=Dictionary(P=2, V=Name("/1.2")))])
    with_field(pdf, Dictionary(FT=Name.Sig, T=String("author"), V=made))
    pdf.Root.Perms = Dictionary(DocMDP=made)


def with_usage_rights(pdf: Pdf) -> None:
    """Sign what Adobe Reader may do with it."""
    pdf.Root.Perms = Dictionary(UR3=signature(pdf))


def to_be_signed(pdf: Pdf) -> None:
    """Add an empty signature field, and other fields with values."""
    with_field(pdf, Dictionary(FT=Name.Sig, T=String("sign here")))
    with_field(pdf, Dictionary(FT=Name.Tx, T=String("name"), V=String("Ann")))
    pdf.Root.Perms = Dictionary()
