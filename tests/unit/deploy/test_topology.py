"""What derives from edge/topology.py, and the folders that it speaks of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.assembly import programs
from deploy.local.config import StackConfig
from deploy.local.credentials import Credentials, create_signing_keys
from deploy.local.errors import StackError
from deploy.local.layout import REPOSITORY, Layout
from deploy.local.monitoring import write_scrape_configuration
from deploy.local.ports import choose_ports, load_ports
from deploy.local.settings import Settings
from edge.settings import EdgeSettings
from edge.topology import CORE, DATABASES, PARTS, PUBLIC, SERVICES


@pytest.fixture
def config(tmp_path: Path) -> StackConfig:
    layout = Layout.at(tmp_path / "stack")
    layout.create()
    return StackConfig(layout, choose_ports(layout, host=None, public=0, ours=()), Credentials(), Settings())


def test_every_service_in_the_repository_is_declared() -> None:
    assert {path.parent.name for path in (REPOSITORY / "services").glob("*/__main__.py")} == {*SERVICES, "core"}


def test_every_service_with_migrations_has_a_database() -> None:
    assert {path.parent.name for path in (REPOSITORY / "services").glob("*/migrations")} == set(DATABASES)


@pytest.mark.parametrize("separate", [True, False])
def test_a_stack_runs_every_part_and_requires_no_other(config: StackConfig, separate: bool) -> None:
    made = programs(replace(config, settings=Settings(separate_services=separate)))
    assert tuple(dict.fromkeys("core" if part in CORE and not separate else part for part in PARTS)) == tuple(part.name for part in made)
    assert {required for program in made for required in program.requires} <= set(PARTS)


def test_a_process_of_several_services_has_the_settings_of_each(config: StackConfig) -> None:
    [core] = [program for program in programs(config) if program.services == CORE]
    assert core.environment["FILES_DARKROOM_S3_SECRET_KEY"] == config.credentials.s3_secret_key
    assert {name for name in core.environment if name.endswith("DARKROOM_S3_SECRET_KEY")} == {"FILES_DARKROOM_S3_SECRET_KEY"}
    assert core.command[-len(CORE) :] == CORE


def test_every_service_has_a_key_that_the_others_trust(config: StackConfig) -> None:
    create_signing_keys(config.layout)
    assert set(json.loads((config.layout.keys / "trusted.json").read_text())) == set(SERVICES)


def test_the_edge_has_an_option_for_each_public_service_and_no_other() -> None:
    options = {name.removeprefix("edge_") for name in EdgeSettings.model_fields if name.startswith("edge_")}
    assert options & set(SERVICES) == set(PUBLIC)


def test_prometheus_is_told_every_endpoint_with_metrics(config: StackConfig) -> None:
    write_scrape_configuration(config)
    written = json.loads((config.layout.config / "prometheus.yml").read_text())
    told = {job["job_name"]: job["static_configs"][0]["targets"] for job in written["scrape_configs"]}
    assert set(told) == {*(f"darkroom-{service}" for service in SERVICES), "darkroom-edge", "triton"}
    assert told["darkroom-tasks"] == [f"127.0.0.1:{config.ports.metrics['tasks']}"]
    paths = {job["job_name"]: job.get("metrics_path") for job in written["scrape_configs"]}
    assert (paths["darkroom-accounts"], paths["darkroom-tasks"], paths["darkroom-inference"]) == (None, "/metrics/service", None)
    assert all(Path(file).is_file() for file in written["rule_files"])


def test_ports_are_remembered_by_their_names(config: StackConfig) -> None:
    remembered = json.loads(config.layout.ports_file.read_text())
    assert remembered["metrics_tasks"] == config.ports.metrics["tasks"] > 0
    assert load_ports(config.layout) == config.ports


def test_a_stack_from_before_a_service_gets_a_port_for_it(config: StackConfig) -> None:
    remembered = json.loads(config.layout.ports_file.read_text())
    del remembered["metrics_tasks"]
    config.layout.ports_file.write_text(json.dumps(remembered))
    chosen = choose_ports(config.layout, host=None, public=None, ours=())
    assert chosen.metrics["tasks"] > 0
    assert {**chosen.by_name, "metrics_tasks": 0} == {**config.ports.by_name, "metrics_tasks": 0}


def test_ports_of_a_later_version_are_passed_over_and_missing_ones_refused(config: StackConfig) -> None:
    config.layout.ports_file.write_text(json.dumps({**config.ports.by_name, "metrics_of_tomorrow": 1}))
    assert load_ports(config.layout) == config.ports
    config.layout.ports_file.write_text(json.dumps({"public": 1}))
    with pytest.raises(StackError, match="cannot be read"):
        load_ports(config.layout)
