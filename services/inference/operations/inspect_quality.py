"""Tell how good the light, the colours and the detail of a picture are."""

from __future__ import annotations

from typing import Any

import numpy as np

from darkroom.operations.v1.inspect_quality_pb2 import InspectQuality
from services.inference.contract.flow import Data
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.plain.enhancing import Corrections, called_for
from services.inference.plain.quality import IDEAL_CHROMA, IDEAL_LIGHTNESS, IDEAL_SPREAD, SHARP, Measures, measured

_COPIES = 3  # of the decoded samples: the picture, and it in sRGB
_IDEAL = 50


def peak_memory(picture: Header, _parameters: InspectQuality) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(image: Image, _parameters: InspectQuality, step: PlainStep) -> Data:
    """What it says."""
    step.label("quality")
    found = measured(image)
    corrections = called_for(found)
    return Data(
        {
            "scores": _scores(found),
            "corrections": _told(corrections),
            "issues": _issues(found, corrections),
            "suggestedMode": _mode(found),
        }
    )


def _scores(found: Measures) -> dict[str, int]:
    return {
        "exposure": _score(_IDEAL + (found.lightness - IDEAL_LIGHTNESS)),
        "contrast": _score(_IDEAL * found.spread / IDEAL_SPREAD),
        "whiteBalance": _score(_IDEAL + 2 * found.cast_b),
        "saturation": _score(_IDEAL if found.gray else _IDEAL * found.chroma / IDEAL_CHROMA),
        "sharpness": _score(_IDEAL * found.sharpness / SHARP),
        "noise": _score(_IDEAL + 10 * max(0.0, found.noise - 0.5)),
    }


def _score(value: float) -> int:
    return int(np.clip(round(value), 0, 100))


def _told(corrections: Corrections) -> dict[str, int]:
    names = ("brightness", "contrast", "temperature", "saturation", "sharpness", "denoise")
    return {name: round(100 * float(np.clip(getattr(corrections, name), -1, 1))) for name in names}


def _issues(found: Measures, corrections: Corrections) -> list[str]:
    said: list[tuple[Any, str]] = [
        (corrections.brightness > 0, "The picture is dark."),
        (corrections.brightness < 0, "The picture is bright."),
        (corrections.contrast > 0.1, "The picture has little contrast."),
        (corrections.temperature > 0.1, "The colours are cold."),
        (corrections.temperature < -0.1, "The colours are warm."),
        (abs(corrections.tint) > 0.1, "The colours have a green cast." if corrections.tint > 0 else "The colours have a magenta cast."),
        (corrections.saturation > 0.1, "The colours are pale."),
        (corrections.saturation < -0.1, "The colours are gaudy."),
        (corrections.sharpness > 0.3, "The picture is not sharp."),
        (corrections.denoise > 0, "The picture is noisy."),
    ]
    return [text for holds, text in said if holds]


def _mode(found: Measures) -> str:
    if found.white > 0.6 and found.chroma < 8:
        return "document"
    if found.lightness < 25:
        return "low-light"
    if found.skin > 0.2 and found.green_blue < 0.4:
        return "portrait"
    return "landscape" if found.green_blue > 0.45 else "auto"
