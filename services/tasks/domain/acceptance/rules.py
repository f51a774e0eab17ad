"""The settings that govern acceptance."""

from __future__ import annotations

from dataclasses import dataclass

from services.tasks.domain.credits.prices import PriceList
from services.tasks.domain.media_checks import MediaLimits
from services.tasks.model.records import CreditTerms


@dataclass(frozen=True, slots=True)
class AcceptanceRules:
    """The settings that govern acceptance."""

    diagnostics: bool
    max_open: int
    """Tasks that an account may have open, unless the surface or the account has a limit of its own."""
    max_attempts: int
    limits: MediaLimits
    prices: PriceList
    terms: CreditTerms
    operation_seconds: float
    """Seconds that an operation may take for a picture."""
    attempt_seconds: float
    """Seconds that all operations of a task may take for all its pictures."""
