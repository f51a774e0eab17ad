"""Structured logs: one JSON object per line on standard output.

Every line has `event` (a fixed name to search for), `level`, `timestamp` and `service`; inside a call or a task also `trace_id`,
`account_id` and `task_id`, bound by `bind`. Never log a file's content, a key or a URL's signature.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TextIO

import structlog

# One variable for all bound values: structlog has one for each, and so walks the whole context for every line and every block.
_bound: ContextVar[Mapping[str, object]] = ContextVar("log_values", default=MappingProxyType({}))
# Created once, not for every line.
_encode = json.JSONEncoder(default=repr).encode
_GATHERED_SECONDS = 0.01


def configure(service: str, level: str) -> None:
    """Send structlog's and the standard library's log lines to standard output as JSON. Lines are from `service`, unless another is bound
    where they are written."""
    shared: list[structlog.typing.Processor] = [_completed(service), structlog.processors.add_log_level]
    rendered: list[structlog.typing.Processor] = [structlog.processors.format_exc_info, _rendered]
    output = Output(sys.stdout)
    # Our own lines go straight to standard output; going through the standard library costs several times as much.
    structlog.configure(
        processors=[*shared, *rendered],
        logger_factory=lambda *_: output,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for chatty in ("httpx", "httpcore", "alembic", "sqlalchemy", "nats", "pyvips"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """A logger that honours `bind`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger


@contextmanager
def bind(**values: object) -> Iterator[None]:
    """Add values to every log line inside the block, in this asyncio task and those it starts."""
    token = _bound.set({**_bound.get(), **values})
    try:
        yield
    finally:
        # A block in a generator that nobody has closed ends in another context, which never had the values.
        with suppress(ValueError):
            _bound.reset(token)


def bound_values() -> Mapping[str, object]:
    """The values that log lines get here."""
    return _bound.get()


def bind_to_context(**values: object) -> None:
    """Add values to every further log line of the current call, up to the end of the enclosing `bind`."""
    _bound.set({**_bound.get(), **values})


class Output:
    """Writes lines, buffered for some milliseconds, since each write wakes the log collector. Warnings and worse do not wait."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[str] = []
        atexit.register(self._flush)

    def write(self, line: str) -> None:
        """Write a line soon; at once in a thread without an event loop."""
        if self._gathered(line) and len(self._lines) == 1:
            asyncio.get_running_loop().call_later(_GATHERED_SECONDS, self._flush)

    def write_now(self, line: str) -> None:
        """Write a line at once, after the buffered ones."""
        if self._gathered(line):
            self._flush()

    debug = info = msg = log = write
    warning = warn = error = err = exception = critical = fatal = write_now

    def _gathered(self, line: str) -> bool:
        """Whether the line was buffered. In a thread without an event loop it is written instead."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._put(line + "\n")
            return False
        self._lines.append(line)
        return True

    def _flush(self) -> None:
        if self._lines:
            text = "\n".join(self._lines) + "\n"
            self._lines.clear()
            self._put(text)

    def _put(self, text: str) -> None:
        # Where the log collector has gone or the disk is full, the line is lost, and not the work that it is about.
        with suppress(OSError):
            self._stream.write(text)
            self._stream.flush()


def _completed(service: str) -> structlog.typing.Processor:
    def add(_logger: object, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        timestamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        bound = bound_values()
        return {**bound, **line, "timestamp": timestamp, "service": bound.get("service", service)}

    return add


def _rendered(_logger: object, _method: str, line: structlog.typing.EventDict) -> str:
    return _encode(line)
