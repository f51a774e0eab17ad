"""When the memory of a session is given back, and that it is. No test here waits for time to pass."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from deploy.local.layout import REPOSITORY
from deploy.local.scratch.triton import VENV
from models.backend.idle_memory import IdleRelease

SECONDS = 60


class Watched:
    """An `IdleRelease` whose waits end as a test says: because it was used, or because the time is over."""

    def __init__(self) -> None:
        self.waits: queue.Queue[float] = queue.Queue()
        self.ends: queue.Queue[bool] = queue.Queue()
        self.released: queue.Queue[bool] = queue.Queue()
        self.memory = IdleRelease(lambda: self.released.put(True), 5.0, self._wait)

    def _wait(self, event: threading.Event, seconds: float) -> bool:
        self.waits.put(seconds)
        return self.ends.get(timeout=SECONDS)

    def used(self) -> None:
        with self.memory.running():
            pass


@pytest.fixture
def watched() -> Iterator[Watched]:
    made = Watched()
    made.memory.start()
    yield made
    made.ends.put(True)
    made.memory.close()


def test_memory_is_given_back_once_after_the_last_of_several_runs(watched: Watched) -> None:
    assert watched.released.empty()
    watched.used()
    for _ in range(3):
        assert watched.waits.get(timeout=SECONDS) == 5.0
        watched.ends.put(True)
    watched.waits.get(timeout=SECONDS)
    assert watched.released.empty()
    watched.ends.put(False)
    watched.released.get(timeout=SECONDS)
    # It rests until the next run: only that brings the next wait.
    assert watched.waits.empty()
    watched.used()
    watched.waits.get(timeout=SECONDS)
    watched.ends.put(False)
    watched.released.get(timeout=SECONDS)
    assert watched.released.empty()


def test_a_run_that_takes_long_keeps_its_memory(watched: Watched) -> None:
    with watched.memory.running():
        for _ in range(2):
            watched.waits.get(timeout=SECONDS)
            watched.ends.put(False)
        # By the time of the third wait two have ended, and nothing was given back.
        watched.waits.get(timeout=SECONDS)
        assert watched.released.empty()
    watched.ends.put(False)
    watched.released.get(timeout=SECONDS)


def test_it_ends_whether_it_was_used_or_not() -> None:
    for use in (False, True):
        made = Watched()
        made.memory.start()
        if use:
            made.used()
            made.waits.get(timeout=SECONDS)
            made.ends.put(True)
        made.ends.put(True)
        made.memory.close()
        assert made.released.empty()


_SCRIPT = """
import json, sys
import numpy as np, onnxruntime
from models.backend.idle_memory import release

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
picture = np.ones((1, 4), np.uint8)
told = [resident()]
for _ in range(2):
    (result,) = session.run(None, {"picture": picture})
    told.append(resident())
    release(session, "picture", picture, "cpu:0")
    told.append(resident())
print(json.dumps({"mebibytes": told, "result": float(result)}))
"""


def test_a_session_gives_its_memory_back_and_works_afterwards(tmp_path: Path) -> None:
    # Four bytes become 256 MiB of activations.
    shape = helper.make_tensor("shape", TensorProto.INT64, [2], [16 << 20, 4])
    nodes = [
        helper.make_node("Cast", ["picture"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Expand", ["cast", "shape"], ["large"]),
        helper.make_node("ReduceMax", ["large"], ["result"], keepdims=0),
    ]
    inputs = [helper.make_tensor_value_info("picture", TensorProto.UINT8, [1, 4])]
    outputs = [helper.make_tensor_value_info("result", TensorProto.FLOAT, [])]
    graph = helper.make_graph(nodes, "large", inputs, outputs, [shape])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(tmp_path / "model.onnx"))
    command = [str(VENV / "bin" / "python"), "-c", _SCRIPT, str(tmp_path / "model.onnx")]
    ran = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=SECONDS * 2, check=False)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    before, *rounds = told["mebibytes"]
    assert told["result"] == 1
    for used, given_back in (rounds[:2], rounds[2:]):
        assert used - before > 200
        assert given_back - before < 100
