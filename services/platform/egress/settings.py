"""How settings name networks."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

from services.platform.egress.addresses import Network


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())


Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_split)]
"""Networks in CIDR notation, with commas between them."""
