"""A test's kind is the folder that it lies in; the marker of that name selects it (`-m unit`).

Tests run in the order of their files, except that those marked `alone` have a process to themselves from the start, beside the others, or
come last if there is one process only. Those are the faults, every test that stops or reconfigures part of the whole system, and every test
that reads what all of the system has sent.
"""

from __future__ import annotations

import pytest

KINDS = {"unit": "unit", "component": "component", "system": "system", "diffusion": "system", "faults": "faults", "cluster": "cluster"}
ALONE = "alone"
BREAKS = "breaks"
_RERUNS = {"system": 2, "faults": 2}
# The servers that the whole system calls, and Triton with the real weights: there is one of each.
_ALONE_WITH = {"provider_server", "collector", "real_stack"}
# Fixtures that restart parts of the stack with other settings or models. Among the tests marked `alone` theirs come last, in this order, so
# that little is restarted to put things back.
_RECONFIGURED = ("reconfigured_stack", "patient_stack", "real_stack")


def pytest_configure(config: pytest.Config) -> None:
    for kind, told in {
        "unit": "needs no server",
        "component": "one service, or one part, beside real PostgreSQL, NATS, object storage or Triton",
        "system": "the whole system, through its public port",
        "faults": "the whole system while parts of it are stopped, killed and restarted",
        "cluster": "the whole system on three hosts, while these are cut off, die and are upgraded",
        ALONE: "has a stack to itself, which it may stop and change",
        f"{BREAKS}(part)": "stops or kills this part, and gets one that no other process uses",
    }.items():
        config.addinivalue_line("markers", f"{kind}: {told}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        kind = _kind(config, item)
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
    last = not hasattr(config, "workerinput")
    items.sort(key=lambda item: (is_alone(item) is last, _reconfiguring(item)))


def is_alone(item: pytest.Item) -> bool:
    """Whether a test has a stack to itself."""
    return item.get_closest_marker(ALONE) is not None


def _reconfiguring(item: pytest.Item) -> int:
    return max((place for place, name in enumerate(_RECONFIGURED, start=1) if name in _fixtures(item)), default=0)


def _kind(config: pytest.Config, item: pytest.Item) -> str:
    tests = config.rootpath / "tests"
    folder = item.path.relative_to(tests).parts[0] if item.path.is_relative_to(tests) else ""
    if folder not in KINDS:
        raise pytest.UsageError(f"{item.path}: a test lies in one of {', '.join(f'tests/{name}' for name in KINDS)}")
    return KINDS[folder]


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))
