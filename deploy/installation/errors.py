"""The problems of an installation folder, worded for its operator."""

from __future__ import annotations


class InstallationError(Exception):
    """The folder cannot be made or used. The message says why, and what to do about it."""
