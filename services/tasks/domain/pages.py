"""Page tokens: opaque to clients, and stable, since they name a position by id and not by count."""

from __future__ import annotations

import base64
from enum import Enum

from services.platform.errors import DarkroomError, ErrorReason

FIRST_PAGE = 10**15
"""Above every id."""


class Listing(Enum):
    """The kind of the list, so that a token of one list is refused by another."""

    TASKS = b"t1."
    LEDGER = b"l1."
    BATCHES = b"b1."
    BATCH_TASKS = b"i1."
    WEBHOOK_DELIVERIES = b"w1."
    PIPELINES = b"p1."


def page_token(last_id: int, listing: Listing = Listing.TASKS) -> str:
    """The token of the page after the item `last_id`."""
    return base64.urlsafe_b64encode(listing.value + str(last_id).encode()).decode().rstrip("=")


def before_id(token: str, listing: Listing = Listing.TASKS) -> int:
    """The id that a page's items are below; an empty token means the first page. Raises FIELD_INVALID for any other token."""
    if not token:
        return FIRST_PAGE
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        digits = decoded.removeprefix(listing.value).decode("ascii")
    except ValueError:  # Also covers what base64 and the codecs raise.
        raise _refused() from None
    if not decoded.startswith(listing.value) or not digits.isdigit() or page_token(int(digits), listing) != token.rstrip("="):
        raise _refused()
    return min(int(digits), FIRST_PAGE)


def _refused() -> DarkroomError:
    return DarkroomError(
        ErrorReason.FIELD_INVALID, "page_token: must be empty or the next_page_token of an earlier page.", field="page_token"
    )
