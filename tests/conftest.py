"""Stacks and parts of them for tests. A session that asks for none of these fixtures starts nothing.

One full stack, with tiny models in its Triton, serves all tests of a run, in however many processes. The tests marked `alone` run one by
one in one process and have another one, which they may stop and change; those of picture quality, which ask for `real_stack`, are the last
of them, on the same stack with Triton started anew on the real weights.
Tests of single services use parts of the same stack, which are started when they are first asked for, and each test has them to itself: a
database in its PostgreSQL, an account with a JetStream in its NATS, a bucket in its object storage. What tests break
(`@pytest.mark.breaks`) belongs to a stack of their process.
"""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest
import structlog
from httpx._transports import default

from services.platform import log
from services.platform.compatibility import SETTING
from tests.collector import Collector
from tests.harness.databases import MigratedDatabases
from tests.harness.models import copy_models
from tests.harness.parts import ensure_up, stack_with
from tests.harness.sandboxes import SharedSandboxes
from tests.provider_server import KEY, ProviderServer
from tests.signing_certificate import signing_settings
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
    # They serve pictures there, too.
    "DARKROOM_FETCH_ALLOWED_NETWORKS": "127.0.0.0/8",
    # All tests come from one address.
    "DARKROOM_RATE_LIMIT_FAILED_KEYS": "0",
    "DARKROOM_RATE_LIMIT_FAILED_SIGN_INS": "0",
    "DARKROOM_LOGIN_ATTEMPT_LIMIT": "0",
}
# `make test-native` runs tests with every compatibility surface off.
IMPATIENT |= {SETTING: os.environ[SETTING]} if SETTING in os.environ else {}
# No test on these stacks ends a machine, or PostgreSQL or NATS, other than in good order. Each test that asks for NATS takes an account.
QUICK = {"DARKROOM_DURABLE": "false", "DARKROOM_NATS_ACCOUNTS": "1000"}
pytest_plugins = (
    "pytester",
    "tests.harness.folders",
    "tests.harness.fuzz_seed",
    "tests.harness.reruns",
    "tests.harness.run",
    "tests.harness.simulation_seed",
)


