"""The child process's part of redrawing a document's pages. The worker, which only names it, does without the libraries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

NEEDED = ("services.inference.redraw.pages", "services.inference.redraw.rebuild")
"""Modules that a child, which can load nothing, needs to have loaded."""


def settle(source: Path, target: Path) -> dict[str, Any]:
    """`pages.settle`."""
    from services.inference.redraw import pages

    return pages.settle(source, target)


def render_page(source: Path, number: int, target: Path) -> dict[str, Any]:
    """`pages.render_page`."""
    from services.inference.redraw import pages

    return pages.render_page(source, number, target)


def rebuild(source: Path, pages: Path, target: Path) -> dict[str, Any]:
    """`rebuild.rebuild`."""
    from services.inference.redraw.rebuild import rebuild

    return rebuild(source, pages, target)
