"""The failures of a server, in words for the user of the command."""

from __future__ import annotations

from deploy.local.errors import StackError


class JoinError(StackError):
    """The machine cannot join, or go on working; the message says why and what to do."""


class RefusedError(JoinError):
    """The server does not let this worker work."""


class EndedError(RefusedError):
    """The membership is over: only joining again helps."""


class AwayError(JoinError):
    """The server cannot be reached now. It may be later."""
