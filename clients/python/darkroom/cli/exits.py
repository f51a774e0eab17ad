"""How every command ends: its exit code, and what it says when something went wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Coroutine
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from darkroom.failures import ApiError, DarkroomFailure, TaskFailed

DONE, FAILED, USAGE, UNREACHABLE, REFUSED, NO_CREDITS, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

CONNECTION_FAILED, LOCAL_FILE = "CONNECTION_FAILED", "LOCAL_FILE"
"""Reasons of the command line itself; all others are names of ErrorReason."""

# What ends a whole run, because it would befall every file of it.
_STATUS = {
    CONNECTION_FAILED: UNREACHABLE,
    "UNAVAILABLE": UNREACHABLE,
    "API_KEY_INVALID": REFUSED,
    "PERMISSION_DENIED": REFUSED,
    "ACCOUNT_NOT_FOUND": REFUSED,
    "INSUFFICIENT_CREDITS": NO_CREDITS,
    "OPERATION_UNAVAILABLE": FAILED,
}
_ADVICE = {
    CONNECTION_FAILED: "`darkroom doctor` finds out why.",
    "UNAVAILABLE": "`darkroom doctor` finds out why.",
    "API_KEY_INVALID": "Check DARKROOM_API_KEY, or the file .darkroom/env; `darkroom doctor` says which of them is used.",
    "PERMISSION_DENIED": "A key with more scopes does it: `darkroom key create NAME --scope …`.",
    "INSUFFICIENT_CREDITS": "`darkroom account` shows what is left and what holds credits.",
    "FILE_NOT_FOUND": "`darkroom file ls` shows the files that there are.",
    "TASK_NOT_FOUND": "`darkroom task ls` shows the tasks that there are.",
    "BATCH_NOT_FOUND": "`darkroom batch ls` shows the batches that there are.",
    "WEBHOOK_NOT_FOUND": "`darkroom webhook ls` shows the webhooks that there are.",
    "WEBHOOK_DELIVERY_NOT_FOUND": "`darkroom webhook deliveries` shows what was sent.",
    "API_KEY_NOT_FOUND": "`darkroom key ls` shows the keys that there are.",
    "TASK_NOT_TERMINAL": "`darkroom task cancel` ends it.",
    "OPERATION_UNAVAILABLE": "The operator of the server decides that.",
    "TOO_MANY_TASKS": "Wait until some have ended, or cancel some: `darkroom task ls --state queued`.",
}

# In a terminal lines end between words; in a pipe they are whole.
errors = Console(stderr=True, soft_wrap=not sys.stderr.isatty(), highlight=False, markup=False)


def reason_of(failure: DarkroomFailure | OSError) -> str:
    """The name that scripts tell failures apart by."""
    return LOCAL_FILE if isinstance(failure, OSError) else failure.reason


def message_of(failure: DarkroomFailure | OSError) -> str:
    """What went wrong, with the field to blame."""
    if isinstance(failure, OSError):
        return f"{failure.filename}: {failure.strerror}" if failure.filename else str(failure)
    said = str(failure)
    if isinstance(failure, ApiError):
        if failure.field and failure.field not in said:
            said = f"{failure.field}: {said}"
        if failure.allowed and not any(value in said for value in failure.allowed):
            said = f"{said} Allowed: {', '.join(failure.allowed)}."
    if failure.reason == "INTERNAL" and failure.request_id:
        said = f"{said} (request {failure.request_id})"
    return said


def is_fatal(failure: DarkroomFailure | OSError) -> bool:
    """Whether other files would meet it too."""
    return not isinstance(failure, TaskFailed) and reason_of(failure) in _STATUS


def status_of(reason: str) -> int:
    """The exit code that a reason stands for."""
    return _STATUS.get(reason, FAILED)


def advice_on(reason: str) -> str:
    """What to do, where there is something."""
    return _ADVICE.get(reason, "")


def usage(message: str) -> typer.Exit:
    """Say what is wrong with the arguments; raise the result."""
    tell(message)
    return typer.Exit(USAGE)


def tell(message: str, advice: str = "") -> None:
    """One error for a person."""
    errors.print(Text.assemble(("error: ", "bold red"), message))
    if advice:
        errors.print(Text(f"       {advice}", style="dim"))


def run(work: Coroutine[Any, Any, int | None], *, as_json: bool = False) -> NoReturn:
    """Run a command's coroutine and exit with its status, or with the one that its exception stands for."""
    try:
        status = asyncio.run(_ended_by_sigterm(work))
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        # Who reads has had enough. Nothing more is written, at exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(DONE) from None
    except (DarkroomFailure, OSError) as failure:
        raise typer.Exit(_told(failure, as_json=as_json)) from None
    raise typer.Exit(status or DONE)


def _told(failure: DarkroomFailure | OSError, *, as_json: bool) -> int:
    reason = reason_of(failure)
    if as_json:
        field = failure.field if isinstance(failure, ApiError) else None
        print(json.dumps({"error": str(failure), "reason": reason, "field": field}, ensure_ascii=False), file=sys.stderr)
    else:
        tell(message_of(failure), advice_on(reason))
    return status_of(reason)


async def _ended_by_sigterm(work: Coroutine[Any, Any, int | None]) -> int | None:
    """SIGTERM ends the work as Ctrl-C does."""
    current = asyncio.current_task()
    if current is not None:
        # Windows has no such handlers.
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, current.cancel)
    return await work


def guarded(app: typer.Typer) -> None:
    """Run the application. A defect of ours makes a message with an exit code and no traceback, unless DARKROOM_DEBUG is set."""
    try:
        app()
    except (DarkroomFailure, OSError) as failure:
        sys.exit(_told(failure, as_json="--json" in sys.argv))
    except Exception as defect:  # noqa: BLE001 - the last resort of a program that people look at
        if os.environ.get("DARKROOM_DEBUG"):
            traceback.print_exc()
        tell(f"internal: {type(defect).__name__}: {defect}", "DARKROOM_DEBUG=1 shows where. Please report it.")
        sys.exit(FAILED)
