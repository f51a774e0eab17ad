"""The common parts of the services' administration commands."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import structlog

from services.platform import config
from services.platform.audit.actor import act_as_operator
from services.platform.config import DatabaseSettings
from services.platform.errors import DarkroomError

_Settings = TypeVar("_Settings", bound=DatabaseSettings)


def run(
    service: str,
    parser: argparse.ArgumentParser,
    settings: type[_Settings],
    command: Callable[[argparse.Namespace, _Settings], Coroutine[Any, Any, object]],
    arguments: Sequence[str],
) -> int:
    """Migrate, or run another command and print its result as JSON. Exit status: 0, 1 for an error, 2 for wrong usage or settings."""
    options = parser.parse_args(arguments)
    with _log_on_standard_error():
        if options.command == "migrate":
            # Alembic, which no other command needs.
            from services.platform import migrations

            migrations.migrate(service, config.load(DatabaseSettings).database)
            return 0
        act_as_operator()
        try:
            result = asyncio.run(command(options, config.load(settings)))
        except DarkroomError as error:
            print(error.message, file=sys.stderr)
            return 1
    print(json.dumps(result, ensure_ascii=False))
    return 0


def identifier(text: str) -> int:
    """An id on a command line."""
    if not (text.isascii() and text.isdigit() and 0 < int(text[:16]) < 10**15):
        raise argparse.ArgumentTypeError("must be an id: a whole number above 0 and below 1e15")
    return int(text)


@contextmanager
def _log_on_standard_error() -> Iterator[None]:
    """Send log lines to standard error, since standard output is for the result."""
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        yield
    finally:
        structlog.configure(**before)
