"""Run an ONNX model on arrays, in `.venv-triton`: MODEL FOLDER, each FOLDER/<name>.in.npy to <name>.out.npy."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnxruntime


def main(model: Path, folder: Path) -> None:
    """Process all files."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options)
    for path in sorted(folder.glob("*.in.npy")):
        np.save(folder / path.name.replace(".in.npy", ".out.npy"), session.run(None, {"image": np.load(path)})[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
