"""Tests of the whole system are run again when they fail, twice at most (tests/harness/folders.py says which). Each rerun is shown with its
cause at the end, and a run with more than a few fails, whatever came of them.
"""

from __future__ import annotations

import pytest

MOST = 5
_LONGEST = 1000


class Reruns:
    """Counts what was run again: in the process that reports, which gets the reports of all workers."""

    def __init__(self) -> None:
        self.causes: list[tuple[str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if str(report.outcome) == "rerun":  # an outcome that pytest-rerunfailures adds
            self.causes.append((report.nodeid, _cause(report)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if len(self.causes) > MOST and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.causes:
            return
        terminalreporter.section("run again")
        for test, cause in self.causes:
            terminalreporter.line(f"{test}: {cause}")
        if len(self.causes) > MOST:
            terminalreporter.line(f"{len(self.causes)} reruns are more than {MOST}: the run fails.", red=True)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Reruns(), "darkroom-reruns")


def _cause(report: pytest.TestReport) -> str:
    """The line that says what was raised, and in which phase when that is not the test itself."""
    crash = getattr(report.longrepr, "reprcrash", None)
    lines = (crash.message if crash else report.longreprtext).strip().splitlines() or ["no message"]
    # A text of its own begins with what failed, a traceback ends with it.
    line = (lines[0] if crash else lines[-1])[:_LONGEST]
    return line if report.when == "call" else f"in {report.when}: {line}"
