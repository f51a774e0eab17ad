"""The header that names a download, or a picture that is shown."""

from __future__ import annotations

import re
from urllib.parse import quote

_UNSAFE = re.compile("[/\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def inline(name: str) -> str:
    """The Content-Disposition header of something that browsers show, and save under `name` only when they are asked to."""
    return attachment(name).replace("attachment", "inline", 1)


def attachment(name: str) -> str:
    """The Content-Disposition header that offers a download under `name` (RFC 6266, with the encoding of RFC 8187).

    Old clients read the quoted name, which has `_` in place of all that is not plain ASCII. The other is percent-encoded, and left out
    where the two would be the same. A slash is `_` in both, and so are characters that cannot be seen or turn the direction of text.
    """
    name = _UNSAFE.sub("_", name)
    plain = "".join(character if character.isascii() and character.isprintable() and character not in '"\\%' else "_" for character in name)
    encoded = quote(name, safe="")
    return f'attachment; filename="{plain}"' + ("" if encoded == name else f"; filename*=UTF-8''{encoded}")
