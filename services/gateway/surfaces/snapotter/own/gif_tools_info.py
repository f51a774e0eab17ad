"""`gif-tools/info`: how an animation is shown."""

from __future__ import annotations

from functools import partial

from services.gateway.surfaces.snapotter.own._known import known

serve = partial(known, missing="No file provided", failed="Could not read image metadata", with_name=False)
