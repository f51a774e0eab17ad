"""docs/how-to/own-model.md, as it stands there: a network, a catalogue, and a repository that Triton can serve."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from tests.system.documented import DOCS, run


async def test_the_page_makes_a_model(tmp_path: Path) -> None:
    status, out, err = await run(DOCS / "how-to" / "own-model.md", tmp_path, PYTHONPATH=str(DOCS.parent))
    assert status == 0, out + err
    assert "1 models are ready" in out
    assert "my_matte" in out
    model = tmp_path / ".cache" / "models" / "my_matte"
    assert 'name: "my_matte"' in (model / "config.pbtxt").read_text()
    [network] = model.glob("1/*.onnx")
    picture = np.zeros((1, 1024, 1024, 3), np.uint8)
    picture[:, :, 512:] = 255
    [alpha] = (np.asarray(output) for output in ReferenceEvaluator(onnx.load(network)).run(None, {"image": picture}))
    assert alpha.shape == (1, 1024, 1024, 1)
    assert alpha[0, 0, 0, 0] > 200
    assert alpha[0, 0, 1023, 0] < 55
