"""A network in onnxruntime by itself, as the GPU's process runs it: rows a second by batch size.

It runs in Triton's environment, which has onnxruntime, and not the rest: `alone.py SECONDS FILE MEMORY_MIB SIZE`, with a picture's height x
width x channels. Prints a JSON object: rows a second by the number of rows in a run.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

_BACKEND = Path(__file__).resolve().parents[2] / "models" / "backend"


def main(arguments: list[str]) -> None:
    """Measure each batch size for its share of the seconds."""
    seconds, file, memory, batches, size = arguments
    sys.path.insert(0, str(_BACKEND))
    import gpu_process  # type: ignore[import-not-found]

    session = gpu_process.loaded({"file": file, "device": 0, "provider": gpu_process.PROVIDER, "memory_mib": int(memory)})
    name = session.get_inputs()[0].name
    rates = {}
    numbers = [int(number) for number in batches.split(",")]
    for rows in numbers:
        pictures = np.random.default_rng(1).integers(0, 256, (rows, *map(int, size.split("x"))), np.uint8)
        session.run(None, {name: pictures})
        begun, done = time.perf_counter(), 0
        while time.perf_counter() - begun < float(seconds) / len(numbers):
            session.run(None, {name: pictures})
            done += rows
        rates[rows] = done / (time.perf_counter() - begun)
    print(json.dumps(rates))


if __name__ == "__main__":
    main(sys.argv[1:])
