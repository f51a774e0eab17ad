"""`color-adjustments`: the name that the published reference has for `adjust-colors`."""

from __future__ import annotations

from services.gateway.surfaces.snapotter.tools.adjust_colors import SETTINGS, plan

__all__ = ["SETTINGS", "plan"]
