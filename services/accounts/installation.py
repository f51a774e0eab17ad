"""The settings of all people of the account, as every part of the service sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting."""

    name: str
    value: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Logo:
    """The logo."""

    png: bytes
    updated_at: datetime
