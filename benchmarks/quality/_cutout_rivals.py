"""What a user would run instead, on the same weights: `.venv-bench/bin/python -m benchmarks.quality._cutout_rivals`.

Reads one JSON object per line, {"job", "picture", "alpha", "result"} (the last three are paths of .npy files), and answers each with the
processor seconds it took.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import Any

import numpy as np
from PIL import Image
from pymatting import estimate_alpha_cf, estimate_foreground_ml
from rembg import remove
from rembg.sessions.base import BaseSession
from scipy.ndimage import distance_transform_edt


class KnownAlpha(BaseSession):  # type: ignore[misc]
    """A model whose alpha is known, as a rembg session: stretched and enlarged as by rembg's own IS-Net sessions."""

    def __init__(self, alpha: Any) -> None:
        self._alpha = alpha.astype(np.float32)

    def predict(self, img: Any, *_args: Any, **_options: Any) -> list[Any]:
        """The mask of a picture at the picture's size."""
        stretched = (self._alpha - self._alpha.min()) / max(float(np.ptp(self._alpha)), 1e-6)
        return [Image.fromarray((stretched * 255).astype(np.uint8), mode="L").resize(img.size, Image.Resampling.LANCZOS)]


def closed_form(prepared: Any, alpha: Any) -> Any:
    """pymatting's closed form at the model's size. The unknown region is where alpha is neither 0 nor 1, plus six pixels around that.

    Returns the alpha given if that is sure of no subject, or of no background: pymatting refuses to solve that.
    """
    unknown = distance_transform_edt((alpha <= 4) | (alpha >= 251)) <= 6
    trimap = np.where(unknown, 0.5, alpha > 127).astype(np.float64)
    if not {0.0, 1.0} <= set(np.unique(trimap)):
        return alpha
    return np.round(estimate_alpha_cf(prepared / 255.0, trimap).clip(0, 1) * 255).astype(np.uint8)


def with_colours(picture: Any, alpha: Any) -> Any:
    """The cut-out with pymatting's estimate of the foreground's colours."""
    colours = estimate_foreground_ml(picture / 255.0, alpha / 255.0)
    return np.dstack([np.round(colours.clip(0, 1) * 255).astype(np.uint8), alpha])


_JOBS = {
    "rembg": lambda picture, alpha: np.asarray(remove(Image.fromarray(picture), session=KnownAlpha(alpha))),
    "closed_form": closed_form,
    "with_colours": with_colours,
}


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        picture, alpha = np.load(asked["picture"]), np.load(asked["alpha"])
        started = time.process_time()
        # pymatting prints its warnings to standard output.
        with contextlib.redirect_stdout(sys.stderr):
            result = _JOBS[asked["job"]](picture, alpha)
        seconds = time.process_time() - started
        np.save(asked["result"], result)
        print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
