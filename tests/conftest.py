"""Stacks and parts of them for tests. A session that asks for none of these fixtures starts nothing.

One full stack serves all end-to-end tests. Its Triton holds tiny models; the tests of picture quality, which ask for `real_stack`, are
run last, on the same stack with Triton started anew on the real weights, so that a process never has two of anything large.
Tests of single services against real components get those from a second, smaller stack, which runs only the parts they ask for.
A run in two processes (`make test`) has all of this once in each.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import structlog

from deploy.local.errors import PartFailed
from services.common import log
from tests.collector import Collector
from tests.provider_server import KEY, ProviderServer
from tests.stacks import Account, ObjectStorage, StackUnderTest

REPOSITORY = Path(__file__).resolve().parent.parent
MODELS = REPOSITORY / ".cache" / "models"
TINY_MODELS = REPOSITORY / ".cache" / "models-tiny"
# A lost worker or message is noticed in seconds, so that tests of faults need not wait; no-op tasks are allowed.
IMPATIENT = {
    "DARKROOM_DIAGNOSTICS": "true",
    "DARKROOM_LEASE": "6",
    "DARKROOM_HEARTBEAT_INTERVAL": "1",
    "DARKROOM_REDISPATCH_AFTER": "5",
    "DARKROOM_BACKOFF": "0.5",
    # Tests receive webhooks on loopback.
    "DARKROOM_WEBHOOK_ALLOW_HTTP": "true",
    "DARKROOM_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    "DARKROOM_WEBHOOK_BACKOFF": "0.5",
}


@pytest.fixture(scope="session", autouse=True)
def _plain_tracebacks() -> None:
    """Without a service's own configuration structlog draws tracebacks with all their variables: seconds in which nothing else runs."""
    structlog.configure(
        processors=[
            lambda _logger, _method, line: {**log.bound(), **line},
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )


@pytest.fixture(scope="session")
def tiny_models() -> Path:
    """A model repository with the real models' names, inputs and outputs, and networks of a few operations."""
    _install_models("tiny", TINY_MODELS)
    return TINY_MODELS


@pytest.fixture(scope="session")
def real_models() -> Path:
    """The installed model repository with the real weights."""
    _install_models("default", MODELS)
    return MODELS


@pytest.fixture(scope="session")
def provider_server() -> Iterator[ProviderServer]:
    """What serves gpt_image_2 and nano_banana_2 in the whole system."""
    with ProviderServer() as server:
        yield server


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Where the whole system exports its traces to."""
    listening = Collector()
    yield listening
    listening.close()


@pytest.fixture(scope="session")
def _full_stack(
    request: pytest.FixtureRequest, tiny_models: Path, provider_server: ProviderServer, collector: Collector
) -> Iterator[StackUnderTest]:
    under_test = StackUnderTest(models=tiny_models)
    provider = {
        "DARKROOM_OPENAI_API_KEY": KEY,
        "DARKROOM_OPENAI_BASE_URL": f"{provider_server.url}/v1",
        "DARKROOM_GEMINI_API_KEY": KEY,
        "DARKROOM_GEMINI_BASE_URL": f"{provider_server.url}/v1beta",
    }
    # Of all requests those are traced whose traceparent says so.
    tracing = {**collector.settings, "DARKROOM_TRACE_RATIO": "0", "DARKROOM_TRACE_CLIENTS": "true"}
    under_test.configure({**IMPATIENT, **provider, **tracing})
    yield from _running(under_test, request)


@pytest.fixture(scope="session")
def _started(_full_stack: StackUnderTest) -> StackUnderTest:
    _up(_full_stack)
    return _full_stack


@pytest.fixture
def stack(_started: StackUnderTest) -> StackUnderTest:
    """The whole system, every part healthy as the test begins, with tiny models."""
    # Repairs what an earlier test stopped or killed.
    _up(_started)
    return _started


@pytest.fixture(scope="session")
def _started_with_weights(_started: StackUnderTest, real_models: Path) -> StackUnderTest:
    _started.use_models(real_models)
    return _started


@pytest.fixture
def real_stack(_started_with_weights: StackUnderTest) -> StackUnderTest:
    """The whole system with the real weights. Tests that ask for it run after all others."""
    _up(_started_with_weights)
    return _started_with_weights


@pytest.fixture
def account(stack: StackUnderTest) -> Account:
    """A fresh account of the whole system, with one API key."""
    return stack.create_account()


@pytest.fixture(scope="session")
def components(request: pytest.FixtureRequest, tiny_models: Path) -> Iterator[StackUnderTest]:
    """Third-party parts without Darkroom's services. `components.up(["postgres"])` starts what a test needs."""
    yield from _running(StackUnderTest(models=tiny_models), request)


@pytest.fixture
def database(components: StackUnderTest) -> str:
    """SQLAlchemy URL of an empty PostgreSQL database."""
    _up(components, "postgres")
    return components.create_database()


@pytest.fixture
def nats_url(components: StackUnderTest) -> str:
    """A NATS server with JetStream, shared by the session: clean up the streams you make."""
    _up(components, "nats")
    return components.nats_url


@pytest.fixture
def object_storage(components: StackUnderTest) -> ObjectStorage:
    """An S3 server and an empty bucket."""
    _up(components, "s3")
    return components.create_bucket()


@pytest.fixture
def triton_address(components: StackUnderTest) -> str:
    """`host:port` of a Triton with tiny models."""
    _up(components, "triton")
    return components.triton_address


def pytest_configure() -> None:
    """Let SIGTERM end a run as Ctrl-C does. What it leaves of its stacks their guardians take down."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests with real weights last, so that Triton is switched once."""
    items.sort(key=lambda item: "real_stack" in getattr(item, "fixturenames", ()))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to a failed test what the stack's parts logged while it ran."""
    report = yield
    if report.failed:
        for under_test in {id(value): value for value in getattr(item, "funcargs", {}).values()}.values():
            if isinstance(under_test, StackUnderTest):
                report.sections += _recent_logs(under_test, since=time.time() - call.duration - 1)
    return report


def _recent_logs(under_test: StackUnderTest, since: float) -> list[tuple[str, str]]:
    logs = sorted((under_test.dir / "logs").glob("*.log"))
    return [(f"log of {path.stem}", "\n".join(under_test.log(path.stem))) for path in logs if path.stat().st_mtime >= since]


def _running(under_test: StackUnderTest, request: pytest.FixtureRequest) -> Iterator[StackUnderTest]:
    yield under_test
    under_test.close()


def _up(under_test: StackUnderTest, *parts: str) -> None:
    try:
        under_test.ensure_up(parts)
    except PartFailed as failure:
        pytest.fail(f"{failure}\n" + "\n".join(f"  | {line}" for line in failure.log_lines), pytrace=False)


def _install_models(name: str, folder: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "models", "install", "--set", name, "--dest", str(folder)],
        cwd=REPOSITORY,
        check=True,
        stdout=subprocess.DEVNULL,
    )
