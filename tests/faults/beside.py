"""A second gateway, a second accounts service and an edge of their own, or a second worker, beside those of a stack."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import httpx

from deploy.local.config import LOOPBACK, tool
from deploy.local.errors import NotReady
from deploy.local.health import check_health
from deploy.local.layout import REPOSITORY
from deploy.local.programs.envoy import edge_settings
from deploy.local.scratch.resources import free_port
from edge.render import arguments, render
from tests.stacks import StackUnderTest

_SECONDS = 120


@contextmanager
def beside(stack: StackUnderTest) -> Iterator[str]:
    """The URL by which requests go through them, and to the one tasks and the one files service of the stack."""
    sockets = f"unix:{stack.dir}/run/2"
    accounts = {name: f"{sockets}-{name.lower()}" for name in ("LISTEN", "INTERNAL_LISTEN", "AUTHORIZATION_LISTEN")}
    gateway = {
        "LISTEN": f"{sockets}-gateway",
        "INTERNAL_LISTEN": f"{sockets}-gateway-internal",
        "ACCOUNTS_ADDRESS": accounts["INTERNAL_LISTEN"],
        "ACCOUNTS_PUBLIC_ADDRESS": accounts["LISTEN"],
    }
    folder, port = stack.dir / "config" / "envoy-2", free_port()
    edge = edge_settings(stack.stack.config).model_copy(
        update={
            "out": folder,
            "edge_listen": f"{LOOPBACK}:{port}",
            "edge_admin": None,
            "edge_metrics_listen": None,
            "edge_accounts": accounts["LISTEN"],
            "edge_gateway": gateway["LISTEN"],
            "authorization_address": accounts["AUTHORIZATION_LISTEN"],
        }
    )
    with ExitStack() as running:
        for service, listeners in (("accounts", accounts), ("gateway", gateway)):
            named = {f"DARKROOM_{name}": value for name, value in listeners.items()}
            environment = {**stack.settings(service), **named, "DARKROOM_METRICS_LISTEN": f"{LOOPBACK}:{free_port()}"}
            running.enter_context(_process(stack, service, (sys.executable, "-m", f"services.{service}"), environment))
            _wait(partial(check_health, listeners["INTERNAL_LISTEN"], service, None))
        running.enter_context(_process(stack, "envoy", (tool("envoy"), *arguments(render(edge))), {}))
        url = f"http://{LOOPBACK}:{port}"
        _wait(partial(_answers, url))
        yield url


@contextmanager
def worker_beside(stack: StackUnderTest, **settings: str) -> Iterator[None]:
    """A worker with settings of its own, which takes tasks until the block ends; it then stops as it does on SIGTERM."""
    listen = f"unix:{stack.dir}/run/2-inference"
    own = {"DARKROOM_INTERNAL_LISTEN": listen, "DARKROOM_METRICS_LISTEN": f"{LOOPBACK}:{free_port()}", **settings}
    command = (sys.executable, "-m", "services.inference")
    with _process(stack, "inference", command, {**stack.settings("inference"), **own}):
        _wait(partial(check_health, listen, "inference", None))
        yield


@contextmanager
def _process(stack: StackUnderTest, name: str, command: Sequence[str | Path], environment: Mapping[str, str]) -> Iterator[None]:
    settings = {**environment, "TMPDIR": str(stack.stack.config.layout.tmp), "PATH": os.environ["PATH"]}
    with (stack.dir / "logs" / f"{name}-2.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=REPOSITORY, env=settings, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def _wait(check: Callable[[], None]) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            check()
        except NotReady as problem:
            assert time.monotonic() < deadline, problem
            time.sleep(0.1)
        else:
            return


def _answers(url: str) -> None:
    try:
        status = httpx.get(f"{url}/api/v1/settings", timeout=5, trust_env=False).status_code
    except httpx.TransportError as error:
        raise NotReady(str(error)) from error
    if status != httpx.codes.UNAUTHORIZED:
        raise NotReady(f"a request without a key got HTTP {status}")
