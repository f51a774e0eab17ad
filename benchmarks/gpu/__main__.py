"""Measure the models of a Triton server on this machine and write a page of tables.

Without --triton, a server is started with the repository that `make setup` has made for this machine's GPU. With --triton, one that runs is
asked, such as NVIDIA's container on localhost:8001 with a repository made by `python -m models install --platform cuda-onnxruntime`.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.gpu import comparison, hardware, load, whole_cut_outs
from benchmarks.gpu.cases import CASES
from benchmarks.table import Section
from deploy.local.scratch.triton import running
from services.inference.model_server.triton import Patience, connect

ROOT = Path(__file__).resolve().parent.parent.parent
_MINUTES = 6.5
_SHARED = 256 << 20
_CUTOUTS, _ALONE = 0.15, 0.2
"""Shares of the time for whole cut-outs, and for networks by themselves; the rest is for the load."""
_PATIENCE = Patience(600, 120, 600)
"""The first requests to TensorRT may build engines."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--triton", help="host:port of a running server's gRPC; without it, one is started")
    parser.add_argument("--repository", type=Path, default=ROOT / ".cache/models", help="models of the server that is started")
    parser.add_argument(
        "--exact",
        type=Path,
        default=ROOT / ".cache/models-cpu",
        help="the same models for `cpu`, to compare results with; installed there if missing",
    )
    parser.add_argument("--models", nargs="+", choices=sorted(CASES), help="default: all of these that the server has")
    parser.add_argument(
        "--minutes", type=float, default=_MINUTES, help="of measuring (default 6.5); starting and comparing take another one"
    )
    parser.add_argument("--out", type=Path, default=Path("gpu-results.md"), help="default: gpu-results.md")
    options = parser.parse_args(arguments)
    _install_exact(options.exact)
    begun = time.monotonic()
    if options.triton:
        text = asyncio.run(_report(options.triton, options, None))
    else:
        with tempfile.TemporaryDirectory() as folder, running(options.repository, Path(folder) / "triton.log") as server:
            print(f"The server was ready after {time.monotonic() - begun:.0f} s.", flush=True)
            text = asyncio.run(_report(server.address, options, options.repository))
    options.out.write_text(text)
    print(text)


def _install_exact(folder: Path) -> None:
    """Install the models for the processor, to compare with, unless they are there. Without a network, the comparison is left out."""
    if not folder.exists():
        print(f"Installing the models in float32 into {folder} …", flush=True)
        subprocess.run([sys.executable, "-m", "models", "install", "--set", "default", "--dest", str(folder)], cwd=ROOT, check=False)


async def _report(address: str, options: argparse.Namespace, repository: Path | None) -> str:
    async with connect(address, _PATIENCE, _SHARED) as server:
        found = {name: CASES[name] for name in options.models or CASES if await server.serves(name)}
        if not found:
            raise SystemExit(f"{address} has none of these models: {', '.join(options.models or CASES)}")
        machine = await hardware.describe_machine(address)
        loads = Section(load.TITLE, load.METHOD, load.COLUMNS)
        exact = Section(comparison.TITLE, comparison.METHOD, comparison.COLUMNS)
        whole = options.minutes * 60
        each = whole * (1 - _CUTOUTS - _ALONE) / len(found) / len(load.CALLERS)
        # Before anything else has prepared a shape.
        firsts = {name: await load.measure_first(server, address, case) for name, case in found.items()}
        for name, case in found.items():
            print(f"{name} …", flush=True)
            exact.rows += await comparison.compare(server, options.exact, case)
            alone = await load.measure_alone(address, case, repository, whole * _ALONE / len(found))
            loads.rows += await load.measure_load(server, address, case, each, firsts[name], alone)
        sections = [loads, exact]
        if whole_cut_outs.MODEL in found:
            sections.insert(1, await whole_cut_outs.measure(address, whole * _CUTOUTS))
    return _page(machine, sections, each)


def _page(machine: str, sections: Sequence[Section], seconds: float) -> str:
    heading = (
        f"# Models on a GPU\n\n{machine}\n\n{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {seconds:.1f} s for each row of the first table.\n"
    )
    return "\n".join([heading, *(section.markdown() for section in sections if section.rows)])


if __name__ == "__main__":
    main()
