"""Which version of Darkroom this is."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


@cache
def version() -> str:
    """The version of the running checkout; empty where the project's file is missing."""
    try:
        return str(tomllib.loads(_PROJECT.read_text())["project"]["version"])
    except FileNotFoundError:
        return ""
