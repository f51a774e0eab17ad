"""A machine that has joined: its processes, a worker and a model server below one supervisor, and its GPU."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from deploy.gpus import Gpu, names
from deploy.local.config import LOOPBACK, StackConfig, digest_of
from deploy.local.credentials import Credentials
from deploy.local.errors import NotReady
from deploy.local.layout import REPOSITORY, Layout
from deploy.local.ports import Ports, choose_ports, load_ports
from deploy.local.processes import listening_ports
from deploy.local.program import Program
from deploy.local.programs.services import metrics_address
from deploy.local.programs.triton import triton
from deploy.local.progress import Progress
from deploy.local.settings import Settings, load_settings
from deploy.local.stack import Stack
from deploy.service_settings import known_settings
from deploy.worker.joining import JoinedServer
from services.platform.joining import machine_of
from services.platform.membership import SIGNING_KEY, TRUSTED_KEYS

WORKER = "inference"
_LANES = "neural=2,pages=1"
"""The default lanes of a worker on another machine: the lanes that need models. All else stays on the server,
which is done with it before the files would have come here."""
_AWAY_DAYS = "7"
_DRAIN_SECONDS = 20
_RESERVE_SECONDS = 20
_CERTIFICATES = ("ca.crt", "tls.crt")
_ON_GPU = "KIND_GPU"


def create_machine(directory: Path, joined: JoinedServer, progress: Progress | None = None) -> Stack:
    """The programs of a machine that has joined, with ports chosen where there are none. Nothing is started.

    Raises StackError for invalid settings.
    """
    layout = Layout.at(directory)
    layout.create()
    # A worker uses only those of its metrics and Triton's.
    return _machine(layout, choose_ports(layout, host=LOOPBACK, public=0, ours=listening_ports(layout)), joined, progress)


def open_machine(directory: Path, joined: JoinedServer, progress: Progress | None = None) -> Stack:
    """The programs of a machine as last started. Raises StackError when it was never started."""
    layout = Layout.at(directory)
    return _machine(layout, load_ports(layout), joined, progress)


def _machine(layout: Layout, ports: Ports, joined: JoinedServer, progress: Progress | None) -> Stack:
    config = StackConfig(layout, ports, Credentials(), load_settings(layout))
    return Stack(config, [triton(config), _worker(config, joined)], progress)


def worker_environment(config: StackConfig, joined: JoinedServer) -> dict[str, str]:
    """The settings of the worker. The operator's own, in the machine's settings.env, win."""
    folder, workers = joined.folder.folder, joined.folder.workers_address
    environment = {
        "DARKROOM_INTERNAL_LISTEN": config.listener(f"{WORKER}-internal"),
        "DARKROOM_METRICS_LISTEN": metrics_address(config, WORKER),
        "DARKROOM_LANES": _LANES,
        "DARKROOM_AWAY_DAYS": _AWAY_DAYS,
        "DARKROOM_DRAIN_SECONDS": str(_DRAIN_SECONDS),
        "DARKROOM_WORK_DIR": str(config.layout.tmp / WORKER),
        "DARKROOM_TRITON_ADDRESS": config.triton_address,
        "DARKROOM_MEMBERSHIP_DIR": str(folder),
        "DARKROOM_INTERNAL_TLS_DIR": str(folder),
        "DARKROOM_SIGNING_KEY_FILE": str(folder / SIGNING_KEY),
        "DARKROOM_TRUSTED_KEYS_FILE": str(folder / TRUSTED_KEYS),
        **{f"DARKROOM_{name}_ADDRESS": workers for name in ("ACCOUNTS", "FILES", "TASKS")},
    }
    known = known_settings(WORKER)
    # By another name, the server would not let it work.
    chosen = {**environment, **config.settings.services, "DARKROOM_WORKER_NAME": machine_of(joined.name)}
    return {name: value for name, value in chosen.items() if name in known}


def lanes(environment: Mapping[str, str]) -> str:
    """The lanes that the worker serves, for people: `neural (2), pages (1)`."""
    pairs = (pair.partition("=") for pair in environment["DARKROOM_LANES"].split(","))
    return ", ".join(f"{lane.strip()} ({count.strip() or 1})" for lane, _, count in pairs)


def _worker(config: StackConfig, joined: JoinedServer) -> Program:
    code = [*(REPOSITORY / "services" / part for part in ("platform", "pictures", WORKER)), REPOSITORY / "gen" / ".stamp"]
    read_at_start = [joined.folder.folder / name for name in (*_CERTIFICATES, TRUSTED_KEYS)]
    address = metrics_address(config, WORKER)

    async def ready() -> None:
        try:
            # Plain HTTP on loopback.
            async with httpx.AsyncClient(verify=False, trust_env=False, timeout=2) as client:  # noqa: S501
                reply = await client.get(f"http://{address}/readyz")
        except httpx.TransportError as error:
            raise NotReady("it is starting, or cannot reach the server") from error
        if reply.status_code != httpx.codes.OK:
            problems = reply.json().get("problems", {})
            raise NotReady("; ".join(f"{name}: {problem}" for name, problem in problems.items()) or "it is about to exit")

    return Program(
        name=WORKER,
        command=(sys.executable, "-m", f"services.{WORKER}"),
        module=f"services.{WORKER}",
        environment={**worker_environment(config, joined), "PYTHONUNBUFFERED": "1", "TMPDIR": str(config.layout.tmp)},
        configure=lambda: digest_of([*code, *read_at_start]),
        ready=ready,
        ready_seconds=120,
        # Running tasks may end; those that have not by then are handed back.
        stop_seconds=_DRAIN_SECONDS + _RESERVE_SECONDS,
    )


def models_use_gpu(repository: Path) -> bool:
    """Whether any model of a repository is made for a GPU."""
    return any(_ON_GPU in file.read_text() for file in repository.glob("*/config.pbtxt"))


def advice(found: Sequence[Gpu], repository: Path) -> Sequence[str]:
    """The message about the GPU for the user who starts a worker."""
    if not found:
        return ["No GPU was found: the models run on the CPU."]
    if models_use_gpu(repository):
        return [f"The models run on {names(found)}."]
    lines = [f"This machine has {names(found)}, and models for the CPU. `make worker GPU=1` uses it (docs/operator/gpu.md)."]
    if repository != Settings.models:
        lines.append(f"Models for it: .venv/bin/python -m models install --platform cuda --dest {_shown(repository)}")
    return lines


def _shown(repository: Path) -> Path:
    here = Path.cwd()
    return repository.relative_to(here) if repository.is_relative_to(here) else repository
