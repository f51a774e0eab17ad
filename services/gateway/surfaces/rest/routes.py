"""The JSON API's calls as forms."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import Route

from services.gateway.surfaces.parts import GatewayParts
from services.gateway.surfaces.rest.forms import RestForms


def routes(parts: GatewayParts) -> Sequence[Route]:
    """One for each method that takes a form."""
    return list(RestForms(parts).routes())
