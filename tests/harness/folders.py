"""A test's kind is the folder that it lies in; the marker of that name selects it (`-m unit`).

Tests run in the order of their files, except that those marked `alone` have a process to themselves from the start, beside the others, or
come last if there is one process only. Those are the faults, every test that stops or reconfigures part of the whole system, and every test
that reads what all of the system has sent.

A run leaves out the tests marked `thorough`, and of a test's cases all but as many as `cases` says, or else two of those beside
servers, always the same ones. `--thorough` runs all, and so does naming a test (`file.py::test`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

KINDS = {"unit": "unit", "component": "component", "system": "system", "diffusion": "system", "faults": "faults", "cluster": "cluster"}
ALONE = "alone"
BREAKS = "breaks"
THOROUGH = "thorough"
CASES = "cases"
_MOST_CASES = {"component": 2, "system": 2}
"""Cases of one test in a run, by kind, unless the test says otherwise."""
_RERUNS = {"system": 2, "faults": 2}
# The servers that the whole system calls, and Triton with the real weights: there is one of each.
_ALONE_WITH = {"provider_server", "collector", "real_stack"}
# Fixtures that restart parts of the stack with other settings or models. Among the tests marked `alone` theirs come last, in this order, so
# that little is restarted to put things back.
_RECONFIGURED = ("reconfigured_stack", "tls_stack", "patient_stack", "real_stack")


def pytest_configure(config: pytest.Config) -> None:
    for kind, told in {
        "unit": "needs no server",
        "component": "one service, or one part, beside real PostgreSQL, NATS, object storage or Triton",
        "system": "the whole system, through its public port",
        "faults": "the whole system while parts of it are stopped, killed and restarted",
        "cluster": "the whole system on three hosts, while these are cut off, die and are upgraded",
        ALONE: "has a stack to itself, which it may stop and change",
        f"{BREAKS}(part)": "stops or kills this part, and gets one that no other process uses",
        THOROUGH: "run by `make test-all`, not in each run",
        f"{CASES}(most)": "so many of its cases, spread evenly, in each run, and all by `make test-all`",
    }.items():
        config.addinivalue_line("markers", f"{kind}: {told}")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="run every test and every case")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    tests = config.rootpath / "tests"
    for item in items:
        kind = _kind(tests, item.path)
        item.add_marker(kind)
        if reruns := _RERUNS.get(kind):
            item.add_marker(pytest.mark.flaky(reruns=reruns))
        if kind == "faults" or _ALONE_WITH & _fixtures(item):
            item.add_marker(ALONE)
        if is_alone(item):
            item.add_marker(pytest.mark.xdist_group(ALONE))
        elif item.get_closest_marker(BREAKS):
            # On one worker, so that there is one more of each part and not two.
            item.add_marker(pytest.mark.xdist_group(BREAKS))
    if not config.getoption("thorough") and not any("::" in each for each in config.args):
        chosen = set(_chosen(items))
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = [item for item in items if item in chosen]
    last = not hasattr(config, "workerinput")
    items.sort(key=lambda item: (is_alone(item) is last, _reconfiguring(item)))


def is_alone(item: pytest.Item) -> bool:
    """Whether a test has a stack to itself."""
    return item.get_closest_marker(ALONE) is not None


def _chosen(items: Sequence[pytest.Item]) -> Iterator[pytest.Item]:
    """What each run has of the tests."""
    tests: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker(THOROUGH) is None:
            tests.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for cases in tests.values():
        yield from _spread(cases)


def _spread(cases: Sequence[pytest.Item]) -> Sequence[pytest.Item]:
    """As many cases of one test as a run has, the first and the last among them."""
    mark = cases[0].get_closest_marker(CASES)
    limits = [number for kind, number in _MOST_CASES.items() if cases[0].get_closest_marker(kind)]
    most = mark.args[0] if mark is not None else min(limits, default=len(cases))
    if len(cases) <= most:
        return cases
    if most == 1:
        return cases[:1]
    return [cases[place * (len(cases) - 1) // (most - 1)] for place in range(most)]


def _reconfiguring(item: pytest.Item) -> int:
    return max((place for place, name in enumerate(_RECONFIGURED, start=1) if name in _fixtures(item)), default=0)


@cache
def _kind(tests: Path, file: Path) -> str:
    folder = file.relative_to(tests).parts[0] if file.is_relative_to(tests) else ""
    if folder not in KINDS:
        raise pytest.UsageError(f"{file}: a test lies in one of {', '.join(f'tests/{name}' for name in KINDS)}")
    return KINDS[folder]


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))
