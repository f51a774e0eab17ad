"""The inputs of the models for the job `locate`, and their numeric outputs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pixels8 = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_ONE, _ZERO = 1 << 14, 1 << 23
"""As models/contract.py has them."""


def decode_numbers(answer: Pixels8) -> Floats:
    """The numbers [N, rows, columns] of an answer [N, rows, columns, 3]: three bytes each, most significant first."""
    codes = answer.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
    return ((codes - _ZERO) / np.float32(_ONE)).astype(np.float32)


def likelihood(logits: Floats) -> Floats:
    """Logits as 0 to 1."""
    return np.asarray(1 / (1 + np.exp(-logits.clip(-60, 60))), np.float32)
