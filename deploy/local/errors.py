"""The failures of starting a stack, worded for the person who started it."""

from __future__ import annotations


class StackError(Exception):
    """A command on the stack cannot continue. The message is complete: it names the part and what to do about it."""


class PortTaken(StackError):
    """Another program has the public port. `command` is how to choose another one."""

    def __init__(self, problem: str, command: str) -> None:
        super().__init__(f"{problem}; choose another with {command} (0 takes a free one)")
        self.problem = problem


class PartFailed(StackError):
    """One part of the stack did not start, did not become ready, or could not be prepared."""

    def __init__(self, part: str, problem: str, log_lines: list[str] | None = None) -> None:
        super().__init__(f"{part}: {problem}")
        self.part = part
        self.problem = problem
        self.log_lines = log_lines or []


class NotReady(Exception):
    """A readiness probe's "not yet", with what it saw. The probe is retried until the part's deadline."""
