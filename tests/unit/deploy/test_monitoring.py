"""docs/how-to/monitoring.md and deploy/prometheus name the metrics that there are, and no others."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import Metric

import services
from services.accounts.domain.rate_rules import FAILED_KEYS, FAILED_SIGN_INS
from services.files.store.backups import Backups
from services.platform.clock import system_clock
from services.platform.database import open_database
from services.platform.telemetry.listener import StateGauges
from services.platform.telemetry.reading import PoolGauges, ReadGauges
from services.tasks.monitoring.system import QueueGauges
from services.tasks.store.queue import QueueReading, QueueStore

REPOSITORY = Path(__file__).resolve().parents[3]
MONITORING = REPOSITORY / "deploy" / "prometheus"
OURS = ("darkroom_", "grpc_server_")
ENDINGS = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


@pytest.fixture(scope="module")
async def metrics() -> dict[str, Metric]:
    """Every metric of ours by the name that the documentation calls it."""
    for module in pkgutil.walk_packages(services.__path__, "services."):
        if "migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found = {_documented(metric): metric for metric in REGISTRY.collect()}
    async for metric in _read_gauges():
        found[_documented(metric)] = metric
    return {name: metric for name, metric in found.items() if name.startswith(OURS)}


async def _read_gauges() -> AsyncIterator[Metric]:
    state = CollectorRegistry()
    StateGauges(state)
    for metric in state.collect():
        yield metric
    # The pool opens no connection, and the queue's gauges are made of nothing.
    async with open_database("postgresql+asyncpg:///nowhere", 1) as database:
        for metric in PoolGauges(database.pool).collect():
            yield metric
        for metric in QueueGauges(QueueStore(database), [], system_clock).metrics(QueueReading({}, {}, None, None, 0)):
            yield metric
    yield Backups.metric(0)
    yield ReadGauges("queue", _nothing).success(True)


async def _nothing() -> tuple[()]:
    return ()


def _documented(metric: Metric) -> str:
    return metric.name + ("_total" if metric.type == "counter" else "")


def _names_in(text: str) -> set[str]:
    return set(re.findall(r"`((?:darkroom|grpc_server)_[a-z_]+)`", text))


def test_every_metric_is_documented_and_every_documented_one_exists(metrics: dict[str, Metric]) -> None:
    assert _names_in((REPOSITORY / "docs" / "how-to" / "monitoring.md").read_text()) == set(metrics)


def test_names_and_units_follow_the_conventions(metrics: dict[str, Metric]) -> None:
    for name, metric in metrics.items():
        assert metric.documentation.endswith("."), name
        assert metric.type != "histogram" or name.endswith("_seconds"), name


def _expressions() -> Iterator[tuple[str, str]]:
    for group in yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for panel in json.loads((MONITORING / "dashboard.json").read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$__rate_interval", "1m")


@pytest.mark.parametrize(("name", "expression"), list(_expressions()))
def test_expressions_ask_for_series_that_there_are(metrics: dict[str, Metric], name: str, expression: str) -> None:
    series = {metric.name + ending: metric for metric in metrics.values() for ending in ENDINGS[metric.type]}
    labels = {"le", "job", "instance"}.union(*(_labels(metric) for metric in metrics.values()))
    for selector in _selectors(promql_parser.parse(expression)):
        if selector.name == "up":
            continue
        assert selector.name in series, name
        assert {matcher.name for matcher in selector.matchers.matchers} <= _labels(series[selector.name]), name
    for grouped in re.findall(r"(?:by|on) \(([^)]*)\)", expression):
        assert set(grouped.split(", ")) <= labels, name


def _labels(metric: Metric) -> set[str]:
    collector: Any = REGISTRY._names_to_collectors.get(metric.name)
    return set(collector._labelnames if collector is not None else getattr(metric, "_labelnames", ()))


def _selectors(expression: Any) -> Iterable[Any]:
    """The vector selectors of a parsed expression, ranges included."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    for part in ("lhs", "rhs", "expr", "vector_selector", "param"):
        inner = getattr(expression, part, None)
        if inner is not None:
            yield from _selectors(inner)
    for argument in getattr(expression, "args", ()) or ():
        yield from _selectors(argument)


def test_every_alert_is_explained() -> None:
    alerts = {name for name, _ in _expressions() if name.startswith("Darkroom")}
    explained = set(re.findall(r"`(Darkroom[A-Za-z]+)`", (REPOSITORY / "docs" / "how-to" / "monitoring.md").read_text()))
    assert alerts == explained


def test_the_alert_about_guesses_counts_every_kind_from_the_start() -> None:
    expression = dict(_expressions())["DarkroomGuessing"]
    [policies] = re.findall(r'policy=~"([^"]*)"', expression)
    assert set(policies.split("|")) == {FAILED_KEYS, FAILED_SIGN_INS}
    for policy in policies.split("|"):
        assert REGISTRY.get_sample_value("darkroom_requests_limited_total", {"policy": policy}) is not None


def test_the_dashboard_has_a_place_for_every_panel() -> None:
    places = [tuple(panel["gridPos"].values()) for panel in json.loads((MONITORING / "dashboard.json").read_text())["panels"]]
    assert len(set(places)) == len(places)
