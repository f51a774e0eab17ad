"""The targets of a stack that Prometheus scrapes."""

from __future__ import annotations

import json

from deploy.installation.private_file import write_private
from deploy.local.config import LOOPBACK, StackConfig
from deploy.local.layout import REPOSITORY
from edge.topology import CORE

_RULES = REPOSITORY / "deploy" / "prometheus" / "alerts.yml"


def write_scrape_configuration(config: StackConfig) -> None:
    """Write `config/prometheus.yml`: every metrics endpoint of the stack, and the alert rules."""
    ports = config.ports
    # The further services of a process would count again what it counts as a whole.
    further = () if config.settings.separate_services else CORE[1:]
    of_service = {"metrics_path": "/metrics/service"}
    jobs = [_job(f"darkroom-{service}", port, **(of_service if service in further else {})) for service, port in ports.metrics.items()]
    jobs += [_job("darkroom-edge", ports.metrics_edge, metrics_path="/stats/prometheus"), _job("triton", ports.triton_metrics)]
    content = {"global": {"scrape_interval": "15s"}, "rule_files": [str(_RULES)], "scrape_configs": jobs}
    # JSON is YAML.
    write_private(config.layout.config / "prometheus.yml", json.dumps(content, indent=2) + "\n")


def _job(name: str, port: int, **options: str) -> dict[str, object]:
    return {"job_name": name, **options, "static_configs": [{"targets": [f"{LOOPBACK}:{port}"]}]}
