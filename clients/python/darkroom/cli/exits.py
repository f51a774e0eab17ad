"""How commands end: exit codes and error messages."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from darkroom.cli.choice import session_in_use
from darkroom.failures import ApiError, DarkroomFailure, TaskFailed, explained
from darkroom.naming import visible

Result = TypeVar("Result")
DONE, FAILED, USAGE, UNREACHABLE, REFUSED, NO_CREDITS, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

CONNECTION_FAILED, LOCAL_FILE = "CONNECTION_FAILED", "LOCAL_FILE"
"""Reasons of the command line itself; all others are names of ErrorReason."""

# Reasons that end a whole run, because they would affect every file.
_STATUS = {
    CONNECTION_FAILED: UNREACHABLE,
    "UNAVAILABLE": UNREACHABLE,
    "DISK_FULL": UNREACHABLE,
    "API_KEY_INVALID": REFUSED,
    "PERMISSION_DENIED": REFUSED,
    "ADDRESS_NOT_ALLOWED": REFUSED,
    "ACCOUNT_NOT_FOUND": REFUSED,
    "SESSION_INVALID": REFUSED,
    "CREDENTIALS_INVALID": REFUSED,
    "PASSWORD_INVALID": REFUSED,
    "PASSWORD_CHANGE_REQUIRED": REFUSED,
    "SIGN_IN_DISABLED": REFUSED,
    "ESCALATION_DENIED": REFUSED,
    "INSUFFICIENT_CREDITS": NO_CREDITS,
    "OPERATION_UNAVAILABLE": FAILED,
}
_ADVICE = {
    CONNECTION_FAILED: "Run `darkroom doctor` to find out why.",
    "UNAVAILABLE": "Run `darkroom doctor` to find out why.",
    "API_KEY_INVALID": "Check DARKROOM_API_KEY or the file .darkroom/env; `darkroom doctor` shows which of them is used.",
    "PERMISSION_DENIED": "Use a key that has the scope. Create one with `darkroom key create NAME --scope …`.",
    "ADDRESS_NOT_ALLOWED": "Use the key from one of its networks: `darkroom key ls` there shows them. Or use another key.",
    "INSUFFICIENT_CREDITS": "`darkroom account` shows the balance and the reserved credits.",
    "FILE_NOT_FOUND": "List your files with `darkroom file ls`.",
    "TASK_NOT_FOUND": "List your tasks with `darkroom task ls`.",
    "BATCH_NOT_FOUND": "List your batches with `darkroom batch ls`.",
    "WEBHOOK_NOT_FOUND": "List your webhooks with `darkroom webhook ls`.",
    "WEBHOOK_DELIVERY_NOT_FOUND": "List the deliveries with `darkroom webhook deliveries`.",
    "API_KEY_NOT_FOUND": "List the keys with `darkroom key ls`, or your own as a person with `darkroom user-key ls`.",
    "TOO_MANY_API_KEYS": "List your keys with `darkroom key ls`, and revoke one.",
    "SESSION_INVALID": "Sign in with `darkroom login`.",
    "PASSWORD_CHANGE_REQUIRED": "Change it with `darkroom password`.",
    "USER_NOT_FOUND": "List the users with `darkroom user ls`.",
    "SETTING_NOT_FOUND": "List the settings with `darkroom setting ls`.",
    "PIPELINE_NOT_FOUND": "List your pipelines with `darkroom pipeline ls`.",
    "TOO_MANY_PIPELINES": "List your pipelines with `darkroom pipeline ls`, and remove one with `darkroom pipeline rm`.",
    "ROLE_NOT_FOUND": "List the roles with `darkroom role ls`.",
    "TEAM_NOT_FOUND": "List the teams with `darkroom team ls`.",
    "DISK_FULL": "Ask the operator of the server to free space.",
    "TASK_NOT_TERMINAL": "Cancel it first with `darkroom task cancel`.",
    "OPERATION_UNAVAILABLE": "Ask the operator of the server to enable it.",
    "QUOTA_EXCEEDED": "Delete files with `darkroom file rm`, or ask the operator for a larger quota.",
    "TOO_MANY_TASKS": "Wait until some have ended, or cancel some: `darkroom task ls --state queued`.",
}
# In place of the above for those who have signed in.
_ADVICE_TO_USERS = {
    "API_KEY_INVALID": "Sign in again with `darkroom login`, or remove the session with `darkroom logout`.",
    "PERMISSION_DENIED": "`darkroom whoami` shows your permissions.",
}

# Lines are wrapped in a terminal, but not in a pipe.
errors = Console(stderr=True, soft_wrap=not sys.stderr.isatty(), highlight=False, markup=False)


def reason_of(failure: DarkroomFailure | OSError) -> str:
    """The failure's name for scripts."""
    return LOCAL_FILE if isinstance(failure, OSError) else failure.reason


