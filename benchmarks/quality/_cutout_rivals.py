"""What a user would run instead, on the same weights: `.venv-bench/bin/python -m benchmarks.quality._cutout_rivals MODEL`.

Reads one JSON object per line, {"job", "picture", "alpha", "result"} (the last three are paths of .npy files), and answers each with the
seconds it took.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image
from pymatting import estimate_alpha_cf
from rembg import remove
from rembg.sessions.base import BaseSession
from scipy.ndimage import distance_transform_edt


class SameWeights(BaseSession):  # type: ignore[misc]
    """Darkroom's model as a rembg session: its alpha, stretched and enlarged as by rembg's own IS-Net sessions."""

    def __init__(self, model: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        self.alpha = np.zeros((1, 1), np.uint8)
        self._model = onnxruntime.InferenceSession(model, options)

    def predict(self, img: Any, *_args: Any, **_options: Any) -> list[Any]:
        """The mask of a picture at the picture's size, from `alpha`."""
        alpha = self.alpha.astype(np.float32)
        stretched = (alpha - alpha.min()) / max(float(alpha.max() - alpha.min()), 1e-6)
        return [Image.fromarray((stretched * 255).astype(np.uint8), mode="L").resize(img.size, Image.Resampling.LANCZOS)]

    def matte(self, prepared: Any) -> Any:
        """The model's alpha, uint8 1024 x 1024, of a picture of that size."""
        return self._model.run(None, {"image": prepared[None]})[0][0, :, :, 0]


def closed_form(prepared: Any, alpha: Any) -> Any:
    """pymatting's closed form at the model's size. The unknown region is where the model is unsure, plus six pixels around that.

    Returns the model's alpha if the model is sure of no subject, or of no background: pymatting refuses to solve that.
    """
    unknown = distance_transform_edt((alpha <= 4) | (alpha >= 251)) <= 6
    trimap = np.where(unknown, 0.5, alpha > 127).astype(np.float64)
    if not {0.0, 1.0} <= set(np.unique(trimap)):
        return alpha
    return np.round(estimate_alpha_cf(prepared / 255.0, trimap).clip(0, 1) * 255).astype(np.uint8)


def main() -> None:
    """Answer until the input ends."""
    session = SameWeights(sys.argv[1])
    for line in sys.stdin:
        asked = json.loads(line)
        picture = np.load(asked["picture"])
        session.alpha = np.load(asked["alpha"]) if asked["job"] != "matte" else session.alpha
        started = time.perf_counter()
        # pymatting prints its warnings to standard output.
        with contextlib.redirect_stdout(sys.stderr):
            if asked["job"] == "matte":
                result = session.matte(picture)
            elif asked["job"] == "rembg":
                result = np.asarray(remove(Image.fromarray(picture), session=session))
            else:
                result = closed_form(picture, session.alpha)
        seconds = time.perf_counter() - started
        np.save(asked["result"], result)
        print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
