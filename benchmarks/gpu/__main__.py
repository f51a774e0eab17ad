"""Measure the models of a Triton server on this machine and write a page of tables.

Without --triton, a server of the wheel is started with the repository (`python -m models install --platform cuda`, and onnxruntime-gpu in
.venv-triton). With --triton, one that runs is asked, such as NVIDIA's container on localhost:8001 with a repository made by
`python -m models install --platform cuda-tensorrt`.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.gpu import hardware, load
from benchmarks.gpu.cases import CASES, Case
from benchmarks.onnx_models import run_in
from benchmarks.table import Section
from deploy.local.scratch.triton import running
from services.inference.model_server.shapes import Picture
from services.inference.model_server.triton import Patience, Triton, connect

TITLE = "The same results"
METHOD = (
    "The output for a photo beside that of the same network in float32 on the processor, in levels of 0 to 255. float16 and TensorRT may "
    "differ by a level or two here and there; a mean above 1 says that something is wrong, and the model should be installed in another "
    "precision."
)
COLUMNS = ("model", "mean difference", "99.9 % of samples within", "largest")


async def compare(server: Triton, exact: Path, case: Case) -> list[Sequence[str]]:
    """A row, or none where the folder `exact` lacks the model or its output is no picture."""
    files = sorted((exact / case.model).glob("*/model.onnx"))
    if not files or case.unit == "lines":
        return []
    picture = case.request()[:1]
    here = await server.infer(case.model, picture)
    there = await asyncio.to_thread(run_in, files[-1], picture)
    return [(f"`{case.model}`", *_difference(here, there))]


def _difference(one: Picture, other: Picture) -> Sequence[str]:
    levels = np.abs(one.astype(np.int16) - other.astype(np.int16))
    return f"{levels.mean():.3f}", f"{np.percentile(levels, 99.9):.0f}", f"{levels.max()}"


ROOT = Path(__file__).resolve().parent.parent.parent
_SHARED = 256 << 20
_PATIENCE = Patience(600, 120, 600)
"""The first requests to TensorRT may build engines."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--triton", help="host:port of a running server's gRPC; without it, one is started")
    parser.add_argument("--repository", type=Path, default=ROOT / ".cache/models", help="models of the server that is started")
    parser.add_argument("--exact", type=Path, default=ROOT / ".cache/models", help="the same models for `cpu`, to compare results with")
    parser.add_argument("--models", nargs="+", choices=sorted(CASES), help="default: all of these that the server has")
    parser.add_argument("--minutes", type=float, default=8.0, help="for the load, shared out to the models (default 8)")
    parser.add_argument("--out", type=Path, default=Path("gpu-results.md"), help="default: gpu-results.md")
    options = parser.parse_args(arguments)
    if options.triton:
        text = asyncio.run(_report(options.triton, options))
    else:
        with tempfile.TemporaryDirectory() as folder, running(options.repository, Path(folder) / "triton.log") as server:
            text = asyncio.run(_report(server.address, options))
    options.out.write_text(text)
    print(text)


async def _report(address: str, options: argparse.Namespace) -> str:
    async with connect(address, _PATIENCE, _SHARED) as server:
        found = {name: CASES[name] for name in options.models or CASES if await server.serves(name)}
        if not found:
            raise SystemExit(f"{address} has none of these models: {', '.join(options.models or CASES)}")
        machine = await hardware.describe_machine(address)
        loads = Section(load.TITLE, load.METHOD, load.COLUMNS)
        exact = Section(TITLE, METHOD, COLUMNS)
        seconds = options.minutes * 60 / len(found) / len(load.CALLERS)
        for name, case in found.items():
            print(f"{name} …", flush=True)
            loads.rows += await load.measure_load(server, address, case, seconds)
            exact.rows += await compare(server, options.exact, case)
    return _page(machine, found.values(), [loads, exact], seconds)


def _page(machine: str, cases: Sequence[Case] | object, sections: Sequence[Section], seconds: float) -> str:
    heading = (
        f"# Models on a GPU\n\n{machine}\n\n{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {seconds:.1f} s for each row of the first table.\n"
    )
    return "\n".join([heading, *(section.markdown() for section in sections if section.rows)])


if __name__ == "__main__":
    main()
