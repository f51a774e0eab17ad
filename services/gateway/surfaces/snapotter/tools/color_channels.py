"""`color-channels`: an older name of `adjust-colors`."""

from __future__ import annotations

from services.gateway.surfaces.snapotter.tools.adjust_colors import SETTINGS, plan

__all__ = ["SETTINGS", "plan"]
