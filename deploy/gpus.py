"""NVIDIA's GPUs of this machine, as its driver lists them. Standard library only, for set-up."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

_QUERY = "--query-gpu=name,driver_version,compute_cap,memory.total"
_LINE = re.compile(r"(?P<name>.+), (?P<driver>\d+)\.[\d.]+, (?P<capability>\d+\.\d+), (?P<memory>\d+) MiB")
_SECONDS = 15
_DRIVER, _CAPABILITY, _MEMORY_MIB = 580, 7.5, 7000
"""The least: of CUDA 13, the driver and the GPU's compute capability, which the Turing generation has; and for the default models."""


@dataclass(frozen=True)
class Gpu:
    """One GPU."""

    name: str
    driver: int
    capability: float
    memory_mib: int

    @property
    def lacks(self) -> str:
        """The reason why the default models should not run on it, empty for none."""
        if self.driver < _DRIVER:
            return f"its driver is {self.driver}, and {_DRIVER} is the oldest that runs CUDA 13"
        if self.capability < _CAPABILITY:
            return f"its compute capability is {self.capability}, and CUDA 13 begins at {_CAPABILITY}"
        if self.memory_mib < _MEMORY_MIB:
            return f"it has {self.memory_mib} MiB of memory, and the models may take {_MEMORY_MIB}"
        return ""


def gpus() -> Sequence[Gpu]:
    """The GPUs here; none without a driver that answers."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    try:
        listed = subprocess.run([program, _QUERY, "--format=csv,noheader"], capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    found = [_LINE.fullmatch(line.strip()) for line in listed.stdout.splitlines()]
    return [Gpu(line["name"], int(line["driver"]), float(line["capability"]), int(line["memory"])) for line in found if line]


def names(found: Sequence[Gpu]) -> str:
    """The GPUs for people."""
    return ", ".join(gpu.name for gpu in found)
