"""What all processes of one run share: a stack.

The first process of the run (xdist's controller, or the only one) owns the folder of the shared stack and takes the stack down when the
last test that may use it has finished. Whichever worker needs the stack first starts it.
"""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deploy.local.scratch.resources import new_folder
from tests.harness.folders import ALONE, is_alone
from tests.harness.scheduling import GroupScheduling, read_groups, write_groups

if TYPE_CHECKING:
    # Imported where they are used: most runs of a few tests need none of them.
    from tests.harness.shared_stack import SharedStack
    from tests.provider_server import ProviderServer

_REPOSITORY = Path(__file__).resolve().parents[2]
_FOLDER = "darkroom_run"
_WITHOUT_SERVERS = "tests/unit/"
"""Its tests use no stack, and run last."""
RUN = pytest.StashKey["Run"]()


class Run:
    """A process's part in the run. `folder` is that of the shared stack, for as long as tests may use it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def shared_stack(self, settings: Mapping[str, str], models: Path) -> SharedStack:
        """The stack, with nothing up yet: `ensure_up` starts what a test needs of it, unless another process has."""
        from tests.harness.shared_stack import SharedStack

        with _locked(self.folder / "tests.lock"):
            if not (self.folder / "settings.env").exists():
                self._guard()
                (self.folder / "settings.env").write_text("".join(f"{name}='{value}'\n" for name, value in settings.items()))
            return SharedStack(self.folder, models=models)

    @property
    def provider_url(self) -> str:
        """Of the server that makes pictures for the shared stack; it is in the first process."""
        return (self.folder / "provider").read_text()

    def make_room(self) -> None:
        """Called before a test with a stack to itself: the shared one goes on serving the tests of other processes."""

    def _guard(self) -> None:
        """A guardian whose input ends with the first process of the run, which holds the other end open."""
        with (self.folder / "alive").open() as alive:
            command = [sys.executable, "-m", "deploy.local.scratch.guardian", str(self.folder)]
            self._guardian = subprocess.Popen(command, cwd=_REPOSITORY, stdin=alive, start_new_session=True)


class OwnRun(Run):
    """The part of the first process."""

    def __init__(self) -> None:
        super().__init__(new_folder())
        os.mkfifo(self.folder / "alive")
        self._alive = os.open(self.folder / "alive", os.O_RDWR)
        self._provider: ProviderServer | None = None
        self._unfinished: set[str] | None = None
        self._closing: threading.Thread | None = None

    @property
    def provider_url(self) -> str:
        """Of the server, which begins to serve when it is first asked for."""
        if self._provider is None:
            from tests.provider_server import ProviderServer

            self._provider = ProviderServer().__enter__()
            (self.folder / "provider").write_text(self._provider.url)
        return self._provider.url

    def make_room(self) -> None:
        """With one process such tests come last, and the shared stack is of no more use."""
        self.close()

    def close(self) -> None:
        """Take the stack down and delete its folder."""
        if not self.folder.exists():
            return
        if self._provider is not None:
            self._provider.__exit__()
        if (self.folder / "ports.json").exists():
            from tests.stacks import StackUnderTest

            StackUnderTest(self.folder, guarded=False).close()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._alive)

    def pytest_configure_node(self, node: object) -> None:
        node.workerinput[_FOLDER] = str(self.folder)  # type: ignore[attr-defined]

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> GroupScheduling:
        return GroupScheduling(config, log, self.folder)

    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        if self._unfinished is None:
            groups = read_groups(self.folder)
            self._unfinished = {test for test in ids if groups.get(test) != ALONE and not test.startswith(_WITHOUT_SERVERS)}
            if self._unfinished:
                assert self.provider_url

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._finished((nodeid,))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # xdist's report of a test that its worker did not survive.
        if str(report.when) == "???":
            self._finished((report.nodeid,))

    def pytest_unconfigure(self) -> None:
        if self._closing is not None:
            self._closing.join()
        self.close()

    def _finished(self, tests: Collection[str]) -> None:
        if self._unfinished is not None:
            self._unfinished -= set(tests)
            if not self._unfinished and self._closing is None:
                # This process goes on handing out tests.
                self._closing = threading.Thread(target=self.close)
                self._closing.start()


def pytest_configure(config: pytest.Config) -> None:
    gc.disable()
    if hasattr(config, "workerinput"):
        config.stash[RUN] = Run(Path(config.workerinput[_FOLDER]))
    else:
        # In the order in which they were collected: what takes longest, the group of tests with a stack to themselves, comes first.
        config.option.loadscopereorder = False
        own = OwnRun()
        config.stash[RUN] = own
        config.pluginmanager.register(own, "darkroom-run")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let one process rewrite the assertions of a module, and the others read what it has written: all collect in the same order."""
    if not isinstance(collector, pytest.Module) or not hasattr(collector.config, "workerinput"):
        return (yield)
    module = collector.path
    written = module.parent / "__pycache__" / f"{module.stem}.{sys.implementation.cache_tag}-pytest-{pytest.__version__}.pyc"
    if written.exists():
        return (yield)
    with _locked(collector.config.stash[RUN].folder / f"rewriting-{str(module).replace('/', '-')}"):
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    # Thousands of modules and tests, which the collector need not go through again and again: not now, and not later.
    gc.freeze()
    gc.enable()
    # Before xdist tells the controller that this worker has collected.
    if hasattr(session.config, "workerinput"):
        write_groups(session.config.stash[RUN].folder, session.items)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool, bool]:
    # Before the test's own time begins to count.
    if is_alone(item):
        item.config.stash[RUN].make_room()
    return (yield)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
