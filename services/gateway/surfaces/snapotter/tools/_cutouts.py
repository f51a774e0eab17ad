"""What is behind and around a subject, as two tools are asked for it."""

from __future__ import annotations

from dataclasses import dataclass

from compat.snapotter.v1.background_tools_pb2 import RemoveBackgroundEffectsSettings, RemoveBackgroundSettings
from darkroom.operations.v1.cutout_effects_pb2 import CutoutEffects

CutoutSettings = RemoveBackgroundSettings | RemoveBackgroundEffectsSettings


@dataclass(frozen=True, slots=True)
class Surroundings:
    """As operations take it."""

    color: str
    """Empty for none."""
    effects: CutoutEffects
    picture: bool
    """Whether a picture of the caller's goes behind the subject."""


def surroundings(settings: CutoutSettings, *, has_picture: bool) -> Surroundings:
    """What the settings say, with or without a picture to go behind the subject. Without it, the type `image` is transparent."""
    kind = settings.background_type
    picture = kind == "image" and has_picture
    effects = CutoutEffects(shadow=settings.shadow_opacity if settings.shadow_enabled else 0)
    if kind == "gradient":
        effects.gradient_from, effects.gradient_to = settings.gradient_color1, settings.gradient_color2
        effects.gradient_angle = settings.gradient_angle
    if kind == "blur" or (settings.blur_enabled and (picture or kind == "transparent")):
        effects.blur = settings.blur_intensity
    return Surroundings(settings.background_color if kind == "color" else "", effects, picture)
