"""The common parts of the services, loaded by being imported: their libraries and protos, and what they make of these as they start.

inference has no part here, because numpy starts threads while it is loaded: it shares what it has in common with the others.
"""

from __future__ import annotations

from sqlalchemy.orm import configure_mappers

import services.accounts.__main__
import services.files.__main__
import services.gateway.__main__
import services.tasks.__main__  # noqa: F401
from services.platform.rpc import catalogue
from services.platform.rpc.validation import rules

configure_mappers()
rules()
catalogue.routes()
