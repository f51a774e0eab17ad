"""Files that come within a request, as `data:` URIs (RFC 2397) in base64."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote_to_bytes

from services.platform.errors import DarkroomError, ErrorReason

_SCHEME = "data:"
_BASE64 = ";base64"
_LONGEST_TYPE = 1_000
_WHITESPACE = b" \t\r\n"


def is_data_uri(url: str) -> bool:
    """Whether a URL holds a file itself."""
    return url[: len(_SCHEME)].lower() == _SCHEME


def content_of(url: str, field: str) -> bytes:
    """The content of a `data:` URI, whatever type it claims to be. Padding may be missing, and whitespace and percent escapes are read.

    Raises FIELD_INVALID, and repeats nothing of the content.
    """
    begins = url.find(",", 0, _LONGEST_TYPE)
    if begins < 0 or not url[:begins].lower().rstrip().endswith(_BASE64):
        raise _refused(field, f"a data: URI must have the form {_SCHEME}<media type>{_BASE64},<content>")
    try:
        encoded = url[begins + 1 :].encode("ascii")
        if b"%" in encoded:
            encoded = unquote_to_bytes(encoded)
        encoded = encoded.translate(None, _WHITESPACE).rstrip(b"=")
        return base64.b64decode(encoded + b"=" * (-len(encoded) % 4), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise _refused(field, f"what follows {_BASE64}, is not base64") from None


def _refused(field: str, problem: str) -> DarkroomError:
    return DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: {problem}.", field=field)
