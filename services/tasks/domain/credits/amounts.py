"""Credits for people, and thousandths of a credit for everything else: integers, so that sums are exact."""

from __future__ import annotations

from decimal import Decimal

MILLI = 1000


def millicredits_of(credits_: Decimal) -> int:
    """Thousandths of a credit, from an amount with at most three decimals."""
    return int(credits_ * MILLI)


def credits_text(millicredits: int) -> str:
    """`5.34` for 5340."""
    return f"{Decimal(millicredits) / MILLI:f}"
