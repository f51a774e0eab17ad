"""`info`: what a picture is."""

from services.gateway.surfaces.snapotter.own._known import known

serve = known
