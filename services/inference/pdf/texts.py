"""The texts about documents: warnings, and reasons for which marks were kept."""

from __future__ import annotations

from services.platform.wordings import Wordings

SIGNATURE_WARNING = "The document was signed; the change makes its signatures invalid."
ENCRYPTION_WARNING = "The document was encrypted with an owner password; the result is not encrypted."
DAMAGE_WARNING = "The document was damaged; the result holds what could be read of it."
DAMAGED = "The document is damaged or cut off, so pages may lack content."
UNREADABLE = "page {page}: some of its content cannot be decoded and was left unchanged"
TOO_LONG = "page {page}: its content is too long to be searched for marks that do not declare themselves"
NOT_SEARCHED = "page {page}: it is damaged and could not be searched for marks that do not declare themselves"
NOT_VERIFIED = "page {page}: it is too complex to verify the result, so check it yourself"
TOO_LARGE = (
    "Page {page} is too large ({width} × {height} inches) to be redrawn with legible print; "
    "only marks in its drawing operations were removed."
)
FLATTENED = "Redrawn pages are pictures with text and links: the form fields, notes and tags that they had are part of the pictures."
REFUSED_SIGNED = "The document {protection}, and any change makes its signatures invalid. To remove marks anyway, pass `allow_signed`."
REFUSED_LOCKED = "The document's permissions forbid changes. To remove marks, pass its owner password as `owner_password`."
REFUSED_OWNER = "`owner_password` is not the document's owner password."
NOT_REMOVABLE = "The document is damaged or unusual: its marks cannot be removed without changing something else."

WARNINGS = Wordings(
    {
        "signature_lost": SIGNATURE_WARNING,
        "encryption_lost": ENCRYPTION_WARNING,
        "damaged": DAMAGE_WARNING,
        "content_missing": DAMAGED,
        "unreadable": UNREADABLE,
        "too_long": TOO_LONG,
        "not_searched": NOT_SEARCHED,
        "not_verified": NOT_VERIFIED,
        "page_too_large": TOO_LARGE,
        "flattened": FLATTENED,
        "signed": REFUSED_SIGNED,
        "locked": REFUSED_LOCKED,
        "wrong_password": REFUSED_OWNER,
    }
)

NOT_SURE = "probably a mark, but not certainly; `remove_likely` removes it"
MAYBE_OWN = "it may be a stamp, but is printed as the document's own lines are; mode ai with a box around it removes it"
TEXT_DEPENDS = "text that follows on the same line would move"
UNBALANCED = "its marked content never ends"
KEPT = Wordings({"uncertain": NOT_SURE, "maybe_own": MAYBE_OWN, "text_depends": TEXT_DEPENDS, "unbalanced": UNBALANCED})
