"""The wheel holds everything that it needs, and says what it needs of others."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

CLIENT = Path(__file__).resolve().parents[3] / "clients" / "python"
_OPTIONAL = ("grpc_health", "grpc_reflection", "grpc_status", "grpc_tools", "click")
"""What `grpc` and `httpx` import if it happens to be installed."""
PROGRAM = """
import json, sys
import darkroom, darkroom.cli.app
from darkroom import AsyncClient, Client, Webhook, operations
made = operations.remove_background(trim=True)
print(json.dumps({
    "path": list(darkroom.__path__),
    "modules": sorted({name.partition(".")[0] for name, module in sys.modules.items() if getattr(module, "__file__", None)}),
    "doc": Client.remove_background.__doc__,
}))
"""


def test_the_wheel_works_by_itself(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=CLIENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("darkroom-*.whl")
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(packages)
    assert "darkroom/py.typed" in names
    assert "darkroom/tasks/v1/task_pb2.pyi" in names
    assert not [name for name in names if "__pycache__" in name or "internal" in name]
    # What it needs of others, without what stands beside them in this environment: darkroom.pth is not read from there.
    (packages / "others.pth").write_text(sysconfig.get_path("purelib"))
    ran = subprocess.run([environment / "bin" / "python", "-I", "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["path"] == [str(packages / "darkroom")]
    assert "Cuts the subject out" in told["doc"]
    metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
    there = _closure(_required((packages / metadata).read_text()))
    known = packages_distributions()
    # A top-level module such as `google` may be of several distributions.
    used = [module for module in told["modules"] if module in known and module not in _OPTIONAL]
    missing = [module for module in used if not there & {_normal(name) for name in known[module]}]
    assert missing == []


def _required(metadata: str) -> set[str]:
    lines = re.findall(r"^Requires-Dist: (.*)$", metadata, re.MULTILINE)
    return {_normal(re.split(r"[<>=!~;\s\[]", line, maxsplit=1)[0]) for line in lines if "extra ==" not in line}


def _closure(names: set[str]) -> set[str]:
    """The distributions with all that they require."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        waiting += [
            _normal(re.split(r"[<>=!~;\s\[]", line, maxsplit=1)[0])
            for line in distribution(name).requires or ()
            if "extra ==" not in line and "sys_platform" not in line and "platform_system" not in line and "python_version" not in line
        ]
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
