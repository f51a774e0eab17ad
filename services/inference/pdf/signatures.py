"""Whether a document carries digital signatures (ISO 32000-2, 12.8)."""

from __future__ import annotations

from pypdf.generic import DictionaryObject

from services.inference.pdf import objects

_MAX_FIELDS = 100_000


def is_signed(root: DictionaryObject) -> bool:
    """Whether a signature field of the form has a value, or the document is certified."""
    if objects.dictionary(root, "/Perms") is not None:
        return True
    waiting = [objects.resolve(field) for field in objects.array(objects.dictionary(root, "/AcroForm"), "/Fields") or ()]
    for _ in range(_MAX_FIELDS):
        if not waiting:
            return False
        field = waiting.pop()
        if objects.name(field, "/FT") == "/Sig" and objects.dictionary(field, "/V") is not None:
            return True
        waiting += [objects.resolve(kid) for kid in objects.array(field, "/Kids") or ()]
    return False