def message_of(failure: DarkroomFailure | OSError) -> str:
    """The message, with the field at fault."""
    if isinstance(failure, OSError):
        return f"{visible(str(failure.filename))}: {failure.strerror}" if failure.filename else str(failure)
    return explained(failure, _said(failure))


def _said(failure: DarkroomFailure | OSError) -> str:
    if reason_of(failure) == "API_KEY_INVALID" and (session := session_in_use()) is not None:
        return f"You are no longer signed in to {session.url} as {session.user}: the session has expired or was ended."
    return str(failure)


def is_fatal(failure: DarkroomFailure | OSError) -> bool:
    """Whether it would affect every other file too."""
    return not isinstance(failure, TaskFailed) and reason_of(failure) in _STATUS


def status_of(reason: str) -> int:
    """The exit code for a reason."""
    return _STATUS.get(reason, FAILED)


def advice_on(reason: str) -> str:
    """The user's remedy, or an empty text."""
    if reason in _ADVICE_TO_USERS and session_in_use() is not None:
        return _ADVICE_TO_USERS[reason]
    return _ADVICE.get(reason, "")


def usage(message: str) -> typer.Exit:
    """Print what is wrong with the arguments. Raise the result."""
    tell(message)
    return typer.Exit(USAGE)


def tell(message: str, advice: str = "") -> None:
    """Print one error."""
    errors.print(Text.assemble(("error: ", "bold red"), message))
    if advice:
        errors.print(Text(f"       {advice}", style="dim"))


def run(work: Coroutine[Any, Any, int | None], *, as_json: bool = False) -> NoReturn:
    """Run a command's coroutine and exit with its status, or with the status for its exception."""
    raise typer.Exit(run_or_exit(work, as_json=as_json) or DONE)


def run_or_exit(work: Coroutine[Any, Any, Result], *, as_json: bool = False) -> Result:
    """Run a part of a command and return what it returns, or exit with the status for its exception."""
    try:
        return asyncio.run(_cancelled_by_sigterm(work))
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        # The reader closed the pipe. Make sure that nothing more is written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(DONE) from None
    except (DarkroomFailure, OSError) as failure:
        raise typer.Exit(_told(failure, as_json=as_json)) from None


def _told(failure: DarkroomFailure | OSError, *, as_json: bool) -> int:
    reason = reason_of(failure)
    if as_json:
        field = failure.field if isinstance(failure, ApiError) else None
        print(json.dumps({"error": _said(failure), "reason": reason, "field": field}, ensure_ascii=False), file=sys.stderr)
    else:
        tell(message_of(failure), advice_on(reason))
    return status_of(reason)


async def _cancelled_by_sigterm(work: Coroutine[Any, Any, Result]) -> Result:
    """Cancel the work on SIGTERM, as Ctrl-C does."""
    current = asyncio.current_task()
    if current is not None:
        # Windows does not support signal handlers here.
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, current.cancel)
    return await work


def run_app(app: typer.Typer) -> None:
    """Run the application. An internal error prints a message, and a traceback only if DARKROOM_DEBUG is set."""
    try:
        app()
    except (DarkroomFailure, OSError) as failure:
        sys.exit(_told(failure, as_json="--json" in sys.argv))
    except Exception as defect:  # noqa: BLE001 - the last resort before a traceback
        if os.environ.get("DARKROOM_DEBUG"):
            traceback.print_exc()
        tell(f"internal: {type(defect).__name__}: {defect}", "Please report this. DARKROOM_DEBUG=1 prints the traceback.")
        sys.exit(FAILED)
