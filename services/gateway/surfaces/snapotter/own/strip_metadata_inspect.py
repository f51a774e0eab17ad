"""`strip-metadata/inspect`: what there is to leave out."""

from services.gateway.surfaces.snapotter.own._known import known

serve = known