@pytest.fixture(scope="session", autouse=True)
def _plain_tracebacks() -> None:
    """Without a service's own configuration structlog draws tracebacks with all their variables: seconds in which nothing else runs."""
    structlog.configure(
        processors=[
            lambda _logger, _method, line: {**log.bound_values(), **line},
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )


@pytest.fixture(scope="session", autouse=True)
def _authorities_read_once() -> Iterator[None]:
    """Each HTTP client would read the public authorities again, which takes longer than most tests."""
    create, once = httpx.create_ssl_context, cache(httpx.create_ssl_context)

    def context(*args: Any, **settings: Any) -> ssl.SSLContext:
        # A test may have authorities of its own.
        return create(*args, **settings) if "SSL_CERT_FILE" in os.environ else once(*args, **settings)

    with patch.object(default, "create_ssl_context", context):
        yield


@pytest.fixture(scope="session")
def tiny_models() -> Path:
    """A model repository with the real models' names, inputs and outputs, and networks of a few operations."""
    _install_models("tiny", TINY_MODELS)
    return TINY_MODELS


@pytest.fixture(scope="session")
def few_models(tiny_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those of the tiny models that cut out and enlarge."""
    enlarging = (path.name for path in tiny_models.glob("real*"))
    return copy_models(tiny_models, tmp_path_factory.mktemp("few") / "models", "isnet", *enlarging)


@pytest.fixture(scope="session")
def real_models() -> Path:
    """The installed model repository with the real weights."""
    _install_models("default", MODELS)
    return MODELS


@pytest.fixture(scope="session")
def provider_server() -> Iterator[ProviderServer]:
    """What serves gpt_image_2 and nano_banana_2 in the whole system, for tests that look at what it is asked."""
    with ProviderServer() as server:
        yield server


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Where the whole system exports its traces to."""
    listening = Collector()
    yield listening
    listening.close()


@pytest.fixture(scope="session")
def _shared_stack(request: pytest.FixtureRequest, tiny_models: Path) -> StackUnderTest:
    # A plugin's module is imported by pytest first.
    from tests.harness.run import RUN

    run = request.config.stash[RUN]
    signing = signing_settings(REPOSITORY / ".cache" / "signing")
    return run.shared_stack({**IMPATIENT, **QUICK, **_provider_settings(run.provider_url), **signing}, tiny_models)


@pytest.fixture(scope="session")
def _stack_alone(
    request: pytest.FixtureRequest, few_models: Path, provider_server: ProviderServer, collector: Collector
) -> Iterator[StackUnderTest]:
    under_test = StackUnderTest(models=few_models)
    # Of all requests those are traced whose traceparent says so.
    tracing = {**collector.settings, "DARKROOM_TRACE_RATIO": "0", "DARKROOM_TRACE_CLIENTS": "true"}
    # Its tests guess little, and one of them guesses much.
    guarded = {"DARKROOM_RATE_LIMIT_FAILED_KEYS": "20", "DARKROOM_RATE_LIMIT_FAILED_SIGN_INS": "20"}
    # So that a test can end one service alone. The shared stack is as `make up` makes it.
    separate = {"DARKROOM_SEPARATE_SERVICES": "true"}
    under_test.configure({**IMPATIENT, **_provider_settings(provider_server.url), **tracing, **guarded, **separate})
    yield from _running(under_test, request)


@pytest.fixture
def stack(request: pytest.FixtureRequest) -> StackUnderTest:
    """The whole system, every part healthy as the test begins, with tiny models. A test that stops or changes it is marked `alone`, and
    has a few of them."""
    under_test: StackUnderTest = request.getfixturevalue("_stack_alone" if request.node.get_closest_marker("alone") else "_shared_stack")
    # Repairs what an earlier test stopped or killed.
    ensure_up(under_test)
    return under_test


@pytest.fixture(scope="session")
def _with_weights(_stack_alone: StackUnderTest, real_models: Path) -> StackUnderTest:
    _stack_alone.use_models(real_models)
    return _stack_alone


@pytest.fixture
def real_stack(_with_weights: StackUnderTest) -> StackUnderTest:
    """The whole system with the real weights. Tests that ask for it are the last that have a stack to themselves."""
    ensure_up(_with_weights)
    return _with_weights


@pytest.fixture
def account(stack: StackUnderTest) -> Account:
    """A fresh account of the whole system, with one API key."""
    return stack.create_account()


@pytest.fixture(scope="session")
def components(request: pytest.FixtureRequest, tiny_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackUnderTest]:
    """This process's own parts, for tests that `break` them. Its Triton has one model, which doubles a picture's size."""
    models = copy_models(tiny_models, tmp_path_factory.mktemp("components") / "models", "realesr_animevideov3_x2")
    under_test = StackUnderTest(models=models)
    under_test.configure(QUICK)
    yield from _running(under_test, request)


@pytest.fixture(scope="session")
def postgres(_shared_stack: StackUnderTest) -> StackUnderTest:
    """The shared stack with its PostgreSQL up, for `create_database`."""
    ensure_up(_shared_stack, "postgres")
    return _shared_stack


@pytest.fixture
def database(postgres: StackUnderTest) -> Iterator[str]:
    """SQLAlchemy URL of an empty PostgreSQL database."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="session")
def migrated_databases(postgres: StackUnderTest) -> MigratedDatabases:
    """Databases with the tables of a service."""
    return MigratedDatabases(postgres)


@pytest.fixture
def nats_url(request: pytest.FixtureRequest) -> str:
    """The URL of an account in NATS with an empty JetStream."""
    return stack_with(request, "nats").take_nats_account()


@pytest.fixture(scope="session")
async def sandboxes() -> AsyncIterator[SharedSandboxes]:
    """For services that run in this process, in place of `Sandbox`."""
    shared = SharedSandboxes()
    yield shared
    await shared.close()


@pytest.fixture
def object_storage(request: pytest.FixtureRequest) -> ObjectStorage:
    """An S3 server and an empty bucket."""
    return stack_with(request, "s3").create_bucket()


@pytest.fixture
def triton_address(request: pytest.FixtureRequest) -> str:
    """`host:port` of a Triton with tiny models."""
    return stack_with(request, "triton").triton_address


def pytest_configure() -> None:
    """Let SIGTERM end a run as Ctrl-C does. What it leaves of its stacks their guardians take down."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


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


def _provider_settings(url: str) -> dict[str, str]:
    return {
        "DARKROOM_OPENAI_API_KEY": KEY,
        "DARKROOM_OPENAI_BASE_URL": f"{url}/v1",
        "DARKROOM_GEMINI_API_KEY": KEY,
        "DARKROOM_GEMINI_BASE_URL": f"{url}/v1beta",
    }


def _running(under_test: StackUnderTest, request: pytest.FixtureRequest) -> Iterator[StackUnderTest]:
    yield under_test
    under_test.close()


def _install_models(name: str, folder: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "models", "install", "--set", name, "--dest", str(folder)],
        cwd=REPOSITORY,
        check=True,
        stdout=subprocess.DEVNULL,
    )
